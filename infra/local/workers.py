"""Threads for handlers: many at once, in no order, and none waited for beyond its time."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from infra.local.errors import IntegrationTimedOut

T = TypeVar("T")


class Workers:
    """Runs blocking calls, each in a thread of its own, at most `limit` at a time.

    A thread cannot be killed: a call that outlives its time is abandoned and its outcome dropped.
    The threads are daemons, so that an abandoned one never keeps the process from ending.
    """

    def __init__(self, limit: int) -> None:
        self._free = asyncio.Semaphore(limit)

    async def run(self, call: Callable[[], T], timeout: float | None = None) -> T:
        """The call's result or its exception; IntegrationTimedOut after `timeout` seconds."""
        async with self._free:
            outcome = start(call)
            done, _ = await asyncio.wait([outcome], timeout=timeout)
            if not done:
                outcome.cancel()
                raise IntegrationTimedOut
            return outcome.result()


def start(call: Callable[[], T]) -> asyncio.Future[T]:
    """Run the call in a new thread; the future learns how it ended, if it still wants to know."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(method: Callable[[Any], None], value: object) -> None:
        if not future.done():
            method(value)

    def work() -> None:
        try:
            end = future.set_result, call()
        except BaseException as error:
            end = future.set_exception, error  # type: ignore[assignment]
        with contextlib.suppress(RuntimeError):  # the loop is closed: the desk has stopped
            loop.call_soon_threadsafe(settle, *end)

    threading.Thread(target=work, name="handler", daemon=True).start()
    return future
