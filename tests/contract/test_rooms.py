"""What every store of rooms promises: in memory, on moto, on DynamoDB Local."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise

import boto3
import pytest
from moto import mock_aws
from mypy_boto3_dynamodb import DynamoDBClient

from chalicelib.dynamodb import DynamoRooms
from chalicelib.ports import Rooms
from chalicelib.rooms import Address, ClientId, Member, Role, RoomId
from infra.local.tables import create_tables
from tests import parts
from tests.fakes import FakeClock, MemoryRooms

ADA, BEA, CYD = (Address(f"{name}Connection=", "api/stage") for name in ("ada", "bea", "cyd"))
UNTIL = 9_000_000


def member(name: str, address: Address | None = None, since: int = 10) -> Member:
    return Member(ClientId(name), since, UNTIL, '{"name": "Ä"}', address)


def names(room: object) -> set[str]:
    return set(room.members)  # type: ignore[attr-defined]


def dynamo_rooms(client: DynamoDBClient) -> DynamoRooms:
    table = f"rooms-{uuid.uuid4()}"
    create_tables(client, parts.TEMPLATE, {"TableName": table})
    return DynamoRooms(client, table, FakeClock())


@pytest.fixture(params=["memory", "moto", "dynamodb-local"])
def rooms(request: pytest.FixtureRequest) -> Iterator[Rooms]:
    if request.param == "memory":
        yield MemoryRooms()
    elif request.param == "moto":
        with mock_aws():
            yield dynamo_rooms(boto3.client("dynamodb", region_name="us-east-1"))
    else:
        endpoint: str = request.getfixturevalue("dynamodb_endpoint")
        yield dynamo_rooms(parts.dynamodb_client(endpoint))


@pytest.fixture
def garden() -> RoomId:
    return RoomId("garden – Größe 9 # m#x")


# -- claims --------------------------------------------------------------------------------------


def test_race_5_the_first_claim_of_a_socket_to_a_room_wins(rooms: Rooms, garden: RoomId) -> None:
    assert rooms.claim(ADA, garden, ClientId("a1"), UNTIL) == "a1"
    assert rooms.claim(ADA, garden, ClientId("a2"), UNTIL) == "a1"
    assert rooms.claim(BEA, garden, ClientId("b1"), UNTIL) == "b1"


def test_a_socket_may_sit_in_several_rooms(rooms: Rooms, garden: RoomId) -> None:
    rooms.claim(ADA, garden, ClientId("a1"), UNTIL)
    rooms.claim(ADA, RoomId("attic"), ClientId("a2"), UNTIL)
    assert rooms.claims(ADA) == {garden: "a1", "attic": "a2"}
    assert rooms.claims(BEA) == {}


def test_a_released_claim_is_told_once(rooms: Rooms, garden: RoomId) -> None:
    rooms.claim(ADA, garden, ClientId("a1"), UNTIL)
    rooms.claim(ADA, RoomId("attic"), ClientId("a2"), UNTIL)
    assert rooms.release(ADA, garden) == {garden: "a1", "attic": "a2"}
    assert rooms.release(ADA, garden) is None
    assert rooms.claims(ADA) == {"attic": "a2"}


def test_a_claim_to_another_seat_is_not_released(rooms: Rooms, garden: RoomId) -> None:
    rooms.claim(ADA, garden, ClientId("a1"), UNTIL)
    assert rooms.release(ADA, garden, ClientId("other")) is None
    assert rooms.release(ADA, garden, ClientId("a1")) == {garden: "a1"}


def test_releasing_for_an_unknown_socket_leaves_nothing_behind(
    rooms: Rooms, garden: RoomId
) -> None:
    assert rooms.release(ADA, garden) is None
    assert rooms.forget(ADA) == {}


def test_a_forgotten_socket_tells_its_claims_once(rooms: Rooms, garden: RoomId) -> None:
    rooms.claim(ADA, garden, ClientId("a1"), UNTIL)
    assert rooms.forget(ADA) == {garden: "a1"}
    assert rooms.forget(ADA) == {}


# -- seats ---------------------------------------------------------------------------------------


def test_a_join_needs_no_room_and_brings_back_who_is_there(rooms: Rooms, garden: RoomId) -> None:
    ada, bea = member("ada", ADA), member("bea", None, since=11)
    first = rooms.admit(garden, ada, capacity=8)
    second = rooms.admit(garden, bea, capacity=8)
    assert (first.admitted, first.room.members) == (True, {"ada": ada})
    assert (second.admitted, second.room.members) == (True, {"ada": ada, "bea": bea})
    assert rooms.find(garden) == second.room


def test_a_full_room_refuses_and_shows_who_is_there(rooms: Rooms, garden: RoomId) -> None:
    ada = member("ada", ADA)
    rooms.admit(garden, ada, capacity=1)
    refused = rooms.admit(garden, member("bea", BEA), capacity=1)
    assert (refused.admitted, refused.room.members) == (False, {"ada": ada})


def test_a_taken_id_refuses_and_shows_the_seat(rooms: Rooms, garden: RoomId) -> None:
    ada = member("ada", ADA)
    rooms.admit(garden, ada, capacity=8)
    refused = rooms.admit(garden, member("ada", BEA, since=99), capacity=8)
    assert (refused.admitted, refused.room.members) == (False, {"ada": ada})


def test_race_7_only_a_newer_join_moves_a_seat(rooms: Rooms, garden: RoomId) -> None:
    rooms.admit(garden, member("ada", ADA, since=10), capacity=8)
    assert rooms.move(garden, member("ada", BEA, since=10)) is None
    before = rooms.move(garden, member("ada", BEA, since=11))
    assert before is not None
    assert before.members["ada"].address == ADA  # type: ignore[index]
    assert rooms.find(garden).members == {"ada": member("ada", BEA, since=11)}


def test_a_seat_that_does_not_exist_cannot_be_moved(rooms: Rooms, garden: RoomId) -> None:
    assert rooms.move(garden, member("ada", ADA)) is None
    assert rooms.find(garden).members == {}


def test_a_seat_is_renewed_by_the_socket_that_holds_it(rooms: Rooms, garden: RoomId) -> None:
    seat = replace(member("ada", ADA), subject="ada@example.org")
    rooms.admit(garden, seat, capacity=8)
    renewed = replace(seat, until=UNTIL + 5, role=Role.MODERATOR)
    stranger = replace(renewed, address=BEA, until=UNTIL + 9)
    assert rooms.renew(garden, stranger) is None
    assert rooms.renew(garden, replace(renewed, address=None)) is None
    found = rooms.renew(garden, replace(renewed, since=99, metadata="{}", subject="eve"))
    assert found is not None
    assert found.members == rooms.find(garden).members == {"ada": renewed}
    assert rooms.renew(RoomId("attic"), renewed) is None
    assert rooms.find(RoomId("attic")).members == {}


def test_race_1_a_socket_dismisses_only_the_seat_it_holds(rooms: Rooms, garden: RoomId) -> None:
    rooms.admit(garden, member("ada", BEA, since=11), capacity=8)
    assert rooms.dismiss(garden, ClientId("ada"), ADA) is None
    elsewhere = Address(BEA.connection, "another-api/stage")
    assert rooms.dismiss(garden, ClientId("ada"), elsewhere) is None
    departure = rooms.dismiss(garden, ClientId("ada"), BEA)
    assert departure is not None
    assert departure.member == member("ada", BEA, since=11)


def test_a_reserved_seat_is_not_any_sockets(rooms: Rooms, garden: RoomId) -> None:
    rooms.admit(garden, member("ada"), capacity=8)
    assert rooms.dismiss(garden, ClientId("ada"), ADA) is None
    assert rooms.dismiss(garden, ClientId("ada"), None) is not None


def test_only_one_of_two_removals_is_told(rooms: Rooms, garden: RoomId) -> None:
    ada, bea = member("ada", ADA), member("bea", BEA)
    rooms.admit(garden, ada, capacity=8)
    rooms.admit(garden, bea, capacity=8)
    departure = rooms.dismiss(garden, ClientId("ada"), None)
    assert departure is not None
    assert departure.room.members == {"bea": bea}
    assert rooms.dismiss(garden, ClientId("ada"), None) is None


def test_an_eviction_spares_a_seat_that_was_taken_anew(rooms: Rooms, garden: RoomId) -> None:
    seen = member("ada", ADA, since=10)
    rooms.admit(garden, seen, capacity=8)
    rooms.move(garden, replace(seen, since=11, address=BEA))
    assert rooms.evict(garden, seen) is None
    assert rooms.evict(garden, replace(seen, since=11)) is not None


def test_a_freed_seat_can_be_taken(rooms: Rooms, garden: RoomId) -> None:
    rooms.admit(garden, member("ada", ADA), capacity=2)
    rooms.admit(garden, member("bea", BEA), capacity=2)
    rooms.dismiss(garden, ClientId("ada"), ADA)
    assert rooms.admit(garden, member("cyd", CYD), capacity=2).admitted
    assert not rooms.admit(garden, member("dan", ADA), capacity=2).admitted


def test_an_empty_room_disappears(rooms: Rooms, garden: RoomId) -> None:
    rooms.admit(garden, member("ada", ADA), capacity=8)
    rooms.dismiss(garden, ClientId("ada"), ADA)
    assert rooms.find(garden).members == {}
    assert rooms.page(10) == ([], False)


def test_a_listing_shows_rooms_and_nothing_else(rooms: Rooms, garden: RoomId) -> None:
    rooms.claim(ADA, garden, ClientId("ada"), UNTIL)
    rooms.admit(garden, member("ada", ADA), capacity=8)
    rooms.admit(RoomId("attic"), member("bea", BEA), capacity=8)
    listed, more = rooms.page(10)
    assert {room.room_id: names(room) for room in listed} == {garden: {"ada"}, "attic": {"bea"}}
    assert not more


def test_a_listing_is_bounded_and_says_so(rooms: Rooms) -> None:
    for number in range(5):
        rooms.admit(RoomId(f"room-{number}"), member("ada", ADA), capacity=8)
    listed, more = rooms.page(3)
    assert (len(listed), more) == (3, True)
    assert rooms.page(5)[1] is False


# -- many at once --------------------------------------------------------------------------------


@pytest.fixture(params=["memory", "dynamodb-local"])
def concurrent_rooms(request: pytest.FixtureRequest) -> Rooms:
    if request.param == "memory":
        return MemoryRooms()
    return dynamo_rooms(parts.dynamodb_client(request.getfixturevalue("dynamodb_endpoint")))


def side_by_side(calls: list[Callable[[], object]]) -> list[object]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(lambda call: call(), calls))


def test_of_64_who_join_a_room_for_8_at_once_exactly_8_are_in(
    concurrent_rooms: Rooms, garden: RoomId
) -> None:
    candidates = [member(f"c{number:02}", Address(f"{number}=", "api/s")) for number in range(64)]
    with ThreadPoolExecutor(64) as pool:
        admissions = list(pool.map(lambda m: concurrent_rooms.admit(garden, m, 8), candidates))
    told = {m.client_id: a.room for m, a in zip(candidates, admissions, strict=True) if a.admitted}
    assert len(told) == 8
    assert names(concurrent_rooms.find(garden)) == set(told)
    # Each was told everybody who was admitted before, itself included: an order of admission.
    in_order = sorted(told.values(), key=lambda room: len(room.members))
    assert [len(room.members) for room in in_order] == list(range(1, 9))
    for earlier, later in pairwise(in_order):
        assert names(earlier) < names(later)
    for client_id, room in told.items():
        assert client_id in room.members


def test_of_many_who_remove_one_seat_at_once_one_announces_it(
    concurrent_rooms: Rooms, garden: RoomId
) -> None:
    ada = member("ada", ADA)
    concurrent_rooms.admit(garden, ada, capacity=8)
    removals: list[Callable[[], object]] = [
        lambda: concurrent_rooms.dismiss(garden, ada.client_id, ADA),
        lambda: concurrent_rooms.dismiss(garden, ada.client_id, None),
        lambda: concurrent_rooms.evict(garden, ada),
    ] * 5
    assert sum(departure is not None for departure in side_by_side(removals)) == 1


def test_race_7_of_many_sockets_that_resume_one_seat_at_once_the_newest_has_it(
    concurrent_rooms: Rooms, garden: RoomId
) -> None:
    concurrent_rooms.admit(garden, member("ada", ADA, since=1), capacity=8)
    moves: list[Callable[[], object]] = [
        lambda n=number: concurrent_rooms.move(  # type: ignore[misc]
            garden, member("ada", Address(f"{n}=", "api/s"), since=n)
        )
        for number in range(2, 22)
    ]
    side_by_side(moves)
    assert concurrent_rooms.find(garden).members["ada"].since == 21  # type: ignore[index]


def test_one_socket_that_claims_a_room_many_times_at_once_is_one_member(
    concurrent_rooms: Rooms, garden: RoomId
) -> None:
    claims: list[Callable[[], object]] = [
        lambda n=number: concurrent_rooms.claim(ADA, garden, ClientId(f"c{n}"), UNTIL)  # type: ignore[misc]
        for number in range(20)
    ]
    assert len(set(side_by_side(claims))) == 1


def test_a_join_never_falls_into_the_deletion_of_an_empty_room(
    concurrent_rooms: Rooms, garden: RoomId
) -> None:
    for turn in range(20):
        leaver = member("leaver", ADA, since=turn)
        concurrent_rooms.admit(garden, leaver, capacity=8)
        joiner = member(f"joiner{turn}", BEA, since=turn)
        side_by_side(
            [
                lambda m=leaver: concurrent_rooms.evict(garden, m),  # type: ignore[misc]
                lambda m=joiner: concurrent_rooms.admit(garden, m, capacity=8),  # type: ignore[misc]
            ]
        )
        assert names(concurrent_rooms.find(garden)) == {joiner.client_id}
        concurrent_rooms.evict(garden, joiner)
