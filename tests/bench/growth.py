"""Growth: what join, signal, leave and stats cost as members and rooms become more.

`python -m tests.bench.growth [runs]`
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.bench import stage
from tests.bench.handlers import measured, with_stage
from tests.bench.measure import Row, Section, Timing
from tests.bench.scenes import Parley, Scene

MEMBERS = (2, 4, 8, 16, 32, 64)
ROOMS = (10, 100, 1_000, 10_000, 100_000)
PATIENCE = 60.0  # seconds for making rooms; what does not fit is left out, and said
METHOD = (
    "As for handlers (DynamoDB Local, post sink, capacity 64), beside the bare calls. Members: the"
    " one who makes the room full joins, somebody signals, somebody leaves. Rooms: the same three"
    " in a room of two while the table holds so many other rooms of two; stats read it all."
)


def acts(parley: Parley, room: str, members: int) -> Iterator[tuple[str, stage.Event]]:
    """The join that makes the room so large, then a signal and a leave in it."""
    (who, _), *_ = parley.company(room, members - 1)
    last = stage.origin(f"{room}last")
    yield "join", stage.message(last, type="join", roomId=room)
    to = parley.join(last, room)["clientId"]
    yield "signal", stage.message(who, type="signal", roomId=room, to=to, data=stage.OFFER)
    yield "leave", stage.message(who, type="leave", roomId=room)


def costs(parley: Parley, room: str, members: int, runs: int, where: str) -> list[Row]:
    """What the three cost in this room."""
    rows: list[Row] = []
    for what, event in acts(parley, room, members):
        scene = Scene(parley, event)
        rows += measured(f"{what}, {where}", scene, None, runs, warm=2)
        scene.set()
    return rows


def by_members(parley: Parley, runs: int) -> list[Row]:
    """Rows for rooms of every size."""
    return [
        row
        for members in MEMBERS
        for row in costs(parley, f"size{members}", members, runs, f"{members} members")
    ]


# -- total rooms ----------------------------------------------------------------------------------


class Town:
    """So many rooms of two, copies of a real one."""

    def __init__(self, parley: Parley) -> None:
        self._table = parley.table
        parley.company("model", 2)
        found = self._table.get_item(TableName=stage.TABLE, Key={"pk": {"S": "room#model"}})
        self._model: dict[str, Any] = found["Item"]
        self._built = 0

    def grow(self, rooms: int, deadline: float) -> bool:
        """Build until there are so many; False if the time is up before."""
        with ThreadPoolExecutor(4) as pool:
            while self._built < rooms:
                if time.monotonic() > deadline:
                    return False
                end = min(rooms, self._built + 2_000)
                list(pool.map(self._build, range(self._built, end, 25), [end] * (end // 25 + 1)))
                self._built = end
        return True

    def _build(self, first: int, end: int) -> None:
        rooms: list[Any] = [
            {"PutRequest": {"Item": self._model | {"pk": {"S": f"room#town{number}"}}}}
            for number in range(first, min(first + 25, end))
        ]
        self._table.batch_write_item(RequestItems={stage.TABLE: rooms})


def by_rooms(parley: Parley, runs: int) -> tuple[list[Row], int]:
    """The rows, and how many rooms there were in the end."""
    town, rows, most = Town(parley), [], 0
    deadline = time.monotonic() + PATIENCE
    for rooms in ROOMS:
        if not town.grow(rooms, deadline):
            break
        most = rooms
        rows += costs(parley, f"quiet{rooms}", 2, runs, f"{rooms} rooms")
        stats = timed(lambda: parley.request(stage.rest("GET", "/rooms/stats")), max(3, runs // 8))
        rows.append(Row(f"stats, {rooms} rooms", "ms wall", stats.wall))
    return rows, most


def timed(work: Callable[[], object], runs: int) -> Timing:
    timing = Timing()
    for _ in range(runs):
        timing.take(work)
    return timing


def run(runs: int, environment: dict[str, str]) -> Section:
    out = Section("Growth", METHOD)
    parley = Parley(environment)
    out.rows = by_members(parley, runs)
    rows, most = by_rooms(parley, runs)
    out.rows += rows
    out.facts = {"rooms": most, "runs": runs}
    return out


if __name__ == "__main__":
    with_stage(run, int(sys.argv[1]) if len(sys.argv) > 1 else 25)
