"""Floods, from frame to answer: so much gets through, and all else is told how long to wait."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from chalicelib.access import OpenPasses
from chalicelib.guard import Allowances, Guard
from chalicelib.ports import Passes
from chalicelib.quotas import Quota, Quotas
from chalicelib.rooms import Pass, RateLimited, Role, RoomFull, RoomId, Unauthorized
from chalicelib.signaling import Limits, Signaling
from chalicelib.switchboard import Call, Sizes, Switchboard
from tests.fakes import (
    FakeClock,
    FakeIce,
    FakePasscodes,
    FakeSeals,
    FakeSockets,
    FirstChance,
    MemoryRooms,
    MemoryTallies,
    open_doors,
)
from tests.unit.test_switchboard import Line

Frame = dict[str, Any]


class House:
    """A switchboard where so much is allowed; sockets come from addresses."""

    passes: Passes = OpenPasses()

    def __init__(self, capacity: int = 16, **limits: int) -> None:
        self.line, self.clock, self.tallies = Line(), FakeClock(3_600_000), MemoryTallies()
        quotas = {
            name: Quota(name, limit, 3600 if name in ("rooms", "guesses") else 60)
            for name, limit in limits.items()
        }
        guard = Guard(Quotas(self.tallies, self.clock), FakePasscodes(), Allowances(**quotas))
        store = MemoryRooms(self.clock)
        signaling = Signaling(
            store,
            FakeSockets(),
            FakeSeals(),
            FakeIce(),
            self.clock,
            FirstChance(),
            Limits(capacity=capacity),
            guard,
        )
        doors = open_doors(signaling, store, self.clock, guard)
        sizes = Sizes()
        self.switchboard = Switchboard(signaling, doors, self.line, self.passes, sizes, guard)

    def say(self, name: str, frame: Frame, address: str = "192.0.2.7") -> Frame:
        """What the socket itself hears, first."""
        self.clock.time += 1
        before = len(self.line.to(name))
        context = {
            "connectionId": name,
            "apiId": "api",
            "stage": "stage",
            "requestId": f"{name}{self.clock.time}",
            "requestTimeEpoch": self.clock.time,
            "connectedAt": self.clock.time,
            "identity": {"sourceIp": address},
        }
        self.switchboard.receive(context, json.dumps(frame), False)
        return ([*self.line.to(name)[before:], {"type": "nothing"}])[0]

    def answers(self, frames: list[tuple[str, Frame, str]]) -> list[str]:
        said = [self.say(name, frame, address) for name, frame, address in frames]
        return [str(one.get("code", one["type"])) for one in said]


class NamedPasses:
    """Whose token is `for …` is that subject; any other token is wrong."""

    def read(self, token: str | None) -> Pass:
        said, _, subject = (token or "").partition(" ")
        if said != "for":
            raise Unauthorized("a token is needed")
        return Pass(subject, role=Role.ADMIN, expires=10_000_000)


class HouseWithTokens(House):
    passes = NamedPasses()


@dataclass(frozen=True)
class Flood:
    """What somebody does again and again, and what comes of it."""

    limits: dict[str, int]
    frames: list[tuple[str, Frame, str]]
    passed: int
    answer: str


def join(room: str | None = None, **more: Any) -> Frame:
    return {"type": "join", **({"roomId": room} if room else {}), **more}


HOME, AWAY = "192.0.2.7", "198.51.100.9"
FLOODS: dict[str, Flood] = {
    "joins through many sockets": Flood(
        {"joins": 5}, [(f"s{n}", join(f"r{n}"), HOME) for n in range(40)], 5, "joined"
    ),
    "the same join, again and again": Flood(
        {"joins": 5}, [("eve", join("r"), HOME)] * 40, 5, "joined"
    ),
    "joins at capacity from many addresses": Flood(
        {"joins": 5}, [(f"s{n}", join("r"), f"192.0.2.{n}") for n in range(16)], 16, "joined"
    ),
    "joins from one /64": Flood(
        {"joins": 5}, [(f"s{n}", join("r"), f"2001:db8::{n:x}") for n in range(16)], 5, "joined"
    ),
    "new rooms": Flood({"rooms": 3}, [("eve", join(), HOME)] * 20, 3, "joined"),
    "rooms by name": Flood(
        {"rooms": 3}, [("eve", join(f"r{n}"), HOME) for n in range(20)], 3, "joined"
    ),
    "forged proofs": Flood(
        {"tokens": 4},
        [("eve", join("r", clientId="k3J9aQ", resumeToken=f"k1.{n}.x"), HOME) for n in range(30)],
        4,
        "unauthorized",
    ),
    "frames": Flood({"messages": 20}, [("eve", {"type": "ping"}, HOME)] * 60, 20, "pong"),
    "frames that are none": Flood(
        {"messages": 20}, [("eve", {"type": "hack"}, HOME)] * 60, 20, "unknown-type"
    ),
    "frames through many sockets": Flood(
        {"traffic": 20}, [(f"s{n}", {"type": "ping"}, HOME) for n in range(60)], 10, "pong"
    ),
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood(name: str) -> None:
    flood = FLOODS[name]
    answers = House(**flood.limits).answers(flood.frames)
    assert answers[: flood.passed] == [flood.answer] * flood.passed
    assert set(answers[flood.passed :]) <= {"rate-limited"}


def with_token(frame: Frame, token: str) -> Frame:
    return {**frame, "token": token}


BY_TOKEN: dict[str, Flood] = {
    "joins with one token from many addresses": Flood(
        {"joins": 5},
        [(f"s{n}", with_token(join("r"), "for ada"), f"192.0.2.{n}") for n in range(16)],
        5,
        "joined",
    ),
    "rooms made with one token from many addresses": Flood(
        {"rooms": 3},
        [(f"s{n}", with_token(join(), "for ada"), f"192.0.2.{n}") for n in range(16)],
        3,
        "joined",
    ),
    "wrong tokens": Flood(
        {"tokens": 4},
        [("eve", with_token(join("r"), f"guess {n}"), HOME) for n in range(30)],
        4,
        "unauthorized",
    ),
}


@pytest.mark.parametrize("name", BY_TOKEN)
def test_a_flood_with_tokens(name: str) -> None:
    flood = BY_TOKEN[name]
    house = HouseWithTokens(**flood.limits)
    answers = house.answers(flood.frames)
    assert answers[: flood.passed] == [flood.answer] * flood.passed
    assert set(answers[flood.passed :]) == {"rate-limited"}
    assert house.say("bea", with_token(join("bea's"), "for bea"), AWAY)["type"] == "joined"


def test_a_refusal_says_how_long_to_wait_and_whoever_waits_is_let_in() -> None:
    house = House(joins=1)
    house.say("ada", join("r"))
    house.clock.time += 20_000
    refused = house.say("bea", {**join("r"), "id": "7"})
    assert (refused["code"], refused["id"], refused["retryAfter"]) == ("rate-limited", "7", 40)
    house.clock.time += 40_000
    assert house.say("bea", join("r"))["type"] == "joined"


def test_who_may_make_no_more_rooms_may_still_come_into_those_that_are() -> None:
    house = House(rooms=1)
    house.say("ada", join("r"), AWAY)
    house.say("eve", join("mine"))
    assert house.say("eve", join("mine too"))["code"] == "rate-limited"
    assert house.say("eve", join("r"))["type"] == "joined"


def test_a_broadcast_costs_what_it_causes() -> None:
    house = House(traffic=100)
    for n in range(11):
        house.say(f"m{n}", join("r"), f"198.51.100.{n}")
    house.say("eve", join("r"))  # one frame in, 12 posts
    said = [
        house.say("eve", {"type": "broadcast", "roomId": "r", "data": 1}).get("code")
        for _ in range(20)
    ]
    assert said.index("rate-limited") == 8, "13 + 8 times 12 are more than 100"


def test_a_ping_costs_a_look_into_each_room() -> None:
    house = House(traffic=100)
    for n in range(8):
        house.say("eve", join(f"r{n}"))  # 2 each
    pongs = [house.say("eve", {"type": "ping"}).get("code") for _ in range(20)]
    assert pongs.index("rate-limited") == 9, "16 + 9 times 10 are more than 100"


def test_who_goes_on_is_closed() -> None:
    house = House(messages=1)
    house.say("eve", {"type": "ping"})
    for _ in range(10):
        house.say("eve", {"type": "ping"})
    assert "eve" not in house.line.closed
    house.say("eve", {"type": "ping"})
    assert "eve" in house.line.closed


def closed_room(**limits: int) -> House:
    house = House(**limits)
    house.say("ada", join("r"), AWAY)
    house.say("ada", {"type": "set-door", "roomId": "r", "passcode": "7134"}, AWAY)
    return house


def guess(house: House, number: int, address: str = HOME) -> str:
    return str(house.say(f"g{number}", join("r", passcode=f"{number:04}"), address).get("code"))


def test_guesses_are_limited_by_address() -> None:
    house = closed_room(passcodes=10)
    assert [guess(house, n) for n in range(50)] == ["room-closed"] * 10 + ["rate-limited"] * 40
    assert house.say("bea", join("r", passcode="7134"))["code"] == "rate-limited"
    assert house.say("bea", join("r", passcode="7134"), "203.0.113.5")["type"] == "joined"


def test_guesses_from_many_addresses_are_limited_by_room_and_not_for_ever() -> None:
    house = closed_room(guesses=30)
    found = [guess(house, n, f"198.51.100.{n}") for n in range(100)]
    assert found == ["room-closed"] * 30 + ["rate-limited"] * 70
    house.clock.time += 3_600_000
    assert house.say("bea", join("r", passcode="7134"))["type"] == "joined"


def test_who_knows_the_passcode_is_no_guesser() -> None:
    house = closed_room(passcodes=3, guesses=3)
    for n in range(8):
        assert house.say(f"m{n}", join("r", passcode="7134"))["type"] == "joined"


def test_new_passcodes_are_limited_too() -> None:
    house = closed_room(passcodes=10)
    change = {"type": "set-door", "roomId": "r", "passcode": "1234"}
    answers = [house.say("ada", change, AWAY) for _ in range(12)]
    assert [one.get("code", one["type"]) for one in answers] == [
        *["door-set"] * 9,
        *["rate-limited"] * 3,
    ]


def test_seats_over_rest_are_joins_too() -> None:
    house = House(joins=3)
    calls = [Call(f"e{n}", house.clock.now(), source=HOME) for n in range(5)]
    for call in calls[:3]:
        house.switchboard.reserve(call, RoomId("r"))
    with pytest.raises(RateLimited) as refused:
        house.switchboard.reserve(calls[3], RoomId("r"))
    assert (refused.value.status, refused.value.retry_after) == (429, 60)


def test_a_full_room_is_full_whoever_knocks() -> None:
    house = House(capacity=2, joins=5)
    for name in ("ada", "bea"):
        house.say(name, join("r"), AWAY)
    answers = house.answers([(f"s{n}", join("r"), f"192.0.2.{n}") for n in range(20)])
    assert answers == ["room-full"] * 20
    with pytest.raises(RoomFull):
        house.switchboard.reserve(Call("e", house.clock.now(), source="203.0.113.5"), RoomId("r"))
