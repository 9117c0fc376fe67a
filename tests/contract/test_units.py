"""The units as systemd reads them, and the service started as they say: with their command, environment and socket."""

import re
import socket
import subprocess
from pathlib import Path

import httpx
import pytest
from conftest import BINARY, START_SECONDS, STOP_SECONDS

UNITS = Path(__file__).parents[2] / "deploy/systemd"
NAMES = ("countersign.service", "countersign.socket")

# Tenths of what `systemd-analyze security` gives: 1.4 is what a service keeps that speaks IP, opens a Unix socket to
# PostgreSQL and has no root directory of its own. 10.0 is a service without any restriction.
EXPOSURE = 14


@pytest.fixture
def units(tmp_path):
    """The units with the binary under test in the place of the installed one."""
    for name in NAMES:
        text = (UNITS / name).read_text()
        (tmp_path / name).write_text(text.replace("/usr/bin/countersign", str(BINARY)))
    return tmp_path


def test_systemd_has_nothing_to_say_against_the_units(units):
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(units / name for name in NAMES)], capture_output=True, text=True
    )

    # What it says of other units of the machine is not ours.
    ours = [line for line in (verified.stdout + verified.stderr).splitlines() if "countersign" in line]
    assert ours == []


def test_the_service_is_confined(units):
    rated = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE}", units / NAMES[0]],
        capture_output=True,
        text=True,
    )

    assert rated.returncode == 0, rated.stdout[-200:] + rated.stderr


def test_the_service_serves_on_the_socket_that_it_is_handed(units, tmp_path):
    service, listener = section(units / NAMES[0], "Service"), section(units / NAMES[1], "Socket")
    assert listener["ListenStream"] == ["127.0.0.1:8000"], "loopback, until an operator says more"
    (tmp_path / "countersign").mkdir(mode=0o700)
    (tmp_path / "secret_key").write_text("a secret that is long enough for it")
    (tmp_path / "countersign.toml").write_text("")
    places = {"%S": str(tmp_path), "%d": str(tmp_path), "/etc/countersign": str(tmp_path)}
    [command] = [placed(word, places).split() for word in service["ExecStart"]]
    variables = [f"--setenv={placed(word, places)}" for word in service["Environment"]]
    port = free_port()

    activated = ["systemd-socket-activate", f"--listen=127.0.0.1:{port}", *variables, *command]
    with open(tmp_path / "said", "w") as said, subprocess.Popen(activated, stdout=said, stderr=said) as process:
        # It is started by whoever comes first, who waits until it serves.
        answer = ask(port)
        process.terminate()
        process.wait(STOP_SECONDS)

    assert (answer.status_code, process.returncode) == (200, 0), (tmp_path / "said").read_text()
    assert (tmp_path / "countersign/countersign.db").exists()


def section(path, name):
    """The values of a unit's section, each key with all its values."""
    found = {}
    lines = path.read_text().split(f"[{name}]")[1].split("\n[")[0].splitlines()
    for key, value in (line.split("=", 1) for line in lines if re.match(r"\w+=", line)):
        found.setdefault(key, []).append(value)
    return found


def placed(text, places):
    for place, path in places.items():
        text = text.replace(place, path)
    return text


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def ask(port):
    transport = httpx.HTTPTransport(retries=10) # until the socket is open; each waits longer than the one before
    with httpx.Client(transport=transport, timeout=START_SECONDS) as client:
        return client.get(f"http://127.0.0.1:{port}/health/ready")
