"""Where a handler's own time goes: its AWS calls are answered at once, as they were the first time.

`python -m tests.bench.profile [signal|join|ping]`
"""

from __future__ import annotations

import cProfile
import os
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from botocore.client import BaseClient

from tests.bench import stage
from tests.bench.scenes import Parley

TIMES = 2_000
WARM = 200


class Echo:
    """AWS, remembered."""

    def __init__(self) -> None:
        self._make = BaseClient._make_api_call  # type: ignore[attr-defined]
        self._answers: dict[str, list[Any]] = defaultdict(list)
        self._asked: Counter[str] = Counter()

    def learn(self, client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        answer = self._make(client, operation, parameters)
        self._answers[operation].append(answer)
        return answer

    def answer(self, _: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        if "limit#" in str(parameters.get("Key")):
            return {"Attributes": {"n": {"N": "1"}}}
        known = self._answers[operation]
        self._asked[operation] += 1
        return known[(self._asked[operation] - 1) % len(known)]


def event(parley: Parley, what: str) -> stage.Event:
    (who, _), (_, peer), *_ = parley.company("garden", 2)
    events = {
        "signal": {"roomId": "garden", "to": peer["clientId"], "data": stage.OFFER},
        "join": {"roomId": "garden"},
        "ping": {},
    }
    if what not in events:
        raise SystemExit(f"One of {', '.join(events)}, please; not {what}.")
    speaker = stage.origin("newcomer") if what == "join" else who
    return stage.message(speaker, type=what, **events[what])


def by_module(profile: cProfile.Profile) -> dict[str, float]:
    """Seconds in each module's own functions; what they call of the language counts as theirs."""
    spent: dict[str, float] = defaultdict(float)
    for entry in profile.getstats():
        code = entry.code
        if isinstance(code, str):
            continue
        builtin = sum(call.inlinetime for call in entry.calls or () if isinstance(call.code, str))
        spent[_module(code.co_filename)] += entry.inlinetime + builtin
    return spent


def _module(file: str) -> str:
    path = Path(file)
    return f"{path.parent.name}/{path.name}" if path.is_absolute() else file


def main(what: str) -> None:
    os.environ["ROOM_CAPACITY"] = "64"
    with stage.set_up() as environment:
        parley = Parley(environment)
        handled = event(parley, what)
        echo = Echo()
        BaseClient._make_api_call = lambda *call: echo.learn(*call)  # type: ignore[attr-defined]
        parley.handle(handled)
        BaseClient._make_api_call = lambda *call: echo.answer(*call)  # type: ignore[attr-defined]
        for _ in range(WARM):
            parley.handle(handled)
        began = time.process_time()
        for _ in range(TIMES):
            parley.handle(handled)
        own = (time.process_time() - began) / TIMES
        profile = cProfile.Profile()
        profile.runcall(lambda: [parley.handle(handled) for _ in range(TIMES)])
    spent = by_module(profile)
    whole = sum(spent.values())
    lines = [f"{what}: {own * 1e6:.0f} µs of its own, beside its AWS calls; of them"]
    dearest = sorted(spent.items(), key=lambda item: -item[1])[:14]
    lines += [f"  {seconds / whole:4.0%}  {module}" for module, seconds in dearest]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "signal")
