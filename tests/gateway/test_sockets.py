"""The life of a socket: admission, messages, limits, and its ends."""

from __future__ import annotations

import json
import socket as sockets
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

from infra.local.limits import Limits
from tests.gateway.served import Served, ask, hear, id_of
from tests.parts import eventually

Serve = Callable[..., Served]
KB = 1024


def close_of(socket: ClientConnection) -> tuple[int, str]:
    """The close frame that the gateway sends, read after whatever comes before it."""
    try:
        while True:
            socket.recv(timeout=20)
    except ConnectionClosed as closed:
        frame = closed.rcvd
    assert frame is not None, "no close frame came"
    return frame.code, frame.reason


def refusal_of(gateway: Served, path: str) -> Any:
    with pytest.raises(InvalidStatus) as refused, gateway.open(path):
        pass
    return refused.value.response


# ---- admission


@pytest.mark.parametrize(("answer", "status"), [("403", 403), ("401", 401), ("response", 403)])
def test_connect_refuses(gateway: Served, answer: str, status: int) -> None:
    response = refusal_of(gateway, f"/ws?answer={answer}")
    assert response.status_code == status
    assert json.loads(response.body)["message"] == "Forbidden"


def test_connect_raises(gateway: Served) -> None:
    response = refusal_of(gateway, "/ws?answer=raise")
    assert response.status_code == 500
    assert json.loads(response.body)["message"] == "Internal server error"


def test_a_refused_socket_never_disconnects(gateway: Served) -> None:
    refusal_of(gateway, "/ws?answer=403")
    with gateway.open():
        pass
    gateway.event("DISCONNECT")
    assert len(gateway.notes.of("DISCONNECT")) == 1


def test_returning_none_accepts(gateway: Served) -> None:
    with gateway.open("/ws?answer=None") as socket:
        assert ask(socket, n=1)["n"] == 1


def test_the_chosen_subprotocol_is_echoed(gateway: Served) -> None:
    with gateway.open("/ws?answer=protocol", subprotocols=["other", "chat"]) as socket:
        assert socket.subprotocol == "chat"


@pytest.mark.parametrize("path", ["/", "/ws/", "/ws/room", "/api", "/api/ws"])
def test_only_one_path_upgrades(gateway: Served, path: str) -> None:
    assert refusal_of(gateway, path).status_code == 403


def test_a_connect_handler_that_takes_too_long(serve: Serve) -> None:
    gateway = serve(limits=Limits(integration=0.2))
    response = refusal_of(gateway, "/ws?wait=never")
    assert response.status_code == 504
    assert json.loads(response.body)["message"] == "Endpoint request timed out"
    gateway.notes.gate("never").set()


