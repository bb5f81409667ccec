"""What a room is: members on seats, and the words for what can go wrong. Pure values, no I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import ClassVar, NewType

RoomId = NewType("RoomId", str)
ClientId = NewType("ClientId", str)

ROOM_ID_LENGTH = 128
CLOCK_SKEW = 5_000  # ms by which the clocks of two of our processes may differ
_CONTROL = re.compile("[\u0000-\u001f\u007f-\u009f]")  # Unicode class Cc, all of it
_SURROGATE = re.compile("[\ud800-\udfff]")


class SignalingError(Exception):
    """Something a client asked for and cannot have. The text is for people, `code` for programs."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    """The HTTP status a REST door answers with."""

    def __init__(self, text: str, room_id: RoomId | None = None) -> None:
        super().__init__(text)
        self.room_id = room_id
        self.retry_after = 0
        """Seconds after which it may be tried again, if that is known."""


class BadMessage(SignalingError):
    code = "bad-message"
    status = 400


class UnknownType(SignalingError):
    code = "unknown-type"
    status = 400


class TooLarge(SignalingError):
    code = "too-large"
    status = 413


class NotInRoom(SignalingError):
    code = "not-in-room"
    status = 403


class RoomFull(SignalingError):
    code = "room-full"
    status = 409
    room_id: RoomId


class RoomClosed(SignalingError):
    """The door stays shut: locked, or no passcode, or a wrong one. Which of these is not told."""

    code = "room-closed"
    status = 403


class Forbidden(SignalingError):
    """One is in the room, but may not do that there."""

    code = "forbidden"
    status = 403


class PeerNotFound(SignalingError):
    code = "peer-not-found"
    status = 404


class Undeliverable(SignalingError):
    code = "undeliverable"
    status = 502


class Unauthorized(SignalingError):
    code = "unauthorized"
    status = 401


class RateLimited(SignalingError):
    """Too much of it for now; `retry_after` tells when there is room again (s)."""

    code = "rate-limited"
    status = 429

    def __init__(self, text: str, retry_after: int, room_id: RoomId | None = None) -> None:
        super().__init__(text, room_id)
        self.retry_after = retry_after


class Internal(SignalingError):
    """Our fault, not the client's. What exactly went wrong stays in the log."""


def room_id(text: str) -> RoomId:
    """The room that a client names.

    Raises BadMessage unless it has 1 to 128 characters, none of them of Unicode class Cc.
    """
    if not 1 <= len(text) <= ROOM_ID_LENGTH or _CONTROL.search(text) or _SURROGATE.search(text):
        raise BadMessage(
            f"roomId has 1 to {ROOM_ID_LENGTH} characters, none of them control characters"
        )
    return RoomId(text)


class Role(StrEnum):
    """What somebody may do in a room, besides being there."""

    MEMBER = "member"
    MODERATOR = "moderator"
    ADMIN = "admin"
    """Leads in every room."""

    @property
    def leads(self) -> bool:
        """Whether others can be sent away, and the room be changed."""
        return self is not Role.MEMBER

    @property
    def rank(self) -> int:
        """Who stands above whom; who made a room stands between a member and a moderator."""
        return {Role.MEMBER: 0, Role.MODERATOR: 2, Role.ADMIN: 3}[self]


@dataclass(frozen=True, slots=True)
class Pass:
    """Who asks, as what, and for which rooms."""

    subject: str = ""
    """Whom the pass was made out to, in the words of whoever issues passes; empty: to anybody."""
    role: Role = Role.MEMBER
    rooms: frozenset[str] = frozenset()
    prefix: str | None = None
    """Rooms whose names begin so are open as well; empty: all rooms, None: no others."""
    expires: int | None = None
    """When it runs out (ms)."""

    def opens(self, room_id: RoomId) -> bool:
        """Whether the bearer may be in the room."""
        if self.role is Role.ADMIN or room_id in self.rooms:
            return True
        return self.prefix is not None and room_id.startswith(self.prefix)

    def check(self, room_id: RoomId) -> None:
        """Raises Unauthorized, in the same words whether there is such a room or not."""
        if not self.opens(room_id):
            raise Unauthorized(CLOSED, room_id)

    def new_room(self, room_id: RoomId) -> RoomId:
        """The name under which the bearer may make a room of that id. Raises Unauthorized."""
        if self.prefix is None and self.role is not Role.ADMIN:
            raise Unauthorized(CLOSED)
        return RoomId((self.prefix or "") + room_id)


