"""What each operation may cost in AWS calls: the budget of the design, kept."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.dynamodb import DynamoRooms
from chalicelib.events import Arrival
from chalicelib.rooms import EVERYBODY, Address, DoorChange, RoomClosed, RoomId
from chalicelib.signaling import Limits, Resume, Signaling
from infra.local.tables import create_tables
from tests import parts
from tests.fakes import FakeClock, FakeIce, FakeSeals, FakeSockets, FirstChance, open_guard

GARDEN = RoomId("garden")


class Till:
    """Signaling over moto, with every AWS call that it would make counted."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.sockets = FakeSockets()
        self.calls: Counter[str] = Counter()
        client = boto3.client("dynamodb", region_name="us-east-1")
        table = f"rooms-{uuid.uuid4()}"
        create_tables(client, parts.TEMPLATE, {"TableName": table})
        client.meta.events.register("before-call.dynamodb", self._ring)
        self.signaling = Signaling(
            DynamoRooms(client, table, self.clock),
            self.sockets,
            FakeSeals(),
            FakeIce(),
            self.clock,
            FirstChance(),
            Limits(capacity=16),
            open_guard(self.clock),
        )

    def _ring(self, model: Any, **_: Any) -> None:
        self.calls[model.name] += 1

    def arrival(self, name: str) -> Arrival:
        self.clock.time += 1
        now = self.clock.time
        return Arrival(Address(f"{name}=", "api/stage"), f"{name}{now}", now, now)

    def company(self, size: int) -> None:
        for number in range(size):
            self.signaling.join(self.arrival(f"c{number}"), EVERYBODY, GARDEN)
        self.members = list(self.signaling.room(EVERYBODY, GARDEN).members)
        self.calls.clear()
        self.sockets.probed.clear()

    def proof(self, number: int) -> Resume:
        """What the member of that number resumes with."""
        client_id = self.members[number]
        return Resume(client_id, FakeSeals().resume_token(GARDEN, client_id, 0))

    def costs(self, posts: int, probes: int = 0, **dynamodb: int) -> tuple[Any, ...]:
        return (posts, probes, Counter(dynamodb))

    def rung(self, deliveries: list[Any]) -> tuple[Any, ...]:
        return (len(deliveries), len(self.sockets.probed), self.calls)


@pytest.fixture
def till() -> Iterator[Till]:
    with mock_aws():
        yield Till()


@pytest.mark.parametrize("others", [0, 1, 7, 15])
def test_a_join_is_two_calls_and_a_post_to_each(till: Till, others: int) -> None:
    till.company(others)
    said = till.signaling.join(till.arrival("ada"), EVERYBODY, GARDEN)
    assert till.rung(said) == till.costs(posts=others + 1, UpdateItem=2)


def test_a_resume_after_a_cut_costs_what_a_join_costs(till: Till) -> None:
    till.company(2)
    till.signaling.disconnect(Address("c0=", "api/stage"))
    till.calls.clear()
    said = till.signaling.join(till.arrival("again"), EVERYBODY, GARDEN, till.proof(0))
    assert till.rung(said) == till.costs(posts=2, UpdateItem=2)


def test_a_resume_from_a_living_socket_adds_the_move_and_the_release(till: Till) -> None:
    till.company(2)
    said = till.signaling.join(till.arrival("again"), EVERYBODY, GARDEN, till.proof(0))
    assert till.rung(said) == till.costs(posts=3, UpdateItem=4)


def test_a_signal_is_one_read_and_one_post(till: Till) -> None:
    till.company(3)
    said = till.signaling.signal(till.arrival("c0"), GARDEN, till.members[1], b"1")
    assert till.rung(said) == till.costs(posts=1, GetItem=1)


def test_a_broadcast_is_one_read_and_a_post_to_each(till: Till) -> None:
    till.company(8)
    said = till.signaling.broadcast(till.arrival("c0"), GARDEN, b"1")
    assert till.rung(said) == till.costs(posts=7, GetItem=1)


def test_a_ping_only_reads_and_probes_one(till: Till) -> None:
    till.company(8)
    said = till.signaling.ping(till.arrival("c0"))
    assert till.rung(said) == till.costs(posts=1, probes=1, GetItem=2)


def test_a_leave_is_a_read_two_writes_and_a_post_to_each(till: Till) -> None:
    """The read finds the seat, so that it can go before its claim: cut short, no ghost stays."""
    till.company(8)
    said = till.signaling.leave(till.arrival("c0"), GARDEN)
    assert till.rung(said) == till.costs(posts=8, GetItem=1, UpdateItem=2)


def test_the_last_one_also_deletes_the_room(till: Till) -> None:
    till.company(1)
    said = till.signaling.leave(till.arrival("c0"), GARDEN)
    assert till.rung(said) == till.costs(posts=1, GetItem=1, UpdateItem=2, DeleteItem=1)


def test_a_disconnect_is_a_delete_and_a_write(till: Till) -> None:
    till.company(8)
    said = till.signaling.disconnect(Address("c0=", "api/stage"))
    assert till.rung(said) == till.costs(posts=7, UpdateItem=1, DeleteItem=1)


def closed(till: Till, **change: object) -> None:
    till.company(2)
    store = till.signaling._rooms
    assert store.set_door(GARDEN, DoorChange(**change), till.members[0])  # type: ignore[arg-type]
    till.calls.clear()


def test_only_who_comes_with_a_passcode_into_a_room_that_has_one_pays_for_it(till: Till) -> None:
    """The claim, the refused seat, the seat; what its guard counts is in tests/unit/test_limits."""
    closed(till, passcode="1:open")
    said = till.signaling.join(till.arrival("ada"), EVERYBODY, GARDEN, passcode="open")
    assert till.rung(said) == till.costs(posts=3, UpdateItem=3)


def test_a_passcode_where_none_is_asked_for_costs_nothing(till: Till) -> None:
    till.company(2)
    said = till.signaling.join(till.arrival("ada"), EVERYBODY, GARDEN, passcode="open")
    assert till.rung(said) == till.costs(posts=3, UpdateItem=2)


def test_a_resume_through_a_closed_door_costs_what_a_join_costs(till: Till) -> None:
    closed(till, locked=True)
    till.signaling.disconnect(Address("c1=", "api/stage"))
    till.calls.clear()
    said = till.signaling.join(till.arrival("again"), EVERYBODY, GARDEN, till.proof(1))
    assert till.rung(said) == till.costs(posts=2, UpdateItem=2)


def test_a_refusal_at_the_door_is_the_claim_its_withdrawal_and_two_looks(till: Till) -> None:
    """One at the door, and one whether another join of the socket came in by the same claim."""
    closed(till, locked=True)
    with pytest.raises(RoomClosed):
        till.signaling.join(till.arrival("eve"), EVERYBODY, GARDEN)
    assert till.calls == Counter(UpdateItem=3, GetItem=1)


def test_a_room_that_remembers_a_removal_costs_a_join_one_call_more(till: Till) -> None:
    till.company(2)
    store = till.signaling._rooms
    assert store.expel(GARDEN, till.members[1], till.clock.now() + 86_400_000, till.members[0])
    till.calls.clear()
    said = till.signaling.join(till.arrival("ada"), EVERYBODY, GARDEN)
    assert till.rung(said) == till.costs(posts=2, UpdateItem=3)
