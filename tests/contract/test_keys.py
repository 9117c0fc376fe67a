"""The signing keys as an operator handles them: `countersign keys` beside a running server."""

import json
import time

import jwt

# A node looks at the keys every five seconds, on a busy machine a little later.
NOTICED_SECONDS = 30


def eventually(happens):
    """Asks again until it happens."""
    deadline = time.monotonic() + NOTICED_SECONDS
    while not (seen := happens()):
        assert time.monotonic() < deadline, f"nothing within {NOTICED_SECONDS} s"
        time.sleep(0.05)
    return seen


def kid(pair):
    return jwt.get_unverified_header(pair["access_token"])["kid"]


def listed(server):
    return {key["kid"]: key["state"] for key in json.loads(server.command("keys", "list", "--json"))}


def published(server):
    return {key["kid"] for key in server.client.get("/.well-known/jwks.json").json()["keys"]}


def test_keys_are_listed_rotated_and_retired_beside_a_running_server(serve):
    server = serve()
    first = server.register("ada")
    assert listed(server) == {kid(first): "active"}
    assert server.command("keys", "list").splitlines()[1].split()[:3] == [kid(first), "ES256", "active"]

    following = server.command("keys", "rotate").split()[0]
    assert listed(server) == {kid(first): "active", following: "next"}
    eventually(lambda: published(server) == {kid(first), following})
    assert kid(server.log_in("ada")) == kid(first), "published, and not signing yet"

    assert server.command("keys", "rotate", "--now").split()[0] == following
    assert listed(server) == {kid(first): "verify-only", following: "active"}
    second = eventually(lambda: (pair := server.log_in("ada")) and kid(pair) == following and pair)
    assert server.me(first["access_token"]).status_code == 200
    assert server.me(second["access_token"]).status_code == 200

    assert server.command("keys", "retire", kid(first)).startswith(f"{kid(first)} is retired; ")
    refused = eventually(lambda: (answer := server.me(first["access_token"])).status_code == 401 and answer)
    assert refused.json()["code"] == "invalid_token"
    assert published(server) == {following}
    refreshed = server.client.post("/auth/refresh", json={"refresh_token": first["refresh_token"]})
    assert refreshed.status_code == 200, "the session goes on"
    assert server.me(second["access_token"]).status_code == 200
