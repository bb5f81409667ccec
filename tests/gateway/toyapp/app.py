"""A Chalice application that does what a test tells it to, and answers with what it saw."""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import json
import os
import threading
from collections import defaultdict
from typing import Any

import boto3
from chalice import Chalice, CORSConfig, Response, WebsocketDisconnectedError
from chalice.app import BadRequestError, WebsocketEvent


class Notes:
    """What the handlers saw, and gates at which a test can hold them."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.gone: list[str] = []
        self.inside = threading.Semaphore(0)
        self._gates: defaultdict[str, threading.Event] = defaultdict(threading.Event)

    def gate(self, name: str) -> threading.Event:
        return self._gates[name]

    def wait_at(self, name: str) -> None:
        self.inside.release()
        assert self.gate(name).wait(20), f"nobody opened {name}"

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The events of one type: CONNECT, MESSAGE or DISCONNECT."""
        return [e for e in self.events if e["requestContext"]["eventType"] == kind]


def make_app(notes: Notes) -> Chalice:
    """The application, with everything it notices in `notes`."""
    app = Chalice(app_name="toy")
    app.experimental_feature_flags.update(["WEBSOCKETS"])
    app.websocket_api.session = boto3.Session(
        aws_access_key_id="x", aws_secret_access_key="x", region_name="us-east-1"
    )
    add_sockets(app, notes)
    add_routes(app)
    return app


def add_sockets(app: Chalice, notes: Notes) -> None:
    @app.on_ws_connect(name="hello")
    def connect(event: WebsocketEvent) -> Any:
        raw = event.to_dict()
        notes.events.append(raw | {"seen": event.body})
        query = raw.get("queryStringParameters", {})
        if "greet" in query:
            greet(event.connection_id)
        if "wait" in query:
            notes.wait_at(query["wait"])
        return answer_to(query.get("answer", "None"))

    def greet(connection_id: str) -> None:
        try:
            app.websocket_api.send(connection_id, "too early")
        except WebsocketDisconnectedError as error:
            notes.gone.append(error.connection_id)

    @app.on_ws_message(name="hear")
    def message(event: WebsocketEvent) -> Any:
        raw = event.to_dict()
        notes.events.append(raw)
        order = parsed(raw["body"])
        answer = order | {
            "is": environment(order.get("names", [])),
            "event": raw,
            "context": described(event.context),
        }
        obey(order, notes)
        if order.get("do") != "quiet":
            app.websocket_api.send(event.connection_id, json.dumps(answer))
        return {"statusCode": 200, "body": "nobody hears this"}

    @app.on_ws_disconnect(name="bye")
    def disconnect(event: WebsocketEvent) -> None:
        notes.events.append(event.to_dict() | {"seen": event.body})


def environment(names: list[str]) -> dict[str, str | None]:
    return {name: os.environ.get(name) for name in names}


def obey(order: dict[str, Any], notes: Notes) -> None:
    match order:
        case {"do": "wait", "at": gate}:
            notes.wait_at(gate)
        case {"do": "raise"}:
            raise RuntimeError("told to")
        case {"do": "exit"}:
            raise SystemExit(3)


def parsed(body: str) -> dict[str, Any]:
    try:
        return dict(json.loads(body))
    except ValueError:
        return {"body": body}


def described(context: Any) -> dict[str, Any]:
    return {
        "function": context.function_name,
        "request": context.aws_request_id,
        "left": context.get_remaining_time_in_millis(),
    }


def answer_to(wish: str) -> Any:
    """What the connect handler returns for each `?answer=`."""
    if wish == "raise":
        raise RuntimeError("told to")
    return {
        "None": None,
        "403": {"statusCode": 403},
        "401": {"statusCode": 401},
        "response": Response(body="no", status_code=403),
        "protocol": {"headers": {"Sec-WebSocket-Protocol": "chat"}},
    }[wish]


def add_routes(app: Chalice) -> None:
    cors = CORSConfig(allow_origin="https://site.example")

    @app.route("/", name="root")
    def root() -> dict[str, str]:
        return {"path": "/"}

    @app.route("/echo/{name}", methods=["GET", "POST"], content_types=["*/*"], cors=cors)
    def echo(name: str) -> dict[str, Any]:
        request = app.current_request
        return {
            "name": name,
            "body": request.raw_body.decode(),
            "query": dict(request.query_params or {}),
            "context": request.context,
            "type": request.headers.get("content-type"),
        }

    @app.route("/bytes", methods=["POST"], content_types=["application/octet-stream"])
    def reverse() -> Response:
        body = bytes(reversed(app.current_request.raw_body))
        return Response(body, {"Content-Type": "application/octet-stream"})

    @app.route("/refuse")
    def refuse() -> None:
        raise BadRequestError("told to")

    @app.route("/raise")
    def fail() -> None:
        raise RuntimeError("told to")

    @app.route("/cookies")
    def cookies() -> Response:
        return Response("", {"Set-Cookie": ["a=1", "b=2"], "Content-Type": "text/plain"}, 201)


app = make_app(Notes())
