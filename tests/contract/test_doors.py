"""What every store of rooms promises about doors: who comes in, who is kept out, who may say so."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.dynamodb import DynamoRooms
from chalicelib.ports import Rooms
from chalicelib.rooms import CLOCK_SKEW, Address, ClientId, DoorChange, Key, Member, Role, RoomId
from infra.local.tables import create_tables
from tests import parts
from tests.fakes import DAY, LINGER, FakeClock, MemoryRooms

GARDEN = RoomId("garden – Größe 9 # x#y")
ADA, BEA, CYD = (ClientId(name) for name in ("ada", "bea", "cyd"))
ROUNDS = 12


@dataclass
class Store:
    """A store and its clock."""

    rooms: Rooms
    clock: FakeClock
    items: Callable[[], list[dict[str, Any]]] = field(default=list)
    """What is left in the table."""

    def join(self, name: ClientId, key: Key = Key(), role: Role = Role.MEMBER) -> bool:  # noqa: B008
        return self.rooms.admit(GARDEN, self.member(name, role), 8, key).admitted

    def member(self, name: ClientId, role: Role = Role.MEMBER, since: int = 10) -> Member:
        return Member(name, since, 2**50, "{}", Address(f"{name}=", "api/stage"), role=role)

    def leave(self, name: ClientId) -> None:
        assert self.rooms.dismiss(GARDEN, name, None)

    def change(self, by: ClientId | None = ADA, **change: Any) -> bool:
        return self.rooms.set_door(GARDEN, DoorChange(**change), by) is not None

    def expel(self, name: ClientId, by: ClientId | None = ADA, *forgiven: ClientId) -> bool:
        end = self.clock.now() + DAY
        return self.rooms.expel(GARDEN, name, end, by, forgiven) is not None

    @property
    def here(self) -> frozenset[ClientId]:
        return frozenset(self.rooms.find(GARDEN).members)


def now() -> int:
    """The time that it is: DynamoDB Local deletes what has run out."""
    return time.time_ns() // 1_000_000


def _dynamo(client: Any, clock: FakeClock) -> Store:
    table = f"doors-{uuid.uuid4()}"
    create_tables(client, parts.TEMPLATE, {"TableName": table})
    return Store(
        DynamoRooms(client, table, clock), clock, lambda: client.scan(TableName=table)["Items"]
    )


@pytest.fixture(params=["memory", "moto", "dynamodb-local"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    clock = FakeClock(now())
    if request.param == "memory":
        yield Store(MemoryRooms(clock), clock)
    elif request.param == "moto":
        with mock_aws():
            yield _dynamo(boto3.client("dynamodb", region_name="us-east-1"), clock)
    else:
        yield _dynamo(parts.dynamodb_client(request.getfixturevalue("dynamodb_endpoint")), clock)


@pytest.fixture(params=["memory", "dynamodb-local"])
def crowded(request: pytest.FixtureRequest) -> Store:
    """A store that many use at once."""
    clock = FakeClock(now())
    if request.param == "memory":
        return Store(MemoryRooms(clock), clock)
    return _dynamo(parts.dynamodb_client(request.getfixturevalue("dynamodb_endpoint")), clock)


# -- who made it ---------------------------------------------------------------------------------


def test_who_makes_a_room_owns_it_and_keeps_it_while_it_exists(store: Store) -> None:
    made = store.rooms.admit(GARDEN, store.member(ADA), 8)
    assert (made.made, made.room.door.owner) == (True, ADA)
    came = store.rooms.admit(GARDEN, store.member(BEA), 8)
    assert (came.made, came.room.door.owner) == (False, ADA)
    store.leave(ADA)
    assert store.rooms.find(GARDEN).door.owner == ADA
    store.leave(BEA)
    store.join(BEA)
    assert store.rooms.find(GARDEN).door.owner == BEA


def test_who_may_not_make_rooms_comes_only_into_one_that_is_there(store: Store) -> None:
    guest = Key(makes=False)
    refused = store.rooms.admit(GARDEN, store.member(BEA), 8, guest)
    assert (refused.admitted, refused.room.exists) == (False, False)
    assert not store.items()
    store.join(ADA)
    assert store.join(BEA, guest)


# -- passcode and lock ---------------------------------------------------------------------------


def test_a_passcode_keeps_out_who_does_not_know_it(store: Store) -> None:
    store.join(ADA)
    assert store.change(passcode="seal")
    assert not store.join(BEA)
    assert not store.join(BEA, Key(passcode="another seal"))
    assert store.join(BEA, Key(passcode="seal"))
    assert store.rooms.find(GARDEN).door.passcode == "seal"
    assert store.change(passcode="")
    assert store.join(CYD)


def test_a_lock_keeps_out_everybody_new_also_with_the_passcode(store: Store) -> None:
    store.join(ADA)
    store.change(passcode="seal", locked=True)
    assert not store.join(BEA, Key(passcode="seal"))
    assert store.change(locked=False)
    assert store.join(BEA, Key(passcode="seal"))


def test_who_was_there_comes_back_through_a_closed_door(store: Store) -> None:
    store.join(ADA)
    made = store.rooms.find(GARDEN).door.made
    store.join(BEA)
    store.change(passcode="seal", locked=True)
    store.leave(BEA)
    assert not store.join(BEA)
    assert store.join(BEA, Key(issued=made + 5))


def test_a_proof_from_before_the_room_was_made_opens_no_door(store: Store) -> None:
    store.join(ADA)
    made = store.rooms.find(GARDEN).door.made
    store.change(locked=True)
    assert not store.join(BEA, Key(issued=made - CLOCK_SKEW - 1))
    assert store.join(BEA, Key(issued=made - CLOCK_SKEW))


@pytest.mark.parametrize("role", [Role.MODERATOR, Role.ADMIN])
def test_moderators_by_token_need_no_permission(store: Store, role: Role) -> None:
    store.join(ADA)
    store.change(passcode="seal", locked=True)
    assert store.join(BEA, role=role)
    assert store.rooms.find(GARDEN).members[BEA].role is role


def test_a_door_says_how_often_it_was_changed(store: Store) -> None:
    store.join(ADA)
    assert store.rooms.find(GARDEN).door.revision == 0
    store.change(locked=True)
    store.change(locked=True)
    door = store.rooms.find(GARDEN).door
    assert (door.revision, door.locked) == (2, True)


# -- seats ---------------------------------------------------------------------------------------


def test_fewer_seats_send_nobody_away_and_let_nobody_in(store: Store) -> None:
    store.join(ADA)
    store.join(BEA)
    store.change(capacity=1)
    assert store.here == {"ada", "bea"}
    assert not store.join(CYD)
    store.leave(BEA)
    assert not store.join(CYD)
    store.change(capacity=2)
    assert store.join(CYD)
    store.change(capacity=0)
    assert store.join(BEA)


def test_more_seats_than_the_operator_allows_are_none(store: Store) -> None:
    store.join(ADA)
    store.change(capacity=64)
    assert not store.rooms.admit(GARDEN, store.member(BEA), 1).admitted


# -- who may say so ------------------------------------------------------------------------------


def test_only_a_moderator_who_sits_there_moves_the_door(store: Store) -> None:
    assert not store.change(by=None, locked=True)
    store.join(ADA)
    store.join(BEA)
    store.join(CYD, role=Role.MODERATOR)
    assert not store.change(by=BEA, locked=True)
    assert not store.expel(CYD, BEA)
    assert store.change(by=CYD, capacity=3)
    assert store.change(by=None, capacity=4)
    store.leave(ADA)
    assert not store.change(by=ADA, locked=True)
    assert not store.expel(BEA, ADA)
    assert store.here == {"bea", "cyd"}


# -- removed -------------------------------------------------------------------------------------


def test_who_was_removed_does_not_come_back_as_the_same_until_then(store: Store) -> None:
    store.join(ADA)
    store.join(BEA)
    end = store.clock.now() + DAY
    departure = store.rooms.expel(GARDEN, BEA, end, ADA)
    assert departure is not None
    assert (departure.member.client_id, set(departure.room.members)) == (BEA, {ADA})
    assert store.rooms.expel(GARDEN, BEA, end, ADA) is None
    assert store.rooms.find(GARDEN).door.removed == {BEA: end}
    came_back = Key(issued=store.clock.now())
    assert store.rooms.move(GARDEN, store.member(BEA, since=99)) is None
    assert not store.join(BEA, came_back)
    store.clock.time = end
    assert store.join(BEA, came_back)


def test_removed_ones_are_remembered_while_nobody_is_there(store: Store) -> None:
    store.join(ADA)
    store.join(BEA)
    store.expel(BEA)
    store.leave(ADA)
    assert not store.join(BEA)
    assert store.join(CYD)  # the door itself is open
    assert store.rooms.find(GARDEN).door.owner == ADA


def test_a_join_does_not_shorten_how_long_a_room_remembers(store: Store) -> None:
    store.join(ADA)
    store.join(BEA)
    store.expel(BEA)
    assert store.join(CYD)
    assert store.rooms.move(GARDEN, store.member(CYD, since=99)) is not None
    for item in store.items():
        assert int(item["expiresAt"]["N"]) >= (store.clock.now() + DAY) // 1000


def test_nothing_remains_of_a_removal_whose_time_is_over(store: Store) -> None:
    store.join(ADA)
    store.join(BEA)
    store.expel(BEA)
    store.rooms.forgive(GARDEN, [BEA])
    assert BEA in store.rooms.find(GARDEN).door.removed, "not before its time"
    store.clock.time += DAY + 1000
    store.rooms.forgive(GARDEN, [BEA])
    assert store.rooms.find(GARDEN).door.removed == {}
    assert not [name for item in store.items() for name in item if name.startswith("x#")]
    store.rooms.forgive(GARDEN, [BEA])
    store.leave(ADA)
    assert not store.rooms.find(GARDEN).exists


def test_a_removal_can_make_room_in_the_memory_for_itself(store: Store) -> None:
    store.join(ADA)
    for name in (BEA, CYD):
        store.join(name)
    store.expel(BEA)
    store.expel(CYD, ADA, BEA)
    assert set(store.rooms.find(GARDEN).door.removed) == {CYD}


# -- empty rooms ---------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [{"locked": True}, {"passcode": "seal"}])
def test_a_closed_room_outlives_an_empty_moment_but_not_for_ever(
    store: Store, change: dict[str, Any]
) -> None:
    store.join(ADA)
    store.change(**change)
    store.leave(ADA)
    assert not store.join(BEA)
    assert store.rooms.find(GARDEN).door.owner == ADA
    store.clock.time += LINGER + 1000
    assert store.join(BEA), "nobody is locked out for ever"
    door = store.rooms.find(GARDEN).door
    assert (door.owner, door.open, door.revision) == (BEA, True, 0)


def test_a_room_with_seats_of_its_own_alone_vanishes_when_it_is_empty(store: Store) -> None:
    store.join(ADA)
    store.change(capacity=2)
    store.leave(ADA)
    assert not store.rooms.find(GARDEN).exists
    assert not store.items()


# -- many at once --------------------------------------------------------------------------------


def side_by_side(*calls: Callable[[], object]) -> list[object]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(lambda call: call(), calls))


def test_of_a_removal_and_a_resume_at_once_the_removed_one_never_stays(crowded: Store) -> None:
    crowded.join(ADA)
    for turn in range(ROUNDS):
        name = ClientId(f"bea{turn}")
        crowded.join(name)
        newer = crowded.member(name, since=100)
        came_back = Key(issued=crowded.clock.now())
        _, moved, _ = side_by_side(
            lambda n=name: crowded.expel(n),  # type: ignore[misc]
            lambda m=newer: crowded.rooms.move(GARDEN, m),  # type: ignore[misc]
            lambda n=name, k=came_back: crowded.join(n, k),  # type: ignore[misc]
        )
        assert name not in crowded.here, f"moved before: {moved is not None}"
        assert crowded.rooms.find(GARDEN).door.shuts_out(name, crowded.clock.now())


def test_a_lock_tells_of_everybody_who_came_before_it_and_stops_all_after(crowded: Store) -> None:
    crowded.join(ADA)
    names = [ClientId(f"c{number}") for number in range(6)]
    told: list[Any] = []

    def lock() -> None:
        told.append(crowded.rooms.set_door(GARDEN, DoorChange(locked=True), ADA))

    admitted = side_by_side(*[lambda n=n: crowded.join(n) for n in names], lock)
    came = {name for name, let_in in zip(names, admitted, strict=False) if let_in}
    (locked,) = told
    assert set(locked.members) - {ADA} == came == crowded.here - {ADA}


def test_of_two_moderators_who_remove_one_another_one_stays(crowded: Store) -> None:
    for turn in range(ROUNDS):
        bea, cyd = ClientId(f"bea{turn}"), ClientId(f"cyd{turn}")
        crowded.join(bea, role=Role.MODERATOR)
        crowded.join(cyd, role=Role.MODERATOR)
        done = side_by_side(
            lambda a=bea, b=cyd: crowded.expel(b, a),  # type: ignore[misc]
            lambda a=bea, b=cyd: crowded.expel(a, b),  # type: ignore[misc]
        )
        assert sorted(map(bool, done)) == [False, True]
        assert len(crowded.here & {bea, cyd}) == 1
        for name in crowded.here:
            crowded.leave(name)


def test_changes_at_once_are_all_counted_and_the_last_one_is_what_is(crowded: Store) -> None:
    crowded.join(ADA)
    rooms = side_by_side(
        *[
            lambda n=n: crowded.rooms.set_door(GARDEN, DoorChange(capacity=n), ADA)
            for n in range(1, 9)
        ]
    )
    doors = sorted((room.door for room in rooms), key=lambda door: door.revision)  # type: ignore[attr-defined]
    assert [door.revision for door in doors] == list(range(1, 9))
    assert crowded.rooms.find(GARDEN).door == doors[-1]


def test_of_many_who_come_while_seats_are_taken_away_none_is_too_many(crowded: Store) -> None:
    crowded.join(ADA)
    names = [ClientId(f"c{number}") for number in range(6)]
    told: list[Any] = []

    def lower() -> None:
        told.append(crowded.rooms.set_door(GARDEN, DoorChange(capacity=3), ADA))

    side_by_side(lower, *[lambda n=n: crowded.join(n) for n in names])
    (lowered,) = told
    assert len(crowded.here) == max(3, len(lowered.members))


def test_a_closing_door_never_falls_into_the_deletion_of_an_empty_room(crowded: Store) -> None:
    for _ in range(ROUNDS):
        crowded.join(ADA)
        left, closed = side_by_side(
            lambda: crowded.rooms.dismiss(GARDEN, ADA, None), lambda: crowded.change(locked=True)
        )
        assert left is not None
        room = crowded.rooms.find(GARDEN)
        assert (room.door.locked, room.exists) == (closed, closed)
        crowded.clock.time += LINGER + 1000


def test_a_room_that_outlived_itself_is_made_anew_once(crowded: Store) -> None:
    crowded.join(ADA)
    crowded.change(locked=True)
    crowded.leave(ADA)
    crowded.clock.time += LINGER + 1000
    names = [ClientId(f"c{number}") for number in range(6)]
    side_by_side(*[lambda n=n: crowded.join(n) for n in names])
    made = replace(crowded.rooms.find(GARDEN).door)
    assert crowded.here == set(names)
    assert made.owner in names
