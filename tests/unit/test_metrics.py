"""The dashboard and the alarms name metrics that the journal really writes, and no others."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from chalicelib import journal
from chalicelib.connections import Post
from chalicelib.events import Outcome
from chalicelib.ports import Claims
from chalicelib.rooms import Address, RoomFull, RoomId
from chalicelib.switchboard import Call
from infra.local.tables import read_template
from tests import parts
from tests.fakes import MemoryRooms
from tests.unit.test_journal import Line, Log
from tests.unit.test_switchboard import Exchange
from tests.unit.test_switchboard import Line as Sockets

Metric = tuple[str, frozenset[tuple[str, str]]]
"""A name and its dimensions; whose deployment it is, is written as the table's name."""

NAMESPACE = "Parley"
FREE_ALARMS, FREE_DASHBOARDS = 10, 3
RESOURCES = read_template(parts.TEMPLATE)["Resources"]
JOIN = {"type": "join", "roomId": "garden"}


# -- what the template names ---------------------------------------------------------------------


def resources(kind: str) -> dict[str, dict[str, Any]]:
    return {n: r["Properties"] for n, r in RESOURCES.items() if r["Type"] == f"AWS::{kind}"}


def text(value: Any) -> str:
    """A value of the template as text: `{"Ref": "TableName"}` is `${TableName}`."""
    return f"${{{value['Ref']}}}" if isinstance(value, dict) else str(value)


def of_alarms() -> dict[str, Metric]:
    return {
        name: (a["MetricName"], frozenset((d["Name"], text(d["Value"])) for d in a["Dimensions"]))
        for name, a in resources("CloudWatch::Alarm").items()
        if a["Namespace"] == NAMESPACE
    }


def widgets() -> list[dict[str, Any]]:
    bodies = [d["DashboardBody"]["Fn::Sub"] for d in resources("CloudWatch::Dashboard").values()]
    return [widget["properties"] for body in bodies for widget in json.loads(body)["widgets"]]


def written_out(rows: Iterable[list[Any]]) -> Iterator[list[str]]:
    """The rows of a widget without their short forms: `.` is the same cell of the row above,
    `...` are all its cells but the last ones.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
    """
    above: list[str] = []
    for row in rows:
        cells = [cell for cell in row if isinstance(cell, str)]
        if cells[0] == "...":
            cells = above[: len(above) - len(cells) + 1] + cells[1:]
        above = [above[place] if cell == "." else cell for place, cell in enumerate(cells)]
        yield above


def of_dashboards() -> set[Metric]:
    rows = [row for widget in widgets() for row in written_out(widget["metrics"])]
    return {
        (name, frozenset(zip(dimensions[::2], dimensions[1::2], strict=True)))
        for namespace, name, *dimensions in rows
        if namespace == NAMESPACE
    }


# -- what the journal writes ---------------------------------------------------------------------


def metrics(line: Line) -> set[Metric]:
    """What CloudWatch makes of a line."""
    found = set()
    for directive in line["_aws"]["CloudWatchMetrics"]:
        assert directive["Namespace"] == NAMESPACE
        (names,) = directive["Dimensions"]
        values = {name: line[name] for name in names} | {"Deployment": "${TableName}"}
        found |= {(m["Name"], frozenset(values.items())) for m in directive["Metrics"]}
        assert all(isinstance(line[m["Name"]], int | float) for m in directive["Metrics"])
    return found


class Stubborn(Sockets):
    """Sockets some of which live, and take nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.stubborn: set[str] = set()

    def _one(self, post: Post) -> Outcome:
        return Outcome.FAILED if post.to.connection in self.stubborn else super()._one(post)


class Fragile(MemoryRooms):
    """A store that fails when it is told to."""

    broken = False

    def claims(self, address: Address) -> Claims:
        if self.broken:
            raise RuntimeError("the cellar is flooded")
        return super().claims(address)


@pytest.fixture
def log() -> Iterator[Log]:
    written = Log()
    journal.open_journal("INFO", "parley-test", written.stream)
    yield written
    journal.close_journal()


@pytest.fixture
def emitted(log: Log) -> set[Metric]:
    """All that is written on a bad day."""
    store = Fragile()
    exchange = Exchange(store, capacity=3)
    exchange.line = exchange.switchboard._speaker = sockets = Stubborn()
    exchange.say("ada", JOIN)
    (bea,) = exchange.say("bea", JOIN)
    signal = {"type": "signal", "roomId": "garden", "to": bea["clientId"], "data": 1}
    exchange.say("ada", signal)
    exchange.say("ada", {"type": "broadcast", "roomId": "garden", "data": 1})
    sockets.stubborn = {"bea"}
    exchange.say("ada", signal)
    exchange.say("ada", "oops")
    exchange.say("eve", signal)
    exchange.say("eve", {**JOIN, "clientId": bea["clientId"], "resumeToken": "forged"})
    exchange.switchboard.reserve(Call("r1", exchange.clock.time), RoomId("garden"))
    with pytest.raises(RoomFull):
        exchange.switchboard.reserve(Call("r2", exchange.clock.time), RoomId("garden"))
    exchange.say("eve", JOIN)
    exchange.clock.time += 120_000
    exchange.say("ada", {"type": "ping"})
    sockets.stubborn, sockets.gone = set(), {"bea"}
    exchange.say("ada", signal)
    exchange.say("bea", JOIN)
    exchange.switchboard.disconnect(exchange.context("bea"))
    exchange.say("ada", {"type": "leave", "roomId": "garden"})
    store.broken = True
    exchange.say("ada", {"type": "ping"})
    return set().union(*(metrics(line) for line in log.lines() if "_aws" in line))


# -- both ----------------------------------------------------------------------------------------


def test_alarms_watch_what_is_written(emitted: set[Metric]) -> None:
    alarms = of_alarms()
    assert set(alarms) == {"InternalErrors", "FailedPosts", "Ghosts", "SlowSignals"}
    assert {name for name, metric in alarms.items() if metric not in emitted} == set()


def test_the_dashboard_shows_what_is_written(emitted: set[Metric]) -> None:
    assert len(of_dashboards()) > 20
    assert of_dashboards() - emitted == set()


def test_what_an_alarm_watches_is_on_the_dashboard() -> None:
    assert set(of_alarms().values()) <= of_dashboards()


def test_alarms_and_dashboards_are_as_many_as_cost_nothing() -> None:
    assert len(resources("CloudWatch::Alarm")) <= FREE_ALARMS
    assert len(resources("CloudWatch::Dashboard")) <= FREE_DASHBOARDS


def test_whoever_is_to_be_told_is_told_by_every_alarm() -> None:
    assert all(
        a["AlarmActions"] == [{"Ref": "Alarms"}] for a in resources("CloudWatch::Alarm").values()
    )


def test_metrics_belong_to_the_deployment_whose_table_it_is() -> None:
    """The journal is opened with the table's name (wiring.py), which is what `Deployment` says."""
    assert {dict(dimensions)["Deployment"] for _, dimensions in of_dashboards()} == {"${TableName}"}
