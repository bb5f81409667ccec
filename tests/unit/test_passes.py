"""What a pass opens: rooms, seats for as long as it lasts, and the list of rooms."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.events import Joined, PeerJoined, Pong, Refused
from chalicelib.rooms import (
    EVERYBODY,
    ClientId,
    Pass,
    PeerNotFound,
    Role,
    RoomId,
    Unauthorized,
)
from chalicelib.signaling import Limits
from tests.unit.test_signaling import GARDEN, HOUR, House, address, heard, only, proof

ATTIC = RoomId("attic")
ADA = Pass("ada", rooms=frozenset({GARDEN}), expires=1_000_000 + HOUR)
BEA = replace(ADA, subject="bea")
TEAM = Pass("cyd", prefix="team-", expires=1_000_000 + HOUR)
LEAD = replace(ADA, subject="lead", role=Role.MODERATOR)
ADMIN = Pass("root", role=Role.ADMIN, expires=1_000_000 + HOUR)


@pytest.fixture
def house() -> House:
    return House()


def enter(house: House, name: str, pass_: Pass, room: RoomId | None = GARDEN) -> Joined:
    return house.joined(house.signaling.join(house.arrival(name), pass_, room), name)


# -- which rooms ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pass_", "opened", "closed"),
    [
        (EVERYBODY, ["garden", "anything"], []),
        (ADA, ["garden"], ["gardens", "Garden", "attic", ""]),
        (TEAM, ["team-", "team-7"], ["team", "steam-7", "TEAM-7"]),
        (Pass("dan", rooms=frozenset({"attic"}), prefix="team-"), ["attic", "team-7"], ["garden"]),
        (Pass("eve"), [], ["", "garden"]),
        (ADMIN, ["garden", "anything"], []),
    ],
)
def test_a_pass_opens_its_rooms(pass_: Pass, opened: list[str], closed: list[str]) -> None:
    assert all(pass_.opens(RoomId(room)) for room in opened)
    assert not any(pass_.opens(RoomId(room)) for room in closed)


def test_other_rooms_are_refused_in_the_same_words_whether_they_exist_or_not(house: House) -> None:
    house.join("owner", room=ATTIC)
    refusals = []
    for room in (ATTIC, RoomId("nothing")):
        with pytest.raises(Unauthorized) as refusal:
            house.signaling.join(house.arrival("ada"), ADA, room)
        refusals.append(str(refusal.value))
        with pytest.raises(Unauthorized):
            house.signaling.reserve("r1", house.clock.time, ADA, room)
        with pytest.raises(Unauthorized):
            house.signaling.remove(ADA, room, ClientId("c-1"))
        with pytest.raises(Unauthorized):
            house.signaling.room(ADA, room)
    assert len(set(refusals)) == 1
    assert house.store.claims(address("ada")) == {}


def test_a_new_room_is_named_after_the_prefix(house: House) -> None:
    assert enter(house, "cyd", TEAM, None).room_id.startswith("team-room-of-")
    assert enter(house, "root", ADMIN, None).room_id.startswith("room-of-")
    with pytest.raises(Unauthorized):
        house.signaling.join(house.arrival("ada"), ADA)


# -- for how long --------------------------------------------------------------------------------


def test_a_seat_ends_with_its_pass(house: House) -> None:
    assert enter(house, "ada", ADA).member.until == ADA.expires
    long = replace(BEA, expires=house.clock.time + 1000 * HOUR)
    arrival = house.arrival("bea")
    bea = house.joined(house.signaling.join(arrival, long, GARDEN), "bea")
    assert bea.member.until == arrival.connected_at + house.limits.socket
    soon = replace(BEA, expires=house.clock.time + 5)
    reserved = house.signaling.reserve("r1", house.clock.time, soon, GARDEN).member
    assert reserved.until == soon.expires


def test_who_has_no_pass_any_more_is_gone_for_everybody_and_hears_why(house: House) -> None:
    enter(house, "ada", replace(ADA, expires=house.clock.time + 1000))
    bea = enter(house, "bea", BEA).member
    house.clock.time += 1000
    assert house.roster() == {bea.client_id}
    with pytest.raises(Unauthorized):
        house.signaling.broadcast(house.arrival("ada"), GARDEN, b"1")
    said = house.signaling.ping(house.arrival("ada"))
    pong, refused = heard(said, "ada")
    assert isinstance(pong, Pong)
    assert set(pong.rooms[GARDEN]) == {bea.client_id}
    assert isinstance(refused, Refused)
    assert (refused.error.code, refused.error.room_id) == ("unauthorized", GARDEN)


def test_a_join_with_a_newer_pass_renews_the_seat_and_nobody_hears_of_it(house: House) -> None:
    short = replace(ADA, expires=house.clock.time + 1000)
    ada = enter(house, "ada", short).member
    enter(house, "bea", BEA)
    said = house.signaling.join(house.arrival("ada"), ADA, GARDEN)
    again = house.joined(said, "ada").member
    assert (again.client_id, again.since, again.until) == (ada.client_id, ada.since, ADA.expires)
    assert heard(said, "bea") == []
    house.clock.time += 1000
    assert ada.client_id in house.roster()


def test_who_comes_back_with_a_newer_pass_after_the_end_is_the_same_member(house: House) -> None:
    ada = enter(house, "ada", replace(ADA, expires=house.clock.time + 100)).member
    enter(house, "bea", BEA)
    house.clock.time += 1000
    said = house.signaling.join(house.arrival("ada"), ADA, GARDEN)
    assert house.joined(said, "ada").member.client_id == ada.client_id
    news = only(said, "bea")
    assert isinstance(news, PeerJoined)
    house.clock.time += 100
    enter(house, "ada", replace(ADA, expires=house.clock.time + 100))
    house.clock.time += 1000
    house.signaling.ping(house.arrival("bea"))  # which evicts the seat
    said = house.signaling.join(house.arrival("ada"), ADA, GARDEN)
    assert house.joined(said, "ada").member.client_id == ada.client_id
    assert isinstance(only(said, "bea"), PeerJoined)


def test_a_seat_is_renewed_by_its_own_subject_alone(house: House) -> None:
    enter(house, "ada", ADA)
    with pytest.raises(Unauthorized):
        house.signaling.join(house.arrival("ada"), BEA, GARDEN)
    assert house.store.find(GARDEN).members["c-ada1000010"].subject == "ada"  # type: ignore[index]


def test_a_newer_pass_changes_the_role(house: House) -> None:
    assert enter(house, "ada", ADA).member.role is Role.MEMBER
    assert enter(house, "ada", replace(ADA, role=Role.MODERATOR)).member.role is Role.MODERATOR


def test_a_resume_needs_a_pass_of_the_same_subject(house: House) -> None:
    ada = enter(house, "ada", ADA)
    for pass_ in (BEA, ADMIN, EVERYBODY):
        with pytest.raises(Unauthorized):
            house.signaling.join(house.arrival("eve"), pass_, GARDEN, proof(ada))
    said = house.signaling.join(house.arrival("ada2"), ADA, GARDEN, proof(ada))
    assert house.joined(said, "ada2").member.client_id == ada.member.client_id


# -- what else -----------------------------------------------------------------------------------


def test_a_member_sends_nobody_else_away(house: House) -> None:
    ada = enter(house, "ada", ADA).member.client_id
    with pytest.raises(Unauthorized):
        house.signaling.remove(BEA, GARDEN, ada)
    with pytest.raises(PeerNotFound):
        house.signaling.remove(BEA, GARDEN, ClientId("nobody"))
    assert house.signaling.remove(ADA, GARDEN, ada)
    for pass_ in (LEAD, ADMIN, EVERYBODY):
        ada = enter(house, f"ada-{pass_.subject}", ADA).member.client_id
        assert house.signaling.remove(pass_, GARDEN, ada)


@pytest.mark.parametrize(
    ("pass_", "seen"),
    [
        (ADA, {"garden"}),
        (TEAM, {"team-1", "team-2"}),
        (ADMIN, {"garden", "attic", "team-1", "team-2"}),
        (Pass("dan", rooms=frozenset({"nothing"})), set()),
    ],
)
def test_a_list_of_rooms_holds_those_that_the_pass_opens(pass_: Pass, seen: set[str]) -> None:
    house = House(limits=Limits())
    for number, room in enumerate(("garden", "attic", "team-1", "team-2")):
        house.join(f"c{number}", room=RoomId(room))
    rooms, more = house.signaling.rooms(pass_)
    assert {room.room_id for room in rooms} == seen
    assert not more


def test_where_nobody_needs_a_pass_the_list_is_closed_unless_it_is_public() -> None:
    closed, public = House(limits=Limits()), House(limits=Limits(public=True))
    for house in (closed, public):
        house.join("ada")
        assert len(house.signaling.room(EVERYBODY, GARDEN).members) == 1
    with pytest.raises(Unauthorized):
        closed.signaling.rooms(EVERYBODY)
    assert len(public.signaling.rooms(EVERYBODY)[0]) == 1
