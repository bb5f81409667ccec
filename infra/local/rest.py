"""REST: requests through Chalice's own local gateway, with what it leaves out of an event."""

from __future__ import annotations

import base64
import logging
import uuid
from typing import Any

from chalice.local import LambdaEventConverter, LocalGateway, LocalGatewayException
from starlette.requests import Request
from starlette.responses import Response

from infra.local.errors import GatewayError, PayloadTooLarge
from infra.local.events import API_ID, Event, now_ms
from infra.local.handlers import Handlers
from infra.local.limits import Limits
from infra.local.management import refusal

log = logging.getLogger("gateway")


class Rest:
    """The REST side of the API, everything below /{stage}."""

    def __init__(self, handlers: Handlers, limits: Limits, stage: str) -> None:
        self._handlers = handlers
        self._limits = limits
        self._stage = stage

    async def answer(self, request: Request) -> Response:
        """Run the route's view in a thread and answer with what it returns."""
        call = Call(request, await request.body(), self._stage)
        log.info("%s %s", request.method, call.path)
        try:
            if len(call.body) > self._limits.request:
                raise PayloadTooLarge
            app, config = self._handlers.app, self._handlers.config
            return await self._handlers.run(lambda: call.through(LocalGateway(app, config)))
        except GatewayError as error:
            log.error(
                "%s %s: %s", request.method, call.path, error.message, exc_info=error.__cause__
            )
            return refusal(error)


class Call:
    """One REST request, in the terms of Chalice's local gateway."""

    def __init__(self, request: Request, body: bytes, stage: str) -> None:
        self.received_at = now_ms()
        self.method = request.method
        self.path = path_below(request, stage)
        self.headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers.raw
        }
        self.body = body
        self.stage = stage
        self.source_ip = request.client.host if request.client else "127.0.0.1"

    def through(self, gateway: LocalGateway) -> Response:
        """What the application, or the gateway in its stead, answers."""
        gateway.event_converter = Converter(gateway.event_converter, self)
        try:
            result = gateway.handle_request(self.method, self.path, self.headers, self.body)
        except LocalGatewayException as refused:
            result = {"statusCode": refused.CODE, "headers": refused.headers, "body": refused.body}
        return response_of(result)


class Converter:
    """Chalice's converter of requests to events, completed with what API Gateway adds."""

    def __init__(self, chalice: LambdaEventConverter, call: Call) -> None:
        self._chalice = chalice
        self._call = call

    def create_lambda_event(
        self, method: str, path: str, headers: dict[str, str], body: bytes | None
    ) -> Event:
        """The event; a body of no binary type is text, as on AWS."""
        event: Event = self._chalice.create_lambda_event(method, path, headers, body)
        if isinstance(event["body"], bytes):
            event["body"] = event["body"].decode("utf-8", "replace")
        event["httpMethod"], event["path"] = method, path.partition("?")[0]
        event["resource"] = event["requestContext"]["resourcePath"]
        event["requestContext"] |= {
            "requestId": str(uuid.uuid4()),
            "requestTimeEpoch": self._call.received_at,
            "stage": self._call.stage,
            "apiId": API_ID,
            "path": f"/{self._call.stage}{event['path']}",
            "protocol": "HTTP/1.1",
            "domainName": headers.get("host", ""),
            "identity": {
                "sourceIp": self._call.source_ip,
                "userAgent": headers.get("user-agent"),
            },
        }
        return event


def path_below(request: Request, stage: str) -> str:
    """Path and query as they came, without the stage."""
    path = request.scope["raw_path"].decode("latin-1").removeprefix(f"/{stage}") or "/"
    query = request.scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


def response_of(result: dict[str, Any]) -> Response:
    """A Lambda proxy response as an HTTP response."""
    body = result.get("body") or b""
    if result.get("isBase64Encoded"):
        body = base64.b64decode(body)
    response = Response(body, status_code=int(result["statusCode"]))
    headers = {"Content-Type": "application/json"} | dict(result.get("headers") or {})
    for name, value in headers.items():
        response.headers[name] = str(value)
    for name, values in (result.get("multiValueHeaders") or {}).items():
        for value in values:
            response.headers.append(name, str(value))
    return response
