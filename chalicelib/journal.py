"""What goes into the log: one JSON object a line; ids and outcomes, never what people send.

An event opens a page; what happens while it is handled is noted on it and counted. When the page
is closed, one line says what the event was and what came of it. On Lambda that line carries its
counts in the embedded metric format, so that CloudWatch makes metrics of them without a call:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TextIO

_log = logging.getLogger("parley")

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


_page: ContextVar[Page] = ContextVar("page")
_NONE = Page("none")
_deployment: str | None = None


class JsonLines(logging.Formatter):
    """A record as one line of JSON: time, level, message and the fields it was noted with."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = getattr(record, "fields", {})
        moment = time.gmtime(record.created)
        line = {
            "time": f"{time.strftime('%Y-%m-%dT%H:%M:%S', moment)}.{int(record.msecs):03}Z",
            "level": record.levelname,
            "message": record.getMessage(),
            **fields,
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def open_journal(level: str, deployment: str | None = None, stream: TextIO | None = None) -> None:
    """Write what is noted from `level` on; with the name of a deployment, its metrics too."""
    global _deployment  # as with logging itself, a process has one journal
    _deployment = deployment
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    _log.handlers[:] = [handler]
    _log.propagate = False
    _log.setLevel(level)


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
    fields = {**closed.fields, "duration": round(duration, 3)}
    if _deployment:
        fields |= _metrics(+closed.counts, _deployment, fields["duration"])
    # Metrics do not depend on how much is to be read: a line that carries them is always written.
    level = _log.level if _deployment else logging.INFO
    text = f"{_whom(closed.room, closed.client)}{closed.operation}: {closed.outcome}"
    _log.log(max(level, logging.INFO), text, extra={"fields": fields})


def _metrics(counts: Counter[str], deployment: str, duration: float) -> dict[str, Any]:
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
    _log.info("%s%s", _whom(room, client), outcome, extra={"fields": fields})


def undelivered(connection: str, outcome: str, cause: str) -> None:
    """Note that a socket did not take a post, or that it is gone."""
    fields = {"operation": "post", "connection": connection, "outcome": outcome, "cause": cause}
    _log.info("post %s: %s", outcome, cause, extra={"fields": fields})


def turned_away(cause: str) -> None:
    """Note why somebody was not let in, which only the log is told."""
    fields = {**_page.get(_NONE).fields, "outcome": "turned away", "cause": cause}
    _log.info("turned away: %s", cause, extra={"fields": fields})


def failed() -> None:
    """Note, and count, the exception being handled, with where it came from."""
    opened = _page.get(_NONE)
    count("Errors.internal")
    fields = {**opened.fields, "outcome": "internal"}
    _log.error("%s failed", opened.operation, exc_info=True, extra={"fields": fields})
