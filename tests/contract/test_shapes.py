"""Register, sign in, be recognised: the answers to the letter, as any client reads them."""

from conftest import INSTANT, JWT, PASSWORD, Matching, bearer

import pytest


@pytest.fixture(scope="module")
def registered(server):
    return server.client.post(
        "/auth/register",
        json={"email": " Ada@Example.COM ", "username": "Ada", "password": PASSWORD},
    )


ADA = {
    "id": 1,
    "email": "ada@example.com",
    "username": "Ada",
    "is_active": True,
    "email_verified": False,
    "roles": [],
    "created_at": INSTANT,
    "updated_at": INSTANT,
}

TOKEN_PAIR = {
    "access_token": JWT,
    "token_type": "bearer",
    "expires_in": 1800,
    "refresh_token": Matching(r"csr_[\w-]+"),
    "refresh_expires_in": 1209600,
    "user": ADA,
}


def test_registration_answers_a_token_pair(registered):
    assert registered.status_code == 201
    assert registered.headers["content-type"] == "application/json"
    assert registered.headers["cache-control"] == "no-store"
    assert registered.json() == TOKEN_PAIR


@pytest.mark.parametrize("login", [{"email": "ADA@example.com"}, {"username": "ada"}])
def test_login_answers_a_token_pair_by_either_name(server, registered, login):
    answer = server.client.post("/auth/login", json={**login, "password": PASSWORD})

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == TOKEN_PAIR
    assert answer.json()["access_token"] != registered.json()["access_token"]


def test_the_bearer_of_a_token_is_recognised(server, registered):
    answer = server.me(registered.json()["access_token"])

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == ADA


def problem(code, status, path, **more):
    return {
        "type": Matching(rf"http://127\.0\.0\.1:\d+/problems/{code}"),
        "title": Matching(".+"),
        "status": status,
        "detail": Matching(".+"),
        "instance": path,
        "code": code,
        "request_id": Matching("[A-Za-z0-9._-]{1,128}"),
        **more,
    }


def assert_problem(answer, expected):
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == expected
    assert answer.status_code == expected["status"]
    assert answer.headers["x-request-id"] == answer.json()["request_id"]


def test_a_taken_address_is_told_with_its_field(server, registered):
    answer = server.client.post(
        "/auth/register", json={"email": "ada@example.com", "username": "another", "password": PASSWORD}
    )

    taken = {"field": "email", "code": "taken", "message": Matching(".+")}
    assert_problem(answer, problem("email_taken", 409, "/auth/register", errors=[taken]))


def test_every_faulty_field_is_told_at_once(server):
    answer = server.client.post("/auth/register", json={"email": "nowhere", "username": "-", "password": 7})

    assert_problem(answer, problem("validation_failed", 422, "/auth/register", errors=answer.json()["errors"]))
    assert sorted(error["field"] for error in answer.json()["errors"]) == ["email", "password", "username"]
    assert all(set(error) == {"field", "code", "message"} for error in answer.json()["errors"])


def test_a_wrong_password_and_an_unknown_address_are_told_alike(server, registered):
    wrong = server.client.post("/auth/login", json={"email": "ada@example.com", "password": "not the right one"})
    unknown = server.client.post("/auth/login", json={"email": "bob@example.com", "password": "not the right one"})

    for answer in wrong, unknown:
        assert_problem(answer, problem("invalid_credentials", 401, "/auth/login"))
        assert answer.headers["www-authenticate"].startswith("Bearer")
    differing = {"request_id", "x-request-id", "date"}
    assert {k: v for k, v in wrong.json().items() if k not in differing} == {
        k: v for k, v in unknown.json().items() if k not in differing
    }


@pytest.mark.parametrize(
    ("headers", "code", "challenge"),
    [
        ({}, "missing_token", "Bearer"),
        (bearer("no.such.token"), "invalid_token", 'Bearer error="invalid_token"'),
    ],
)
def test_whoever_is_not_recognised_is_challenged(server, headers, code, challenge):
    answer = server.client.get("/auth/me", headers=headers)

    assert_problem(answer, problem(code, 401, "/auth/me"))
    assert answer.headers["www-authenticate"].replace(", ", " ").startswith(challenge)


def test_strays_are_problems_too(server):
    assert_problem(server.client.get("/nowhere"), problem("not_found", 404, "/nowhere"))
    wrong_method = server.client.delete("/auth/login")
    assert_problem(wrong_method, problem("method_not_allowed", 405, "/auth/login"))
    assert wrong_method.headers["allow"] == "POST"


def test_a_problem_is_explained_where_its_type_points(server):
    address = server.client.get("/nowhere").json()["type"]

    page = server.client.get(address)

    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "not_found" in page.text


@pytest.mark.parametrize("path", ["/auth/me", "/nowhere", "/docs", "/health/live", "/openapi.json", "/problems/not_found"])
def test_every_answer_carries_the_headers_of_safety(server, path):
    answer = server.client.get(path, headers={"X-Request-Id": "asked.for-1"})

    assert answer.headers["x-request-id"] == "asked.for-1"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready"])
def test_health_tells_status_version_and_checks(server, path):
    answer = server.client.get(path)

    assert answer.status_code == 200
    assert {"status", "version", "checks"} <= set(answer.json())


def test_a_request_is_one_line_in_the_log(server, registered):
    server.client.get("/auth/me", headers=bearer(registered.json()["access_token"]) | {"X-Request-Id": "look-me-up"})

    # The log is written by a thread of its own: a line that comes later in it says that this one has come.
    server.client.get("/health/live", headers={"X-Request-Id": "the-next"})
    server.wait_for_line("the-next")
    lines = [entry for entry in server.log if entry.get("request_id") == "look-me-up"]
    assert len(lines) == 1
    line = lines[0]
    assert line["timestamp"] == INSTANT
    assert (line["method"], line["route"], line["path"], line["status"]) == ("GET", "/auth/me", "/auth/me", 200)
    assert (line["client_ip"], line["user_id"]) == ("127.0.0.1", 1)
    assert line["latency_ms"] >= 0 and line["session_id"]
    assert PASSWORD not in str(server.log) and registered.json()["access_token"] not in str(server.log)
