"""Mischief: each kind does what it says, and without it all is quiet."""

from __future__ import annotations

import asyncio
import json
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError
from chalice.config import Config as ChaliceConfig
from websockets.exceptions import ConnectionClosed, InvalidStatus

from infra.local import ports
from infra.local.__main__ import main
from infra.local.errors import IntegrationTimedOut
from infra.local.limits import Limits
from infra.local.mischief import KINDS, Mischief, MortalHandlers, Trouble, parse
from infra.local.mischief_dynamodb import Proxy
from infra.local.servers import serving
from infra.local.tables import create_tables
from infra.local.workers import Workers
from tests import parts
from tests.conversations.caller import Caller
from tests.gateway.served import Served, ask, hear, id_of, management_client
from tests.gateway.toyapp.app import Notes, make_app

Serve = Callable[..., Served]


class Loaded(Mischief):
    """Dice that fall as the test wants: `strikes` and `seconds` in their order, then nothing."""

    def __init__(self, **falls: Sequence[float]) -> None:
        super().__init__()
        self._falls = {name.replace("_", "-"): iter(fall) for name, fall in falls.items()}

    def strikes(self, kind: str) -> bool:
        return bool(self.seconds(kind))

    def seconds(self, kind: str) -> float:
        return next(self._falls.get(kind, iter(())), 0)

    def call(self) -> int:
        return int(self.seconds("call"))


# ---- the dice


def test_a_spec_says_what_goes_wrong() -> None:
    spec = "delay=0.2, lose-disconnect=0.3,gone=1,seed=7"
    assert parse(spec) == Trouble(delay=0.2, lose_disconnect=0.3, gone=1, seed=7)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("thunder=1", "does not know 'thunder'; it knows delay, "),
        ("double", "double=: it is a number from 0 to 1"),
        ("double=often", "double=often: it is a number from 0 to 1"),
        ("double=1.5", "double=1.5: it is a number from 0 to 1"),
        ("gone=nan", "gone=nan: it is a number from 0 to 1"),
        ("delay=-1", "delay=-1: it is a number from 0 to 60"),
        ("seed=1.5", "seed=1.5: it is a number"),
    ],
)
def test_a_wrong_spec_is_one_clear_line(
    spec: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--mischief", spec]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_the_help_describes_each_kind(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    assert all(f"  {kind} " in text for kind in KINDS)


def test_the_same_seed_throws_the_same() -> None:
    def throws(seed: int) -> list[bool]:
        dice = Mischief(Trouble(gone=0.5, seed=seed))
        return [dice.strikes("gone") for _ in range(50)]

    assert throws(7) == throws(7) != throws(8)


def test_one_kind_of_trouble_does_not_change_the_dice_of_another() -> None:
    alone, beside = (Mischief(Trouble(gone=0.5, lose=0.5)) for _ in range(2))
    expected = [alone.strikes("gone") for _ in range(50)]
    both = [(beside.strikes("lose"), beside.strikes("gone")) for _ in range(50)]
    assert [gone for _, gone in both] == expected


def test_chances_and_times_are_kept_and_may_be_changed() -> None:
    dice = Mischief(Trouble(gone=0.25, delay=2))
    assert 150 < sum(dice.strikes("gone") for _ in range(1000)) < 350
    assert 1 < max(dice.seconds("delay") for _ in range(100)) <= 2
    dice.trouble = Trouble()
    assert not any(dice.strikes("gone") for _ in range(100))


# ---- events


def test_without_trouble_all_is_as_always(serve: Serve) -> None:
    gateway = serve(mischief=Mischief())
    with gateway.open() as socket:
        assert [ask(socket, n=n)["n"] for n in range(5)] == [*range(5)]
    gateway.event("DISCONNECT")
    kinds = [e["requestContext"]["eventType"] for e in gateway.notes.events]
    assert kinds == ["CONNECT", *["MESSAGE"] * 5, "DISCONNECT"]


def test_an_event_may_be_late(serve: Serve) -> None:
    gateway = serve(mischief=Loaded(delay=[2]))
    with gateway.open() as socket:
        for n in (1, 2):
            socket.send(json.dumps({"n": n}))
        assert [hear(socket)["n"], hear(socket)["n"]] == [2, 1]


def test_an_event_may_be_overtaken(serve: Serve) -> None:
    gateway = serve(mischief=Loaded(reorder=[True]))
    with gateway.open() as socket:
        for n in (1, 2):
            socket.send(json.dumps({"n": n}))
        assert [hear(socket)["n"], hear(socket)["n"]] == [2, 1]


def test_an_event_waits_for_another_but_not_for_ever(serve: Serve) -> None:
    gateway = serve(mischief=Loaded(reorder=[True]))
    with gateway.open() as socket:
        assert ask(socket, n=1)["n"] == 1


def test_an_event_may_come_twice(serve: Serve) -> None:
    gateway = serve(mischief=Loaded(double=[False, True]))
    with gateway.open() as socket:
        first, second = ask(socket, n=1), hear(socket)
        assert first["event"] == second["event"]


def test_a_socket_may_be_cut_without_a_word(serve: Serve) -> None:
    gateway = serve(mischief=Loaded(cut=[True]))
    with gateway.open() as socket:
        socket.send("{}")
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=10)
        assert closed.value.rcvd is None
    assert gateway.event("DISCONNECT")["requestContext"]["disconnectStatusCode"] == 1006
    assert len(gateway.notes.of("MESSAGE")) == 1


