"""What `GET /health` answers. It needs nothing of the rest, so that it is there at once."""

from __future__ import annotations

import time

_SERVICE = "Signaling Server"


def answer() -> dict[str, str]:
    """That the service runs, and what time it is there (UTC)."""
    now = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
    return {"status": "ok", "serviceName": _SERVICE, "serverTime": now}
