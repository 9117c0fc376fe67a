"""The service behind nginx and behind Caddy, configured by the files that we give away."""

import itertools
import json
import os

import pytest
from conftest import PASSWORD, Matching
from proxies import CLIENT, NEIGHBOUR, PROXY, Authority, Proxy, free_ports

# What somebody may claim to be, in every header that proxies use for it.
FORGED = {
    "X-Forwarded-For": "203.0.113.9",
    "X-Real-IP": "203.0.113.9",
    "Forwarded": "for=203.0.113.9;proto=https",
}
LOGINS_PER_MINUTE = 3
REQUEST_IDS = (f"asked-{number}" for number in itertools.count())

# What operators forget, as edits of the files.
NGINX_FOR = "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"
CADDY_FORWARDED = "header_up -Forwarded"
SILENT = {
    "nginx": {NGINX_FOR: 'proxy_set_header X-Forwarded-For "";'},
    "caddy": {CADDY_FORWARDED: f"{CADDY_FORWARDED}\nheader_up -X-Forwarded-For"},
}
PASSING_FORWARDED = {
    "nginx": {'proxy_set_header Forwarded "";': ""},
    "caddy": {CADDY_FORWARDED: ""},
}
WITHOUT_SCHEME = {
    "nginx": {"proxy_set_header X-Forwarded-Proto $scheme;": 'proxy_set_header X-Forwarded-Proto "";'},
    "caddy": {CADDY_FORWARDED: f"{CADDY_FORWARDED}\nheader_up -X-Forwarded-Proto"},
}


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority") / "pki")


@pytest.fixture(scope="module")
def behind(serve, tmp_path_factory, authority):
    """Starts a server and a proxy before it, each as its file says, less what the test breaks."""
    proxies = []

    def start(kind, edits=None, **settings):
        https, clear = free_ports(2)
        settings = {"COUNTERSIGN_HTTP__TRUSTED_PROXIES": PROXY, **settings}
        server = serve(COUNTERSIGN_PUBLIC_URL=f"https://localhost:{https}", **settings)
        directory = tmp_path_factory.mktemp("proxy") / kind
        proxies.append(Proxy(kind, directory, (https, clear), server, authority, edits or {}))
        return server, proxies[-1]

    yield start
    for proxy in proxies:
        proxy.stop()


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def pair(behind, kind):
    return behind(kind)


def seen(server, client, url, headers=None):
    """Asks for something and returns the answer with the line that the server logged of it."""
    request_id = next(REQUEST_IDS)
    answer = client.get(url, headers={**(headers or {}), "X-Request-Id": request_id})
    [line] = [entry for entry in server.log() if entry.get("request_id") == request_id and "client_ip" in entry]
    return answer, line


def test_a_client_is_seen_as_itself_whatever_it_claims(pair):
    server, proxy = pair

    with proxy.client() as client:
        honest, honest_line = seen(server, client, f"{proxy.https}/health/live")
        forged, forged_line = seen(server, client, f"{proxy.https}/health/live", FORGED)

    assert (honest.status_code, forged.status_code) == (200, 200)
    assert (honest_line["client_ip"], forged_line["client_ip"]) == (CLIENT, CLIENT)


def test_https_is_known_and_kept_whatever_a_client_claims(pair):
    server, proxy = pair

    with proxy.client() as client:
        answer = client.get(f"{proxy.https}/health/live", headers={"X-Forwarded-Proto": "http"})

    assert (answer.status_code, answer.http_version) == (200, "HTTP/2")
    assert answer.headers.get_list("strict-transport-security") == [Matching(r"max-age=\d{8}; includeSubDomains")]


def test_what_comes_in_the_clear_is_sent_to_https_or_refused(pair):
    server, proxy = pair

    with proxy.client() as client:
        reader = client.get(f"{proxy.clear}/problems?a=b")
        sender = client.post(f"{proxy.clear}/auth/login", json={"email": "ada@example.com", "password": PASSWORD})
        bearer = client.get(f"{proxy.clear}/auth/me", headers={"Authorization": "Bearer x"})
        liar = client.post(f"{proxy.clear}/auth/login", json={}, headers={**FORGED, "X-Forwarded-Proto": "https"})

    assert (reader.status_code, reader.headers["location"]) == (308, f"{proxy.https}/problems?a=b")
    assert [(answer.status_code, answer.json()["code"]) for answer in (sender, bearer, liar)] == [
        (403, "https_required")
    ] * 3