CLOSED = "A valid token for this is needed"
EVERYBODY = Pass(prefix="")
"""Where no token is asked for: who knows the name of a room may be in it."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a socket can be reached: its connection id, and the API and stage that hold it."""

    connection: str
    gateway: str
    """`{apiId}/{stage}`: a post must go through the API that the socket came in by."""
    dialect: str = field(default="native", compare=False)


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody on a seat. The seat is reserved while it has no address."""

    client_id: ClientId
    since: int
    """When API Gateway received the join that took the seat (ms). Orders events about a member."""
    until: int
    """When the seat is void (ms): no socket outlives it, nor does the right to be here."""
    metadata: str
    """JSON text of the client's own, never read here."""
    address: Address | None = None
    subject: str = field(default="", kw_only=True)
    """Whom the pass was made out to with which the seat was taken. Never told to others."""
    role: Role = field(default=Role.MEMBER, kw_only=True)
    """What its pass made it; the one who made the room moderates without."""

    @property
    def connected(self) -> bool:
        return self.address is not None


@dataclass(frozen=True, slots=True)
class Key:
    """What somebody who comes in brings along."""

    passcode: str | None = None
    """The seal that the passcode they gave was found to fit."""
    issued: int | None = None
    """When the proof was made with which they come back (ms)."""
    makes: bool = True
    """Whether they may make the room if there is none."""


@dataclass(frozen=True, slots=True)
class Door:
    """Who may come into a room, and who says so."""

    owner: ClientId | None = None
    """Who made the room, and moderates it."""
    made: int = 0
    """When it was made (ms)."""
    passcode: str | None = None
    """The seal of the passcode; the passcode itself is never kept."""
    locked: bool = False
    capacity: int | None = None
    """Fewer seats than the operator allows."""
    revision: int = 0
    """Counts the changes: of two, the higher one is the newer."""
    removed: Mapping[ClientId, int] = field(default_factory=dict)
    """Who was removed, and until when they may not come back as the same (ms)."""

    @property
    def open(self) -> bool:
        return not self.locked and self.passcode is None

    def lets_in(self, key: Key, role: Role) -> bool:
        """Whether somebody new comes in, or comes back to a seat that is no longer theirs.

        Who had a seat since the room was made needs no passcode, whose token makes them a
        moderator no permission. A lock stops everybody else, whatever their passcode.
        """
        former = key.issued is not None and self.made <= key.issued + CLOCK_SKEW
        if self.open or former or role is not Role.MEMBER:
            return True
        return not self.locked and self.passcode == key.passcode

    def seats(self, capacity: int) -> int:
        """How many may sit here, where the operator allows so many."""
        return min(capacity, self.capacity or capacity)

    def shuts_out(self, client_id: ClientId, now: int) -> bool:
        return self.removed.get(client_id, 0) > now


@dataclass(frozen=True, slots=True)
class DoorChange:
    """What is to be different about a door; None leaves it as it is."""

    passcode: str | None = None
    """The seal of a new passcode; empty: none any more."""
    locked: bool | None = None
    capacity: int | None = None
    """Seats; 0: as many as the operator allows."""


@dataclass(frozen=True, slots=True)
class Room:
    """A snapshot: who sits where."""

    room_id: RoomId
    members: Mapping[ClientId, Member]
    door: Door = field(default_factory=Door)

    @property
    def exists(self) -> bool:
        return bool(self.members) or self.door != Door()

    def at(self, now: int) -> Room:
        """The same room without the seats that have run out by `now` (ms)."""
        return replace(self, members={c: m for c, m in self.members.items() if m.until > now})

    def without(self, client_id: ClientId) -> Room:
        return replace(self, members={c: m for c, m in self.members.items() if c != client_id})

    def including(self, member: Member) -> Room:
        return replace(self, members={**self.members, member.client_id: member})

    def holder(self, address: Address) -> Member | None:
        """The member whose socket this is."""
        return next((m for m in self.members.values() if m.address == address), None)

    def others(self, client_id: ClientId) -> tuple[Member, ...]:
        return tuple(m for c, m in self.members.items() if c != client_id)

    def rank(self, member: Member) -> int:
        """Where the member stands here."""
        return max(member.role.rank, 1 if member.client_id == self.door.owner else 0)

    def role(self, member: Member) -> Role:
        """What the member may do here."""
        return Role.MODERATOR if self.rank(member) == 1 else member.role
