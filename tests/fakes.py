"""Hand-written stand-ins for the ports: the same promises, no I/O."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from chalicelib.ports import Admission, Claims, Departure, IceGrant, IceServer
from chalicelib.rooms import Address, ClientId, Member, Room, RoomId

T = TypeVar("T")


class MemoryRooms:
    """The port Rooms in a dictionary; it passes the same contract suite as DynamoDB."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rooms: dict[RoomId, Room] = {}
        self._claims: dict[str, dict[RoomId, ClientId]] = {}

    def claim(self, address: Address, room_id: RoomId, client_id: ClientId, until: int) -> ClientId:
        with self._lock:
            return self._claims.setdefault(address.connection, {}).setdefault(room_id, client_id)

    def release(
        self, address: Address, room_id: RoomId, client_id: ClientId | None = None
    ) -> Claims | None:
        with self._lock:
            claims = self._claims.get(address.connection, {})
            if room_id not in claims or client_id not in (None, claims[room_id]):
                return None
            before = dict(claims)
            del claims[room_id]
            return before

    def claims(self, address: Address) -> Claims:
        with self._lock:
            return dict(self._claims.get(address.connection, {}))

    def forget(self, address: Address) -> Claims:
        with self._lock:
            return self._claims.pop(address.connection, {})

    def admit(self, room_id: RoomId, member: Member, capacity: int) -> Admission:
        with self._lock:
            room = self._room(room_id)
            if member.client_id in room.members or len(room.members) >= capacity:
                return Admission(False, room)
            self._rooms[room_id] = room.including(member)
            return Admission(True, self._rooms[room_id])

    def move(self, room_id: RoomId, member: Member) -> Room | None:
        with self._lock:
            room = self._room(room_id)
            seat = room.members.get(member.client_id)
            if seat is None or seat.since >= member.since:
                return None
            self._rooms[room_id] = room.including(member)
            return room

    def renew(self, room_id: RoomId, member: Member) -> Room | None:
        with self._lock:
            room = self._room(room_id)
            seat = room.members.get(member.client_id)
            if seat is None or seat.address != member.address:
                return None
            renewed = replace(seat, until=member.until, role=member.role)
            self._rooms[room_id] = room.including(renewed)
            return self._rooms[room_id]

    def dismiss(
        self, room_id: RoomId, client_id: ClientId, address: Address | None
    ) -> Departure | None:
        with self._lock:
            seat = self._room(room_id).members.get(client_id)
            if seat is None or address not in (None, seat.address):
                return None
            return self._remove(room_id, seat)

    def evict(self, room_id: RoomId, member: Member) -> Departure | None:
        with self._lock:
            seat = self._room(room_id).members.get(member.client_id)
            if seat is None or seat.since != member.since:
                return None
            return self._remove(room_id, seat)

    def find(self, room_id: RoomId) -> Room:
        with self._lock:
            return self._room(room_id)

    def page(self, limit: int) -> tuple[Sequence[Room], bool]:
        with self._lock:
            rooms = list(self._rooms.values())
            return rooms[:limit], len(rooms) > limit

    def _room(self, room_id: RoomId) -> Room:
        return self._rooms.get(room_id, Room(room_id, {}))

    def _remove(self, room_id: RoomId, seat: Member) -> Departure:
        after = self._rooms[room_id].without(seat.client_id)
        self._rooms[room_id] = after
        if not after.members:
            del self._rooms[room_id]
        return Departure(seat, after)


class Meanwhile:
    """A store where something else happens before one call of a verb, after `calls` others."""

    def __init__(self, verb: str, happens: Callable[[], object], calls: int = 0) -> None:
        self._rooms = MemoryRooms()
        self._verb = verb
        self._happens = [None] * calls + [happens]

    def __getattr__(self, name: str) -> Any:
        happens = self._happens.pop(0) if name == self._verb and self._happens else None
        if happens:
            happens()
        return getattr(self._rooms, name)


class FakeClock:
    """The port Clock, moved by hand."""

    def __init__(self, now: int = 1_000_000) -> None:
        self.time = now

    def now(self) -> int:
        return self.time


class FakeSockets:
    """The port Sockets: those in `dead` are gone."""

    def __init__(self) -> None:
        self.dead: set[Address] = set()
        self.probed: list[Address] = []

    def gone(self, addresses: Iterable[Address]) -> frozenset[Address]:
        asked = list(addresses)
        self.probed += asked
        return frozenset(self.dead.intersection(asked))


class FakeSeals:
    """The port Seals, readable: ids tell their event, a token is `room/client`, and whose it is."""

    def __init__(self) -> None:
        self.client_ids: dict[tuple[str, int], str] = {}

    def room_id(self, event_id: str) -> RoomId:
        return RoomId(f"room-of-{event_id}")

    def client_id(self, event_id: str, attempt: int) -> ClientId:
        default = f"c-{event_id}" + (f"-{attempt}" if attempt else "")
        return ClientId(self.client_ids.get((event_id, attempt), default))

    def resume_token(
        self, room_id: RoomId, client_id: ClientId, issued: int, subject: str = ""
    ) -> str:
        return f"{room_id}/{client_id}" + (f"/{subject}" if subject else "")

    def proves(
        self, token: str, room_id: RoomId, client_id: ClientId, now: int, subject: str = ""
    ) -> bool:
        return token == self.resume_token(room_id, client_id, now, subject)


class FakeIce:
    """The port IceServers."""

    def grant(self, client_id: ClientId) -> IceGrant:
        return IceGrant((IceServer(("turn:turn.example.org",), client_id, "proof"),), 3600)


class FirstChance:
    """The port Chance without any: always the first."""

    def choose(self, among: Sequence[T]) -> T:
        return among[0]
