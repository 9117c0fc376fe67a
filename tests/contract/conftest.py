"""The real binary, started as an operator would, and what the tests share.

Nothing here knows how the service is made: it is a program, an address and a log.
"""

import json
import os
import queue
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

import httpx
import pytest

BINARY = Path(os.environ["COUNTERSIGN_BINARY"])
ARTIFACTS = Path(os.environ["COUNTERSIGN_ARTIFACTS"])

# A debug build on a busy machine makes its keys and its database within this, and drains within this.
START_SECONDS = 60
STOP_SECONDS = 20

PASSWORD = "seventeen green bottles"


class Server:
    """A running server with an empty database of its own."""

    def __init__(self, directory, **settings):
        self._directory = directory
        self._environment = {
            "PATH": os.environ["PATH"],
            "COUNTERSIGN_LISTEN": "127.0.0.1:0",
            "COUNTERSIGN_DATA_DIR": str(directory / "data"),
            # One address plays everybody.
            "COUNTERSIGN_LIMITS__LOGINS_PER_MINUTE": "0",
            "COUNTERSIGN_LIMITS__REGISTRATIONS_PER_HOUR": "0",
            "COUNTERSIGN_LIMITS__MAIL_REQUESTS_PER_HOUR": "0",
            "COUNTERSIGN_LIMITS__MAILS_PER_ACCOUNT_PER_HOUR": "0",
            "COUNTERSIGN_LIMITS__FAILURES_BEFORE_WAIT": "0",
            "COUNTERSIGN_LIMITS__FAILURES_BEFORE_KNOWN_ADDRESSES": "0",
            **settings,
        }
        self._log = []
        self._grown = threading.Condition()
        self._bound = queue.Queue()
        self._process = subprocess.Popen(
            [BINARY, "serve"],
            cwd=directory,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            address = self._bound.get(timeout=START_SECONDS)
        except queue.Empty:
            address = None
        if address is None:
            self._process.kill()
            pytest.fail("the server did not start:\n" + "\n".join(map(str, self._log)))
        self.url = f"http://{address}"
        self.client = httpx.Client(base_url=self.url, timeout=30)

    def _read(self):
        for line in self._process.stdout:
            try:
                entry = json.loads(line)
            except ValueError:
                entry = {"level": "ERROR", "message": f"no JSON: {line.rstrip()}"}
            with self._grown:
                self._log.append(entry)
                self._grown.notify_all()
            if "address" in entry:
                self._bound.put(entry["address"])
        self._bound.put(None)

    def stop(self):
        """Ends the server as a service manager does, and returns its exit code."""
        self.client.close()
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            pytest.fail(f"the server was still there {STOP_SECONDS} s after SIGTERM")
        self._reader.join(STOP_SECONDS)
        return code

    def log(self):
        """Every line so far: those of all requests that were answered before the call."""
        last = f"last-{len(self._log)}"
        self.client.get("/health/live", headers={"X-Request-Id": last})
        with self._grown:
            written = self._grown.wait_for(lambda: any(is_of(entry, last) for entry in self._log), START_SECONDS)
            assert written, "a request was answered and not logged"
            return [entry for entry in self._log if not is_of(entry, last)]

    def run(self, *words, **settings):
        """Runs a command of the binary beside the server, with the same settings and these, to its end."""
        environment = {**self._environment, **settings}
        return subprocess.run([BINARY, *words], cwd=self._directory, env=environment, capture_output=True, text=True)

    def command(self, *words):
        """Runs a command that must do its work, and returns what it printed."""
        ran = self.run(*words)
        assert (ran.returncode, ran.stderr) == (0, ""), ran
        return ran.stdout

    def troubles(self):
        """What the log reports as an error, and whatever is not a line of JSON."""
        return [entry for entry in self._log if entry.get("level") == "ERROR"]

    def register(self, name):
        """Registers a user and returns the token pair."""
        who = {"email": f"{name}@example.com", "username": name, "password": PASSWORD}
        answer = self._when_there_is_room("/auth/register", who)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def log_in(self, name):
        """Signs in and returns the token pair."""
        answer = self._when_there_is_room("/auth/login", {"email": f"{name}@example.com", "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def _when_there_is_room(self, path, body):
        """Asks as a client should: again, when the service was too busy to hash and has said when it will not be."""
        for _ in range(10):
            answer = self.client.post(path, json=body)
            if answer.status_code != 503:
                break
            time.sleep(int(answer.headers["retry-after"]))
        return answer

    def me(self, access_token):
        """Asks who the bearer of a token is."""
        return self.client.get("/auth/me", headers=bearer(access_token))


def is_of(entry, request_id):
    return entry.get("request_id") == request_id


def bearer(access_token):
    return {"Authorization": f"Bearer {access_token}"}


@pytest.fixture(scope="module")
def serve(tmp_path_factory):
    """Starts servers. Each must have logged no error and must end in good order."""
    servers = []

    def start(**settings):
        server = Server(tmp_path_factory.mktemp("server"), **settings)
        servers.append(server)
        return server

    yield start
    faults = []
    for server in servers:
        code = server.stop()
        faults += [f"exit code {code}"] if code != 0 else []
        faults += [f"logged: {trouble}" for trouble in server.troubles()]
    assert not faults, "\n".join(faults)


@pytest.fixture(scope="module")
def server(serve):
    """A server with the defaults."""
    return serve()


class Matching:
    """Equal to every string that matches a pattern whole; for shapes with parts nobody can foretell."""

    def __init__(self, pattern):
        self._pattern = re.compile(pattern)

    def __eq__(self, other):
        return isinstance(other, str) and self._pattern.fullmatch(other) is not None

    def __repr__(self):
        return f"<{self._pattern.pattern}>"


INSTANT = Matching(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
JWT = Matching(r"[\w-]+\.[\w-]+\.[\w-]+")
