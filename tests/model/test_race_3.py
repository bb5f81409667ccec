"""Race 3 with real threads on DynamoDB Local: a disconnect in the middle of a join."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from chalicelib.access import OpenPasses
from chalicelib.connections import Post
from chalicelib.dynamodb import DynamoRooms
from chalicelib.events import Outcome
from chalicelib.rooms import RoomId
from chalicelib.signaling import Limits, Signaling
from chalicelib.switchboard import Sizes, Switchboard
from infra.local.tables import create_tables
from tests import parts
from tests.fakes import (
    FakeClock,
    FakeIce,
    FakeSeals,
    FakeSockets,
    FirstChance,
    open_doors,
    open_guard,
)

ROUNDS = 40


class Nobody:
    """A speaker none of whose sockets is there any more."""

    def post(self, posts: Sequence[Post]) -> list[Outcome]:
        return [Outcome.GONE for _ in posts]


def context(name: str) -> dict[str, Any]:
    ids = {"connectionId": name, "apiId": "api", "stage": "stage", "requestId": "1"}
    return {**ids, "requestTimeEpoch": 1_000_000, "connectedAt": 999_999}


def side_by_side(*calls: Callable[[], object]) -> None:
    """Run them in threads that start at the same moment."""
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], object]) -> None:
        start.wait()
        call()

    with ThreadPoolExecutor(len(calls)) as pool:
        list(pool.map(run, calls))


def test_race_3_a_disconnect_in_the_middle_of_a_join_leaves_no_seat(dynamodb_endpoint: str) -> None:
    client, table, clock = (
        parts.dynamodb_client(dynamodb_endpoint),
        f"r-{uuid.uuid4()}",
        FakeClock(),
    )
    create_tables(client, parts.TEMPLATE, {"TableName": table})
    rooms, guard = DynamoRooms(client, table, clock), open_guard(clock)
    signaling = Signaling(
        rooms, FakeSockets(), FakeSeals(), FakeIce(), clock, FirstChance(), Limits(), guard
    )
    doors = open_doors(signaling, rooms, clock, guard)
    switchboard = Switchboard(signaling, doors, Nobody(), OpenPasses(), Sizes(), guard)
    for number in range(ROUNDS):
        name, room = f"socket{number}=", f"room{number}"
        join = json.dumps({"type": "join", "roomId": room})
        side_by_side(
            lambda: switchboard.receive(context(name), join, False),  # noqa: B023 - run at once
            lambda: switchboard.disconnect(context(name)),  # noqa: B023
        )
        assert rooms.find(RoomId(room)).members == {}
