"""Cold start over floor: a fresh process per sample. `python -m tests.bench.cold [runs]`."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from functools import cache
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

from infra.aws.bytecode import BESIDE, precompile
from tests import parts
from tests.bench import stage
from tests.bench.measure import Row, Samples, Section

CHILD = Path(__file__).with_name("cold_child.py")
GOAL = 1.10
NEEDS = {
    "health": "",
    "connect": "",
    "message": "dynamodb apigatewaymanagementapi",
    "disconnect": "dynamodb apigatewaymanagementapi",
}
METHOD = (
    "A fresh process per sample, in turn. Parley imports app.py and answers its first event"
    " (message: a join into a room with one waiting; disconnect: of one of two, so that the other"
    " is told). The floor imports chalice and creates the boto3 clients; `calls` also makes the"
    " same calls with them. `deployed`: the package of `make deploy`, compiled, on both sides;"
    " `sources`: that of a bare `chalice deploy`, without .pyc for app.py, chalicelib, chalice and"
    " msgspec, on both sides. boto3 and botocore are compiled throughout, as in Lambda's runtime."
)


def packaged(folder: Path) -> Path:
    """What `chalice package` ships: sources alone, which Lambda cannot keep compiled."""
    for name in ("chalicelib", *BESIDE):
        spec = find_spec(name)
        assert spec
        assert spec.origin
        home = Path(spec.origin).parent
        shutil.copytree(home, folder / name, ignore=shutil.ignore_patterns("__pycache__", "deploy"))
    shutil.copy(parts.ROOT / "app.py", folder)
    return folder


def deployed(folder: Path) -> Path:
    """What the deploy command ships: the same, compiled."""
    precompile(packaged(folder))
    return Path(shutil.copytree(folder / "vendor", folder, dirs_exist_ok=True))


class Trials:
    """Fresh processes for every function, layout and side; what each of them took."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self._environment = environment
        self._folder = folder
        self._paths = {
            "deployed": deployed(folder / "deployed"),
            "sources": packaged(folder / "sources"),
        }
        self._client = parts.dynamodb_client(environment["AWS_ENDPOINT_URL_DYNAMODB"])
        self.taken: dict[tuple[str, str, str], list[list[float]]] = defaultdict(list)
        self.calls: dict[str, str] = {}

    def all_of(self, runs: int) -> None:
        combinations = list(product(NEEDS, self._paths, ("parley", "floor", "calls")))
        for function, layout, whose in combinations:  # warms the page cache, compiles what may be
            self._run(function, layout, whose)
        for _ in range(runs):
            for combination in combinations:
                self.taken[combination].append(self._run(*combination))

    def _run(self, function: str, layout: str, whose: str) -> list[float]:
        event = self._prepare(function)
        if whose == "calls" and function not in self.calls:
            self.calls[function] = record(function, event, self._environment)
            self._prepare(function)
        file = self._folder / "event.json"
        file.write_text(json.dumps(event))
        said = subprocess.run(
            [sys.executable, str(CHILD)],
            env=self._environment
            | {
                "PYTHONPATH": str(self._paths[layout]),
                "PYTHONDONTWRITEBYTECODE": "1",
                "WHOSE": whose,
                "FUNCTION": function,
                "CLIENTS": NEEDS[function],
                "CALLS": self.calls.get(function, "[]"),
                "EVENT": str(file),
            },
            capture_output=True,
        )
        if said.returncode:
            raise RuntimeError(f"{function}, {layout}, {whose}: {said.stderr.decode()}")
        return list(json.loads(said.stdout))

    def _prepare(self, function: str) -> stage.Event:
        """The function's first event, and a table in which it meets what it should."""
        if function == "health":
            return stage.rest("GET", "/health")
        who = stage.origin("ada")
        if function == "connect":
            return stage.connect(who)
        for key in ("room#cold", f"connection#{who.connection_id}"):
            self._client.delete_item(TableName=stage.TABLE, Key={"pk": {"S": key}})
        others = ["ben"] if function == "message" else ["ben", "ada"]
        with_parley(self._environment, [join(other) for other in others])
        return join("ada") if function == "message" else stage.disconnect(who)


@cache
def join(name: str) -> stage.Event:
    """The same event each time, so that the ids drawn from it are the same as well."""
    return stage.message(stage.origin(name), type="join", roomId="cold")


_app: Any = None
_NOWHERE = open(os.devnull, "w")  # noqa: SIM115 - for as long as the process lives


def with_parley(environment: dict[str, str], events: list[stage.Event]) -> None:
    """Let this process's own Parley handle the events."""
    global _app
    os.environ.update(environment, LOG_LEVEL="ERROR")
    if _app is None:
        _app = importlib.import_module("app")
    with contextlib.redirect_stderr(_NOWHERE):  # the journal keeps what it finds at its first line
        for event in events:
            _app.message(event, None)


def record(function: str, event: stage.Event, environment: dict[str, str]) -> str:
    """The calls that the event makes, as JSON; in Lambda's process the first reads the keys."""
    if not NEEDS[function]:
        return "[]"
    from tests.bench.recorded import recording

    with_parley(environment, [])
    with recording() as calls:
        getattr(_app, function)(event, None)
    made = [[call.service, call.method, printable(call.parameters)] for call in calls]
    if function == "message":
        key = {"TableName": stage.TABLE, "Key": {"pk": {"S": "secret#signing"}}}
        made.insert(0, ["dynamodb", "get_item", key | {"ConsistentRead": True}])
    return json.dumps(made)


def printable(parameters: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.decode() if isinstance(value, bytes) else value
        for name, value in parameters.items()
    }


def rows(trials: Trials) -> list[Row]:
    """A line for every function and layout, and for each of wall, CPU and memory."""
    found = []
    for function, layout in product(NEEDS, ("deployed", "sources")):
        for number, unit in enumerate(("ms wall", "ms CPU", "MB")):
            parley, floor, calls = (
                column(trials.taken[function, layout, whose], number)
                for whose in ("parley", "floor", "calls")
            )
            name = f"cold {function}, {layout}"
            found.append(Row(name, unit, parley, "clients made", floor, GOAL))
            if NEEDS[function]:
                found.append(Row(name, unit, parley, "and calls", calls, GOAL))
    return found


def column(taken: list[list[float]], number: int) -> Samples:
    return [sample[number] for sample in taken]


_IMPORT = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \| ( *)(\S+)")


def import_profile(environment: dict[str, str], times: int = 7) -> list[dict[str, Any]]:
    """Where the import of app.py spends its time: the modules with the most of their own."""
    own: dict[str, list[int]] = defaultdict(list)
    for _ in range(times):
        said = subprocess.run(
            [sys.executable, "-X", "importtime", "-c", "import app"],
            env=environment,
            cwd=parts.ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stderr
        for self_us, _, _, module in _IMPORT.findall(said):
            own[module].append(int(self_us))
    medians = {module: sorted(us)[len(us) // 2] for module, us in own.items()}
    first = sorted(medians.items(), key=lambda item: -item[1])[:20]
    return [{"module": module, "own_us": us} for module, us in first]


def main(runs: int) -> None:
    out = Section("Cold start over floor", METHOD)
    with stage.set_up() as environment, tempfile.TemporaryDirectory() as folder:
        trials = Trials(environment, Path(folder))
        trials.all_of(runs)
        out.rows = rows(trials)
        out.facts = {"imports": import_profile(environment), "runs": runs}
    out.say()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 25)
