"""What goes into the log: one JSON object a line; ids and outcomes, never what people send."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

_log = logging.getLogger("parley")


class JsonLines(logging.Formatter):
    """A record as one line of JSON: time, level, message and the fields it was noted with."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = getattr(record, "fields", {})
        line = {"level": record.levelname, "message": record.getMessage(), **fields}
        line["time"] = self.formatTime(record)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def open_journal(level: str) -> None:
    """Write what is noted from `level` on to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    _log.handlers[:] = [handler]
    _log.propagate = False
    _log.setLevel(level)


def note(operation: str, room: str, client: str, outcome: str) -> None:
    """Note what happened to a client in a room."""
    fields = {"operation": operation, "room": room, "client": client, "outcome": outcome}
    _log.info("[Room:%s] [Client:%s] %s", room, client, outcome, extra={"fields": fields})


def refused(operation: str, connection: str, code: str) -> None:
    """Note that a request was answered with an error."""
    fields = {"operation": operation, "connection": connection, "outcome": code}
    _log.info("%s refused: %s", operation, code, extra={"fields": fields})


def undelivered(connection: str, outcome: str, cause: str) -> None:
    """Note that a socket did not take a post, or that the peer was gone."""
    fields = {"operation": "post", "connection": connection, "outcome": outcome, "cause": cause}
    _log.info("post %s: %s", outcome, cause, extra={"fields": fields})


def failed(operation: str, connection: str | None = None) -> None:
    """Note the exception being handled, with where it came from."""
    fields = {"operation": operation, "connection": connection, "outcome": "internal"}
    _log.error("%s failed", operation, exc_info=True, extra={"fields": fields})
