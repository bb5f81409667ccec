"""A token, as API_DOC.md describes it: what any backend does in these few lines."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import jwt


def issue(
    key: tuple[str, str],
    subject: str,
    life: timedelta,
    rooms: Sequence[str] = (),
    prefix: str | None = None,
    role: str = "member",
    **more: str,
) -> str:
    """A token signed with the key (its id and its secret), good for its life from now on."""
    key_id, secret = key
    now = int(time.time())
    claims: dict[str, Any] = {"sub": subject, "iat": now, "exp": now + int(life.total_seconds())}
    claims |= {"role": role, "rooms": list(rooms), **more}
    if prefix is not None:
        claims["prefix"] = prefix
    return jwt.encode(claims, secret, algorithm="HS256", headers={"kid": key_id})
