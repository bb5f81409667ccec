"""What handlers find around them when they are measured: a table, a post sink, and events."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import time
import uuid
from collections.abc import Iterator
from typing import Any

from infra.local.events import Origin, connect_event, disconnect_event, message_event
from infra.local.tables import create_tables
from tests import parts

Event = dict[str, Any]

TABLE = "bench"
_LIMITS = ("_PER_MINUTE", "_PER_HOUR", "_PER_ADDRESS", "WRONG_TOKENS")


@contextlib.contextmanager
def set_up() -> Iterator[dict[str, str]]:
    """DynamoDB Local with the table and a signing key in it, and a sink; the environment for it."""
    port = parts.free_port()
    sink = [sys.executable, "-m", "tests.bench.sink", str(port)]
    with parts.dynamodb_local() as endpoint, parts.running(sink):
        client = parts.dynamodb_client(endpoint)
        create_tables(client, parts.TEMPLATE, {"TableName": TABLE})
        key = {"pk": {"S": "secret#signing"}, "keys": {"S": f"k1:{uuid.uuid4().hex * 2}"}}
        client.put_item(TableName=TABLE, Item=key)
        parts.eventually(lambda: _listens(port))
        yield environment(endpoint, f"http://127.0.0.1:{port}")


def environment(dynamodb: str, management: str) -> dict[str, str]:
    """As on Lambda, but for where the services are, and with the limits of the desk.

    There everybody comes from one address, as here.
    """
    chosen = json.loads((parts.ROOT / ".chalice/config.json").read_text())
    desk: dict[str, str] = chosen["stages"]["local"]["environment_variables"]
    return {
        **{name: desk[name] for name in desk if name == "STATS" or name.endswith(_LIMITS)},
        "TABLE_NAME": TABLE,
        "ACCESS": "open",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "desk",
        "AWS_SECRET_ACCESS_KEY": "desk",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_LAMBDA_FUNCTION_NAME": "parley-bench",
        "AWS_ENDPOINT_URL_DYNAMODB": dynamodb,
        "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI": management,
        "MANAGEMENT_URL": management + "/{stage}",
        "PYTHONPATH": str(parts.ROOT),
        "PATH": os.environ["PATH"],
    }


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def now() -> int:
    return time.time_ns() // 1_000_000


def origin(name: str) -> Origin:
    """A socket; the same name is the same socket."""
    return Origin(f"{name:->15}=", now(), "127.0.0.1", "localhost", "api")


def message(who: Origin, **frame: Any) -> Event:
    return message_event(who, now(), json.dumps(frame, separators=(",", ":")))


def connect(who: Origin) -> Event:
    return connect_event(who, who.connected_at)


def disconnect(who: Origin) -> Event:
    return disconnect_event(who, now(), 1001, "")


def rest(method: str, path: str) -> Event:
    """A request as a REST API hands it to Chalice."""
    return {
        "httpMethod": method,
        "headers": {},
        "multiValueHeaders": {},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "body": None,
        "isBase64Encoded": False,
        "requestContext": {
            "httpMethod": method,
            "resourcePath": path,
            "requestId": uuid.uuid4().hex,
            "requestTimeEpoch": now(),
            "identity": {"sourceIp": "127.0.0.1"},
        },
    }


OFFER = {
    "session": "1795382699855-k3J9aQ",
    "seq": 1,
    "description": {"type": "offer", "sdp": "v" * 1200},
}
"""About as long as a real offer for a data channel, with the candidates that ride along."""
