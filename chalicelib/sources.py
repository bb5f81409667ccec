"""Where sockets come from. It needs nothing of the rest, for the sake of cold starts.

The first sockets of an address cost nothing, whoever opens many has them counted in the table.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

_WINDOW = 600  # seconds
_FREE = 10  # sockets of one address that a process does not count
_REMEMBERED = 10_000  # addresses; beyond that a process forgets all of them
_seen: dict[tuple[str, int], int] = {}


def network(address: str) -> str:
    """Who is counted as one: an IPv4 address, or the /64 of an IPv6 one, which is one line."""
    if ":" not in address:
        return address
    import ipaddress

    found = ipaddress.IPv6Address(address.partition("%")[0])
    return str(found.ipv4_mapped or ipaddress.IPv6Network((found, 64), strict=False))


def opened(event: Mapping[str, Any], count: Callable[[str], None]) -> int:
    """One more socket: 0, or the seconds to wait if its address has opened too many of late.

    `count` counts it for all processes, and raises RateLimited.
    """
    source = network(event["requestContext"]["identity"]["sourceIp"])
    if _count(source, int(time.time()) // _WINDOW) <= _FREE:
        return 0
    from chalicelib.rooms import RateLimited

    try:
        count(source)
    except RateLimited as limited:
        return limited.retry_after
    return 0


def _count(source: str, window: int) -> int:
    """How many sockets of it this process has seen in the window."""
    if len(_seen) > _REMEMBERED:
        _seen.clear()
    _seen[source, window] = seen = _seen.get((source, window), 0) + 1
    return seen
