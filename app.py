"""The doors: five REST routes and three WebSocket handlers. Event in, answer out; no rules here.

Four functions start from this file, and each pays for all that stands at its top whenever Lambda
starts it. So only Chalice, and what Chalice has imported anyway, is imported there; a door imports
what it needs when it is first used. tests/unit/test_imports.py says what each of them may import.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from chalice.app import Chalice, Request, Response, WebsocketEvent

if TYPE_CHECKING:
    from chalicelib.switchboard import Call

app = Chalice(app_name="parley")
app.experimental_feature_flags.update(["WEBSOCKETS"])

View = Callable[[], dict[str, Any]]

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_FOREIGN = {"error": "Pages of this origin may not speak here", "code": "foreign-origin"}


# -- sockets -------------------------------------------------------------------------------------


@app.on_ws_connect()
def connect(event: WebsocketEvent) -> dict[str, Any]:
    """Any page that may speak here opens a socket; what that may do is decided when it asks.

    Whatever else a handler of this route returned would let it in.
    """
    try:
        from chalicelib import origins, sources

        asked = event.to_dict()
        admitted = origins.admitted(asked)
        wait = sources.opened(asked, _count_socket) if admitted is True else 0
    except Exception:
        app.log.exception("connect failed")
        admitted, wait = False, 0
    if wait:
        return {"statusCode": 429, "headers": {"Retry-After": str(wait)}}
    return {"statusCode": 200 if admitted is True else 403}


def _count_socket(source: str) -> None:
    from chalicelib import wiring

    wiring.guard().opens(source)


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


_doors: list[tuple[tuple[str, str, View], dict[str, Any]]] = []


def door(method: str, path: str, **about: Any) -> Callable[[View], View]:
    """A REST route: any content type, CORS, every error as JSON, also for the other methods.

    What else is told `about` it: see `openapi.Door`.
    """

    def register(view: View) -> View:
        others = [other for other in _METHODS if other != method]
        said = f"{method}, OPTIONS"
        answer = wraps(view)(_answering(view, said))
        app.route(path, methods=[method], content_types=["*/*"])(answer)
        other = _answering(_not_allowed, said)
        app.route(path, methods=others, content_types=["*/*"], name=f"not_{method}")(other)
        _doors.append(((method, path, view), about))
        return view

    return register


def _answering(view: View, methods: str) -> Callable[[], Response]:
    """The view's answer, if the page that asks may know it."""

    def answer() -> Response:
        request = _request()
        try:
            from chalicelib import origins

            sharing = origins.shared(_headers(request), methods)
            if not origins.admitted(_headers(request)):
                return _json(_FOREIGN, 403, sharing)
        except Exception:
            app.log.exception("the origin could not be read")
            return _json(_FOREIGN, 403, {})
        if request.method == "OPTIONS":
            return Response("", sharing, 204)
        try:
            return _json(view(), 200, sharing)
        except _NotAllowed:
            body = {"error": f"Method not allowed; use {methods}", "code": "method-not-allowed"}
            return _json(body, 405, {"Allow": methods, **sharing})
        except Exception as error:
            return _refusal(error, sharing)

    return answer


def _headers(request: Request) -> dict[str, Any]:
    return {"headers": request.headers}


def _refusal(error: Exception, sharing: dict[str, str]) -> Response:
    from chalicelib import journal, rest
    from chalicelib.rooms import Internal, SignalingError

    if not isinstance(error, SignalingError):
        journal.failed()
        error = Internal("Some error occurred; try again")
    wait = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
    return _json(rest.refused(error), error.status, {**wait, **sharing})


def _json(body: dict[str, Any], status: int, headers: dict[str, str]) -> Response:
    return Response(body, {"Content-Type": "application/json", **headers}, status)


class _NotAllowed(Exception):
    """The route has another method."""


def _not_allowed() -> dict[str, Any]:
    raise _NotAllowed


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


