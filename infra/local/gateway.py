"""Sockets in, events out: the life of a WebSocket as API Gateway lives it.

Rule 1: every frame is an event of its own. None waits for another, so their order is not kept.
Rule 2: a socket can be posted to from the end of its `$connect` to its close, and not before.
Rule 3: what a `$default` handler returns goes nowhere; only posts reach the client.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Coroutine
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from infra.local import events
from infra.local.connection import GOING_AWAY, Connection
from infra.local.errors import GatewayError, Gone, PayloadTooLarge
from infra.local.events import Event, Origin
from infra.local.handlers import Handlers
from infra.local.limits import Limits

log = logging.getLogger("gateway")

# What AWS says for closes that carry no reason of their own.
REASONS = {
    1000: "Connection Closed Normally",
    1005: "Client-side close frame status not set",
    1006: "Connection closed abnormally",
}


class Gateway:
    """The WebSocket side of the API, and what the management API does to its connections."""

    def __init__(self, handlers: Handlers, limits: Limits, stage: str) -> None:
        self.handlers = handlers
        self.limits = limits
        self.stage = stage
        self.connections: dict[str, Connection] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = False

    # ---- what the management API asks for

    def connection(self, connection_id: str) -> Connection:
        """The open connection of this id; Gone if there is none."""
        connection = self.connections.get(connection_id)
        if connection is None or connection.closing:
            raise Gone
        return connection

    def post(self, connection_id: str, data: bytes) -> None:
        """Send data to a client: the one door for all that handlers say."""
        if len(data) > self.limits.message:
            raise PayloadTooLarge
        self.connection(connection_id).post(data)

    def close(self, connection_id: str) -> None:
        """Disconnect a client, once it has been sent all that was posted before."""
        self.connection(connection_id).close(1000, REASONS[1000])

    def stop(self) -> None:
        """Go away as in a power cut: sockets close, and no handler hears of it any more."""
        self._stopped = True
        for connection in list(self.connections.values()):
            connection.close(*GOING_AWAY)

    # ---- the life of a socket

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One socket, from its handshake to its `$disconnect`. An ASGI application."""
        await receive()
        origin = origin_of(scope, self.stage)
        try:
            answer = await self._connect(origin)
        except GatewayError as error:
            await refuse(send, error.status, error.message, origin)
            return
        if not 200 <= (status := int(answer.get("statusCode", 200))) < 300:
            await refuse(send, status, "Forbidden", origin)
            return
        code, reason = await self._converse(
            Connection(origin, self.limits, send, scope["extensions"]["local.cut"]),
            receive,
            accept=acceptance(answer),
        )
        self._in_background(self._disconnect(origin, code, reason))

    async def _connect(self, origin: Origin) -> Event:
        if not self.handlers.has("$connect"):
            return {}
        return await self._invoke(
            "$connect", origin, events.connect_event(origin, origin.connected_at)
        )

    async def _converse(
        self, connection: Connection, receive: Receive, accept: dict[str, Any]
    ) -> tuple[int, str]:
        """Accept the socket and carry messages until it ends; its close code and reason."""
        connection_id = connection.origin.connection_id
        self.connections[connection_id] = connection
        clerks: list[asyncio.Task[None]] = []
        try:
            await connection.accept(accept)
            clerks = [
                asyncio.create_task(connection.write()),
                asyncio.create_task(connection.expire()),
            ]
            return await self._listen(connection, receive)
        finally:
            connection.closing = True
            del self.connections[connection_id]
            for clerk in clerks:
                clerk.cancel()

    async def _listen(self, connection: Connection, receive: Receive) -> tuple[int, str]:
        while (message := await receive())["type"] == "websocket.receive":
            received_at = events.now_ms()
            connection.touch()
            data = message.get("text")
            data = message["bytes"] if data is None else data
            self._in_background(self._message(connection, received_at, data))
        return ending(message)

    async def _message(self, connection: Connection, received_at: int, data: str | bytes) -> None:
        event = events.message_event(connection.origin, received_at, data)
        try:
            await self._invoke("$default", connection.origin, event)
        except GatewayError as error:
            self._complain(connection, event, error)

    def _complain(self, connection: Connection, event: Event, error: GatewayError) -> None:
        """Tell the client as AWS does, in a frame that is not in the application's protocol."""
        words = complaint(error.message, connection.origin, event["requestContext"]["requestId"])
        try:
            connection.post(words)
        except GatewayError:
            log.debug("%s did not hear: %s", connection.origin.connection_id, error.message)

    async def _disconnect(self, origin: Origin, code: int, reason: str) -> None:
        if self._stopped or not self.handlers.has("$disconnect"):
            return
        event = events.disconnect_event(origin, events.now_ms(), code, reason)
        try:
            await self._invoke("$disconnect", origin, event)
        except GatewayError:
            log.debug("nobody is there to hear that $disconnect failed")

    async def _invoke(self, route: str, origin: Origin, event: Event) -> Event:
        log.info("%s %s", route, origin.connection_id)
        return await self.handlers.invoke(route, event)

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def origin_of(scope: Scope, stage: str) -> Origin:
    """What a handshake says about its socket, with the headers that API Gateway adds."""
    headers = [
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]
    ]
    known = {name.lower(): value for name, value in headers}
    source_ip = (scope.get("client") or ("127.0.0.1", 0))[0]
    scheme = "https" if scope["scheme"] == "wss" else "http"
    added = [
        ("X-Forwarded-For", source_ip),
        ("X-Forwarded-Port", str(scope["server"][1])),
        ("X-Forwarded-Proto", scheme),
    ]
    return Origin(
        connection_id=events.new_id(),
        connected_at=events.now_ms(),
        source_ip=source_ip,
        domain_name=known.get("host", ""),
        stage=stage,
        user_agent=known.get("user-agent", ""),
        headers=headers + added,
        query=parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True),
    )


def acceptance(answer: Event) -> dict[str, Any]:
    """The ASGI message that accepts a socket, with the subprotocol that the handler chose."""
    headers = {name.lower(): value for name, value in (answer.get("headers") or {}).items()}
    return {"type": "websocket.accept", "subprotocol": headers.get("sec-websocket-protocol")}


def ending(message: Any) -> tuple[int, str]:
    """Close code and reason; where a socket just broke off, uvicorn gives no reason at all."""
    code = int(message.get("code", 1005)) if "reason" in message else 1006
    return code, message.get("reason") or REASONS.get(code, "")


def complaint(message: str, origin: Origin, request_id: str) -> bytes:
    """The frame in which API Gateway itself speaks to a client."""
    ids = {"connectionId": origin.connection_id, "requestId": request_id}
    return json.dumps({"message": message, **ids}).encode()


async def refuse(send: Send, status: int, message: str, origin: Origin) -> None:
    """End a handshake with an HTTP status instead of a socket."""
    body = complaint(message, origin, events.new_id())
    headers = [(b"content-type", b"application/json")]
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})
