"""Sockets that one address opens: counted before anything that is slow to load is loaded.

The first of them cost no call: only who opens many has them counted in the table.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from functools import cache
from typing import Any

from chalicelib import settings
from chalicelib.quotas import Quota, Quotas, network

_WINDOW = 600  # seconds
_BATCH = 10


class _Clock:
    def now(self) -> int:
        return time.time_ns() // 1_000_000


class _Tallies:
    """The port Tallies, built when there is something to share."""

    def add(self, what: str, whose: str, end: int, amount: int, limit: int) -> int | None:
        from chalicelib import wiring

        return wiring.tallies().add(what, whose, end, amount, limit)

    def subtract(self, what: str, whose: str, end: int) -> None:
        raise NotImplementedError("A socket that was opened stays counted until its window ends")


@cache
def _counting() -> tuple[Quotas, Quota]:
    limit = settings.read(os.environ).sockets_per_address
    return Quotas(_Tallies(), _Clock()), Quota("sockets", limit, _WINDOW, _BATCH)


def count(event: Mapping[str, Any]) -> None:
    """One more socket. Raises RateLimited if its address has opened too many of late."""
    quotas, quota = _counting()
    quotas.spend(quota, network(event["requestContext"]["identity"]["sourceIp"]))
