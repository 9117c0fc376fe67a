"""Who is asking: FastAPI dependencies that check Countersign's access tokens.

Set ISSUER and, where tokens are for a named service, AUDIENCE. Keys are read from JWKS_URL (by default
$ISSUER/.well-known/jwks.json); with JWT_SECRET tokens are checked by that shared secret instead.
"""

import json
import os
import re
import threading
import time
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from typing import Annotated

import jwt
from fastapi import Depends, Request
from fastapi import HTTPException as Refusal
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel

ISSUER = os.environ["ISSUER"]
AUDIENCE = os.environ.get("AUDIENCE") or ISSUER
JWKS_URL = os.environ.get("JWKS_URL") or ISSUER.rstrip("/") + "/.well-known/jwks.json"
JWT_SECRET = os.environ.get("JWT_SECRET")

CLAIMS = ["iss", "aud", "sub", "sid", "jti", "iat", "nbf", "exp", "roles"]
LEEWAY_SECONDS = 5


class User(BaseModel):
    id: int
    session_id: str
    roles: list[str]


class KeysUnavailable(Exception):
    """The issuer's keys have never been read."""


class KeyRing:
    """The issuer's public keys: read when old or when one is missing, kept while the issuer is down."""

    PAUSE_SECONDS = 5  # between two requests to the issuer, whoever asks

    def __init__(self, url: str):
        self.url = url
        self.keys: dict[str, jwt.PyJWK] = {}
        self.good_until = 0.0
        self.asked_at = float("-inf")
        self.lock = threading.Lock()

    def key(self, kid: str) -> jwt.PyJWK:
        if kid not in self.keys or time.monotonic() >= self.good_until:
            with self.lock:
                missing = kid not in self.keys or time.monotonic() >= self.good_until
                if missing and time.monotonic() >= self.asked_at + self.PAUSE_SECONDS:
                    self.asked_at = time.monotonic()
                    self.read()
        if not self.keys:
            raise KeysUnavailable
        if kid not in self.keys:
            raise jwt.InvalidKeyError("no key of that name")
        return self.keys[kid]

    def read(self) -> None:
        try:
            with urllib.request.urlopen(self.url, timeout=3) as answer:
                keys = json.loads(answer.read(65536))["keys"]
                max_age = re.search(r"max-age=(\d+)", answer.headers.get("Cache-Control", ""))
            # A public key only, so that nobody can make a secret of it; the key decides the algorithm.
            public = [key for key in keys if key.get("kty") in ("EC", "OKP", "RSA") and "kid" in key]
            key_set = jwt.PyJWKSet.from_dict({"keys": public})
        except (OSError, HTTPException, ValueError, KeyError, TypeError, AttributeError, jwt.PyJWTError):
            return  # what was read before goes on
        self.keys = {key.key_id: key for key in key_set.keys}
        self.good_until = time.monotonic() + max(1, int(max_age[1]) if max_age else 300)


key_ring = KeyRing(JWKS_URL)
bearer = HTTPBearer(auto_error=False)
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


def verify(token: str) -> dict:
    header = jwt.get_unverified_header(token)
    typ = str(header.get("typ")).lower()
    if typ.removeprefix("application/") != "at+jwt" or "crit" in header:
        raise jwt.InvalidTokenError("no access token")
    if JWT_SECRET:
        key, algorithm = JWT_SECRET, "HS256"
    else:
        found = key_ring.key(str(header.get("kid")))
        key, algorithm = found.key, found.algorithm_name
    options = {"require": CLAIMS, "strict_aud": True}
    return jwt.decode(token, key, [algorithm], options, audience=AUDIENCE, issuer=ISSUER, leeway=LEEWAY_SECONDS)


def refusal(status: int, code: str, challenge: str | None) -> Refusal:
    return Refusal(status, code, {"WWW-Authenticate": challenge} if challenge else None)


# FastAPI runs `def` dependencies on threads, so that reading keys holds nobody else up.
def get_current_user(request: Request, credentials: Credentials) -> User:
    if len(request.headers.getlist("authorization")) > 1:
        raise refusal(401, "invalid_token", 'Bearer error="invalid_token"')
    if credentials is None:
        raise refusal(401, "missing_token", "Bearer")
    try:
        claims = verify(credentials.credentials)
        return User(id=int(claims["sub"]), session_id=claims["sid"], roles=claims["roles"])
    except KeysUnavailable:
        raise refusal(503, "service_unavailable", None)
    except jwt.ExpiredSignatureError:
        raise refusal(401, "token_expired", 'Bearer error="invalid_token"')
    except (jwt.PyJWTError, ValueError, TypeError):
        raise refusal(401, "invalid_token", 'Bearer error="invalid_token"')


CurrentUser = Annotated[User, Depends(get_current_user)]


def require_role(role: str) -> Callable[[User], User]:
    def user_with_role(user: CurrentUser) -> User:
        if role not in user.roles:
            raise refusal(403, "forbidden", 'Bearer error="insufficient_scope"')
        return user

    return user_with_role