def test_a_client_that_leaves_during_connect(gateway: Served) -> None:
    socket = sockets.create_connection(("127.0.0.1", gateway.port))
    handshake = (
        "GET /ws?wait=here HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    socket.sendall(handshake.encode())
    assert gateway.notes.inside.acquire(timeout=10)
    socket.close()
    gateway.notes.gate("here").set()
    context = gateway.event("DISCONNECT")["requestContext"]
    assert context["disconnectStatusCode"] == 1006
    assert not gateway.front.gateway.connections


# ---- messages


def test_two_messages_of_one_socket_run_at_once_and_out_of_order(gateway: Served) -> None:
    with gateway.open() as socket:
        socket.send(json.dumps({"do": "wait", "at": "first", "n": 1}))
        socket.send(json.dumps({"do": "wait", "at": "second", "n": 2}))
        assert gateway.notes.inside.acquire(timeout=10)
        assert gateway.notes.inside.acquire(timeout=10)
        gateway.notes.gate("second").set()
        assert hear(socket)["n"] == 2
        assert ask(socket, n=3)["n"] == 3
        gateway.notes.gate("first").set()
        assert hear(socket)["n"] == 1


def test_many_handlers_at_once(gateway: Served) -> None:
    with gateway.open() as socket:
        ask(socket)  # one client for all posts, not one for each
        for n in range(32):
            socket.send(json.dumps({"do": "wait", "at": "all", "n": n}))
        for _ in range(32):
            assert gateway.notes.inside.acquire(timeout=10)
        gateway.notes.gate("all").set()
        assert {hear(socket)["n"] for _ in range(32)} == set(range(32))


def test_no_more_handlers_at_once_than_threads(serve: Serve) -> None:
    gateway = serve(limits=Limits(threads=2))
    with gateway.open() as socket:
        for n in range(3):
            socket.send(json.dumps({"do": "wait", "at": f"gate {n}", "n": n}))
        assert gateway.notes.inside.acquire(timeout=10)
        assert gateway.notes.inside.acquire(timeout=10)
        assert not gateway.notes.inside.acquire(timeout=0.1)
        gateway.notes.gate("gate 0").set()
        assert hear(socket)["n"] == 0
        assert gateway.notes.inside.acquire(timeout=10)
        for n in (1, 2):
            gateway.notes.gate(f"gate {n}").set()
            assert hear(socket)["n"] == n


@pytest.mark.parametrize("how", ["raise", "exit"])
def test_a_failing_handler_leaves_the_socket_open(gateway: Served, how: str) -> None:
    with gateway.open() as socket:
        connection_id = id_of(socket)
        told = ask(socket, do=how)
        assert told.keys() == {"message", "connectionId", "requestId"}
        assert told["message"] == "Internal server error"
        assert told["connectionId"] == connection_id
        assert told["requestId"] == gateway.notes.events[-1]["requestContext"]["requestId"]
        assert ask(socket, n=1)["n"] == 1


def test_a_handler_that_takes_too_long_is_abandoned(serve: Serve) -> None:
    gateway = serve(limits=Limits(integration=1, threads=1))
    with gateway.open() as socket:
        told = ask(socket, do="wait", at="late")
        assert told["message"] == "Endpoint request timed out"
        assert ask(socket, n=1)["n"] == 1
        gateway.notes.gate("late").set()
        # What it does afterwards still happens, as in a Lambda function that goes on.
        assert hear(socket)["at"] == "late"


def test_what_a_message_handler_returns_goes_nowhere(gateway: Served) -> None:
    with gateway.open() as socket:
        socket.send(json.dumps({"do": "quiet"}))
        eventually(lambda: gateway.notes.of("MESSAGE"), 10)
        assert ask(socket, n=1)["n"] == 1


def test_missing_handlers(serve: Serve) -> None:
    gateway = serve(without=("$connect", "$default", "$disconnect"))
    with gateway.open() as socket:
        told = ask(socket)
    assert told["message"] == "Forbidden"
    assert told.keys() == {"message", "connectionId", "requestId"}
    eventually(lambda: not gateway.front.gateway.connections, 10)
    assert not gateway.notes.events


# ---- limits


def test_a_frame_of_32_kb_passes_and_one_byte_more_does_not(gateway: Served) -> None:
    with gateway.open() as socket:
        socket.send("x" * 32 * KB)
        assert len(hear(socket)["body"]) == 32 * KB
        socket.send("x" * (32 * KB + 1))
        assert close_of(socket)[0] == 1009
    assert gateway.event("DISCONNECT")["requestContext"]["disconnectStatusCode"] == 1009


def test_a_huge_frame_hears_why_it_is_refused(gateway: Served) -> None:
    with gateway.open() as socket:
        socket.send("x" * 4096 * KB)
        assert close_of(socket)[0] == 1009


def test_a_message_of_128_kb_passes_and_more_does_not(gateway: Served) -> None:
    with gateway.open() as socket:
        socket.send("x" * 32 * KB for _ in range(4))
        eventually(lambda: gateway.notes.of("MESSAGE"), 10)
        assert len(gateway.notes.of("MESSAGE")[0]["body"]) == 128 * KB
        socket.send("x" * 32 * KB for _ in range(5))
        assert close_of(socket)[0] == 1009


def test_text_that_is_none(gateway: Served) -> None:
    with gateway.open() as socket:
        socket.send(b"\xff", text=True)
        assert close_of(socket)[0] == 1007
        assert not gateway.notes.of("MESSAGE")


def test_a_silent_socket_is_closed(serve: Serve) -> None:
    gateway = serve(limits=Limits(clock_scale=2000))
    started = time.monotonic()
    with gateway.open() as socket:
        assert close_of(socket) == (1001, "Going away")
    assert time.monotonic() - started >= 600 / 2000
    context = gateway.event("DISCONNECT")["requestContext"]
    assert context["disconnectStatusCode"] == 1001
    assert context["disconnectReason"] == "Going away"


def test_messages_and_posts_keep_a_socket_open(serve: Serve) -> None:
    gateway = serve(limits=Limits(idle=2))
    with gateway.open() as silent, gateway.open() as speaker, gateway.open() as listener:
        listener_id = id_of(listener)
        while not gateway.notes.of("DISCONNECT"):
            speaker.send(json.dumps({"do": "quiet"}))
            gateway.management.post_to_connection(ConnectionId=listener_id, Data=b"tick")
            assert listener.recv(timeout=10) == "tick"
        assert close_of(silent) == (1001, "Going away")
        assert ask(speaker, n=1)["n"] == 1
        assert ask(listener, n=2)["n"] == 2


def keep_asking(socket: ClientConnection) -> None:
    """Talk for as long as the socket is open."""
    with suppress(ConnectionClosed):
        while True:
            ask(socket)


def test_no_socket_outlives_its_lifetime(serve: Serve) -> None:
    gateway = serve(limits=Limits(idle=1e6, clock_scale=7200))
    started = time.monotonic()
    with gateway.open() as socket:
        keep_asking(socket)
        assert close_of(socket) == (1001, "Going away")
    assert time.monotonic() - started >= 1


# ---- other ends


def test_a_close_without_a_code(gateway: Served) -> None:
    with gateway.open() as socket:
        socket.protocol.send_close()
        socket.socket.sendall(b"".join(socket.protocol.data_to_send()))
        context = gateway.event("DISCONNECT")["requestContext"]
    assert context["disconnectStatusCode"] == 1005
    assert context["disconnectReason"] == "Client-side close frame status not set"


@pytest.mark.parametrize("reset", [False, True])
def test_a_socket_that_breaks_off(gateway: Served, reset: bool) -> None:
    with gateway.open() as socket:
        if reset:
            linger = struct.pack("ii", 1, 0)
            socket.socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, linger)
        socket.socket.shutdown(sockets.SHUT_RDWR)
        socket.socket.close()
    context = gateway.event("DISCONNECT")["requestContext"]
    assert context["disconnectStatusCode"] == 1006
    assert context["disconnectReason"]


def test_stopping_closes_sockets_and_tells_no_handler(serve: Serve) -> None:
    gateway = serve()
    with gateway.open() as socket:
        gateway.loop.call_soon_threadsafe(gateway.front.gateway.stop)
        assert close_of(socket) == (1001, "Going away")
    eventually(lambda: not gateway.front.gateway.connections, 10)
    assert not gateway.notes.of("DISCONNECT")
