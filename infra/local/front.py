"""One port for everything: which part of the gateway answers which path."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from infra.local.gateway import Gateway
from infra.local.handlers import Handlers
from infra.local.limits import Limits
from infra.local.management import Management
from infra.local.mischief import Mischief, MischievousGateway, mischievous
from infra.local.rest import Rest
from infra.local.site import Site, whereabouts

Answer = Callable[[Request], Awaitable[Response]]


class Front:
    """The gateway's front door, an ASGI application: API, sockets, management and files."""

    def __init__(
        self,
        handlers: Handlers,
        limits: Limits,
        stage: str,
        client: Path | None = None,
        mischief: Mischief | None = None,
        in_progress: bool = False,
    ) -> None:
        self.gateway = gateway_for(handlers, limits, stage, mischief)
        self._limits = limits
        self._stage = stage
        manage = Management(self.gateway).answer
        self._manage = mischievous(mischief, manage) if mischief else manage
        self._rest = Rest(handlers, limits, stage)
        self._site = Site(client, in_progress)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        else:
            await reply(self._answer_to(scope["path"]), scope, receive, send)

    async def back(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A second door for handlers alone, for when the front one is not open to them."""
        if scope["type"] == "websocket":
            await deny(send)
        else:
            await reply(self._answer_to(scope["path"], nowhere), scope, receive, send)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/ws":
            await self.gateway.serve(scope, receive, send)
        else:  # as on AWS, where no path may follow the stage
            await deny(send)

    def _answer_to(self, path: str, otherwise: Answer | None = None) -> Answer:
        api = f"/{self._stage}/"
        if path.startswith(f"{api}@connections/"):
            return self._manage
        if otherwise:
            return otherwise
        if f"{path}/".startswith(api):
            return self._rest.answer
        return self._whereabouts if path == "/config.json" else self._site.answer

    async def _whereabouts(self, request: Request) -> Response:
        return whereabouts(request, self._stage, self._limits)


def gateway_for(
    handlers: Handlers, limits: Limits, stage: str, mischief: Mischief | None
) -> Gateway:
    """The faithful gateway, or the other one."""
    if mischief is None:
        return Gateway(handlers, limits, stage)
    return MischievousGateway(mischief, handlers, limits, stage)


async def reply(answer: Answer, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one HTTP request."""
    response = await answer(Request(scope, receive))
    await response(scope, receive, send)


async def nowhere(_: Request) -> Response:
    return PlainTextResponse("Not Found\n", 404)


async def deny(send: Send) -> None:
    """Refuse a socket: 403."""
    await send({"type": "websocket.close"})
