"""What goes wrong on AWS now and then, on demand: for tests, and for whoever wants to see it.

Without it nothing here runs. With it the gateway, the handlers and the management API are these:
each does as before, but for the trouble that the dice choose.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

import boto3
import botocore
from botocore.session import Session
from starlette.requests import Request
from starlette.responses import Response

from infra.local.errors import (
    DeskError,
    Forbidden,
    GatewayError,
    Gone,
    IntegrationTimedOut,
    LimitExceeded,
    PayloadTooLarge,
)
from infra.local.events import Event, Origin
from infra.local.gateway import Gateway
from infra.local.handlers import Handlers
from infra.local.management import refusal

T = TypeVar("T")

log = logging.getLogger("gateway")

HELD = 1.0  # seconds that an event waits at most for another one to overtake it
SILENCE = 60.0  # seconds that a caller waits in vain for an answer, unless it gives up before
FIRST_CALLS = 4  # a handler that dies does so before one of its first calls to AWS


def chance(text: str) -> Any:
    return field(default=0.0, metadata={"most": 1.0, "text": text})


def seconds(text: str) -> Any:
    return field(default=0.0, metadata={"most": SILENCE, "text": text})


@dataclass(frozen=True)
class Trouble:
    """What may go wrong, and how often: chances from 0 to 1, and longest times in seconds."""

    delay: float = seconds("seconds that an event may come late, each on its own")
    reorder: float = chance("an event waits until another one has been handled")
    double: float = chance("an event is handled twice, side by side")
    kill: float = chance("a handler dies before one of its first calls to AWS")
    cut: float = chance("a socket is cut without a close frame once it has sent a message")
    late_disconnect: float = seconds("seconds that a $disconnect may come late")
    lose_disconnect: float = chance("a $disconnect never comes")
    double_disconnect: float = chance("a $disconnect comes twice")
    early_disconnect: float = chance("a client gives up while $connect runs; $disconnect overtakes")
    gone: float = chance("a post is answered 410 though the socket lives")
    throttle: float = chance("a post is answered 429")
    too_large: float = chance("a post is answered 413")
    forbid: float = chance("a post is answered 403")
    fail: float = chance("a post is answered 500")
    hang: float = chance("a post is not answered at all")
    lose: float = chance("a post is accepted and never delivered")
    db_throttle: float = chance("DynamoDB throttles a call")
    db_slow: float = seconds("seconds that DynamoDB may take longer")
    seed: int = field(default=0, metadata={"most": 2**32, "text": "another seed, other dice"})


KINDS = {kind.name.replace("_", "-"): kind for kind in fields(Trouble)}


def parse(text: str) -> Trouble:
    """Trouble as the command line says it: `delay=0.2,gone=0.01,seed=7`."""
    given = [part.strip().partition("=") for part in text.split(",") if part.strip()]
    extents: dict[str, Any] = {KINDS[n].name: v for n, v in (extent(n, t) for n, _, t in given)}
    return Trouble(**extents)


def extent(name: str, text: str) -> tuple[str, float]:
    """A kind of trouble and its number; a DeskError in one line if it cannot be."""
    if name not in KINDS:
        raise DeskError(f"--mischief does not know {name!r}; it knows {', '.join(KINDS)}.")
    most = KINDS[name].metadata["most"]
    try:
        value = int(text) if name == "seed" else float(text)
    except ValueError:
        value = -1
    if not 0 <= value <= most:
        raise DeskError(f"--mischief {name}={text}: it is a number from 0 to {most:g}.")
    return name, value


def described() -> str:
    """Every kind of trouble in a line of its own."""
    return "\n".join(f"  {name:18} {kind.metadata['text']}" for name, kind in KINDS.items())


class Mischief:
    """The dice. `trouble` may be changed at any time.

    Each kind has dice of its own, so that one kind's throws do not depend on another's; who makes
    the next throw is up to the threads.
    """

    def __init__(self, trouble: Trouble | None = None) -> None:
        self.trouble = trouble or Trouble()
        self._dice = {name: random.Random(f"{self.trouble.seed}/{name}") for name in KINDS}  # noqa: S311 - dice  # nosec B311

    def strikes(self, kind: str) -> bool:
        """Whether this kind of trouble comes now."""
        return self._dice[kind].random() < self._extent(kind)

    def seconds(self, kind: str) -> float:
        """How long it takes this time."""
        return self._dice[kind].uniform(0, self._extent(kind))

    def call(self) -> int:
        """Before which of its calls a handler dies."""
        return self._dice["kill"].randint(1, FIRST_CALLS)

    def _extent(self, kind: str) -> float:
        return float(getattr(self.trouble, KINDS[kind].name))


# ---- handlers


class Died(BaseException):
    """The time of a handler is up: nothing that it could catch, as on Lambda."""


class MortalHandlers(Handlers):
    """Handlers that may die between two calls to AWS, without a word to their code."""

    def __init__(self, mischief: Mischief, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._mischief = mischief
        self._fate = threading.local()
        # We hear of each call of the clients that the application makes: of boto3's own session, if
        # there is one already, and of every session that is made from now on.
        if boto3.DEFAULT_SESSION is not None:
            boto3.DEFAULT_SESSION.events.register("before-call", self._count)
        botocore.register_initializer(self._listen)

    def _listen(self, session: Session) -> None:
        session.register("before-call", self._count)

    async def run(self, call: Callable[[], T]) -> T:
        if not self._mischief.strikes("kill"):
            return await super().run(call)
        left = self._mischief.call()
        return await super().run(lambda: self._doomed(call, left))

    def _doomed(self, call: Callable[[], T], left: int) -> T:
        self._fate.left = left
        try:
            return call()
        except Died:
            raise IntegrationTimedOut from None  # which is what API Gateway would see
        finally:
            del self._fate.left

    def _count(self, **_: Any) -> None:
        if (left := getattr(self._fate, "left", None)) is not None:
            self._fate.left = left - 1
            if left == 1:
                raise Died


# ---- events


class MischievousGateway(Gateway):
    """A gateway whose events come late, in another order, twice, or not at all."""

    def __init__(self, mischief: Mischief, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._mischief = mischief
        self._passed = asyncio.Event()

    async def _invoke(self, route: str, origin: Origin, event: Event) -> Event:
        come = {"$connect": self._connect_comes, "$disconnect": self._disconnect_comes}
        answer = await come.get(route, self._message_comes)(route, origin, event)
        passed, self._passed = self._passed, asyncio.Event()
        passed.set()
        return answer

    async def _connect_comes(self, route: str, origin: Origin, event: Event) -> Event:
        if not self._mischief.strikes("early-disconnect"):
            return await self._happens("double", route, origin, event)
        await self._disconnect(origin, 1006, "")
        await super()._invoke(route, origin, event)
        raise IntegrationTimedOut  # nobody is there to hear it

    async def _message_comes(self, route: str, origin: Origin, event: Event) -> Event:
        if self._mischief.strikes("cut") and origin.connection_id in self.connections:
            self.connections[origin.connection_id].cut()
        if self._mischief.strikes("reorder"):
            await until(self._passed)
        await asyncio.sleep(self._mischief.seconds("delay"))
        return await self._happens("double", route, origin, event)

    async def _disconnect_comes(self, route: str, origin: Origin, event: Event) -> Event:
        if self._mischief.strikes("lose-disconnect"):
            return {}
        await asyncio.sleep(self._mischief.seconds("late-disconnect"))
        return await self._happens("double-disconnect", route, origin, event)

    async def _happens(self, twice: str, route: str, origin: Origin, event: Event) -> Event:
        if self._mischief.strikes(twice):
            self._in_background(self._again(route, origin, event))
        return await super()._invoke(route, origin, event)

    async def _again(self, route: str, origin: Origin, event: Event) -> None:
        try:
            await super()._invoke(route, origin, event)
        except GatewayError:
            log.debug("%s failed when it came again", route)


async def until(event: asyncio.Event) -> None:
    """Wait for the event, but not for ever."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(HELD):
            await event.wait()


# ---- posts

REFUSALS: dict[str, type[GatewayError]] = {
    "gone": Gone,
    "throttle": LimitExceeded,
    "too-large": PayloadTooLarge,
    "forbid": Forbidden,
    "fail": GatewayError,
}

Answer = Callable[[Request], Awaitable[Response]]


def mischievous(mischief: Mischief, answer: Answer) -> Answer:
    """The management API, with posts that fail, hang, or arrive nowhere."""

    async def answer_or_not(request: Request) -> Response:
        if request.method != "POST":
            return await answer(request)
        for kind, error in REFUSALS.items():
            if mischief.strikes(kind):
                return refusal(error())
        if mischief.strikes("hang"):
            await asyncio.sleep(SILENCE)
            return refusal(IntegrationTimedOut())
        return Response() if mischief.strikes("lose") else await answer(request)

    return answer_or_not
