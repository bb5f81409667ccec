"""Handler time over floor: event in to answer out, against the bare calls that it makes."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator

from tests.bench import stage
from tests.bench.measure import Row, Section, interleaved
from tests.bench.scenes import Parley, Scene

GOAL = 1.15
METHOD = (
    "app.py's handlers in one process, on DynamoDB Local and a post sink of their own. The floor"
    " repeats the very calls that the handler makes, on the same clients, with the posts of a"
    " fan-out side by side as well. In turn, in changing order; before each run the items are put"
    " back (not timed); 5 runs to warm up. CPU time is that of all threads of the process."
)


def scenes(parley: Parley) -> Iterator[tuple[str, stage.Event, bool]]:
    """What happens, as an event, and whether the goal holds for it."""
    ada = stage.origin("ada")
    for others in (0, 1, 7, 15):
        parley.company(f"join{others}", others)
        yield f"join, {others} there", stage.message(ada, type="join", roomId=f"join{others}"), True
    for size in (2, 16):
        (who, _), (_, peer), *_ = parley.company(f"signal{size}", size)
        to = peer["clientId"]
        frame = stage.message(who, type="signal", roomId=f"signal{size}", to=to, data=stage.OFFER)
        yield f"signal, room of {size}", frame, True
    (who, _), *_ = parley.company("all", 8)
    yield "broadcast to 7", stage.message(who, type="broadcast", roomId="all", data="hi"), False
    yield "ping, room of 8", stage.message(who, type="ping"), True
    yield "leave, 7 stay", stage.message(who, type="leave", roomId="all"), False
    (gone, _), *_ = parley.company("cut", 8)
    yield "disconnect, 7 stay", stage.disconnect(gone), False
    (old, seat), *_ = parley.company("back", 2)
    parley.handle(stage.disconnect(old))
    proof = {"clientId": seat["clientId"], "resumeToken": seat["resumeToken"]}
    again = stage.message(stage.origin("again"), type="join", roomId="back", **proof)
    yield "resume, 1 there", again, False


def spent(calls: Counter[str]) -> str:
    return ", ".join(f"{times} {name}" for name, times in sorted(calls.items()))


def measured(name: str, scene: Scene, goal: float | None, runs: int, warm: int = 5) -> list[Row]:
    parley, floor = interleaved(runs, [scene.parley, scene.floor], scene.set, warm)
    return [
        Row(name, "ms wall", parley.wall, "bare calls", floor.wall, goal),
        Row(name, "ms CPU", parley.cpu, "bare calls", floor.cpu, goal),
    ]


def run(runs: int, environment: dict[str, str]) -> Section:
    out = Section("Handler time over floor", METHOD)
    parley = Parley(environment)
    made: dict[str, str] = {}
    for name, event, has_goal in scenes(parley):
        scene = Scene(parley, event)
        made[name] = spent(Counter(call.operation for call in scene.calls))
        out.rows += measured(name, scene, GOAL if has_goal else None, runs)
        scene.set()
    out.facts = {"calls": made, "runs": runs}
    return out


def with_stage(work: Callable[[int, dict[str, str]], Section], runs: int) -> None:
    """Run a section on a table and a sink, and hand it on."""
    os.environ["ROOM_CAPACITY"] = "64"
    with stage.set_up() as environment:
        out = work(runs, environment)
    out.say()


if __name__ == "__main__":
    with_stage(run, int(sys.argv[1]) if len(sys.argv) > 1 else 120)
