"""From an event to what it causes; with the two rounds, and errors that say nothing of ours."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from chalicelib.access import OpenPasses
from chalicelib.connections import Post
from chalicelib.events import Outcome
from chalicelib.ports import Claims
from chalicelib.rooms import EVERYBODY, Address, RoomFull, RoomId
from chalicelib.signaling import Limits, Signaling
from chalicelib.switchboard import Call, Sizes, Switchboard
from tests.fakes import (
    FakeClock,
    FakeIce,
    FakeSeals,
    FakeSockets,
    FirstChance,
    Meanwhile,
    MemoryRooms,
    open_doors,
    open_guard,
)

Frame = dict[str, Any]


class Line:
    """A speaker that notes what each socket is told; those in `gone` take nothing."""

    def __init__(self) -> None:
        self.gone: set[str] = set()
        self.closed: set[str] = set()
        self.told: list[tuple[str, Frame]] = []

    def post(self, posts: Sequence[Post]) -> list[Outcome]:
        return [self._one(post) for post in posts]

    def _one(self, post: Post) -> Outcome:
        if post.to.connection in self.gone:
            return Outcome.GONE
        self.told.append((post.to.connection, json.loads(post.text)))
        if post.hang_up:
            self.closed.add(post.to.connection)
        return Outcome.DELIVERED

    def to(self, connection: str) -> list[Frame]:
        return [frame for name, frame in self.told if name == connection]


class Exchange:
    """A switchboard over fakes, spoken to as a socket would."""

    def __init__(self, rooms: Any = None, capacity: int = 16) -> None:
        self.line = Line()
        self.clock = FakeClock()
        self.sockets = FakeSockets()
        store, guard = rooms or MemoryRooms(), open_guard(self.clock)
        signaling = Signaling(
            store,
            self.sockets,
            FakeSeals(),
            FakeIce(),
            self.clock,
            FirstChance(),
            Limits(capacity=capacity),
            guard,
        )
        doors = open_doors(signaling, store, self.clock, guard)
        self.switchboard = Switchboard(signaling, doors, self.line, OpenPasses(), Sizes(), guard)

    def context(self, name: str) -> dict[str, Any]:
        self.clock.time += 1
        now = self.clock.time
        return {
            "connectionId": name,
            "apiId": "api",
            "stage": "stage",
            "requestId": f"{name}{now}",
            "requestTimeEpoch": now,
            "connectedAt": now,
        }

    def say(self, name: str, frame: Frame | str, binary: bool = False) -> list[Frame]:
        """What the socket itself hears back."""
        before = len(self.line.to(name))
        text = frame if isinstance(frame, str) else json.dumps(frame)
        self.switchboard.receive(self.context(name), text, binary)
        return self.line.to(name)[before:]


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


def test_an_answer_carries_the_id_of_its_request(exchange: Exchange) -> None:
    (joined,) = exchange.say("ada", {"type": "join", "roomId": "garden", "id": "one"})
    assert (joined["type"], joined["id"]) == ("joined", "one")
    (pong,) = exchange.say("ada", {"type": "ping", "id": "two"})
    assert (pong["type"], pong["id"]) == ("pong", "two")
    (left,) = exchange.say("ada", {"type": "leave", "roomId": "garden", "id": "three"})
    assert (left["type"], left["id"]) == ("left", "three")


@pytest.mark.parametrize(
    ("frame", "binary", "code"),
    [
        ("", False, "bad-message"),
        ("aGVsbG8=", True, "bad-message"),
        ('{"type":"join","roomId":""}', False, "bad-message"),
        ('{"type":"join","roomId":"a\\u0000b"}', False, "bad-message"),
        ('{"type":"join","roomId":"' + "x" * 129 + '"}', False, "bad-message"),
        ('{"type":"join","clientId":"k3J9aQ"}', False, "bad-message"),
        ('{"type":"join","roomId":"g","resumeToken":"t"}', False, "bad-message"),
        (
            '{"type":"join","roomId":"g","clientId":"k3J9aQ","resumeToken":"t"}',
            False,
            "unauthorized",
        ),
        ('{"type":"join","metadata":[]}', False, "bad-message"),
        ('{"type":"join","metadata":{"a":"' + "x" * 1024 + '"}}', False, "too-large"),
        ('{"type":"leave","roomId":"garden"}', False, "not-in-room"),
        ('{"type":"shout"}', False, "unknown-type"),
    ],
)
def test_a_frame_that_cannot_be_served_gets_one_error(
    exchange: Exchange, frame: str, binary: bool, code: str
) -> None:
    (error,) = exchange.say("ada", frame, binary)
    assert (error["type"], error["code"]) == ("error", code)


def test_a_metadata_of_exactly_1_kb_is_taken(exchange: Exchange) -> None:
    metadata = '{"a":"' + "x" * (1024 - 8) + '"}'
    assert len(metadata) == 1024
    (joined,) = exchange.say("ada", '{"type":"join","metadata":' + metadata + "}")
    assert joined["type"] == "joined"


def test_a_forged_sender_is_replaced(exchange: Exchange) -> None:
    (ada,) = exchange.say("ada", {"type": "join", "roomId": "garden"})
    exchange.say("bea", {"type": "join", "roomId": "garden"})
    forged = {"type": "broadcast", "roomId": "garden", "data": 1, "from": "forged"}
    assert exchange.say("ada", forged) == []
    assert exchange.line.to("bea")[-1]["from"] == ada["clientId"]


def test_what_a_dead_receiver_causes_is_said_in_a_second_round_and_then_no_more(
    exchange: Exchange,
) -> None:
    for name in ("ada", "bea", "cyd"):
        exchange.say(name, {"type": "join", "roomId": "garden"})
    exchange.line.gone = {"bea", "cyd"}
    heard = exchange.say("ada", {"type": "broadcast", "roomId": "garden", "data": 1})
    assert [frame["type"] for frame in heard] == ["peer-left", "peer-left"]
    assert len(exchange.switchboard._signaling.room(EVERYBODY, RoomId("garden")).members) == 1


def test_a_signal_reaches_a_seat_that_moved_between_reading_and_posting(
    exchange: Exchange,
) -> None:
    exchange.say("ada", {"type": "join", "roomId": "garden"})
    (bea,) = exchange.say("bea", {"type": "join", "roomId": "garden"})
    resume = {"clientId": bea["clientId"], "resumeToken": bea["resumeToken"]}

    class Moving(Line):
        def _one(self, post: Post) -> Outcome:
            if post.to.connection == "bea" and not self.gone:
                self.gone.add("bea")
                exchange.say("bea2", {"type": "join", "roomId": "garden", **resume})
            return super()._one(post)

    exchange.line = Moving()
    exchange.switchboard._speaker = exchange.line
    signal = {"type": "signal", "roomId": "garden", "to": bea["clientId"], "data": 1}
    assert [f["type"] for f in exchange.say("ada", signal)] == ["peer-joined"]
    assert exchange.line.to("bea2")[-1]["type"] == "signal"


# -- a full room ---------------------------------------------------------------------------------

JOIN = {"type": "join", "roomId": "garden"}


def full_of(exchange: Exchange, *names: str) -> list[str]:
    """Who they are, by their ids."""
    return [exchange.say(name, JOIN)[0]["clientId"] for name in names]


def dies(exchange: Exchange, name: str) -> None:
    """A socket is gone, and no `$disconnect` tells of it."""
    exchange.line.gone.add(name)
    exchange.sockets.dead.add(Address(name, "api/stage"))


def test_a_newcomer_gets_the_place_of_somebody_gone_and_all_hear_it() -> None:
    exchange = Exchange(capacity=2)
    _, dead = full_of(exchange, "ada", "bea")
    dies(exchange, "bea")
    (joined,) = exchange.say("cyd", JOIN)
    assert joined["type"] == "joined"
    left, news = exchange.line.to("ada")[-2:]
    assert (left["type"], left["clientId"], news["type"]) == ("peer-left", dead, "peer-joined")
    assert dead not in {peer["clientId"] for peer in joined["peers"]}


def test_who_gets_the_place_of_the_only_one_there_is_in() -> None:
    exchange = Exchange(capacity=1)
    full_of(exchange, "ada")
    dies(exchange, "ada")
    assert exchange.say("bea", JOIN)[0]["type"] == "joined"


def test_a_room_full_of_the_living_refuses_once() -> None:
    exchange = Exchange(capacity=2)
    full_of(exchange, "ada", "bea")
    (error,) = exchange.say("cyd", {**JOIN, "id": "7"})
    assert (error["code"], error["id"], error["roomId"]) == ("room-full", "7", "garden")


def test_a_reservation_gets_the_place_of_somebody_gone() -> None:
    exchange = Exchange(capacity=2)
    full_of(exchange, "ada", "bea")
    dies(exchange, "bea")
    reserved = exchange.switchboard.reserve(Call("r1", exchange.clock.time), RoomId("garden"))
    news = [frame["type"] for frame in exchange.line.to("ada")[-2:]]
    assert news == ["peer-left", "peer-joined"]
    assert exchange.line.to("ada")[-1]["peer"]["clientId"] == reserved.member.client_id
    with pytest.raises(RoomFull):
        exchange.switchboard.reserve(Call("r2", exchange.clock.time), RoomId("garden"))


def test_who_had_to_go_is_told_of_even_if_the_place_went_to_another() -> None:
    exchange: Exchange
    store = Meanwhile("admit", lambda: exchange.say("dan", JOIN), calls=3)
    exchange = Exchange(store, capacity=2)
    _, dead = full_of(exchange, "ada", "bea")
    dies(exchange, "bea")
    (error,) = exchange.say("cyd", JOIN)
    assert error["code"] == "room-full"
    said = {frame["type"]: frame for frame in exchange.line.to("ada")[-2:]}
    assert said.keys() == {"peer-joined", "peer-left"}
    assert said["peer-left"]["clientId"] == dead


# -- time is short -------------------------------------------------------------------------------

ROUNDS = 3  # of calls side by side, one after the other at most: probes, posts, and what follows


class Hanging(Line):
    """Sockets none of which answers, and how often we waited for some of them."""

    rounds = 0

    def post(self, posts: Sequence[Post]) -> list[Outcome]:
        self.rounds += 1
        return [Outcome.FAILED for _ in posts]


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "join", "roomId": "garden"},
        {"type": "signal", "roomId": "garden", "to": "bea", "data": 1},
        {"type": "broadcast", "roomId": "garden", "data": 1},
        {"type": "ping"},
        {"type": "leave", "roomId": "garden"},
    ],
    ids=lambda frame: frame["type"],
)
@pytest.mark.parametrize("dead", [False, True])
def test_race_4_nothing_waits_for_more_than_three_rounds_even_if_all_hang(
    frame: Frame, dead: bool
) -> None:
    exchange = Exchange(capacity=2)
    _, bea = full_of(exchange, "ada", "bea")
    if dead:
        exchange.sockets.dead = {Address("bea", "api/stage")}
    hanging = Hanging()
    exchange.switchboard._speaker = hanging
    sender = "cyd" if frame["type"] == "join" else "ada"
    exchange.say(sender, frame | ({"to": bea} if "to" in frame else {}))
    probes = 1 if exchange.sockets.probed else 0
    assert 1 <= hanging.rounds + probes <= ROUNDS


def test_a_disconnect_is_announced(exchange: Exchange) -> None:
    exchange.say("ada", {"type": "join", "roomId": "garden"})
    exchange.say("bea", {"type": "join", "roomId": "garden"})
    exchange.switchboard.disconnect(exchange.context("bea"))
    last = exchange.line.to("ada")[-1]
    assert (last["type"], last["reason"]) == ("peer-left", "disconnected")


def test_what_breaks_on_our_side_is_an_internal_error_and_tells_nothing() -> None:
    class Broken(MemoryRooms):
        def claims(self, address: Address) -> Claims:
            raise RuntimeError("the cellar is flooded")

    exchange = Exchange(Broken())
    (error,) = exchange.say("ada", {"type": "ping", "id": "7"})
    assert (error["code"], error["id"]) == ("internal", "7")
    assert "cellar" not in json.dumps(error)


def test_a_sender_hears_of_a_dead_peer_even_if_the_store_fails_then() -> None:
    class Broken(MemoryRooms):
        def forget(self, address: Address) -> Claims:
            raise RuntimeError("the cellar is flooded")

    exchange = Exchange(Broken())
    (bea,) = exchange.say("bea", {"type": "join", "roomId": "garden"})
    exchange.say("ada", {"type": "join", "roomId": "garden"})
    exchange.line.gone = {"bea"}
    signal = {"type": "signal", "id": "7", "roomId": "garden", "to": bea["clientId"], "data": 1}
    (error,) = exchange.say("ada", signal)
    assert (error["code"], error["id"]) == ("peer-not-found", "7")
