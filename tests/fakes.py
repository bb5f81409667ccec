"""Hand-written stand-ins for the ports: the same promises, no I/O."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from chalicelib.doors import Doors
from chalicelib.guard import Allowances, Guard
from chalicelib.ports import Admission, Claims, Departure, IceGrant, IceServer, Rooms
from chalicelib.quotas import Quotas
from chalicelib.rooms import Address, ClientId, Door, DoorChange, Key, Member, Role, Room, RoomId
from chalicelib.signaling import Signaling

T = TypeVar("T")
LINGER = 3 * 60 * 60 * 1000  # ms that a room with a door outlasts its last join
DAY = 86_400_000
_NO_KEY = Key()
_EVERYTHING = Allowances()


class MemoryRooms:
    """The port Rooms in a dictionary; it passes the same contract suite as DynamoDB."""

    def __init__(self, clock: FakeClock | None = None) -> None:
        self._lock = threading.Lock()
        self._clock = clock or FakeClock()
        self._rooms: dict[RoomId, Room] = {}
        self._ends: dict[RoomId, int] = {}
        """When a room that nobody is in is forgotten (ms)."""
        self._claims: dict[str, dict[RoomId, ClientId]] = {}

    def claim(
        self, address: Address, room_id: RoomId, client_id: ClientId, until: int, most: int = 0
    ) -> ClientId | None:
        with self._lock:
            claims = self._claims.setdefault(address.connection, {})
            if most and room_id not in claims and len(claims) >= most:
                return None
            return claims.setdefault(room_id, client_id)

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

    def admit(
        self, room_id: RoomId, member: Member, capacity: int, key: Key = _NO_KEY
    ) -> Admission:
        with self._lock:
            room, now = self._lasting(room_id), self._clock.now()
            if (
                member.client_id in room.members
                or room.door.shuts_out(member.client_id, now)
                or len(room.members) >= room.door.seats(capacity)
                or not room.door.lets_in(key, member.role)
                or not (key.makes or room_id in self._rooms)
            ):
                return Admission(False, room)
            made = room_id not in self._rooms
            door = Door(owner=member.client_id, made=now) if made else room.door
            self._rooms[room_id] = replace(room.including(member), door=door)
            self._last(room_id, now + LINGER)
            return Admission(True, self._rooms[room_id], made)

    def move(self, room_id: RoomId, member: Member) -> Room | None:
        with self._lock:
            room = self._room(room_id)
            seat = room.members.get(member.client_id)
            if seat is None or seat.since >= member.since:
                return None
            self._rooms[room_id] = room.including(member)
            self._last(room_id, self._clock.now() + LINGER)
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

    def expel(
        self,
        room_id: RoomId,
        client_id: ClientId,
        until: int,
        by: ClientId | None,
        forgiven: Iterable[ClientId] = (),
    ) -> Departure | None:
        with self._lock:
            room = self._room(room_id)
            if client_id not in room.members or not _moderates(room, by):
                return None
            gone = set(forgiven)
            kept = {one: end for one, end in room.door.removed.items() if one not in gone}
            after = self._shut(room, removed={**kept, client_id: until}).without(client_id)
            self._rooms[room_id] = after
            self._last(room_id, max(until, self._clock.now() + LINGER))
            return Departure(room.members[client_id], after)

    def set_door(self, room_id: RoomId, change: DoorChange, by: ClientId | None) -> Room | None:
        with self._lock:
            room = self._room(room_id)
            if room_id not in self._rooms or not _moderates(room, by):
                return None
            asked: dict[str, Any] = {
                "passcode": change.passcode,
                "locked": change.locked,
                "capacity": change.capacity,
            }
            none: dict[str, Any] = {"passcode": None, "locked": False, "capacity": None}
            wanted = {n: v or none[n] for n, v in asked.items() if v is not None}
            changed = self._shut(room, **wanted, revision=room.door.revision + 1)
            self._rooms[room_id] = changed
            return changed

    def forgive(self, room_id: RoomId, client_ids: Iterable[ClientId]) -> None:
        with self._lock:
            room, now = self._room(room_id), self._clock.now()
            ended = [one for one in client_ids if one in room.door.removed]
            if ended and not any(room.door.shuts_out(one, now) for one in ended):
                kept = {o: end for o, end in room.door.removed.items() if o not in ended}
                self._rooms[room_id] = self._shut(room, removed=kept)

    @staticmethod
    def _shut(room: Room, **door: Any) -> Room:
        return replace(room, door=replace(room.door, **door))

    def find(self, room_id: RoomId) -> Room:
        with self._lock:
            return self._room(room_id)

    def page(self, limit: int) -> tuple[Sequence[Room], bool]:
        with self._lock:
            rooms = list(self._rooms.values())
            return rooms[:limit], len(rooms) > limit

    def _room(self, room_id: RoomId) -> Room:
        return self._rooms.get(room_id, Room(room_id, {}))

    def _lasting(self, room_id: RoomId) -> Room:
        """The room, unless its time is over and its door would keep others out."""
        room = self._room(room_id)
        if self._ends.get(room_id, 0) <= self._clock.now() and not room.door.open:
            self._rooms.pop(room_id, None)
        return self._room(room_id)

    def _last(self, room_id: RoomId, end: int) -> None:
        self._ends[room_id] = max(end, self._ends.get(room_id, 0))

    def _remove(self, room_id: RoomId, seat: Member) -> Departure:
        after = self._rooms[room_id].without(seat.client_id)
        self._rooms[room_id] = after
        held = any(end > self._clock.now() for end in after.door.removed.values())
        if not after.members and after.door.open and not held:
            del self._rooms[room_id]
            self._ends.pop(room_id, None)
        return Departure(seat, after)


def _moderates(room: Room, by: ClientId | None) -> bool:
    if by is None:
        return True
    return by in room.members and room.role(room.members[by]) is not Role.MEMBER


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
        self.made: dict[str, int] = {}
        """When a token was made; it is of this very moment otherwise."""

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

    def pseudonym(self, name: str) -> str:
        return f"pseudonym of {name}"

    def issued(self, token: str) -> int:
        return self.made.get(token, 2**50)


class MemoryTallies:
    """The port Tallies in a dictionary; `calls` counts what would have been calls to a store."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, str, int], int] = {}
        self.calls = 0
        self._lock = threading.Lock()

    def add(self, what: str, whose: str, end: int, amount: int, limit: int) -> int | None:
        with self._lock:
            self.calls += 1
            before = self.counts.get((what, whose, end), 0)
            if before >= limit:
                return None
            self.counts[what, whose, end] = before + amount
            return before + amount

    def subtract(self, what: str, whose: str, end: int) -> None:
        with self._lock:
            self.calls += 1
            self.counts[what, whose, end] = self.counts.get((what, whose, end), 0) - 1


def open_guard(clock: FakeClock, allowed: Allowances = _EVERYTHING) -> Guard:
    """A guard that lets through what is allowed, by default everything."""
    return Guard(Quotas(MemoryTallies(), clock), FakePasscodes(), allowed)


def open_doors(signaling: Signaling, rooms: Rooms, clock: FakeClock, guard: Guard) -> Doors:
    """The use cases of doors over fakes."""
    return Doors(signaling, rooms, FakeSeals(), clock, guard, capacity=16, resume=DAY)


class FakePasscodes:
    """The port Passcodes, readable."""

    def __init__(self) -> None:
        self._seals = 0

    def seal(self, passcode: str) -> str:
        self._seals += 1
        return f"{self._seals}:{passcode}"

    def fits(self, passcode: str, seal: str) -> bool:
        return seal.partition(":")[2] == passcode


class FakeIce:
    """The port IceServers."""

    def grant(self, client_id: ClientId) -> IceGrant:
        return IceGrant((IceServer(("turn:turn.example.org",), client_id, "proof"),), 3600)


class FirstChance:
    """The port Chance without any: always the first."""

    def choose(self, among: Sequence[T]) -> T:
        return among[0]
