"""One open socket: what waits to be written to it, when it was last active, how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from infra.local.errors import Gone, LimitExceeded
from infra.local.events import Origin, now_ms
from infra.local.limits import Limits

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

GOING_AWAY = (1001, "Going away")
# A closed socket that has not taken what waits for it after this many seconds is cut.
PATIENCE = 2.0


@dataclass(frozen=True)
class Close:
    """The last thing to be written to a socket."""

    code: int
    reason: str


class Connection:
    """A socket after its handshake. Data is written in the order of the posts."""

    def __init__(self, origin: Origin, limits: Limits, send: Send, cut: Callable[[], None]) -> None:
        self.origin = origin
        self.cut = cut
        self.last_active = now_ms()
        self.closing = False
        self._limits = limits
        self._send = send
        self._outbox: asyncio.Queue[bytes | Close] = asyncio.Queue()
        self._waiting = [0, 0]  # messages and bytes, the one being written included
        self._opened = self._active = time.monotonic()

    def touch(self) -> None:
        """A message went through, in either direction."""
        self.last_active = now_ms()
        self._active = time.monotonic()

    def post(self, data: bytes) -> None:
        """Have the data written when its turn comes; Gone or LimitExceeded if it cannot be."""
        if self.closing:
            raise Gone
        messages, size = self._waiting
        full = size + len(data) > self._limits.waiting_bytes
        if messages >= self._limits.waiting_messages or (messages and full):
            raise LimitExceeded
        self._waiting = [messages + 1, size + len(data)]
        self._outbox.put_nowait(data)
        self.touch()

    def close(self, code: int, reason: str) -> None:
        """End the socket once all that waits is written; from now on it is gone to callers."""
        if not self.closing:
            self.closing = True
            self._outbox.put_nowait(Close(code, reason))
            self._deadline = asyncio.get_running_loop().call_later(PATIENCE, self.cut)

    async def accept(self, acceptance: dict[str, Any]) -> None:
        """Complete the handshake; a client that has left meanwhile is heard of as a close."""
        with contextlib.suppress(OSError):
            await self._send(acceptance)

    async def write(self) -> None:
        """Write what is posted, until the socket ends. A slow reader only keeps itself waiting."""
        try:
            while not isinstance(item := await self._outbox.get(), Close):
                await self._send({"type": "websocket.send", **content(item)})
                self._waiting = [self._waiting[0] - 1, self._waiting[1] - len(item)]
            await self._send({"type": "websocket.close", "code": item.code, "reason": item.reason})
            self._deadline.cancel()
        except (OSError, RuntimeError):
            # Uvicorn's two ways to say that the socket has ended meanwhile, which the listener
            # hears in its own words.
            self.closing = True

    async def expire(self) -> None:
        """Close the socket when it has been idle, or open, for as long as it may."""
        while (left := self._time_left()) > 0:
            await asyncio.sleep(left)
        self.close(*GOING_AWAY)

    def _time_left(self) -> float:
        limits = self._limits
        end = min(self._active + limits.real_idle, self._opened + limits.real_lifetime)
        return end - time.monotonic()


def content(data: bytes) -> dict[str, Any]:
    """The data as a text frame; as a binary one if it is no text."""
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        return {"bytes": data}
