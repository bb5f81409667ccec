"""Tokens that others issue: JSON Web Tokens (RFC 7519), read and checked, never made here.

    sub      whom it was made out to, 1 to 128 characters
    exp      when it ends; nbf and iat, if there, must not lie ahead
    rooms    names of rooms, up to 64
    prefix   rooms whose names begin so; empty: all rooms
    role     member (as without it), moderator or admin
    aud, iss as the deployment asks for them

A key, not the token, says which algorithm is used: HMAC for the deployment's own secrets, and for a
key of a JWKS (RFC 7517) the one that its kind has. So no token can have a public key taken for a
secret, or do without a signature.
"""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import jwt

from chalicelib import journal
from chalicelib.ports import Clock
from chalicelib.rooms import CLOSED, Pass, Role, Unauthorized

LARGEST = 8192
"""Characters of a token that are looked at; none is longer."""
_SKEW = 60  # seconds that the clock of an issuer may be ahead
_ROOMS = 64
_NAME = 128  # characters of a subject, a room or a prefix
_REFETCH = 60.0  # seconds between two looks at a JWKS because of an unknown key
_KEPT = 3600.0  # seconds until a JWKS is looked at anyway, for keys that were withdrawn
_PATIENCE = 2.0  # seconds that a JWKS server may take
_LARGEST_JWKS = 262_144  # bytes
_KINDS = {
    "RSA": "RS256",
    "P-256": "ES256",
    "P-384": "ES384",
    "P-521": "ES512",
    "Ed25519": "EdDSA",
}
"""The algorithm of a public key, by its curve or else its type."""


@dataclass(frozen=True, slots=True)
class Key:
    """What verifies, and by which algorithm alone."""

    material: Any
    algorithm: str


class Keys(Protocol):
    def find(self, key_id: str) -> Key | None:
        """The key of that id, if there is one."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What tokens must say to be meant for this deployment; empty: it does not matter."""

    audience: str = ""
    issuer: str = ""


class TokenPasses:
    """The port Passes where each needs a token."""

    def __init__(self, keys: Sequence[Keys], terms: Terms, clock: Clock) -> None:
        self._keys = keys
        self._terms = terms
        self._clock = clock

    def read(self, token: str | None) -> Pass:
        try:
            if token is None:
                raise jwt.InvalidTokenError("none")
            pass_ = _pass(self._claims(token))
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
            # What is wrong with it, the one who brings it is not told; its kind is noted, no more.
            journal.turned_away(type(error).__name__)
            raise Unauthorized(CLOSED) from None
        if pass_.expires is None or pass_.expires <= self._clock.now():
            journal.turned_away("Expired")
            raise Unauthorized(CLOSED)
        return pass_

    def _claims(self, token: str) -> Mapping[str, Any]:
        if len(token) > LARGEST or not token.isascii():
            raise jwt.InvalidTokenError("size")
        key = self._key(jwt.get_unverified_header(token))
        claims: Mapping[str, Any] = jwt.decode(
            token,
            key.material,
            algorithms=[key.algorithm],
            audience=self._terms.audience or None,
            issuer=self._terms.issuer or None,
            leeway=_SKEW,
            options={
                "require": ["exp", "sub"],
                "verify_aud": bool(self._terms.audience),
                "verify_iss": bool(self._terms.issuer),
                "enforce_minimum_key_length": True,
            },
        )
        return claims

    def _key(self, header: Mapping[str, Any]) -> Key:
        key_id = header.get("kid")
        if not isinstance(key_id, str) or not 1 <= len(key_id) <= _NAME:
            raise jwt.InvalidKeyError("kid")
        for keys in self._keys:
            if key := keys.find(key_id):
                return key
        raise jwt.InvalidKeyError("unknown")


class Secrets:
    """Keys that the deployment shares with whoever issues tokens: `id:secret`, HS256."""

    def __init__(self, keyring: Mapping[str, bytes]) -> None:
        self._keyring = keyring

    def find(self, key_id: str) -> Key | None:
        secret = self._keyring.get(key_id)
        return None if secret is None else Key(secret, "HS256")


class Jwks:
    """The public keys at an address, kept for an hour.

    A key that is not among them has them fetched again, at most once a minute; a server that does
    not answer takes nothing away from what is known.
    """

    def __init__(
        self,
        fetch: Callable[[], bytes],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._now = now
        self._keys: dict[str, Key] = {}
        self._tried = -_KEPT
        self._fetched = -_KEPT
        self._fetching = threading.Lock()

    def find(self, key_id: str) -> Key | None:
        if key_id not in self._keys or self._now() - self._fetched >= _KEPT:
            self._refresh()
        return self._keys.get(key_id)

    def _refresh(self) -> None:
        with self._fetching:
            if self._now() - self._tried < _REFETCH:
                return
            self._tried = self._now()
            try:
                self._keys = _public_keys(self._fetch())
                self._fetched = self._tried
            except (OSError, ValueError, jwt.PyJWTError) as error:
                journal.turned_away(f"JWKS {type(error).__name__}")


def fetch_from(url: str) -> Callable[[], bytes]:
    """What reads the document at that address."""

    def fetch() -> bytes:
        # settings.py lets nothing through but https, and http to this very machine.
        with urllib.request.urlopen(url, timeout=_PATIENCE) as answer:  # noqa: S310 - see above  # nosec B310
            document: bytes = answer.read(_LARGEST_JWKS)
            return document

    return fetch


def _public_keys(document: bytes) -> dict[str, Key]:
    """The usable keys of a JWKS by id; others, and secrets above all, are passed over."""
    found = json.loads(document)
    if not isinstance(found, dict) or not isinstance(found.get("keys"), list):
        raise ValueError("no JWKS")
    entries = [entry for entry in found["keys"] if isinstance(entry, dict)]
    keys = {entry["kid"]: key for entry in entries if (key := _public_key(entry))}
    if entries and not keys:
        raise ValueError("no key that could be used")
    return keys


def _public_key(entry: Mapping[str, Any]) -> Key | None:
    algorithm = _KINDS.get(entry.get("crv") or entry.get("kty", ""))
    if algorithm is None or not isinstance(entry.get("kid"), str):
        return None
    if entry.get("use", "sig") != "sig" or entry.get("alg", algorithm) != algorithm:
        return None
    try:
        return Key(jwt.PyJWK(dict(entry), algorithm).key, algorithm)
    except (jwt.PyJWTError, ValueError):
        return None


def _pass(claims: Mapping[str, Any]) -> Pass:
    """Raises ValueError or TypeError if a claim is not what it should be."""
    rooms, prefix = claims.get("rooms", []), claims.get("prefix")
    if not isinstance(rooms, list) or len(rooms) > _ROOMS:
        raise TypeError("rooms")
    names = [claims["sub"], *rooms, "" if prefix is None else prefix]
    if not all(isinstance(name, str) and len(name) <= _NAME for name in names):
        raise TypeError("names")
    if not claims["sub"]:
        raise ValueError("sub")
    role, expires = Role(claims.get("role", "member")), int(claims["exp"]) * 1000
    return Pass(claims["sub"], role, frozenset(rooms), prefix, expires)
