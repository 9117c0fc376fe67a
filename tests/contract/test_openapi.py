"""Schemathesis plays every operation of /openapi.json against the server: valid, borderline and wrong requests.

No request may end in a server error, or in an answer that the document does not describe.
"""

import itertools

import pytest
import schemathesis
from conftest import bearer
from hypothesis import HealthCheck, Phase, settings
from schemathesis.config import SchemathesisConfig

# Enough for the borders that the coverage phase does not know; each accepted registration costs a password hash.
EXAMPLES = 25

METHODS = {"get", "post", "put", "patch", "delete"}


class Bearer:
    """A user with a session that is open, even after a test has ended it."""

    def __init__(self, server):
        self._server = server
        self._token = None
        self._names = map("schemathesis-{}".format, itertools.count())

    def token(self):
        if self._token is None or self._server.me(self._token).status_code != 200:
            self._token = self._server.register(next(self._names))["access_token"]
        return self._token


@pytest.fixture(scope="module")
def user(server):
    return Bearer(server)


@pytest.fixture(scope="module")
def document(server):
    config = SchemathesisConfig.from_dict(
        {
            "seed": 1,
            "generation": {"deterministic": True, "max-examples": EXAMPLES},
            # A schema cannot say that a password is too common, or that a grant needs a field of its own: what it
            # allows may still be refused, as long as the refusal is documented.
            "checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", "400", "401", "403", "404", "409", "422"]}},
        }
    )
    return schemathesis.openapi.from_url(f"{server.url}/openapi.json", config=config)


schema = schemathesis.pytest.from_fixture("document")


@schema.parametrize()
@settings(deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate])
def test_every_answer_is_one_that_the_document_describes(case, user):
    needs_token = "security" in case.operation.definition.raw
    case.call_and_validate(headers=bearer(user.token()) if needs_token else None, timeout=30)


def test_every_documented_operation_was_played(server):
    paths = server.client.get("/openapi.json").json()["paths"]
    documented = {(method.upper(), path) for path, item in paths.items() for method in item if method in METHODS}
    answered = [entry for entry in server.log() if "status" in entry]
    played = {(entry["method"], entry.get("route")) for entry in answered}
    welcome = {(entry["method"], entry.get("route")) for entry in answered if 200 <= entry["status"] < 300}

    assert documented <= played
    assert {("POST", "/auth/register"), ("GET", "/auth/me")} <= welcome
