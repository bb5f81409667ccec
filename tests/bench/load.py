"""The desk under load, beside PeerJS's server on the same traffic.

Sockets in pairs; each sends its partner an offer of the size of a real one. At a steady pace, and
then as fast as a few at a time will go. `python -m tests.bench.load [seconds]`
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect

from tests import parts
from tests.bench import rivals, stage
from tests.bench.measure import Row, Samples, Section, percentile

SOCKETS = (2, 100, 1_000)
PACE = 40  # signals per second at the steady pace
AT_ONCE = 8  # signals under way when it goes as fast as it can
PATIENCE = 10.0  # seconds that a signal, or an opening socket, may take
METHOD = (
    "Sockets in pairs, 8 pairs opened at a time by one Python client on the same machine; an offer"
    " goes to the partner and is timed until it is there. Steady:"
    f" {PACE} a second in all; full: {AT_ONCE} under way at any time."
    " The desk does for each what it does for a Lambda: an event, a thread, a DynamoDB (MiniStack)"
    " and an HTTP call back; PeerJS's server keeps everything in a map."
)


@dataclass
class Socket:
    """One end of a pair: what it says to the other, and when the other's words have come."""

    wire: ClientConnection
    address: dict[str, str]
    arrived: dict[str, float] = field(default_factory=dict)

    async def hear(self) -> None:
        async for text in self.wire:
            mark = mark_in(json.loads(text))
            if mark:
                self.arrived[mark] = time.perf_counter()


def mark_in(frame: dict[str, Any]) -> str | None:
    data = frame.get("data") or frame.get("payload") or {}
    return data.get("mark") if isinstance(data, dict) else None


Pair = tuple[Socket, Socket]
Open = Callable[[int], Awaitable[Pair]]


# -- the two servers' words -----------------------------------------------------------------------


def parley(port: int) -> Open:
    async def one(room: str) -> Socket:
        wire = await connect(f"ws://127.0.0.1:{port}/ws", compression=None, ping_interval=None)
        await wire.send(json.dumps({"type": "join", "roomId": room}))
        while (joined := json.loads(await wire.recv()))["type"] != "joined":
            pass
        return Socket(wire, {"type": "signal", "roomId": room, "to": joined["clientId"]})

    async def pair(_: int) -> Pair:
        room = uuid.uuid4().hex
        return await one(room), await one(room)

    return pair


def peerjs(port: int) -> Open:
    async def one() -> Socket:
        name = uuid.uuid4().hex
        url = f"ws://127.0.0.1:{port}/peerjs?key=peerjs&id={name}&token=t&version=1.5.5"
        wire = await connect(url, compression=None, ping_interval=None)
        await wire.recv()  # OPEN
        return Socket(wire, {"type": "OFFER", "dst": name})

    async def pair(_: int) -> Pair:
        return await one(), await one()

    return pair


# -- traffic --------------------------------------------------------------------------------------


async def signal(sender: Socket, receiver: Socket) -> float | None:
    """Milliseconds until the partner has it; None if it does not come."""
    mark = uuid.uuid4().hex
    key = "payload" if "dst" in receiver.address else "data"
    frame = json.dumps(receiver.address | {key: stage.OFFER | {"mark": mark}})
    began = time.perf_counter()
    await sender.wire.send(frame)
    while mark not in receiver.arrived:
        await asyncio.sleep(0.0005)
        if time.perf_counter() - began > PATIENCE:
            return None
    return (receiver.arrived.pop(mark) - began) * 1000


async def steady(pairs: list[Pair], seconds: float) -> list[float | None]:
    under_way = []
    began = time.perf_counter()
    for number in range(int(seconds * PACE)):
        await asyncio.sleep(max(0.0, began + number / PACE - time.perf_counter()))
        under_way.append(asyncio.create_task(signal(*pairs[number % len(pairs)])))
    return list(await asyncio.gather(*under_way))


async def full(pairs: list[Pair], seconds: float) -> float:
    """Signals that arrive per second."""
    end, arrived = time.perf_counter() + seconds, 0

    async def go(first: int) -> None:
        nonlocal arrived
        number = first
        while time.perf_counter() < end:
            took = await signal(*pairs[number % len(pairs)])
            arrived += took is not None
            number += AT_ONCE

    began = time.perf_counter()
    await asyncio.gather(*(go(first) for first in range(min(AT_ONCE, len(pairs)))))
    return arrived / (time.perf_counter() - began)


async def opened(open_pair: Open, sockets: int) -> tuple[list[Pair], Samples]:
    """The pairs that come about, and the milliseconds that each took."""
    gate, took = asyncio.Semaphore(8), []

    async def one(number: int) -> Pair | None:
        async with gate:
            began = time.perf_counter()
            try:
                pair = await asyncio.wait_for(open_pair(number), PATIENCE)
            except (OSError, TimeoutError):
                return None
            took.append((time.perf_counter() - began) * 1000)
            return pair

    found = await asyncio.gather(*(one(number) for number in range(sockets // 2)))
    return [pair for pair in found if pair], took


@dataclass(frozen=True)
class Found:
    held: int
    opening: Samples
    steady: Samples
    lost: int
    full: float


async def under_load(open_pair: Open, sockets: int, seconds: float) -> Found:
    pairs, opening = await opened(open_pair, sockets)
    ears = [asyncio.create_task(socket.hear()) for pair in pairs for socket in pair]
    took = await steady(pairs, seconds)
    rate = await full(pairs, seconds)
    for socket in (socket for pair in pairs for socket in pair):
        socket.wire.transport.abort()
    await asyncio.gather(*ears, return_exceptions=True)
    arrived = [ms for ms in took if ms is not None]
    return Found(len(pairs) * 2, opening, arrived, len(took) - len(arrived), rate)


def rows(sockets: int, ours: Found, theirs: Found) -> list[Row]:
    name = f"{sockets} sockets"
    return [
        Row(f"{name}, signal p50", "ms", ours.steady, "PeerJS", theirs.steady),
        Row(f"{name}, signals at full", "1/s", [ours.full], "PeerJS", [theirs.full]),
        Row(f"{name}, a pair opened", "ms", ours.opening, "PeerJS", theirs.opening),
    ]


def fact(found: Found) -> dict[str, Any]:
    return {
        "held": found.held,
        "lost": found.lost,
        "p50": percentile(found.steady, 50),
        "p99": percentile(found.steady, 99),
        "full": found.full,
    }


def main(seconds: float) -> None:
    out = Section("Under load", METHOD)
    with ExitStack() as stack:
        log = stack.enter_context(open(os.devnull, "w"))
        desk = urlsplit(stack.enter_context(parts.desk(stderr=log))).port
        assert desk
        peer = stack.enter_context(rivals.peer_server())
        for sockets in SOCKETS:
            ours = asyncio.run(under_load(parley(desk), sockets, seconds))
            theirs = asyncio.run(under_load(peerjs(peer), sockets, seconds))
            out.rows += rows(sockets, ours, theirs)
            out.facts[str(sockets)] = {"Parley": fact(ours), "PeerJS": fact(theirs)}
    out.say()


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 5)
