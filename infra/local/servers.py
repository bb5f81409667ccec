"""Uvicorn, set up as a gateway: its limits, its protocols, and none of its manners at the end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import uvicorn

from infra.local.limits import Limits
from infra.local.wire import Http, WebSocket

App = Callable[..., Awaitable[None]]


class Server(uvicorn.Server):
    """A server among others in one loop: signals are its owner's business."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serving(
    app: App, listener: socket.socket, limits: Limits, certificate: tuple[Path, Path] | None = None
) -> AsyncIterator[None]:
    """Serve the application on the listener: from when it accepts, to the end of the block."""
    server = Server(configuration(app, limits, certificate))
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started:
            await asyncio.sleep(0.005)
        yield
    finally:
        server.should_exit = True
        with hushed():
            await running


@contextlib.contextmanager
def hushed() -> Iterator[None]:
    """Keep uvicorn from reporting the handlers and sockets that a stop leaves behind."""
    log = logging.getLogger("uvicorn.error")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)


def configuration(
    app: App, limits: Limits, certificate: tuple[Path, Path] | None
) -> uvicorn.Config:
    """No pings, no compression, AWS's limits for frames and messages."""
    tls: dict[str, Any] = {}
    if certificate:
        tls = {"ssl_certfile": certificate[0], "ssl_keyfile": certificate[1]}
    return uvicorn.Config(
        app,
        http=Http,
        ws=WebSocket,
        # websockets takes limits for messages and for frames; uvicorn hands the pair on.
        ws_max_size=(limits.message, limits.frame),  # type: ignore[arg-type]
        ws_ping_interval=None,
        ws_per_message_deflate=False,
        interface="asgi3",  # uvicorn's guess is wrong for a bound method
        lifespan="off",
        # Handlers keep their connections to the management API; AWS does not cut them after 5 s.
        timeout_keep_alive=75,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
        **tls,
    )
