"""What goes into the log: one JSON object a line; ids and outcomes, never what people send.

An event opens a page; what happens while it is handled is noted on it and counted. When the page
is closed, one line says what the event was and what came of it. On Lambda that line carries its
counts in the embedded metric format, so that CloudWatch makes metrics of them without a call:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TextIO

LEVELS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}

_NAMESPACE = "Parley"
_WHOSE = "Deployment"  # the dimension that tells one deployment's metrics from another's


@dataclass
class Page:
    """One event, while it is handled."""

    operation: str
    connection: str | None = None
    request: str | None = None
    room: str | None = None
    client: str | None = None
    outcome: str = "ok"
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def fields(self) -> dict[str, Any]:
        named = ("operation", "outcome", "room", "client", "connection", "request")
        return {name: value for name in named if (value := getattr(self, name)) is not None}


@dataclass(frozen=True, slots=True)
class _Journal:
    """Where the lines go: as with a log, a process has one."""

    stream: TextIO
    level: str = "INFO"
    deployment: str | None = None

    def write(self, level: str, message: str, fields: dict[str, Any]) -> None:
        """A line, if `level` is to be read: time, level, message and the fields."""
        if LEVELS[level] < LEVELS[self.level]:
            return
        now = time.time_ns() // 1_000_000
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now // 1000))
        line = {"time": f"{seconds}.{now % 1000:03}Z", "level": level, "message": message, **fields}
        with suppress(OSError, ValueError):  # nobody reads it any more: no reason to fail
            self.stream.write(json.dumps(line) + "\n")  # one call, so that threads do not mix
            self.stream.flush()


_page: ContextVar[Page] = ContextVar("page")
_NONE = Page("none")
_journal: _Journal | None = None


def open_journal(level: str, deployment: str | None = None, stream: TextIO | None = None) -> None:
    """Write what is noted from `level` on; with the name of a deployment, its metrics too.

    Until then, nothing is written.
    """
    global _journal
    _journal = _Journal(stream or sys.stderr, level, deployment)


def close_journal() -> None:
    """Write nothing more."""
    global _journal
    _journal = None


@contextmanager
def page(
    operation: str, connection: str | None = None, request: str | None = None
) -> Iterator[Page]:
    """The page of one event; it is closed with a line that says what came of it.

    An exception that ends it is counted by its `code`: without one, it is a failure of ours.
    """
    opened = Page(operation, connection, request)
    token = _page.set(opened)
    started = time.perf_counter_ns()
    try:
        yield opened
    except Exception as error:
        opened.outcome = getattr(error, "code", "internal")
        count(f"Errors.{opened.outcome}")
        raise
    finally:
        _page.reset(token)
        _close(opened, (time.perf_counter_ns() - started) / 1_000_000)


def _close(closed: Page, duration: float) -> None:
    if not _journal:
        return
    fields = {**closed.fields, "duration": round(duration, 3)}
    if _journal.deployment:
        counts = {what: times for what, times in closed.counts.items() if times}
        fields |= _metrics(counts, _journal.deployment, fields["duration"])
    # Metrics do not depend on how much is to be read: a line that carries them is always written.
    level = _journal.level if _journal.deployment else "INFO"
    text = f"{_whom(closed.room, closed.client)}{closed.operation}: {closed.outcome}"
    _journal.write(max(level, "INFO", key=LEVELS.__getitem__), text, fields)


def _metrics(counts: dict[str, int], deployment: str, duration: float) -> dict[str, Any]:
    counted = [{"Name": name, "Unit": "Count"} for name in counts]
    timed = [{"Name": "Duration", "Unit": "Milliseconds"}]
    directives = [
        {"Namespace": _NAMESPACE, "Dimensions": [[_WHOSE, "operation"]], "Metrics": timed},
        {"Namespace": _NAMESPACE, "Dimensions": [[_WHOSE]], "Metrics": counted},
    ]
    about = {"Timestamp": time.time_ns() // 1_000_000, "CloudWatchMetrics": directives}
    return {"_aws": about, _WHOSE: deployment, "Duration": duration, **counts}


def _whom(room: str | None, client: str | None) -> str:
    return f"[Room:{room}] [Client:{client}] " if room is not None else ""


def subject(room: str, client: str) -> None:
    """The event being handled is this member's."""
    opened = _page.get(_NONE)
    opened.room, opened.client = room, client


def count(what: str, times: int = 1) -> None:
    """Count something that happened while the event was handled."""
    _page.get(_NONE).counts[what] += times


def note(operation: str, room: str, client: str, outcome: str) -> None:
    """Note, and count, what happened to a member because of the event."""
    fields = _page.get(_NONE).fields
    fields |= {"operation": operation, "room": room, "client": client, "outcome": outcome}
    _write("INFO", f"{_whom(room, client)}{outcome}", fields)


def undelivered(connection: str, outcome: str, cause: str) -> None:
    """Note that a socket did not take a post, or that it is gone."""
    fields = {"operation": "post", "connection": connection, "outcome": outcome, "cause": cause}
    _write("INFO", f"post {outcome}: {cause}", fields)


def turned_away(cause: str) -> None:
    """Note why somebody was not let in, which only the log is told."""
    fields = {**_page.get(_NONE).fields, "outcome": "turned away", "cause": cause}
    _write("INFO", f"turned away: {cause}", fields)


def failed() -> None:
    """Note, and count, the exception being handled, with where it came from."""
    opened = _page.get(_NONE)
    count("Errors.internal")
    fields = {**opened.fields, "outcome": "internal", "exception": traceback.format_exc().rstrip()}
    _write("ERROR", f"{opened.operation} failed", fields)


def _write(level: str, message: str, fields: dict[str, Any]) -> None:
    if _journal:
        _journal.write(level, message, fields)
