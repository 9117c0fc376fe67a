"""nginx and Caddy with the configurations that we give away, on ports and with a certificate of the test's own.

Only what a user would adapt is adapted: names, addresses, paths. A text that is not found where it is to be replaced
fails, so that the files cannot drift away from what is tested.
"""

import datetime
import ipaddress
import os
import shutil
import socket
import ssl
import subprocess
import time
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DEPLOY = Path(__file__).parents[2] / "deploy"

# The proxy speaks from this address and is trusted. Clients speak from others, which are loopback as well.
PROXY = "127.0.0.1"
CLIENT = "127.0.0.2"
NEIGHBOUR = "127.0.0.3"

START_SECONDS = 30


class Authority:
    """Certificates for `localhost`, from somebody whom only this test trusts."""

    def __init__(self, directory):
        directory.mkdir()
        self.root, self.chain, self.key = (directory / name for name in ("root.pem", "fullchain.pem", "privkey.pem"))
        root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        root = certificate("a test", root_key.public_key(), "a test", root_key, is_authority=True)
        leaf = certificate("localhost", key.public_key(), "a test", root_key, is_authority=False)
        self.root.write_bytes(root.public_bytes(serialization.Encoding.PEM))
        self.chain.write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
        self.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        self.context = ssl.create_default_context(cafile=self.root)


def certificate(name, public_key, issuer, issuer_key, is_authority):
    now = datetime.datetime.now(datetime.timezone.utc)
    names = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address(PROXY))]
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
    if not is_authority:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        usage = x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH])
        builder = builder.add_extension(usage, critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


class Proxy:
    """A proxy that runs, and the two ports that it serves."""

    def __init__(self, kind, directory, ports, server, authority, edits):
        directory.mkdir()
        https, clear = self._ports = ports
        self.https, self.clear = f"https://localhost:{https}", f"http://localhost:{clear}"
        self._authority = authority
        self._said = directory / "said"
        command = COMMANDS[kind](directory, ports, server.url.removeprefix("http://"), authority, edits)
        environment = {"PATH": os.environ["PATH"], "HOME": str(directory)}
        with self._said.open("w") as said:
            self._process = subprocess.Popen(command, cwd=directory, env=environment, stdout=said, stderr=said)
        for port in self._ports:
            self._wait_for(port)

    def _wait_for(self, port):
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and self._process.poll() is None:
            try:
                socket.create_connection((PROXY, port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        self.stop()
        pytest.fail(f"the proxy did not start:\n{self._said.read_text()}")

    def client(self, address=CLIENT):
        """Somebody who speaks HTTP/2 if the proxy does, and from this address."""
        transport = httpx.HTTPTransport(verify=self._authority.context, http2=True, local_address=address)
        return httpx.Client(transport=transport, timeout=30)

    def stop(self):
        self._process.terminate()
        try:
            self._process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            pytest.fail("the proxy does not end")


def nginx(directory, ports, upstream, authority, edits):
    https, clear = ports
    shutil.copytree(DEPLOY / "nginx", directory / "conf")
    adapt(
        directory / "conf/countersign.conf",
        {
            "server 127.0.0.1:8000;": f"server {upstream};",
            "listen 80;": f"listen {PROXY}:{clear};",
            "listen [::]:80;": "",
            "listen 443 ssl http2;": f"listen {PROXY}:{https} ssl http2;",
            "listen [::]:443 ssl http2;": "",
            "auth.example.com;": "localhost;",
            "/etc/letsencrypt/live/auth.example.com/fullchain.pem": str(authority.chain),
            "/etc/letsencrypt/live/auth.example.com/privkey.pem": str(authority.key),
            "/etc/nginx/": f"{directory}/conf/",
        },
    )
    adapt(directory / "conf/countersign-proxy.conf", edits)
    temporary = "".join(
        f"{name}_temp_path {directory}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = directory / "nginx.conf"
    main.write_text(
        f"daemon off;\nmaster_process off;\npid {directory}/pid;\nerror_log stderr;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temporary}include {directory}/conf/countersign.conf;\n}}\n"
    )
    return ["nginx", "-e", "stderr", "-p", directory, "-c", main]


def caddy(directory, ports, upstream, authority, edits):
    https, clear = ports
    shutil.copytree(DEPLOY / "caddy", directory / "conf")
    adapt(
        directory / "conf/Caddyfile",
        {
            "reverse_proxy 127.0.0.1:8000": f"reverse_proxy {upstream}",
            "\nauth.example.com {\n": f"\nlocalhost {{\n\ttls {authority.chain} {authority.key}\n\tbind {PROXY}\n",
            "http://auth.example.com {\n": f"http://localhost {{\n\tbind {PROXY}\n",
            **edits,
        },
    )
    main = directory / "Caddyfile"
    main.write_text(
        f"{{\nadmin off\nhttp_port {clear}\nhttps_port {https}\nstorage file_system {directory}/kept\n}}\n"
        f"import {directory}/conf/Caddyfile\n"
    )
    return ["caddy", "run", "--config", main, "--adapter", "caddyfile"]


COMMANDS = {"nginx": nginx, "caddy": caddy}


def adapt(path, replacements):
    text = path.read_text()
    for old, new in replacements.items():
        assert old in text, f"{path.name} does not hold {old!r}"
        text = text.replace(old, new)
    path.write_text(text)


def free_ports(count):
    """Ports at which nobody listens, all different."""
    sockets = [socket.create_server((PROXY, 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
