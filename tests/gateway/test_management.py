"""The management API through the real boto3 client."""

from __future__ import annotations

import datetime
import http.client
import json
import socket as sockets
import threading
from contextlib import ExitStack
from typing import Any

import pytest
from botocore.exceptions import ClientError
from starlette.requests import Request
from websockets.exceptions import ConnectionClosed

from infra.local.errors import Forbidden
from infra.local.management import check_caller
from tests.gateway.served import Served, ask, hear, id_of, management_client
from tests.parts import eventually

KB = 1024
NOBODY = "L0SM9cOFvHcCIhw="


def error_of(call: Any, **arguments: Any) -> tuple[int, str]:
    """Status and code of the error that a call of the client ends with."""
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    response = refused.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


def test_a_post_is_delivered(gateway: Served) -> None:
    with gateway.open() as socket:
        gateway.management.post_to_connection(ConnectionId=id_of(socket), Data="héllo".encode())
        assert socket.recv(timeout=10) == "héllo"


def test_a_post_may_be_larger_than_a_frame(gateway: Served) -> None:
    with gateway.open() as socket:
        connection_id = id_of(socket)
        gateway.management.post_to_connection(ConnectionId=connection_id, Data=b"x" * 128 * KB)
        assert len(socket.recv(timeout=10)) == 128 * KB
        data = b"x" * (128 * KB + 1)
        too_large = gateway.management.exceptions.PayloadTooLargeException
        with pytest.raises(too_large):
            gateway.management.post_to_connection(ConnectionId=connection_id, Data=data)


def test_posts_arrive_in_their_order(gateway: Served) -> None:
    with gateway.open() as socket:
        connection_id = id_of(socket)
        for n in range(100):
            data = str(n).encode()
            gateway.management.post_to_connection(ConnectionId=connection_id, Data=data)
        assert [socket.recv(timeout=10) for _ in range(100)] == [str(n) for n in range(100)]


def test_data_that_is_no_text_arrives_as_it_is(gateway: Served) -> None:
    with gateway.open() as socket:
        gateway.management.post_to_connection(ConnectionId=id_of(socket), Data=b"\xff\x00")
        assert socket.recv(timeout=10) == b"\xff\x00"


def test_a_closed_connection_is_gone(gateway: Served) -> None:
    with gateway.open() as socket:
        connection_id = id_of(socket)
    gateway.event("DISCONNECT")
    gone = gateway.management.exceptions.GoneException
    with pytest.raises(gone):
        gateway.management.post_to_connection(ConnectionId=connection_id, Data=b"x")
    with pytest.raises(gone):
        gateway.management.get_connection(ConnectionId=connection_id)
    with pytest.raises(gone):
        gateway.management.delete_connection(ConnectionId=connection_id)


def test_a_connection_that_never_was_is_gone(gateway: Served) -> None:
    post = gateway.management.post_to_connection
    assert error_of(post, ConnectionId=NOBODY, Data=b"x") == (410, "GoneException")


def test_a_connection_inside_its_own_connect_is_gone(gateway: Served) -> None:
    with gateway.open("/ws?greet=1") as socket:
        assert gateway.notes.gone == [id_of(socket)]


@pytest.mark.parametrize("connection_id", ["x", "0123456789abcdef", "L0SM9cOFvHcCIhw", "a/b", "…"])
def test_a_malformed_id(gateway: Served, connection_id: str) -> None:
    get = gateway.management.get_connection
    assert error_of(get, ConnectionId=connection_id) == (400, "BadRequestException")


def test_get_connection(gateway: Served) -> None:
    with gateway.open(user_agent_header="test/1") as socket:
        answer = gateway.management.get_connection(ConnectionId=id_of(socket))
    assert answer["Identity"] == {"SourceIp": "127.0.0.1", "UserAgent": "test/1"}
    connected_at = gateway.event("CONNECT")["requestContext"]["connectedAt"]
    assert answer["ConnectedAt"] == datetime.datetime.fromtimestamp(
        connected_at / 1000, datetime.UTC
    )
    assert answer["LastActiveAt"] >= answer["ConnectedAt"]