# ---- the end of a socket


def closed_one_after_another(gateway: Served, sockets: int) -> list[str]:
    """Open and close so many sockets; their ids."""
    ids = []
    for _ in range(sockets):
        with gateway.open() as socket:
            ids.append(id_of(socket))
        parts.eventually(lambda: not gateway.front.gateway.connections, 10)
    return ids


def ended(gateway: Served) -> list[str]:
    return [e["requestContext"]["connectionId"] for e in gateway.notes.of("DISCONNECT")]


def test_a_disconnect_may_be_lost(serve: Serve) -> None:
    gateway = serve(mischief=Loaded(lose_disconnect=[True]))
    _, second = closed_one_after_another(gateway, 2)
    gateway.event("DISCONNECT")
    assert ended(gateway) == [second]


def test_a_disconnect_may_be_late(serve: Serve) -> None:
    gateway = serve(mischief=Loaded(late_disconnect=[2]))
    first, second = closed_one_after_another(gateway, 2)
    parts.eventually(lambda: len(ended(gateway)) == 2, 10)
    assert ended(gateway) == [second, first]


def test_a_disconnect_may_come_twice(serve: Serve) -> None:
    gateway = serve(mischief=Loaded(double_disconnect=[True]))
    (first,) = closed_one_after_another(gateway, 1)
    parts.eventually(lambda: len(ended(gateway)) == 2, 10)
    assert ended(gateway) == [first, first]


def test_a_disconnect_may_overtake_its_connect(serve: Serve) -> None:
    gateway = serve(mischief=Loaded(early_disconnect=[True]))
    with pytest.raises(InvalidStatus) as refused, gateway.open():
        pass
    assert refused.value.response.status_code == 504
    kinds = [e["requestContext"]["eventType"] for e in gateway.notes.events]
    assert kinds == ["DISCONNECT", "CONNECT"]
    assert len({e["requestContext"]["connectionId"] for e in gateway.notes.events}) == 1


# ---- posts


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("gone", 410, "GoneException"),
        ("throttle", 429, "LimitExceededException"),
        ("too_large", 413, "PayloadTooLargeException"),
        ("forbid", 403, "ForbiddenException"),
        ("fail", 500, "InternalServerErrorException"),
    ],
)
def test_a_post_may_be_refused(serve: Serve, kind: str, status: int, code: str) -> None:
    gateway = serve(mischief=Loaded(**{kind: [False, True]}))
    with gateway.open() as socket:
        to = {"ConnectionId": id_of(socket)}
        with pytest.raises(ClientError) as refused:
            gateway.management.post_to_connection(**to, Data=b"lost")
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
        assert refused.value.response["Error"]["Code"] == code
        gateway.management.get_connection(**to)
        gateway.management.post_to_connection(**to, Data=b"kept")
        assert socket.recv(timeout=10) == "kept"


def test_a_post_may_never_be_answered(serve: Serve) -> None:
    gateway = serve(mischief=Loaded(hang=[False, True]))
    patience = Config(read_timeout=0.2, retries={"total_max_attempts": 1}, proxies={})
    hurried = management_client(f"http://127.0.0.1:{gateway.port}/api", patience)
    with gateway.open() as socket:
        connection_id = id_of(socket)
        with pytest.raises(ReadTimeoutError):
            hurried.post_to_connection(ConnectionId=connection_id, Data=b"lost")
        hurried.post_to_connection(ConnectionId=connection_id, Data=b"kept")
        assert socket.recv(timeout=10) == "kept"


