"""The model in memory: fast, so that many lives can be lived."""

from __future__ import annotations

import pytest

from chalicelib.ports import Rooms
from chalicelib.rooms import Room, RoomId
from tests.fakes import FakeClock, MemoryRooms
from tests.model.baton import Stepwise
from tests.model.machine import EXAMPLES, SEED, Life, run

VERBS = frozenset(
    ["claim", "release", "claims", "forget", "admit", "move", "dismiss", "evict", "find"]
)


class Memory:
    every_step = True

    def rooms(self, clock: FakeClock) -> Rooms:
        rooms: Rooms = Stepwise(MemoryRooms(), VERBS)
        return rooms

    def check(self, rooms: dict[RoomId, Room], connections: list[str], now: int) -> None:
        pass


class LifeInMemory(Life):
    store = Memory()


@pytest.mark.timeout(7200)
def test_lives_in_memory() -> None:
    run(LifeInMemory, EXAMPLES, SEED)
