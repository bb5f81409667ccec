"""The doors: five REST routes and three WebSocket handlers. Event in, answer out; no rules here.

Four functions start from this file, and each pays for all that stands at its top whenever Lambda
starts it. So only Chalice, and what Chalice has imported anyway, is imported there; a door imports
what it needs when it is first used. tests/unit/test_imports.py says what each of them may import.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from chalice.app import Chalice, Request, Response, WebsocketEvent

app = Chalice(app_name="parley")
app.experimental_feature_flags.update(["WEBSOCKETS"])

View = Callable[[], dict[str, Any]]

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


# -- sockets -------------------------------------------------------------------------------------


@app.on_ws_connect()
def connect(_event: WebsocketEvent) -> dict[str, int]:
    """Anybody may open a socket; what it may do is decided when it asks."""
    return {"statusCode": 200}


@app.on_ws_message()
def message(event: WebsocketEvent) -> None:
    from chalicelib import wiring

    frame = event.to_dict()
    binary = frame.get("isBase64Encoded", False)
    wiring.switchboard().receive(frame["requestContext"], frame.get("body") or "", binary)


@app.on_ws_disconnect()
def disconnect(event: WebsocketEvent) -> None:
    from chalicelib import wiring

    wiring.switchboard().disconnect(event.to_dict()["requestContext"])


# -- REST ----------------------------------------------------------------------------------------


def door(method: str, path: str) -> Callable[[View], View]:
    """A REST route: any content type, CORS, every error as JSON, also for the other methods."""

    def register(view: View) -> View:
        others = [other for other in _METHODS if other != method]
        app.route(path, methods=[method], content_types=["*/*"], cors=True)(_answering(view))
        app.route(path, methods=others, content_types=["*/*"], cors=True, name=f"not_{method}")(
            _not_allowed(method)
        )
        return view

    return register


def _answering(view: View) -> Callable[[], Response]:
    @wraps(view)
    def answer() -> Response:
        try:
            return _json(view())
        except Exception as error:
            return _refusal(error)

    return answer


def _refusal(error: Exception) -> Response:
    from chalicelib import journal, rest
    from chalicelib.rooms import Internal, SignalingError

    if not isinstance(error, SignalingError):
        journal.failed()
        error = Internal("Some error occurred; try again")
    return _json(rest.refused(error), error.status)


def _json(body: dict[str, Any], status: int = 200, **headers: str) -> Response:
    return Response(body, {"Content-Type": "application/json", **headers}, status)


def _not_allowed(allowed: str) -> Callable[[], Response]:
    def refuse() -> Response:
        body = {"error": f"Method not allowed; use {allowed}", "code": "method-not-allowed"}
        return _json(body, 405, Allow=f"{allowed}, OPTIONS")

    return refuse


def _request() -> Request:
    request = app.current_request
    assert request is not None  # noqa: S101 - Chalice sets it before it calls a view
    return request


def _token() -> str | None:
    from chalicelib import rest

    return rest.bearer(_request().headers)


@door("GET", "/health")
def health() -> dict[str, Any]:
    from chalicelib import health

    return health.answer()


@door("POST", "/rooms/join")
def join() -> dict[str, Any]:
    import time
    import uuid

    from chalicelib import rest, wiring

    asked = rest.decode(_request().raw_body)
    context = _request().context
    event_id = context.get("requestId") or str(uuid.uuid4())
    at = context.get("requestTimeEpoch") or time.time_ns() // 1_000_000
    return rest.joined(wiring.switchboard().reserve(event_id, at, _token(), asked.room_id))


@door("POST", "/rooms/leave")
def leave() -> dict[str, Any]:
    from chalicelib import rest, wiring
    from chalicelib.rooms import BadMessage

    asked = rest.decode(_request().raw_body)
    if asked.room_id is None or asked.client_id is None:
        raise BadMessage("Invalid request payload")
    wiring.switchboard().remove(_token(), asked.room_id, asked.client_id)
    return rest.left(asked.room_id, asked.client_id)


@door("GET", "/rooms/stats")
def stats() -> dict[str, Any]:
    from chalicelib import rest, wiring
    from chalicelib.rooms import room_id

    asked = (_request().query_params or {}).get("roomId")
    if asked:
        return rest.room_stats(wiring.switchboard().room(_token(), room_id(asked)))
    return rest.stats(*wiring.switchboard().rooms(_token()))


@door("GET", "/ice-servers")
def ice_servers() -> dict[str, Any]:
    from chalicelib import rest, wiring

    room, seat = rest.seat(_request().headers)
    return rest.ice_servers(wiring.switchboard().ice_grant(room, seat))
