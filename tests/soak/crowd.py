"""Many people in many rooms, in one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.soak.report import Counts

Say = Callable[[str], None]
AT_ONCE = 24  # handshakes under way at the same time
ANSWERED = 20.0  # seconds after which an answer is not expected any more
QUIET: dict[str, Any] = {"compression": None, "ping_interval": None, "open_timeout": 60}
BACK = 2.0  # seconds within which one comes back
SETTLED = 10.0  # seconds for what is under way to arrive


@dataclass
class Letter:
    """A signal, and what became of it."""

    sender: Member
    receiver: Member
    sent: float
    delivered: float = 0.0
    errored: bool = False

    @property
    def cut(self) -> bool:
        """Whether one of the two was away while it was under way."""
        return any(
            gone <= self.sent + ANSWERED and self.sent <= back
            for member in (self.sender, self.receiver)
            for gone, back in member.cuts
        )


class Member:
    """Somebody in one room: joins, pings, is killed, comes back with the same id."""

    def __init__(self, crowd: Crowd, room: str) -> None:
        self.crowd = crowd
        self.room = room
        self.client = self.token = ""
        self.cuts: list[tuple[float, float]] = []
        """From when to when one was away."""
        self.joins = 0
        self._joined = asyncio.Event()
        self._socket: ClientConnection | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def come(self) -> None:
        """Open a socket and join, or join again; asked again if no answer comes."""
        async with self.crowd.door:
            self._socket = await connect(self.crowd.url, **QUIET)
            self._tasks = [asyncio.create_task(self._listen(self._socket))]
            self._joined.clear()
            while not self._joined.is_set():
                await self.send(type="join", roomId=self.room, **self._proof())
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._joined.wait(), ANSWERED)
        self._tasks.append(asyncio.create_task(self._ping()))

    async def be_killed(self) -> None:
        """The cable is pulled; after a while one is back."""
        assert self._socket
        gone = time.monotonic()
        self._socket.transport.abort()
        self._stop()
        await asyncio.sleep(random.uniform(0, BACK))
        await self.come()
        self.cuts.append((gone, time.monotonic()))

    async def go(self) -> None:
        """Leave the room, and then close."""
        assert self._socket
        async with self.crowd.door:
            await self.send(type="leave", roomId=self.room)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.left.wait(), ANSWERED)
            self._stop()
            await self._socket.close()

    async def send(self, **frame: Any) -> None:
        assert self._socket
        with contextlib.suppress(ConnectionClosed):
            await self._socket.send(json.dumps(frame))

    def _proof(self) -> dict[str, str]:
        return {"clientId": self.client, "resumeToken": self.token} if self.token else {}

    def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _ping(self) -> None:
        await asyncio.sleep(random.uniform(0, self.crowd.interval))
        while True:
            await self.send(type="ping")
            await asyncio.sleep(self.crowd.interval)

    async def _listen(self, socket: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for text in socket:
                self._hear(json.loads(text))

    def _hear(self, frame: dict[str, Any]) -> None:
        match frame:
            case {"type": "joined"}:
                self.client, self.token = frame["clientId"], frame["resumeToken"]
                self.joins += not self._joined.is_set()
                self._joined.set()
            case {"type": "signal", "data": number}:
                letter = self.crowd.letters[number]
                letter.delivered = letter.delivered or time.monotonic()
            case {"type": "error", "id": number}:
                self.crowd.letters[int(number)].errored = True
            case {"type": "left"}:
                self.left.set()

    @property
    def left(self) -> asyncio.Event:
        return self.crowd.left.setdefault(self, asyncio.Event())


class Crowd:
    """Everybody."""

    def __init__(self, url: str, sockets: int, rooms: int, interval: float) -> None:
        self.url = url
        self.interval = interval
        self.door = asyncio.Semaphore(AT_ONCE)
        self.members = [Member(self, f"room-{number % rooms}") for number in range(sockets)]
        self.letters: dict[int, Letter] = {}
        self.left: dict[Member, asyncio.Event] = {}

    async def come(self, say: Say) -> None:
        started = time.monotonic()
        await asyncio.gather(*(member.come() for member in self.members))
        say(f"{len(self.members)} have joined in {time.monotonic() - started:.0f} s")

    async def talk(self, seconds: float, rate: float, say: Say) -> None:
        """Everybody signals everybody else, again and again; a third is killed meanwhile."""
        end = time.monotonic() + seconds
        killing = asyncio.create_task(self._kill(self.members[::3], seconds))
        for number, (sender, receiver) in enumerate(itertools.cycle(self._pairs())):
            if time.monotonic() > end:
                break
            self.letters[number] = Letter(sender, receiver, time.monotonic())
            await sender.send(
                type="signal", id=str(number), roomId=sender.room, to=receiver.client, data=number
            )
            await asyncio.sleep(1 / rate)
            if number % (10 * int(rate)) == 0:
                say(f"{number} signals sent, {self._done()} of them delivered or answered")
        await killing
        await asyncio.sleep(SETTLED)

    async def rest(self, intervals: int, say: Say) -> None:
        say(f"silence for {intervals} ping intervals, {intervals * self.interval:.0f} s")
        await asyncio.sleep(intervals * self.interval)

    async def go(self, say: Say) -> None:
        await asyncio.gather(*(member.go() for member in self.members))
        say("all have left")

    def ids(self) -> set[str]:
        return {f"{member.room}/{member.client}" for member in self.members}

    def counts(self) -> Counts:
        letters = self.letters.values()
        open_ = [x for x in letters if not (x.delivered or x.errored)]
        return Counts(
            joins=sum(member.joins for member in self.members),
            resumes=sum(member.joins - 1 for member in self.members),
            sent=len(self.letters),
            delivered=sum(1 for x in letters if x.delivered),
            errored=sum(1 for x in letters if x.errored and not x.delivered),
            cut=sum(1 for x in open_ if x.cut),
            lost=sum(1 for x in open_ if not x.cut),
            latencies=sorted(x.delivered - x.sent for x in letters if x.delivered),
        )

    def _done(self) -> int:
        return sum(1 for x in self.letters.values() if x.delivered or x.errored)

    def _pairs(self) -> list[tuple[Member, Member]]:
        """Everybody with everybody else of the room, in an order that mixes the rooms."""
        rooms: dict[str, list[Member]] = {}
        for member in self.members:
            rooms.setdefault(member.room, []).append(member)
        pairs = [pair for room in rooms.values() for pair in itertools.permutations(room, 2)]
        random.shuffle(pairs)
        return pairs

    async def _kill(self, victims: list[Member], seconds: float) -> None:
        async def one(victim: Member) -> None:
            await asyncio.sleep(random.uniform(0, seconds * 0.8))
            await victim.be_killed()

        await asyncio.gather(*(one(victim) for victim in victims))