def test_the_answers_of_the_service_pass_unchanged(pair):
    server, proxy = pair

    with proxy.client() as client:
        too_large = client.post(f"{proxy.https}/auth/login", content=b"x" * 100_000)
        unknown = client.get(f"{proxy.https}/nowhere")

    for answer, status, code in ((too_large, 413, "body_too_large"), (unknown, 404, "not_found")):
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
        assert answer.json()["code"] == code


def test_limits_count_clients_and_nobody_escapes_by_a_header(behind, kind):
    server, proxy = behind(kind, COUNTERSIGN_LIMITS__LOGINS_PER_MINUTE=str(LOGINS_PER_MINUTE))
    credentials = {"email": "nobody@example.com", "password": PASSWORD}

    with proxy.client() as client, proxy.client(NEIGHBOUR) as neighbour:
        answers = [
            client.post(f"{proxy.https}/auth/login", json=credentials, headers={"X-Forwarded-For": f"203.0.113.{number}"})
            for number in range(LOGINS_PER_MINUTE + 1)
        ]
        other = neighbour.post(f"{proxy.https}/auth/login", json=credentials)

    assert [answer.status_code for answer in answers] == [401] * LOGINS_PER_MINUTE + [429]
    assert other.status_code == 401, "each address has a quota of its own"


def test_the_doctor_finds_nothing_wrong(pair, authority):
    server, proxy = pair

    verdicts = doctor(server, proxy, authority)

    assert (verdicts["public"]["verdict"], verdicts["proxy"]["verdict"]) == ("good", "good"), verdicts


def test_the_doctor_names_a_proxy_that_nobody_trusts(behind, kind, authority):
    server, proxy = behind(kind, COUNTERSIGN_HTTP__TRUSTED_PROXIES="192.0.2.0/24")

    verdicts = doctor(server, proxy, authority)

    assert verdicts["public"]["verdict"] == "good"
    assert verdicts["proxy"]["verdict"] == "bad"
    assert "it trusts 192.0.2.0/24" in verdicts["proxy"]["says"]
    assert "COUNTERSIGN_HTTP__TRUSTED_PROXIES" in verdicts["proxy"]["advice"]


@pytest.mark.parametrize(("kind", "breaks"), SILENT.items())
def test_a_trusted_proxy_that_names_no_client_is_warned_of(behind, kind, breaks):
    server, proxy = behind(kind, breaks)
    assert not [entry for entry in server.log() if "X-Forwarded-For" in entry["message"]], "health is asked by proxies"

    with proxy.client() as client:
        _, line = seen(server, client, f"{proxy.https}/problems")
        seen(server, client, f"{proxy.https}/problems")

    [warning] = [entry for entry in server.log() if "X-Forwarded-For" in entry["message"]]
    assert (warning["level"], warning["proxy"]) == ("WARN", PROXY)
    assert line["client_ip"] == PROXY, "the best that is known"


@pytest.mark.parametrize(("kind", "breaks"), PASSING_FORWARDED.items())
def test_a_header_that_a_proxy_forgets_to_take_away_lets_nobody_escape(behind, kind, breaks):
    server, proxy = behind(kind, breaks)

    with proxy.client() as client:
        _, line = seen(server, client, f"{proxy.https}/problems", FORGED)

    assert line["client_ip"] == PROXY


@pytest.mark.parametrize(("kind", "breaks"), WITHOUT_SCHEME.items())
def test_a_proxy_that_does_not_tell_the_scheme_is_taken_to_serve_https(behind, authority, kind, breaks):
    server, proxy = behind(kind, breaks)

    verdicts = doctor(server, proxy, authority)

    assert (verdicts["public"]["verdict"], verdicts["proxy"]["verdict"]) == ("good", "good"), verdicts


def doctor(server, proxy, authority):
    ran = server.run("doctor", "--json", "--url", proxy.https, SSL_CERT_FILE=str(authority.root))
    assert ran.stderr == "", ran
    return {finding["check"]: finding for finding in json.loads(ran.stdout)}
