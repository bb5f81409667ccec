"""The model on DynamoDB Local: the conditions that count are the database's own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from chalicelib.dynamodb import DynamoRooms
from chalicelib.ports import Rooms
from chalicelib.rooms import Room, RoomId
from infra.local.tables import create_tables
from tests import parts
from tests.fakes import FakeClock
from tests.model.baton import Stepwise
from tests.model.machine import Life, run

LONGEST = 3 * 60 * 60 + 7_260  # seconds that an item may outlive the last thing that touched it
CALLS = frozenset(["update_item", "get_item", "delete_item"])


class Dynamo:
    """Rooms in a table; handlers stop before each call to it, also within a verb of the port."""

    every_step = False

    def __init__(self, endpoint: str) -> None:
        self._client = parts.dynamodb_client(endpoint)
        self._table = f"model-{uuid.uuid4()}"
        create_tables(self._client, parts.TEMPLATE, {"TableName": self._table})

    def rooms(self, clock: FakeClock) -> Rooms:
        return DynamoRooms(Stepwise(self._client, CALLS), self._table, clock)  # type: ignore[arg-type]

    def check(self, rooms: dict[RoomId, Room], connections: list[str], now: int) -> None:
        """`n` equals the seats taken, and no item lives for ever."""
        keys = [*(f"room#{room}" for room in rooms), *(f"connection#{c}" for c in connections)]
        for item in self._items(keys):
            seats = [value["M"] for name, value in item.items() if name.startswith("m#")]
            assert int(item.get("n", {"N": "0"})["N"]) == len(seats), item
            ends = int(item["expiresAt"]["N"])
            assert ends <= now // 1000 + LONGEST, item
            assert all(int(seat["until"]["N"]) <= ends * 1000 for seat in seats), item

    def _items(self, keys: list[str]) -> Iterator[dict[str, Any]]:
        for some in (keys[start : start + 100] for start in range(0, len(keys), 100)):
            wanted: Any = {"Keys": [{"pk": {"S": key}} for key in some], "ConsistentRead": True}
            answer: Any = self._client.batch_get_item(RequestItems={self._table: wanted})
            yield from answer["Responses"][self._table]


def live(endpoint: str, lives: int, number: int) -> None:
    """So many lives on a table of their own; another number, other lives."""

    class LifeOnDynamo(Life):
        store = Dynamo(endpoint)

    run(LifeOnDynamo, lives, number)
