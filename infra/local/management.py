"""The management API: what boto3's `apigatewaymanagementapi` client talks to."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from infra.local.errors import BadConnectionId, Forbidden, GatewayError, Unsigned
from infra.local.gateway import Gateway

CONNECTION_ID = re.compile(r"[A-Za-z0-9_+/-]{15}=")


class Management:
    """POST, GET and DELETE on a connection, answered in the shapes that boto3 parses."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def answer(self, request: Request) -> Response:
        """Answer one call; each refusal with AWS's status and error type."""
        data = await request.body()
        actions: dict[str, Callable[[str], Response]] = {
            "POST": lambda connection_id: self._post(connection_id, data),
            "GET": self._get,
            "DELETE": self._delete,
        }
        try:
            check_caller(request)
            if request.method not in actions:
                raise Forbidden
            return actions[request.method](connection_id_in(request))
        except GatewayError as error:
            return refusal(error)

    def _post(self, connection_id: str, data: bytes) -> Response:
        self._gateway.post(connection_id, data)
        return Response()

    def _get(self, connection_id: str) -> Response:
        connection = self._gateway.connection(connection_id)
        origin = connection.origin
        return JSONResponse(
            {
                "connectedAt": iso(origin.connected_at),
                "identity": {"sourceIp": origin.source_ip, "userAgent": origin.user_agent},
                "lastActiveAt": iso(connection.last_active),
            }
        )

    def _delete(self, connection_id: str) -> Response:
        self._gateway.close(connection_id)
        return Response(status_code=204)


def check_caller(request: Request) -> None:
    """Let only AWS clients on this machine through: no page in a browser can sign like one."""
    host = request.client.host if request.client else ""
    if not ipaddress.ip_address(host or "0.0.0.0").is_loopback:  # noqa: S104 - "from nowhere"  # nosec B104
        raise Forbidden
    if not request.headers.get("authorization", "").startswith("AWS4-HMAC-SHA256 "):
        raise Unsigned


def connection_id_in(request: Request) -> str:
    """The id in the path; BadConnectionId if it is none."""
    connection_id = str(request.scope["path"]).partition("/@connections/")[2]
    if not CONNECTION_ID.fullmatch(connection_id):
        raise BadConnectionId
    return connection_id


def refusal(error: GatewayError) -> Response:
    """The error as AWS words it: boto3 reads its class from the header."""
    return JSONResponse(
        {"message": error.message},
        status_code=error.status,
        headers={"x-amzn-ErrorType": error.kind},
    )


def iso(milliseconds: int) -> str:
    """A moment as the management API writes it."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")
