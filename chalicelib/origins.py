"""Which pages may speak to this deployment, by socket and over REST alike (RFC 6454, Fetch).

Whoever is no browser sends what it likes here: this protects people's browsers from foreign pages,
and is no proof of anything. It needs nothing of the rest, for the sake of cold starts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

_PATIENCE = "7200"  # seconds that a browser keeps what a preflight was told; none keeps it longer


def admitted(event: Mapping[str, Any]) -> bool:
    """Whether an event of API Gateway comes from a page that may speak, or from no page at all."""
    allowed = _allowed()
    return "*" in allowed or all(origin in allowed for origin in _origins(event))


def shared(event: Mapping[str, Any], methods: str) -> dict[str, str]:
    """The CORS headers that let the page, if it is admitted, read an answer."""
    allowed = _allowed()
    if "*" not in allowed and not admitted(event):
        return {"Vary": "Origin"}
    origin = "*" if "*" in allowed else next(_origins(event), "")
    granted = {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": methods,
        "Access-Control-Allow-Headers": "Authorization,Content-Type",
        "Access-Control-Max-Age": _PATIENCE,
    }
    return {"Vary": "Origin", **(granted if origin else {})}


def _allowed() -> frozenset[str]:
    given = os.environ.get("ORIGINS", "").split(",")  # settings.py would cost connect its start
    return frozenset(origin.strip().rstrip("/").lower() for origin in given) - {""}


def _origins(event: Mapping[str, Any]) -> Iterator[str]:
    """Every Origin that the event names, whatever the case, however often."""
    for name, value in event["headers"].items():
        if name.lower() == "origin":
            yield value.strip().lower()
    for name, values in (event.get("multiValueHeaders") or {}).items():
        if name.lower() == "origin":
            yield from (value.strip().lower() for value in values)