def test_delete_connection_closes_after_what_was_posted(gateway: Served) -> None:
    with gateway.open() as socket:
        connection_id = id_of(socket)
        gateway.management.post_to_connection(ConnectionId=connection_id, Data=b"farewell")
        gateway.management.delete_connection(ConnectionId=connection_id)
        post = gateway.management.post_to_connection
        assert error_of(post, ConnectionId=connection_id, Data=b"x")[0] == 410
        assert socket.recv(timeout=10) == "farewell"
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1000
    context = gateway.event("DISCONNECT")["requestContext"]
    assert context["disconnectStatusCode"] == 1000
    assert context["disconnectReason"] == "Connection Closed Normally"


def test_a_slow_reader_is_refused_and_disturbs_nobody(gateway: Served) -> None:
    narrow = sockets.socket()
    narrow.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4 * KB)
    narrow.connect(("127.0.0.1", gateway.port))
    with gateway.open(sock=narrow, max_queue=1) as slow, gateway.open() as quick:
        connection_id = id_of(slow)
        posted = flood(gateway, connection_id)
        assert ask(quick, n=1)["n"] == 1
        gateway.management.get_connection(ConnectionId=connection_id)
        heard = [str(slow.recv(timeout=10))[:8] for _ in range(posted)]
        assert heard == [f"{n:08}" for n in range(posted)]
        eventually(lambda: accepts(gateway, connection_id), 10)


def flood(gateway: Served, connection_id: str) -> int:
    """Post until the gateway refuses; how many it took."""
    for n in range(2000):
        data = f"{n:08}".encode() + b"x" * 100 * KB
        try:
            gateway.management.post_to_connection(ConnectionId=connection_id, Data=data)
        except gateway.management.exceptions.LimitExceededException:
            return n
    raise AssertionError("never refused")


def accepts(gateway: Served, connection_id: str) -> bool:
    try:
        gateway.management.post_to_connection(ConnectionId=connection_id, Data=b"again")
    except gateway.management.exceptions.LimitExceededException:
        return False
    return True


def test_a_stuck_reader_can_be_deleted(gateway: Served) -> None:
    narrow = sockets.socket()
    narrow.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4 * KB)
    narrow.connect(("127.0.0.1", gateway.port))
    with gateway.open(sock=narrow, max_queue=1, close_timeout=0.1) as slow:
        connection_id = id_of(slow)
        flood(gateway, connection_id)
        gateway.management.delete_connection(ConnectionId=connection_id)
        assert gateway.event("DISCONNECT")["requestContext"]["disconnectStatusCode"] == 1006


def test_posts_from_many_threads_to_many_sockets(gateway: Served) -> None:
    def post_to_all(sender: int) -> None:
        client = management_client(f"http://127.0.0.1:{gateway.port}/api")
        for connection_id in ids:
            client.post_to_connection(
                ConnectionId=connection_id, Data=json.dumps({"from": sender}).encode()
            )

    with ExitStack() as opened:
        clients = [opened.enter_context(gateway.open()) for _ in range(8)]
        ids = [id_of(client) for client in clients]
        threads = [threading.Thread(target=post_to_all, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for client in clients:
            assert {hear(client)["from"] for _ in range(8)} == set(range(8))
        for thread in threads:
            thread.join()


def test_an_unsigned_call_is_refused(gateway: Served) -> None:
    with gateway.open() as socket:
        path = f"/api/@connections/{id_of(socket)}"
        answer = gateway.http("POST", path, b"from a page")
        assert answer.status == 403
        assert answer.headers["x-amzn-ErrorType"] == "MissingAuthenticationTokenException"
        assert gateway.http("PUT", path, b"x").status == 403


@pytest.mark.parametrize("host", ["192.0.2.7", "2001:db8::1", "::ffff:192.0.2.7"])
def test_a_caller_from_elsewhere_is_refused(host: str) -> None:
    signed = [(b"authorization", b"AWS4-HMAC-SHA256 Credential=x")]
    caller = Request({"type": "http", "client": (host, 1), "headers": signed})
    with pytest.raises(Forbidden):
        check_caller(caller)


def test_the_error_is_in_a_header_and_a_body(gateway: Served) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
    signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=x"}
    connection.request("GET", f"/api/%40connections/{NOBODY[:-1]}%3D", headers=signed)
    response = connection.getresponse()
    assert response.status == 410
    assert response.headers["x-amzn-ErrorType"] == "GoneException"
    assert json.loads(response.read()) == {"message": "410"}
    connection.close()
