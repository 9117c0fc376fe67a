"""The example services beside a real server: whom they let in, and whom they go on letting in while it is down.

They are run as their first lines say, on the versions that they pin. The issuer's keys may be kept for one second, so
that a service that outlives the issuer does so on keys that are old.
"""

import os
import re
import subprocess
import threading
import time
from pathlib import Path

import httpx
import pytest
from conftest import BINARY, START_SECONDS, bearer

EXAMPLES = Path(__file__).parents[2] / "examples"
INSTALLED = Path(os.environ.get("COUNTERSIGN_EXAMPLES", "unset"))

# Long enough for a few requests on a busy machine; the services accept a token for 5 seconds more.
TOKEN_SECONDS = 15
DEAD_SECONDS = TOKEN_SECONDS + 5

COMMANDS = {
    "fastapi": [INSTALLED / "fastapi/bin/python", "-m", "uvicorn", "app:app", "--host", "127.0.0.1", "--port", "0"],
    "express": ["node", "app.js"],
    "axum": [BINARY.parent / "axum-service"],
}
DIRECTORIES = {"fastapi": EXAMPLES / "fastapi-service", "express": INSTALLED / "express", "axum": EXAMPLES / "axum-service"}


class Service:
    """A running example."""

    def __init__(self, name, issuer):
        environment = {**os.environ, "ISSUER": issuer, "LISTEN": "127.0.0.1:0", "PYTHONDONTWRITEBYTECODE": "1"}
        self._process = subprocess.Popen(
            COMMANDS[name],
            cwd=DIRECTORIES[name],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._said = []
        self._listening = threading.Event()
        self._url = None
        threading.Thread(target=self._read, daemon=True).start()
        assert self._listening.wait(START_SECONDS) and self._url, f"{name} did not start: {''.join(self._said)}"

    def _read(self):
        for line in self._process.stdout:
            self._said.append(line)
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                self._url = self._url or found[0]
                self._listening.set()
        self._listening.set()

    def get(self, path, token=None):
        return httpx.get(self._url + path, headers=bearer(token) if token else {}, timeout=30)

    def stop(self):
        self._process.kill()
        self._process.wait()


@pytest.fixture(scope="module")
def issuer(serve):
    return serve(COUNTERSIGN_TOKENS__ACCESS_TTL_SECONDS=str(TOKEN_SECONDS), COUNTERSIGN_KEYS__MAX_AGE_SECONDS="1")


@pytest.fixture(scope="module")
def services(issuer):
    running = {name: Service(name, issuer.url) for name in COMMANDS}
    yield running
    for service in running.values():
        service.stop()


@pytest.fixture(scope="module")
def first_token(issuer, services):
    """A token that everybody has accepted, and that will have expired when it is shown again."""
    token = issuer.register("ada")["access_token"]
    for name, service in services.items():
        assert service.get("/me", token).status_code == 200, name
    return token


@pytest.fixture(scope="module")
def token_after_the_end(issuer, first_token):
    """A token of an issuer that nobody can ask any more."""
    token = issuer.log_in("ada")["access_token"]
    issuer.stop()
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{issuer.url}/.well-known/jwks.json")
    return token


def tampered(token, other):
    """The claims of one token under the signature of the other."""
    return f"{token.rpartition('.')[0]}.{other.rpartition('.')[2]}"


@pytest.fixture(params=COMMANDS)
def service(request, services):
    return services[request.param]


def test_a_user_is_let_in(service, issuer, first_token):
    answer = service.get("/me", issuer.log_in("ada")["access_token"])

    assert answer.status_code == 200
    assert 1 in (answer.json().get("id"), int(answer.json().get("sub", 0))), answer.text


def test_a_role_that_the_user_lacks_is_asked_for(service, issuer):
    answer = service.get("/admin", issuer.log_in("ada")["access_token"])

    assert answer.status_code == 403
    assert answer.headers["www-authenticate"] == 'Bearer error="insufficient_scope"'


def test_a_tampered_token_is_refused(service, issuer, first_token):
    answer = service.get("/me", tampered(issuer.log_in("ada")["access_token"], first_token))

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert "invalid_token" in answer.text


def test_whoever_brings_no_token_is_asked_for_one(service):
    answer = service.get("/me")

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_token_is_refused_once_it_has_expired(service, first_token):
    deadline = time.monotonic() + DEAD_SECONDS + 10
    while (answer := service.get("/me", first_token)).status_code == 200:
        assert time.monotonic() < deadline, "a dead token is accepted"
        time.sleep(0.1)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert "token_expired" in answer.text


# The last tests: the issuer ends here.
def test_nobody_is_kept_out_because_the_issuer_is_down(service, token_after_the_end, first_token):
    assert service.get("/me", token_after_the_end).status_code == 200
    assert service.get("/me", tampered(token_after_the_end, first_token)).status_code == 401
    assert service.get("/me", first_token).status_code == 401
