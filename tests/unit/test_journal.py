"""What a call leaves in the log, and in CloudWatch's metrics."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib import journal
from chalicelib.ports import Claims
from chalicelib.rooms import Address, RoomFull, RoomId
from chalicelib.signaling import Limits
from chalicelib.switchboard import Call
from tests.fakes import MemoryRooms
from tests.unit.test_switchboard import Exchange

Line = dict[str, Any]


class Log:
    """The lines that were written since last asked."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    def lines(self) -> list[Line]:
        text = self.stream.getvalue()
        self.stream.truncate(0)
        self.stream.seek(0)
        return [json.loads(line) for line in text.splitlines()]

    def closing(self) -> Line:
        """The line that closes the page of the last event."""
        return self.lines()[-1]


@pytest.fixture
def log() -> Iterator[Log]:
    written = Log()
    journal.open_journal("INFO", "parley-test", written.stream)
    yield written
    journal.close_journal()


def counts(line: Line) -> dict[str, int]:
    """What the line counts, as CloudWatch reads it."""
    (_, counted) = line["_aws"]["CloudWatchMetrics"]
    assert counted["Namespace"] == "Parley"
    assert counted["Dimensions"] == [["Deployment"]]
    assert line["Deployment"] == "parley-test"
    return {metric["Name"]: line[metric["Name"]] for metric in counted["Metrics"]}


def test_a_join_says_who_where_and_what_came_of_it(log: Log) -> None:
    exchange = Exchange()
    (joined,) = exchange.say("ada", {"type": "join", "roomId": "garden"})
    noted, closing = log.lines()
    assert noted["message"] == f"[Room:garden] [Client:{joined['clientId']}] joined"
    assert closing["message"] == f"[Room:garden] [Client:{joined['clientId']}] join: ok"
    for line in (noted, closing):
        assert (line["room"], line["client"]) == ("garden", joined["clientId"])
        assert line["connection"] == "ada"
        assert line["request"].startswith("ada")
        assert line["operation"] == "join"
        assert line["level"] == "INFO"
    assert (noted["outcome"], closing["outcome"]) == ("joined", "ok")
    assert closing["duration"] >= 0
    assert counts(closing) == {"Joins": 1, "Posts.delivered": 1}


def test_duration_is_a_metric_of_each_operation(log: Log) -> None:
    Exchange().say("ada", {"type": "ping"})
    line = log.closing()
    (timed, _) = line["_aws"]["CloudWatchMetrics"]
    assert timed["Dimensions"] == [["Deployment", "operation"]]
    assert timed["Metrics"] == [{"Name": "Duration", "Unit": "Milliseconds"}]
    assert line["operation"] == "ping"
    assert line["Duration"] == line["duration"]
    assert abs(line["_aws"]["Timestamp"] - 1000 * time.time()) < 60_000


def test_what_a_call_counts(log: Log) -> None:
    exchange = Exchange()
    exchange.say("ada", {"type": "join", "roomId": "garden"})
    (bea,) = exchange.say("bea", {"type": "join", "roomId": "garden"})
    assert counts(log.closing()) == {"Joins": 1, "Posts.delivered": 2}
    signal = {"type": "signal", "roomId": "garden", "to": bea["clientId"], "data": 1}
    exchange.say("ada", signal)
    assert counts(log.closing()) == {"Signals": 1, "Posts.delivered": 1}
    exchange.line.gone = {"bea"}
    exchange.say("ada", signal)
    left, closing = log.lines()
    assert (left["outcome"], left["client"]) == ("disconnected", bea["clientId"])
    assert counts(closing) == {
        "Signals": 1,
        "Posts.gone": 1,
        "Leaves.disconnected": 1,
        "Evictions": 1,  # no `$disconnect` had told of it
        "Errors.peer-not-found": 1,
        "Posts.delivered": 2,  # the news, and that the signal found nobody
    }
    exchange.say("ada", {"type": "leave", "roomId": "garden"})
    assert counts(log.closing())["Leaves.left"] == 1


