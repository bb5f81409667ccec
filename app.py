"""The doors: five REST routes and three WebSocket handlers. Event in, answer out; no rules here.

Four functions start from this file, and each pays for all that stands at its top whenever Lambda
starts it. So only Chalice, and what Chalice has imported anyway, is imported there; a door imports
what it needs when it is first used. tests/unit/test_imports.py says what each of them may import.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from chalice.app import Chalice, Request, Response, WebsocketEvent

if TYPE_CHECKING:
    from chalicelib.switchboard import Call

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
    wait = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
    return _json(rest.refused(error), error.status, **wait)


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


def _call() -> Call:
    import time
    import uuid

    from chalicelib import rest
    from chalicelib.switchboard import Call, source

    context = _request().context
    return Call(
        event_id=context.get("requestId") or str(uuid.uuid4()),
        at=context.get("requestTimeEpoch") or time.time_ns() // 1_000_000,
        token=rest.bearer(_request().headers),
        source=source(context),
    )


@door("GET", "/health")
def health() -> dict[str, Any]:
    from chalicelib import health

    return health.answer()


@door("POST", "/rooms/join")
def join() -> dict[str, Any]:
    from chalicelib import rest, wiring

    asked = rest.decode(_request().raw_body)
    return rest.joined(wiring.switchboard().reserve(_call(), asked.room_id, asked.passcode))


@door("POST", "/rooms/leave")
def leave() -> dict[str, Any]:
    from chalicelib import rest, wiring

    room, client = rest.decode(_request().raw_body).seat
    wiring.switchboard().remove(_call(), room, client)
    return rest.left(room, client)


@door("POST", "/rooms/door")
def set_door() -> dict[str, Any]:
    from chalicelib import rest, wiring

    asked = rest.decode_moderation(_request().raw_body)
    proof = rest.proof(_request().headers)
    state = wiring.switchboard().set_door(_call(), asked.room, proof, asked.change)
    return rest.door_set(asked.room, state)


@door("POST", "/rooms/remove")
def remove() -> dict[str, Any]:
    from chalicelib import rest, wiring

    asked = rest.decode_moderation(_request().raw_body)
    room, client = asked.seat
    wiring.switchboard().send_away(_call(), room, rest.proof(_request().headers), client)
    return rest.removed(room, client)


@door("GET", "/rooms/stats")
def stats() -> dict[str, Any]:
    from chalicelib import rest, wiring
    from chalicelib.rooms import room_id

    asked = (_request().query_params or {}).get("roomId")
    if asked:
        return rest.room_stats(wiring.switchboard().room(_call(), room_id(asked)))
    return rest.stats(*wiring.switchboard().rooms(_call()))


@door("GET", "/ice-servers")
def ice_servers() -> dict[str, Any]:
    from chalicelib import rest, wiring

    room, seat = rest.seat(_request().headers)
    return rest.ice_servers(wiring.switchboard().ice_grant(_call(), room, seat))
