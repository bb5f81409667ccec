"""What the use cases need of the world, in words of the domain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from chalicelib.rooms import Address, ClientId, DoorChange, Key, Member, Pass, Room, RoomId

T = TypeVar("T")

Claims = Mapping[RoomId, ClientId]
"""The seats that one socket holds."""


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether a member got its seat, and the room as it is then (if not: as it was)."""

    admitted: bool
    room: Room
    made: bool = False
    """Whether there was no such room before."""


@dataclass(frozen=True, slots=True)
class Departure:
    """Somebody who left, and the room that stays behind."""

    member: Member
    room: Room


@dataclass(frozen=True, slots=True)
class IceServer:
    """A STUN or TURN server, as RTCIceServer has it."""

    urls: tuple[str, ...]
    username: str | None = None
    credential: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class IceGrant:
    """What one member should hand to its RTCPeerConnection, and for how long it works."""

    servers: Sequence[IceServer]
    ttl: int | None = None
    """Seconds; None: nothing in it runs out."""


_NO_KEY = Key()


class Rooms(Protocol):
    """Seats and who holds them. Each verb is atomic; any two may run at the same moment."""

    def claim(
        self, address: Address, room_id: RoomId, client_id: ClientId, until: int, most: int = 0
    ) -> ClientId | None:
        """Note that the socket sits in the room, and return as whom: the first claim wins.

        None, and nothing noted, if that would be a claim to more than `most` rooms (0: any number).
        """

    def release(
        self, address: Address, room_id: RoomId, client_id: ClientId | None = None
    ) -> Claims | None:
        """Withdraw the socket's claim to the room, if it is to that seat (None: to any).

        Returns all its claims as they were before; None if it had no such claim.
        """

    def claims(self, address: Address) -> Claims:
        """All claims of the socket."""

    def forget(self, address: Address) -> Claims:
        """The socket is no more: withdraw all its claims and return them."""

    def admit(
        self, room_id: RoomId, member: Member, capacity: int, key: Key = _NO_KEY
    ) -> Admission:
        """Seat the member, unless its id is taken or was removed, the door does not let it in, or
        `capacity` seats (fewer, if the door says so) are taken. Who makes the room owns it."""

    def move(self, room_id: RoomId, member: Member) -> Room | None:
        """Give the member's seat to its newer `since` and address.

        Returns the room as it was before; None if the seat is gone or no older than `since`.
        """

    def renew(self, room_id: RoomId, member: Member) -> Room | None:
        """Give the seat the member's `until` and role; since, metadata and address stay.

        Returns the room as it is then; None if the member's socket does not hold the seat.
        """

    def dismiss(
        self, room_id: RoomId, client_id: ClientId, address: Address | None
    ) -> Departure | None:
        """Free the seat if that socket holds it (None: whoever holds it).

        An empty room vanishes, at once or, if its door is not open to everybody, in time.
        """

    def evict(self, room_id: RoomId, member: Member) -> Departure | None:
        """Free the seat if it is still the one that was seen (same `since`)."""

    def expel(
        self,
        room_id: RoomId,
        client_id: ClientId,
        until: int,
        by: ClientId | None,
        forgiven: Iterable[ClientId] = (),
    ) -> Departure | None:
        """Free the seat and keep its id out until then (ms); `forgiven` ones are kept out no more.

        None if there is no such seat, or if `by` (None: nobody in the room) is no moderator there.
        """

    def set_door(self, room_id: RoomId, change: DoorChange, by: ClientId | None) -> Room | None:
        """The room after the change; None if it does not exist, or `by` is no moderator there."""

    def forgive(self, room_id: RoomId, client_ids: Iterable[ClientId]) -> None:
        """Forget those who were removed, if they may be forgotten by now."""

    def find(self, room_id: RoomId) -> Room:
        """The room; one that does not exist has no members."""

    def page(self, limit: int) -> tuple[Sequence[Room], bool]:
        """Up to `limit` rooms, and whether there may be more."""


class Sockets(Protocol):
    """What API Gateway knows about sockets."""

    def gone(self, addresses: Iterable[Address]) -> frozenset[Address]:
        """Those of the sockets that certainly exist no longer."""


class Seals(Protocol):
    """Ids that cannot be guessed, and proofs that cannot be forged."""

    def room_id(self, event_id: str) -> RoomId:
        """An id for a new room (128 bits); the same event gets the same one."""

    def client_id(self, event_id: str, attempt: int) -> ClientId:
        """An id for a new member; the same event and attempt get the same one."""

    def resume_token(
        self, room_id: RoomId, client_id: ClientId, issued: int, subject: str = ""
    ) -> str:
        """A proof, in the hands of that subject, of being that member (`issued` in ms)."""

    def proves(
        self, token: str, room_id: RoomId, client_id: ClientId, now: int, subject: str = ""
    ) -> bool:
        """Whether the token is genuine, about this member, and still valid at `now` (ms)."""

    def issued(self, token: str) -> int:
        """When a token that proves something was made (ms)."""

    def pseudonym(self, name: str) -> str:
        """The same one for the same name; nobody can tell the name from it."""


class Passcodes(Protocol):
    """Passcodes, sealed so that who reads a seal does not know the passcode."""

    def seal(self, passcode: str) -> str:
        """Another seal each time. Slow, and so are guesses."""

    def fits(self, passcode: str, seal: str) -> bool:
        """Whether the seal was made of that passcode. As slow as making it."""


class Tallies(Protocol):
    """Counts that all processes share. A window is known by its end (s), and forgotten after it."""

    def add(self, what: str, whose: str, end: int, amount: int, limit: int) -> int | None:
        """Count so many more; the new total, or None, uncounted, once `limit` is reached."""

    def subtract(self, what: str, whose: str, end: int) -> None:
        """Count one less."""


class Passes(Protocol):
    """Who may enter."""

    def read(self, token: str | None) -> Pass:
        """The pass that the token is; without one, what anybody may.

        Raises Unauthorized, always in the same words.
        """


class IceServers(Protocol):
    def grant(self, client_id: ClientId) -> IceGrant:
        """Servers for this member, with credentials of its own if they take any."""


class Clock(Protocol):
    def now(self) -> int:
        """Milliseconds since the epoch."""


class Chance(Protocol):
    def choose(self, among: Sequence[T]) -> T:
        """One of them, at random."""
