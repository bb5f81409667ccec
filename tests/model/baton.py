"""Handlers that stop before each of their calls to the world, until they are told how it goes on.

Each runs in a greenlet: one thread, no scheduler, so that whoever holds the batons decides which
handler makes the next call. The code under test knows nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from greenlet import getcurrent, greenlet


class Fate(Enum):
    """What becomes of a handler's next call."""

    DONE = "done"
    REPEATED = "its answer is lost, and the client of AWS makes the same call again"
    REFUSED = "throttled until the client of AWS gives up"
    DEATH = "the handler is dead before it makes the call"


class Refused(Exception):
    """DynamoDB would not take a call."""


class Death(BaseException):
    """A Lambda function's time is up. No `except Exception` hears of it."""


class Baton:
    """One handler under way: `pass_on` lets it make one call and stop before the next."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._greenlet = greenlet(lambda _: self._run(work))
        self.died = False
        self.refused = False
        self.repeated = False
        self.error: Exception | None = None

    @property
    def done(self) -> bool:
        return bool(self._greenlet.dead)

    def pass_on(self, fate: Any) -> None:
        self.died |= fate is Fate.DEATH
        self.refused |= fate is Fate.REFUSED
        self.repeated |= fate is Fate.REPEATED
        self._greenlet.switch(fate)

    def _run(self, work: Callable[[], object]) -> None:
        try:
            work()
        except Death:
            self.died = True
        except Exception as error:
            self.error = error


def stop() -> Any:
    """Wait for the baton, if a handler is who asks; the fate of what it is about to do."""
    hub = getcurrent().parent
    return Fate.DONE if hub is None else hub.switch()


@dataclass(frozen=True)
class Stepwise:
    """Any object, each of whose methods named in `calls` waits for the baton."""

    target: Any
    calls: frozenset[str]

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.target, name)
        return (lambda *a, **k: make(lambda: method(*a, **k))) if name in self.calls else method


def make(call: Callable[[], Any]) -> Any:
    """Make one call as fate has it."""
    fate = stop()
    if fate is Fate.DEATH:
        raise Death
    if fate is Fate.REFUSED:
        raise Refused
    if fate is Fate.REPEATED:
        try_first(call)
    return call()


def try_first(call: Callable[[], Any]) -> None:
    """The first of two runs, whose outcome nobody hears."""
    try:
        call()
    except Exception:
        return
