"""The whole desk: starts every part in its order, and takes all of them down again."""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from infra.local import dynamodb, ports
from infra.local.certificate import lan_addresses, write_certificate
from infra.local.front import Front
from infra.local.handlers import Handlers
from infra.local.limits import Limits
from infra.local.ministack import MiniStack
from infra.local.mischief import Mischief, MortalHandlers
from infra.local.mischief_dynamodb import Proxy
from infra.local.project import Project
from infra.local.reload import keep_current
from infra.local.servers import serving
from infra.local.workers import Workers

EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - names them, binds nothing  # nosec B104
LOOPBACK = ("127.0.0.1", "localhost")


@dataclass(frozen=True)
class Options:
    """What the command line says."""

    project: Path
    stage: str = "local"
    host: str | None = None
    port: int = 8000
    client: Path | None = None
    template: Path | None = None
    https: bool = False
    reload: bool = False
    limits: Limits = field(default_factory=Limits)
    mischief: Mischief | None = None

    @property
    def interface(self) -> str:
        """Where to listen: for this machine alone, or with TLS for a phone as well."""
        return self.host or ("0.0.0.0" if self.https else "127.0.0.1")  # noqa: S104 - on demand  # nosec B104


class Desk:
    """Everything between Ctrl-C and Ctrl-C. `run` returns only by cancellation or DeskError."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.project = Project(options.project, options.stage)
        self._parts = AsyncExitStack()

    async def run(self) -> None:
        """Start, say so, and serve until something ends it."""
        async with self._parts:
            listener = self._listen(self.options.interface, self.options.port)
            port = ports.number_of(listener)
            back_door = None if self._reaches_itself() else self._listen("127.0.0.1", 0)
            endpoint = f"http://127.0.0.1:{ports.number_of(back_door or listener)}"
            os.environ["MANAGEMENT_URL"] = endpoint + "/{stage}"
            ministack = await self._start_dynamodb(port)
            self.project.set_environment()  # after the desk's own, which go before it
            dynamodb.settle_environment()
            handlers = self._handlers(f"{endpoint}/{self.project.path}")
            await self._prepare_dynamodb(ministack)
            await self._disturb_dynamodb()
            await self._serve(handlers, listener, back_door)
            self._announce(port, ministack)
            await self._until_something_ends(handlers, ministack)

    def _listen(self, host: str, port: int) -> socket.socket:
        return self._parts.enter_context(ports.listen(host, port))

    def _reaches_itself(self) -> bool:
        """Whether handlers can post through the main port: plain HTTP that loopback reaches."""
        return not self.options.https and self.options.interface in (*LOOPBACK, "0.0.0.0")  # noqa: S104 - compares  # nosec B104

    # ---- DynamoDB

    async def _start_dynamodb(self, port: int) -> MiniStack | None:
        """MiniStack on the next port, unless the environment names a DynamoDB."""
        if os.environ.get("AWS_ENDPOINT_URL_DYNAMODB"):
            return None
        wanted = port + 1 if self.options.port else 0
        number = self._parts.enter_context(ports.kept_for_child(wanted))
        say(f"Starting DynamoDB (MiniStack) on port {number} …")
        ministack = await self._parts.enter_async_context(MiniStack(number))
        os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = ministack.endpoint
        return ministack

    async def _prepare_dynamodb(self, ministack: MiniStack | None) -> None:
        """Wait for DynamoDB to answer, and create the template's tables in it."""
        database = dynamodb.client(os.environ["AWS_ENDPOINT_URL_DYNAMODB"])
        if ministack is None:
            await dynamodb.expect_up(database)
        else:
            await first_of(dynamodb.wait_until_up(database), mourn(ministack))
        if self.options.template is not None:
            await dynamodb.furnish(database, self.options.template)

    async def _disturb_dynamodb(self) -> None:
        """From now on handlers reach DynamoDB through mischief's proxy, if there is any."""
        if self.options.mischief is None:
            return
        proxy = Proxy(self.options.mischief, os.environ["AWS_ENDPOINT_URL_DYNAMODB"])
        listener = self._listen("127.0.0.1", 0)
        await self._parts.enter_async_context(serving(proxy, listener, self.options.limits))
        os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = f"http://127.0.0.1:{ports.number_of(listener)}"

    # ---- the gateway

    def _handlers(self, endpoint: str) -> Handlers:
        limits = self.options.limits
        app = self.project.load()
        workers = Workers(limits.threads)
        deployed = (app, self.project.config, workers, limits.integration, endpoint)
        if self.options.mischief:
            return MortalHandlers(self.options.mischief, *deployed)
        return Handlers(*deployed)

    async def _serve(
        self, handlers: Handlers, listener: socket.socket, back_door: socket.socket | None
    ) -> None:
        limits = self.options.limits
        options = self.options
        shown = (self.project.path, options.client, options.mischief, options.reload)
        front = Front(handlers, limits, *shown)
        enter = self._parts.enter_async_context
        if back_door:
            await enter(serving(front.back, back_door, limits))
        with tempfile.TemporaryDirectory(prefix="certificate-") as directory:
            # Read when the server starts, and needed no longer.
            certificate = write_certificate(Path(directory)) if self.options.https else None
            await enter(serving(front, listener, limits, certificate))
        self._parts.callback(front.gateway.stop)

    async def _until_something_ends(self, handlers: Handlers, ministack: MiniStack | None) -> None:
        watchers: list[Coroutine[Any, Any, None]] = [mourn(ministack)] if ministack else []
        if self.options.reload:
            watchers.append(keep_current(self.project, handlers))
        await first_of(asyncio.Event().wait(), *watchers)

    # ---- what it says

    def _announce(self, port: int, ministack: MiniStack | None) -> None:
        """Tell the person at the terminal, or the process at the pipe, that all is ready."""
        secure = "s" if self.options.https else ""
        origins = [f"{host}:{port}" for host in self._hosts()]
        name = self.project.name
        say(f"{name[:1].upper()}{name[1:]} is served at http{secure}://{origins[0]}/")
        for origin in origins[1:]:
            say(f"  also       http{secure}://{origin}/")
        say(f"  REST       http{secure}://{origins[0]}/{self.project.path}")
        say(f"  WebSocket  ws{secure}://{origins[0]}/ws")
        kind = " (MiniStack, in memory)" if ministack else ""
        say(f"  DynamoDB   {os.environ['AWS_ENDPOINT_URL_DYNAMODB']}{kind}")
        if secure:
            say("The certificate is made for this run: the browser warns once, go on from there.")
        say("Press Ctrl-C to stop.")

    def _hosts(self) -> list[str]:
        interface = self.options.interface
        if interface in EVERYWHERE:
            return ["localhost", *lan_addresses()]
        host = f"[{interface}]" if ":" in interface else interface
        return ["localhost" if host in LOOPBACK else host]


def say(line: str) -> None:
    """A line for whoever reads: at once, since it may be a program that waits for it."""
    print(line, flush=True)


async def mourn(ministack: MiniStack) -> NoReturn:
    """Raise when MiniStack dies: a desk without its DynamoDB is of no use."""
    raise await ministack.death()


async def first_of(*works: Coroutine[Any, Any, Any]) -> None:
    """Run all, end with the first that ends, in the way it ends."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
