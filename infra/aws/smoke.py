"""The smoke test: health; where tokens are asked for, that nobody enters without one; then two
sockets that join a room and signal."""

from __future__ import annotations

import json
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from infra.aws.errors import DeployError

PATIENCE = 30.0  # seconds for one answer: the first ones wait for cold starts
TRIES = 5  # what was just deployed may take a moment to be there everywhere


Token = Callable[[str], str | None]
"""A token for a room; None where none is needed, empty where we have none."""


def try_it(rest: str, websocket: str, token: Token) -> None:
    """Return if the deployment does what it is for; a DeployError says what it does not do."""
    with blame("GET /health", rest):
        patiently(lambda: healthy(rest))
    room = f"smoke-test-{uuid.uuid4()}"
    own = token(room)
    if own is not None:
        with blame("the refusal of a join without a token", websocket):
            patiently(lambda: turn_away(websocket, room))
    if own != "":
        with blame("a signal between two sockets", websocket):
            patiently(lambda: introduce(websocket, room, own))


def healthy(rest: str) -> None:
    with urllib.request.urlopen(f"{rest}/health", timeout=PATIENCE) as answer:  # noqa: S310 - its own  # nosec B310
        expect(answer.status == 200, f"it answers {answer.status}")


def turn_away(websocket: str, room: str) -> None:
    """Somebody without a token wants to enter, and cannot."""
    with connect(websocket, open_timeout=PATIENCE) as eve:
        say(eve, {"type": "join", "roomId": room})
        message = json.loads(eve.recv(timeout=PATIENCE))
        expect(message.get("code") == "unauthorized", f"it says {message}")


def introduce(websocket: str, room: str, token: str | None) -> None:
    """Two meet in a room that nobody else knows; one tells the other something."""
    with ExitStack() as sockets:
        ada = sockets.enter_context(connect(websocket, open_timeout=PATIENCE))
        bea = sockets.enter_context(connect(websocket, open_timeout=PATIENCE))
        join(ada, room, token)
        peer = join(bea, room, token)["peers"][0]["clientId"]
        say(bea, {"type": "signal", "roomId": room, "to": peer, "data": room})
        expect(hear(ada, "signal")["data"] == room, "the signal arrives, but not what was sent")
        for socket in (ada, bea):
            say(socket, {"type": "leave", "roomId": room})
            hear(socket, "left")


def join(socket: ClientConnection, room: str, token: str | None) -> dict[str, Any]:
    say(socket, {"type": "join", "roomId": room, "token": token})
    return hear(socket, "joined")


def say(socket: ClientConnection, message: dict[str, Any]) -> None:
    socket.send(json.dumps(message))


def hear(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """The next message of this type; an error is one."""
    while True:
        message: dict[str, Any] = json.loads(socket.recv(timeout=PATIENCE))
        expect(message.get("type") in {kind, "peer-joined", "peer-left"}, f"it says {message}")
        if message["type"] == kind:
            return message


def expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise DeployError(otherwise)


def patiently(attempt: Callable[[], None]) -> None:
    """Try until it works, or until it is not worth while any more."""
    for left in reversed(range(TRIES)):
        try:
            attempt()
            return
        except (OSError, WebSocketException, DeployError):
            if not left:
                raise
            time.sleep(2)


@contextmanager
def blame(what: str, where: str) -> Iterator[None]:
    """Say what did not work, and where."""
    try:
        yield
    except (OSError, WebSocketException, DeployError) as error:
        raise DeployError(
            f"All is deployed, but {what} at {where} does not work: {error}"
        ) from error
