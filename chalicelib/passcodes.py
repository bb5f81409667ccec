"""Passcodes of rooms, sealed with scrypt (RFC 7914): `scrypt${cost}${salt}${digest}`, in base64.

A seal is as slow to make as it is to guess, and 16 MB big in memory. Two that look alike to people
but are written differently (Unicode's compatibility forms) are the same passcode.
"""

from __future__ import annotations

import base64
import hmac
import secrets

_COST = 2**14  # n; with r = 8 and p = 1
_SALT, _DIGEST = 16, 32  # bytes


class ScryptPasscodes:
    """The port Passcodes."""

    def seal(self, passcode: str) -> str:
        salt = secrets.token_bytes(_SALT)
        return f"scrypt${_COST}${_text(salt)}${_text(_digest(passcode, salt, _COST))}"

    def fits(self, passcode: str, seal: str) -> bool:
        _, cost, salt, digest = seal.split("$")
        found = _digest(passcode, base64.b64decode(salt), int(cost))
        return hmac.compare_digest(found, base64.b64decode(digest))


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _digest(passcode: str, salt: bytes, cost: int) -> bytes:
    # Only who comes to a room with a passcode pays for loading these.
    import hashlib
    import unicodedata

    plain = unicodedata.normalize("NFKC", passcode).encode()
    return hashlib.scrypt(plain, salt=salt, n=cost, r=8, p=1, dklen=_DIGEST, maxmem=2**26)
