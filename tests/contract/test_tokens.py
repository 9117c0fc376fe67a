"""Tokens as another service meets them: verified by PyJWT, which shares no code with us."""

import uuid

import jwt
import pytest

SHARED_SECRET = "a shared secret of more than 32 bytes, for this test alone"
CLAIMS = {"iss", "aud", "sub", "sid", "jti", "iat", "nbf", "exp", "roles"}


def assert_claims(claims, user, audience):
    assert set(claims) == CLAIMS
    assert claims["sub"] == str(user["id"])
    assert claims["aud"] == audience
    assert claims["exp"] - claims["iat"] == 1800
    assert claims["roles"] == []
    assert str(uuid.UUID(claims["sid"])) == claims["sid"]


def test_a_service_that_shares_the_secret_verifies_hs256(serve):
    server = serve(
        COUNTERSIGN_TOKENS__ALGORITHM="HS256",
        JWT_SECRET=SHARED_SECRET,
        COUNTERSIGN_TOKENS__AUDIENCE="https://shop.example.com",
    )
    pair = server.register("ada")

    claims = jwt.decode(
        pair["access_token"],
        SHARED_SECRET,
        algorithms=["HS256"],
        audience="https://shop.example.com",
        issuer=server.url,
        options={"require": sorted(CLAIMS)},
    )

    assert_claims(claims, pair["user"], "https://shop.example.com")
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(pair["access_token"], "another" + SHARED_SECRET, algorithms=["HS256"], audience=claims["aud"])


@pytest.mark.parametrize(("algorithm", "key_type"), [("ES256", "EC"), ("EdDSA", "OKP"), ("RS256", "RSA")])
def test_a_service_verifies_with_the_published_keys(serve, algorithm, key_type):
    server = serve(COUNTERSIGN_TOKENS__ALGORITHM=algorithm)
    pair = server.register("ada")

    published = jwt.PyJWKClient(f"{server.url}/.well-known/jwks.json").get_signing_key_from_jwt(pair["access_token"])
    claims = jwt.decode(
        pair["access_token"],
        published,
        algorithms=[algorithm],
        audience=server.url,
        issuer=server.url,
        options={"require": sorted(CLAIMS)},
    )

    assert_claims(claims, pair["user"], server.url)
    header = jwt.get_unverified_header(pair["access_token"])
    assert header == {"alg": algorithm, "typ": "at+jwt", "kid": published.key_id}
    assert published.key_type == key_type
    keys = server.client.get("/.well-known/jwks.json").json()["keys"]
    assert not any({"d", "p", "q", "k"} & set(key) for key in keys), "a private part was published"


def test_a_token_made_with_a_public_key_as_a_shared_secret_is_refused(serve):
    server = serve()
    pair = server.register("ada")
    claims = jwt.decode(pair["access_token"], options={"verify_signature": False})
    header = jwt.get_unverified_header(pair["access_token"])
    key = server.client.get("/.well-known/jwks.json").json()["keys"][0]

    forgeries = [jwt.encode(claims, "", algorithm="none", headers=header | {"alg": "none"})]
    forgeries += [
        jwt.encode(claims, (str(key[part]) * 2).encode(), algorithm="HS256", headers=header | {"alg": "HS256"})
        for part in ("x", "y")
    ]

    for forgery in forgeries:
        answer = server.me(forgery)
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")
