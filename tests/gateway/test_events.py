"""The three events, as AWS documents them."""

from __future__ import annotations

import base64
import json
import re
import time
from typing import Any

import pytest

from tests.gateway.served import Served, ask, hear

CONTEXT = {
    "routeKey",
    "eventType",
    "extendedRequestId",
    "requestTime",
    "messageDirection",
    "stage",
    "connectedAt",
    "requestTimeEpoch",
    "identity",
    "requestId",
    "domainName",
    "connectionId",
    "apiId",
}
AWS_ID = re.compile(r"[A-Za-z0-9_-]{15}=")


def check_context(context: dict[str, Any], port: int) -> None:
    now = time.time_ns() // 1_000_000
    assert AWS_ID.fullmatch(context["connectionId"])
    assert AWS_ID.fullmatch(context["requestId"])
    assert len(base64.urlsafe_b64decode(context["connectionId"])) == 11
    assert context["extendedRequestId"] == context["requestId"]
    assert context["messageDirection"] == "IN"
    assert context["stage"] == "api"
    assert context["domainName"] == f"127.0.0.1:{port}"
    assert context["identity"]["sourceIp"] == "127.0.0.1"
    assert context["connectedAt"] <= context["requestTimeEpoch"] <= now < 10**13
    assert re.fullmatch(r"\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000", context["requestTime"])


def test_connect(gateway: Served) -> None:
    with gateway.open("/ws?token=a%20b&token=c&empty=", additional_headers={"X-MiXeD": "Case"}):
        event = gateway.event("CONNECT")
    assert set(event["requestContext"]) == CONTEXT
    check_context(event["requestContext"], gateway.port)
    assert event["requestContext"]["routeKey"] == "$connect"
    assert event["isBase64Encoded"] is False
    assert "body" not in event
    assert event["headers"]["X-MiXeD"] == "Case"
    assert event["headers"]["Host"] == f"127.0.0.1:{gateway.port}"
    assert event["headers"]["Sec-WebSocket-Version"] == "13"
    assert event["headers"]["X-Forwarded-For"] == "127.0.0.1"
    assert event["headers"]["X-Forwarded-Proto"] == "http"
    assert event["multiValueHeaders"]["X-MiXeD"] == ["Case"]
    assert event["queryStringParameters"] == {"token": "c", "empty": ""}
    assert event["multiValueQueryStringParameters"] == {"token": ["a b", "c"], "empty": [""]}


def test_connect_without_query(gateway: Served) -> None:
    with gateway.open():
        event = gateway.event("CONNECT")
    assert "queryStringParameters" not in event
    assert "multiValueQueryStringParameters" not in event


def test_the_decorated_handler_sees_the_body_none(gateway: Served) -> None:
    with gateway.open():
        pass
    assert gateway.event("CONNECT")["seen"] == "None"
    assert gateway.event("DISCONNECT")["seen"] == "None"


def test_message(gateway: Served) -> None:
    with gateway.open() as socket:
        answer = ask(socket, n=1)
    event = answer["event"]
    assert set(event) == {"requestContext", "body", "isBase64Encoded"}
    assert event["body"] == json.dumps({"n": 1})
    assert event["isBase64Encoded"] is False
    assert set(event["requestContext"]) == CONTEXT | {"messageId"}
    check_context(event["requestContext"], gateway.port)
    assert event["requestContext"]["eventType"] == "MESSAGE"
    assert event["requestContext"]["routeKey"] == "$default"


def test_the_context_is_lambdas(gateway: Served) -> None:
    with gateway.open() as socket:
        context = ask(socket)["context"]
    assert context["function"] == "toy-local-websocket_message"
    assert 0 < context["left"] <= 10_000
    assert len(context["request"]) == 36


def test_every_event_of_a_socket_names_it_alike(gateway: Served) -> None:
    with gateway.open() as socket:
        first, second = (ask(socket)["event"]["requestContext"] for _ in range(2))
    connect = gateway.event("CONNECT")["requestContext"]
    disconnect = gateway.event("DISCONNECT")["requestContext"]
    contexts = [connect, first, second, disconnect]
    assert len({context["connectionId"] for context in contexts}) == 1
    assert len({context["connectedAt"] for context in contexts}) == 1
    assert len({context["requestId"] for context in contexts}) == 4
    assert first["messageId"] != second["messageId"]


def test_binary_travels_as_base64(gateway: Served) -> None:
    with gateway.open() as socket:
        socket.send(b"\x00\xff")
        event = hear(socket)["event"]
    assert event["isBase64Encoded"] is True
    assert base64.b64decode(event["body"]) == b"\x00\xff"


def test_an_empty_text_is_an_empty_body(gateway: Served) -> None:
    with gateway.open() as socket:
        socket.send("")
        event = hear(socket)["event"]
    assert event["body"] == ""
    assert event["isBase64Encoded"] is False


@pytest.mark.parametrize(
    ("code", "reason", "told"),
    [(1000, "done", "done"), (4001, "", ""), (1001, "", "")],
)
def test_disconnect(gateway: Served, code: int, reason: str, told: str) -> None:
    with gateway.open() as socket:
        socket.close(code, reason)
    event = gateway.event("DISCONNECT")
    assert set(event["requestContext"]) == CONTEXT | {"disconnectStatusCode", "disconnectReason"}
    check_context(event["requestContext"], gateway.port)
    assert event["requestContext"]["routeKey"] == "$disconnect"
    assert event["requestContext"]["disconnectStatusCode"] == code
    assert event["requestContext"]["disconnectReason"] == told
    assert event["headers"]["Host"] == f"127.0.0.1:{gateway.port}"
    assert event["isBase64Encoded"] is False
    assert "body" not in event
