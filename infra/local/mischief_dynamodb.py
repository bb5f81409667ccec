"""A proxy in front of DynamoDB that throttles and dawdles; the handlers' code stays as it is."""

from __future__ import annotations

import asyncio
import json

import urllib3
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from infra.local.mischief import Mischief

THROTTLED = json.dumps(
    {
        "__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException",
        "message": "Rate of requests exceeds the allowed throughput.",
    }
)
FORWARDED = ("x-amz-target", "content-type", "authorization", "x-amz-date", "x-amz-security-token")
PATIENCE = urllib3.Timeout(connect=1, read=10)


class Proxy:
    """An ASGI application that hands each call on to the endpoint, late or not at all."""

    def __init__(self, mischief: Mischief, endpoint: str) -> None:
        self._mischief = mischief
        self._endpoint = endpoint
        self._pool = urllib3.PoolManager(maxsize=64, timeout=PATIENCE, retries=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response = await self._answer(request, await request.body())
        await response(scope, receive, send)

    async def _answer(self, request: Request, body: bytes) -> Response:
        await asyncio.sleep(self._mischief.seconds("db-slow"))
        if self._mischief.strikes("db-throttle"):
            return Response(THROTTLED, 400, media_type="application/x-amz-json-1.0")
        headers = {name: request.headers[name] for name in FORWARDED if name in request.headers}
        try:
            answer = await asyncio.to_thread(
                self._pool.request, "POST", self._endpoint, body=body, headers=headers
            )
        except urllib3.exceptions.HTTPError:
            return Response("The DynamoDB behind the proxy does not answer.", 503)
        return Response(answer.data, answer.status, media_type=answer.headers.get("content-type"))
