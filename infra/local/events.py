"""The events that API Gateway hands to a WebSocket route's Lambda function, as AWS documents them.

Each builder promises the shape of one example in the developer guide; nothing here does I/O.
"""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Event = dict[str, Any]
Headers = list[tuple[str, str]]

API_ID = "local"


def new_id() -> str:
    """An id for a connection, request or message as API Gateway makes it: `L0SM9cOFvHcCIhw=`."""
    return base64.urlsafe_b64encode(secrets.token_bytes(11)).decode()


def now_ms() -> int:
    """The wall clock in milliseconds, the unit of requestTimeEpoch and connectedAt."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class Origin:
    """Where a socket comes from: all that its events repeat about it."""

    connection_id: str
    connected_at: int
    source_ip: str
    domain_name: str
    stage: str
    user_agent: str = ""
    headers: Headers = field(default_factory=list)
    query: list[tuple[str, str]] = field(default_factory=list)

    @property
    def identity(self) -> dict[str, str]:
        """The peer as AWS names it; userAgent only if the client sent one."""
        agent = {"userAgent": self.user_agent} if self.user_agent else {}
        return {**agent, "sourceIp": self.source_ip}


def connect_event(origin: Origin, received_at: int) -> Event:
    """`$connect`: the handshake with its headers, and its query if it has one."""
    return {
        **headers_of(origin.headers),
        **query_of(origin.query),
        "requestContext": context(origin, "$connect", "CONNECT", received_at),
        "isBase64Encoded": False,
    }


def message_event(origin: Origin, received_at: int, data: str | bytes) -> Event:
    """`$default`: one message; binary data travels as base64."""
    binary = isinstance(data, bytes)
    return {
        "requestContext": context(origin, "$default", "MESSAGE", received_at)
        | {"messageId": new_id()},
        "body": base64.b64encode(data).decode() if isinstance(data, bytes) else data,
        "isBase64Encoded": binary,
    }


def disconnect_event(origin: Origin, received_at: int, code: int, reason: str) -> Event:
    """`$disconnect`: the close code and reason, and the few headers that AWS sends here."""
    headers = [("Host", origin.domain_name), ("x-api-key", ""), ("X-Forwarded-For", "")]
    return {
        **headers_of([*headers, ("x-restapi", "")]),
        "requestContext": context(origin, "$disconnect", "DISCONNECT", received_at)
        | {"disconnectStatusCode": code, "disconnectReason": reason},
        "isBase64Encoded": False,
    }


def context(origin: Origin, route: str, kind: str, received_at: int) -> Event:
    """The requestContext that the three kinds of events have in common."""
    request_id = new_id()
    received = datetime.fromtimestamp(received_at / 1000, UTC)
    return {
        "routeKey": route,
        "eventType": kind,
        "extendedRequestId": request_id,
        "requestTime": received.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "messageDirection": "IN",
        "stage": origin.stage,
        "connectedAt": origin.connected_at,
        "requestTimeEpoch": received_at,
        "identity": origin.identity,
        "requestId": request_id,
        "domainName": origin.domain_name,
        "connectionId": origin.connection_id,
        "apiId": API_ID,
    }


def headers_of(pairs: Iterable[tuple[str, str]]) -> Event:
    """Headers as API Gateway gives them: the last of each name, and all of each name."""
    pairs = list(pairs)
    return {"headers": dict(pairs), "multiValueHeaders": grouped(pairs)}


def query_of(pairs: list[tuple[str, str]]) -> Event:
    """The query's parameters, or nothing at all where there are none."""
    if not pairs:
        return {}
    return {
        "queryStringParameters": dict(pairs),
        "multiValueQueryStringParameters": grouped(pairs),
    }


def grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """All values of each name, in order."""
    groups: dict[str, list[str]] = {}
    for name, value in pairs:
        groups.setdefault(name, []).append(value)
    return groups
