"""The use cases of a room's door: its passcode, its lock, its seats, and who is sent away.

Who made a room moderates it, and so does whoever has a token that says so. What is allowed is
looked at first, for the sake of the answer, and once more in the very call that does it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib import journal
from chalicelib.events import Arrival, Delivery, DoorSet, Left, Reason, Removed, answer
from chalicelib.guard import Guard
from chalicelib.ports import Clock, Departure, Rooms, Seals
from chalicelib.rooms import (
    BadMessage,
    ClientId,
    DoorChange,
    Forbidden,
    Member,
    NotInRoom,
    Pass,
    PeerNotFound,
    Room,
    RoomId,
    Unauthorized,
)
from chalicelib.signaling import Resume, Signaling, tell

_FORBIDDEN = "Only a moderator of the room may do this"
_MOST_REMOVED = 64
"""Beyond so many, who was removed first may come back: only who could come in anyway, as somebody
new, can be removed so often."""
_SHORTEST, _LONGEST = 4, 64  # characters of a passcode
_LATE = 120_000  # ms after which a proof made just before its owner was removed has been told


@dataclass(frozen=True, slots=True)
class Change:
    """What a moderator wants of a door; None leaves it as it is."""

    passcode: str | None = None
    """Empty: none any more."""
    locked: bool | None = None
    capacity: int | None = None
    """Seats; 0: as many as the operator allows."""


@dataclass(frozen=True, slots=True)
class _Moderator:
    """Who asks: somebody on a seat, or (None) whoever has a token that lets them."""

    seat: Member | None
    rank: int

    @property
    def client_id(self) -> ClientId | None:
        """Whose right is looked at again when it is used."""
        return self.seat.client_id if self.seat else None


class Doors:
    """Set a door, and send members away."""

    def __init__(
        self,
        signaling: Signaling,
        rooms: Rooms,
        seals: Seals,
        clock: Clock,
        guard: Guard,
        capacity: int,
        resume: int,
    ) -> None:
        """`capacity` is the operator's, `resume` how long a proof is good (ms)."""
        self._signaling = signaling
        self._rooms = rooms
        self._seals = seals
        self._clock = clock
        self._guard = guard
        self._capacity = capacity
        self._resume = resume

    # -- from a socket ---------------------------------------------------------------------------

    def set_door(self, arrival: Arrival, room_id: RoomId, change: Change) -> list[Delivery]:
        """Change the door; everybody hears of it. Raises NotInRoom, Forbidden or BadMessage."""
        self._check(change)
        _, by = self._moderator_at(arrival, room_id)
        room = self._changed(room_id, change, by, arrival.source)
        news = self._news(room, by)
        return [answer(arrival, news), *tell(room, news, but=by.client_id)]

    def remove(self, arrival: Arrival, room_id: RoomId, client_id: ClientId) -> list[Delivery]:
        """Send somebody away. Raises NotInRoom, Forbidden or PeerNotFound."""
        room, by = self._moderator_at(arrival, room_id)
        said = self._removed(room, client_id, by)
        return [answer(arrival, Removed(room_id, client_id)), *said]

    def _moderator_at(self, arrival: Arrival, room_id: RoomId) -> tuple[Room, _Moderator]:
        room, seat = self._signaling.present(arrival, room_id)
        rank = room.rank(seat)
        if rank == 0:
            raise Forbidden(_FORBIDDEN, room_id)
        return room, _Moderator(seat, rank)

    # -- without one -----------------------------------------------------------------------------

    def set_door_as(
        self, who: Pass | Resume, room_id: RoomId, change: Change, source: str
    ) -> tuple[DoorSet, list[Delivery]]:
        """As `set_door`, by a token that leads, or by a member who proves to be one."""
        self._check(change)
        _, by = self._moderator_as(who, room_id)
        room = self._changed(room_id, change, by, source)
        news = self._news(room, by)
        return news, tell(room, news)

    def remove_as(self, who: Pass | Resume, room_id: RoomId, client_id: ClientId) -> list[Delivery]:
        """As `remove`, by a token that leads, or by a member who proves to be one."""
        room, by = self._moderator_as(who, room_id)
        return self._removed(room, client_id, by)

    def _moderator_as(self, who: Pass | Resume, room_id: RoomId) -> tuple[Room, _Moderator]:
        """Raises Forbidden or Unauthorized, in the same words whether there is such a room."""
        room = self._rooms.find(room_id).at(self._clock.now())
        if isinstance(who, Pass):
            who.check(room_id)
            by = _Moderator(None, who.role.rank)
        else:
            seat = self._proven(room, who)
            by = _Moderator(seat, room.rank(seat))
        if by.rank == 0:
            raise Forbidden(_FORBIDDEN, room_id)
        return room, by

    def _proven(self, room: Room, proof: Resume) -> Member:
        seat, now = room.members.get(proof.client_id), self._clock.now()
        if seat is None or not self._seals.proves(
            proof.token, room.room_id, seat.client_id, now, seat.subject
        ):
            raise Unauthorized("The resumeToken does not prove a seat that is held here")
        return seat

    # -- both ------------------------------------------------------------------------------------

    def _check(self, change: Change) -> None:
        if change == Change():
            raise BadMessage("Say what is to change: passcode, locked or capacity")
        if change.capacity is not None and not 0 <= change.capacity <= self._capacity:
            raise BadMessage(f"capacity is from 1 to {self._capacity}, or null")
        if change.passcode and not _SHORTEST <= len(change.passcode) <= _LONGEST:
            raise BadMessage(f"A passcode has {_SHORTEST} to {_LONGEST} characters")

    def _changed(self, room_id: RoomId, change: Change, by: _Moderator, source: str) -> Room:
        passcode = change.passcode and self._guard.seal(source, change.passcode)
        sealed = DoorChange(passcode, change.locked, change.capacity)
        room = self._rooms.set_door(room_id, sealed, by.client_id)
        if room is None:
            raise NotInRoom("There is no such room any more, or you are not in it", room_id)
        journal.subject(room_id, by.client_id or "-")
        journal.count("DoorChanges")
        return room.at(self._clock.now())

    def _news(self, room: Room, by: _Moderator) -> DoorSet:
        return DoorSet(room.room_id, self._signaling.door(room), by.client_id)

    def _removed(self, room: Room, client_id: ClientId, by: _Moderator) -> list[Delivery]:
        room_id, seat = room.room_id, room.members.get(client_id)
        if seat is None or seat is by.seat:
            raise PeerNotFound("No such peer in this room", room_id)
        if room.rank(seat) > by.rank:
            raise Forbidden("They stand above you in this room", room_id)
        until = self._clock.now() + self._resume + _LATE
        forgiven = self._forgiven(room)
        departure = self._rooms.expel(room_id, client_id, until, by.client_id, forgiven)
        if departure is None:
            raise PeerNotFound("They have just gone, or you have", room_id)
        journal.count("Removals")
        return [*self._sent_away(departure), *self._signaling.announce(departure, Reason.REMOVED)]

    def _forgiven(self, room: Room) -> Sequence[ClientId]:
        """Whose time is over, and, where too many were removed, who was so first."""
        by_end = sorted(room.door.removed.items(), key=lambda one: one[1])
        surplus = len(by_end) - _MOST_REMOVED + 1
        now = self._clock.now()
        return [one for place, (one, end) in enumerate(by_end) if end <= now or place < surplus]

    def _sent_away(self, departure: Departure) -> list[Delivery]:
        """What the member hears; with its last seat its socket loses its purpose."""
        member, room_id = departure.member, departure.room.room_id
        if member.address is None:
            return []
        claims = self._rooms.release(member.address, room_id, member.client_id)
        last = claims is not None and len(claims) == 1
        return [Delivery(member.address, Left(room_id, member.since, Reason.REMOVED), hang_up=last)]
