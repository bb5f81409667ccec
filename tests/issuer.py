"""Whoever issues tokens, honest or not."""

from __future__ import annotations

import base64
import hmac
import json
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

KEY_ID, SECRET = (
    "t1",
    "a secret that only the issuer and the deployment know and nobody else at all",
)
KEYS = f"{KEY_ID}:{SECRET}"


def claims(**more: Any) -> dict[str, Any]:
    """What an honest token says, for an hour; a value of None leaves the claim out."""
    now = int(time.time())
    said = {"sub": "ada", "exp": now + 3600, "iat": now, "rooms": ["garden"], **more}
    return {name: value for name, value in said.items() if value is not None}


def token(
    secret: Any = SECRET, algorithm: str = "HS256", key_id: str | None = KEY_ID, **more: Any
) -> str:
    """A token of these claims, signed like this."""
    header = {"kid": key_id} if key_id is not None else {}
    return jwt.encode(claims(**more), secret, algorithm=algorithm, headers=header)


def part(value: Any) -> str:
    """A part of a token: JSON in base64url."""
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def unsigned(header: Any = None, **more: Any) -> str:
    """A token without a signature (`alg: none`)."""
    head = {"alg": "none", "typ": "JWT", "kid": KEY_ID} if header is None else header
    return f"{part(head)}.{part(claims(**more))}."


def confused(key: Any, key_id: str, **more: Any) -> str:
    """An HMAC over a public key, which everybody has, as if it were a secret (key confusion)."""
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed = f"{part({'alg': 'HS256', 'kid': key_id})}.{part(claims(**more))}"
    return f"{signed}.{part(hmac.digest(public, signed.encode(), 'sha256'))}"
