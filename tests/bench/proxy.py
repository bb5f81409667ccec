"""A counting proxy in front of a signaling server: what passes, as API Gateway would bill it.

It relays bytes as they come and reads along. Compression is struck out of the handshake, since API
Gateway offers none and meters what is said, not how it was packed.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from tests.bench.frames import Reader, units

_EXTENSIONS = re.compile(rb"(?im)^sec-websocket-extensions:.*\r\n")
_BEATS = {"HEARTBEAT", "ping", "pong"}
_NOBODY = "http"


@dataclass(frozen=True)
class Passed:
    """One message that went by."""

    inbound: bool
    kind: str
    size: int

    @property
    def billed(self) -> int:
        return units(self.size)

    @property
    def is_heartbeat(self) -> bool:
        return self.kind in _BEATS


class Proxy:
    """Relays connections to `127.0.0.1:target`; keeps what passed until `take`."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._passed: list[Passed] = []
        self.port = 0

    def take(self) -> list[Passed]:
        """What has passed since the last time."""
        passed, self._passed = self._passed, []
        return passed

    async def run(self, ready: Callable[[], object]) -> None:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        ready()
        try:
            await server.serve_forever()
        finally:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.CancelledError):  # the end of the block: nobody is left to tell
            await self._pass(reader, writer)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            below, above = await asyncio.open_connection("127.0.0.1", self._target)
        except (asyncio.IncompleteReadError, OSError):
            writer.close()
            return
        above.write(_EXTENSIONS.sub(b"", head))
        if not re.search(rb"(?im)^upgrade: *websocket", head):
            self._passed.append(Passed(True, _NOBODY, 0))
            ways = relay(reader, above, ignore), relay(below, writer, ignore)
        else:
            writer.write(await below.readuntil(b"\r\n\r\n"))
            ways = (
                relay(reader, above, self._counter(inbound=True)),
                relay(below, writer, self._counter(inbound=False)),
            )
        await asyncio.gather(*ways)

    def _counter(self, inbound: bool) -> Callable[[bytes], None]:
        frames = Reader()

        def count(data: bytes) -> None:
            for payload in frames.feed(data):
                self._passed.append(Passed(inbound, kind(payload), len(payload)))

        return count


def ignore(_: bytes) -> None:
    """Plain HTTP is relayed and not looked into."""


def kind(payload: bytes) -> str:
    """A message's `type`; for one that is published, of what is published."""
    try:
        message = json.loads(payload)
        inner = message.get("data")
        if message["type"] == "publish" and isinstance(inner, dict):
            return f"publish {inner.get('type')}"
        return str(message["type"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return "other"


async def relay(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, look: Callable[[bytes], None]
) -> None:
    try:
        while data := await reader.read(65536):
            look(data)
            writer.write(data)
    except OSError:
        pass
    finally:
        writer.close()


@contextmanager
def counting(target: int) -> Iterator[Proxy]:
    """A proxy in a thread of its own, while the block runs."""
    proxy, ready, loop = Proxy(target), threading.Event(), asyncio.new_event_loop()
    running = loop.create_task(proxy.run(ready.set))

    def serve() -> None:
        with suppress(asyncio.CancelledError):
            loop.run_until_complete(running)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield proxy
    finally:
        loop.call_soon_threadsafe(running.cancel)
        thread.join(5)