def test_a_post_may_be_accepted_and_never_delivered(serve: Serve) -> None:
    gateway = serve(mischief=Loaded(lose=[False, True]))
    with gateway.open() as socket:
        connection_id = id_of(socket)
        for data in (b"lost", b"kept"):
            gateway.management.post_to_connection(ConnectionId=connection_id, Data=data)
        assert socket.recv(timeout=10) == "kept"


# ---- handlers and their DynamoDB


@contextmanager
def disturbed(mischief: Mischief, endpoint: str) -> Iterator[Any]:
    """A client that reaches DynamoDB through the proxy, and does not try twice."""
    ready: list[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def run() -> None:
        with ports.listen("127.0.0.1", 0) as listener:
            async with serving(Proxy(mischief, endpoint), listener, Limits()):
                end = asyncio.Event()
                ready.append((ports.number_of(listener), asyncio.get_running_loop(), end))
                await end.wait()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    port, loop, end = parts.eventually(lambda: ready)[0]
    try:
        yield boto3.client(
            "dynamodb",
            endpoint_url=f"http://127.0.0.1:{port}",
            config=Config(read_timeout=2, retries={"total_max_attempts": 1}),
        )
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join(10)


def test_a_call_to_dynamodb_may_be_throttled(dynamodb_endpoint: str) -> None:
    with disturbed(Loaded(db_throttle=[False, True]), dynamodb_endpoint) as client:
        client.list_tables()
        with pytest.raises(ClientError) as refused:
            client.list_tables()
        assert refused.value.response["Error"]["Code"] == "ThrottlingException"
        client.list_tables()


def test_a_call_to_dynamodb_may_take_long(dynamodb_endpoint: str) -> None:
    with disturbed(Loaded(db_slow=[20]), dynamodb_endpoint) as client:
        with pytest.raises(ReadTimeoutError):
            client.list_tables()
        client.list_tables()


def test_a_dynamodb_that_is_away_is_away_through_the_proxy_too() -> None:
    nobody = f"http://127.0.0.1:{parts.free_port()}"
    with disturbed(Mischief(), nobody) as client, pytest.raises(ClientError) as refused:
        client.list_tables()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503


def test_a_handler_may_die_between_two_writes(dynamodb_endpoint: str) -> None:
    table = f"notes-{uuid.uuid4()}"
    create_tables(parts.dynamodb_client(dynamodb_endpoint), parts.TEMPLATE, {"TableName": table})
    config = ChaliceConfig("local", config_from_disk={})
    mischief = Loaded(kill=[True], call=[2])

    def writes_two() -> None:
        client = boto3.client("dynamodb", endpoint_url=dynamodb_endpoint)
        for number in ("1", "2"):
            try:
                client.put_item(TableName=table, Item={"pk": {"S": number}})
            except Exception:
                pytest.fail("a handler cannot catch its own end")

    async def run_twice() -> None:
        handlers = MortalHandlers(mischief, make_app(Notes()), config, Workers(1), 29)
        with pytest.raises(IntegrationTimedOut):
            await handlers.run(writes_two)
        assert written() == {"1"}
        await handlers.run(writes_two)

    def written() -> set[str]:
        client = parts.dynamodb_client(dynamodb_endpoint)
        return {item["pk"]["S"] for item in client.scan(TableName=table)["Items"]}

    asyncio.run(run_twice())
    assert written() == {"1", "2"}


# ---- on the desk


def test_the_flag_makes_mischief_on_the_whole_desk() -> None:
    with parts.desk({}, "--mischief", "delay=0.1,double=1,db-slow=0.02,seed=7") as url:
        socket = url.replace("http", "ws", 1) + "/ws"
        with Caller(socket) as ada:
            ada.joins("garden")
            assert ada.has_joined()["since"] == ada.since
            ada.says({"type": "ping", "id": "p"})
            assert ada.hears("pong")["rooms"] == {"garden": {ada.client_id: ada.since}}


def test_a_handler_of_the_desk_may_die() -> None:
    with (
        parts.desk({}, "--mischief", "kill=1,seed=7") as url,
        Caller(url.replace("http", "ws", 1) + "/ws") as ada,
    ):
        ada.says({"type": "join", "roomId": "garden"})
        assert json.loads(ada.hears_text())["message"] == "Endpoint request timed out"