def test_evictions_are_those_whom_nobody_had_told_of(log: Log) -> None:
    join = {"type": "join", "roomId": "garden"}
    exchange = Exchange(capacity=4)
    for name in ("ada", "bea", "cyd"):
        exchange.say(name, join)
    exchange.switchboard.disconnect(exchange.context("cyd"))
    assert counts(log.closing()) == {"Leaves.disconnected": 1, "Posts.delivered": 2}
    exchange.sockets.dead = {Address("bea", "api/stage")}
    exchange.say("ada", {"type": "ping"})
    found = {"Leaves.disconnected": 1, "Evictions": 1, "Posts.delivered": 2}
    assert counts(log.closing()) == found, "found by the probe"
    for name in ("bea", "cyd"):
        exchange.say(name, join)
    exchange.switchboard.reserve(Call("r1", exchange.clock.time), RoomId("garden"))
    exchange.clock.time += Limits().reservation
    log.lines()
    exchange.say("dan", join)
    made_place = counts(log.closing())
    assert (made_place["Leaves.expired"], made_place["Evictions"]) == (1, 1)
    exchange.say("dan", {"type": "leave", "roomId": "garden"})
    assert "Evictions" not in counts(log.closing())


def test_a_refusal_is_counted_by_its_code(log: Log) -> None:
    exchange = Exchange()
    exchange.say("ada", "oops")
    line = log.closing()
    assert (line["operation"], line["outcome"]) == ("message", "bad-message")
    assert counts(line) == {"Errors.bad-message": 1, "Posts.delivered": 1}
    exchange.say("ada", {"type": "leave", "roomId": "garden"})
    line = log.closing()
    assert (line["operation"], line["outcome"]) == ("leave", "not-in-room")


class Flooded(MemoryRooms):
    """A store that fails whenever a socket is to be forgotten."""

    def forget(self, address: Address) -> Claims:
        raise RuntimeError("the cellar is flooded")


def test_a_failure_of_ours_is_counted_once_told_to_somebody_or_not(log: Log) -> None:
    join = {"type": "join", "roomId": "garden"}
    exchange = Exchange(Flooded())
    (bea,) = exchange.say("bea", join)
    exchange.say("ada", join)
    with pytest.raises(RuntimeError):
        exchange.switchboard.disconnect(exchange.context("ada"))
    line = log.closing()
    assert (line["operation"], line["outcome"]) == ("disconnect", "internal")
    assert counts(line) == {"Errors.internal": 1}
    exchange.line.gone = {"bea"}
    signal = {"type": "signal", "roomId": "garden", "to": bea["clientId"], "data": 1}
    (error,) = exchange.say("ada", signal)
    assert error["code"] == "peer-not-found"
    counted = counts(log.closing())
    assert (counted["Errors.internal"], counted["Errors.peer-not-found"]) == (1, 1)


def test_a_failure_that_is_told_is_counted_once(log: Log) -> None:
    class Silent(MemoryRooms):
        def claims(self, address: Address) -> Claims:
            raise RuntimeError("the cellar is flooded")

    (error,) = Exchange(Silent()).say("ada", {"type": "ping"})
    assert error["code"] == "internal"
    line = log.closing()
    assert (line["operation"], line["outcome"]) == ("ping", "internal")
    assert counts(line) == {"Errors.internal": 1, "Posts.delivered": 1}


def test_a_refusal_over_rest_is_counted_too(log: Log) -> None:
    exchange = Exchange(capacity=1)
    exchange.say("ada", {"type": "join", "roomId": "garden"})
    with pytest.raises(RoomFull):
        exchange.switchboard.reserve(Call("r1", exchange.clock.time), RoomId("garden"))
    line = log.closing()
    assert (line["operation"], line["outcome"]) == ("reserve", "room-full")
    assert counts(line) == {"Errors.room-full": 1}


def test_metrics_are_written_even_when_little_else_is(log: Log) -> None:
    journal.open_journal("ERROR", "parley-test", log.stream)
    Exchange().say("ada", {"type": "join"})
    (line,) = log.lines()
    assert counts(line)["Joins"] == 1


def test_off_lambda_there_are_no_metrics(log: Log) -> None:
    journal.open_journal("INFO", None, log.stream)
    Exchange().say("ada", {"type": "ping"})
    assert "_aws" not in log.closing()


def test_an_exception_is_written_with_where_it_came_from(log: Log) -> None:
    def fail() -> None:
        with journal.page("ping"):
            try:
                raise RuntimeError("the cellar is flooded")
            except RuntimeError:
                journal.failed()
                raise

    with pytest.raises(RuntimeError):
        fail()
    failed, _ = log.lines()
    assert (failed["level"], failed["outcome"]) == ("ERROR", "internal")
    assert failed["exception"].startswith("Traceback")
    assert "test_journal.py" in failed["exception"]
    assert failed["exception"].endswith("RuntimeError: the cellar is flooded")


def test_a_log_that_nobody_takes_stops_nothing(log: Log) -> None:
    log.stream.close()
    exchange = Exchange()
    (joined,) = exchange.say("ada", {"type": "join"})
    assert joined["type"] == "joined"