@door("GET", "/health", gives="Health")
def health() -> dict[str, Any]:
    """Tell that the service runs."""
    from chalicelib import health

    return health.answer()


@door(
    "POST",
    "/rooms/join",
    takes="Asked",
    gives="Reserved",
    refuses=("bad-message", "unauthorized", "room-full", "room-closed", "rate-limited"),
    proof="bearer",
)
def join() -> dict[str, Any]:
    """Reserve a seat for two minutes."""
    from chalicelib import rest, wiring

    asked = rest.decode(_request().raw_body)
    return rest.joined(wiring.switchboard().reserve(_call(), asked.room_id, asked.passcode))


@door(
    "POST",
    "/rooms/leave",
    takes="Asked",
    gives="Removed",
    refuses=("bad-message", "unauthorized", "peer-not-found", "rate-limited"),
    proof="bearer",
)
def leave() -> dict[str, Any]:
    """Remove a member, connected or not."""
    from chalicelib import rest, wiring

    room, client = rest.decode(_request().raw_body).seat
    wiring.switchboard().remove(_call(), room, client)
    return rest.left(room, client)


@door(
    "POST",
    "/rooms/door",
    takes="Moderation",
    gives="DoorSet",
    refuses=("bad-message", "unauthorized", "forbidden", "not-in-room", "rate-limited"),
    proof="bearer seat",
)
def set_door() -> dict[str, Any]:
    """Change a room's door: passcode, lock, number of seats."""
    from chalicelib import rest, wiring

    asked = rest.decode_moderation(_request().raw_body)
    proof = rest.proof(_request().headers)
    state = wiring.switchboard().set_door(_call(), asked.room, proof, asked.change)
    return rest.door_set(asked.room, state)


@door(
    "POST",
    "/rooms/remove",
    takes="Moderation",
    gives="SentAway",
    refuses=(
        "bad-message",
        "unauthorized",
        "forbidden",
        "not-in-room",
        "peer-not-found",
        "rate-limited",
    ),
    proof="bearer seat",
)
def remove() -> dict[str, Any]:
    """Send a member away, who does not come back with its resume token."""
    from chalicelib import rest, wiring

    asked = rest.decode_moderation(_request().raw_body)
    room, client = asked.seat
    wiring.switchboard().send_away(_call(), room, rest.proof(_request().headers), client)
    return rest.removed(room, client)


@door(
    "GET",
    "/rooms/stats",
    takes="?roomId",
    gives="RoomStats | AllStats",
    refuses=("bad-message", "unauthorized", "rate-limited"),
    proof="bearer",
)
def stats() -> dict[str, Any]:
    """Tell who is where."""
    from chalicelib import rest, wiring
    from chalicelib.rooms import room_id

    asked = (_request().query_params or {}).get("roomId")
    if asked:
        return rest.room_stats(wiring.switchboard().room(_call(), room_id(asked)))
    return rest.stats(*wiring.switchboard().rooms(_call()))


@door(
    "GET",
    "/ice-servers",
    gives="IceServers",
    refuses=("bad-message", "unauthorized", "rate-limited"),
    proof="seat",
)
def ice_servers() -> dict[str, Any]:
    """Give ICE servers to a member, before the credentials in the former ones run out."""
    from chalicelib import rest, wiring

    room, seat = rest.seat(_request().headers)
    return rest.ice_servers(wiring.switchboard().ice_grant(_call(), room, seat))


@door("GET", "/openapi.json", gives="OpenApi")
def openapi_json() -> dict[str, Any]:
    """Describe all of this."""
    from chalicelib import openapi

    return openapi.document([openapi.Door(*named, **about) for named, about in _doors])


# What sockets need is imported while Lambda starts a function for them: that is not held to the
# function's share of a processor, as events are.
if os.environ.get("_HANDLER") in ("app.message", "app.disconnect"):
    from chalicelib import wiring

    wiring.load()
