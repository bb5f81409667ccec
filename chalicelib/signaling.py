"""The use cases. Values in, deliveries out: nothing here speaks to a socket.

Every use case may run twice for one event, beside any other one, and may be cut short between two
calls. What keeps the promises then: each call to Rooms is atomic and says what it found, and
whoever removed a seat is the one who announces it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from chalicelib import journal
from chalicelib.events import (
    Arrival,
    Broadcast,
    Delivery,
    DoorState,
    Event,
    IceGranted,
    Joined,
    Left,
    Outcome,
    PeerJoined,
    PeerLeft,
    Pong,
    Reason,
    Refused,
    Signal,
    answer,
)
from chalicelib.guard import Guard
from chalicelib.ports import (
    Chance,
    Claims,
    Clock,
    Departure,
    IceGrant,
    IceServers,
    Rooms,
    Seals,
    Sockets,
)
from chalicelib.rooms import (
    CLOSED,
    EVERYBODY,
    Address,
    ClientId,
    Internal,
    Key,
    Member,
    NotInRoom,
    Pass,
    PeerNotFound,
    RateLimited,
    Role,
    Room,
    RoomClosed,
    RoomFull,
    RoomId,
    Unauthorized,
    Undeliverable,
)

_UNPROVEN = "The resumeToken does not prove this clientId here"
_SHUT = "The door stays shut: the room is locked, or wants a passcode, or another one"
_RUN_OUT = "Your token has run out; join again with a new one"
_ATTEMPTS = 5  # each one answers a change that somebody else made between two of our calls


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is allowed. All times in milliseconds."""

    capacity: int = 16
    reservation: int = 120_000
    socket: int = 7_260_000
    """From a socket's `connectedAt` to the end of its seats: 2 hours, and a little."""
    page: int = 1_000
    rooms: int = 0
    """How many rooms one socket may be in; 0: any number."""
    public: bool = False
    """Whether anybody may list the rooms where no pass is asked for."""


@dataclass(frozen=True, slots=True)
class Resume:
    """A claim to a seat that one had before, and the proof."""

    client_id: ClientId
    token: str


@dataclass(frozen=True, slots=True)
class Reservation:
    """A seat taken over REST, and what its room hears of it."""

    room_id: RoomId
    member: Member
    resume_token: str
    deliveries: Sequence[Delivery]


@dataclass(frozen=True, slots=True)
class _Entry:
    """How a member came to its seat."""

    room: Room
    member: Member
    announced: bool = True
    resumed: bool = False
    replaced: Member | None = None


@dataclass(frozen=True, slots=True)
class _Knock:
    """What somebody brings along who wants to come in."""

    pass_: Pass
    resume: Resume | None = None
    metadata: str | None = None
    passcode: str | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class _Bid:
    """A seat that somebody wants, and what speaks for it."""

    member: Member
    knock: _Knock
    proven: bool = False
    issued: int | None = None
    """When the proof was made (ms)."""


class _Superseded(Exception):
    """The seat is held by a newer socket than the one that asks."""


class _Removed(Exception):
    """Somebody who was removed comes back with the proof that they had."""


class _TooOld(Unauthorized):
    """The proof is older than the room, whose door is closed: it was made for another one."""


class _Taken(Exception):
    """The id drawn for a newcomer is somebody else's."""


def tell(room: Room, event: Event, but: ClientId | None = None) -> list[Delivery]:
    """The event for every connected member `but` one."""
    return [
        Delivery(member.address, event, seat=(room.room_id, member.client_id))
        for member in room.members.values()
        if member.address and member.client_id != but
    ]


class Signaling:
    """Join, leave, signal, broadcast, ping and disconnect, over any store and any clock."""

    def __init__(
        self,
        rooms: Rooms,
        sockets: Sockets,
        seals: Seals,
        ice: IceServers,
        clock: Clock,
        chance: Chance,
        limits: Limits,
        guard: Guard,
    ) -> None:
        self._rooms = rooms
        self._sockets = sockets
        self._seals = seals
        self._ice = ice
        self._clock = clock
        self._chance = chance
        self._limits = limits
        self._guard = guard

    # -- join ------------------------------------------------------------------------------------

    def join(
        self,
        arrival: Arrival,
        pass_: Pass,
        room_id: RoomId | None = None,
        resume: Resume | None = None,
        metadata: str | None = None,
        passcode: str | None = None,
    ) -> list[Delivery]:
        """Take a seat, or take it again with a proof; on the same socket, renew the right to it.

        Raises RoomFull or RoomClosed; Unauthorized if the pass is for other rooms or the proof
        does not hold; RateLimited if too many rooms were made, or passcodes tried.
        """
        knock = _Knock(pass_, resume, metadata, passcode, arrival.source)
        room_id = self._allowed(pass_, room_id, arrival.event_id)
        issued = self._proven(knock, room_id)
        for attempt in range(_ATTEMPTS):
            wanted = resume.client_id if resume else self._new_id(arrival, attempt)
            member = self._seat(arrival, knock, wanted)
            client_id = self._claimed(arrival, room_id, member)
            # Whoever made an earlier claim on this socket had proven the id then, or drawn it.
            proven = resume is not None or client_id != wanted
            bid = _Bid(replace(member, client_id=client_id), knock, proven, issued)
            try:
                said = self._take_seat(arrival, room_id, bid)
                if client_id != wanted:  # whoever made the claim may have withdrawn it meanwhile
                    self._claimed(arrival, room_id, bid.member)
                return said
            except _Taken:
                self._rooms.release(arrival.address, room_id, client_id)
            except _Superseded:
                self._rooms.release(arrival.address, room_id, client_id)
                return [answer(arrival, Left(room_id, arrival.at, Reason.REPLACED))]
            except _Removed:
                # Nobody else can learn this: it takes the proof to ask.
                self._rooms.release(arrival.address, room_id, client_id)
                return [answer(arrival, Left(room_id, arrival.at, Reason.REMOVED))]
            except (RoomFull, RoomClosed, RateLimited, _TooOld):
                self._rooms.release(arrival.address, room_id, client_id)
                # Beside this one, another join of the socket may have come in by the same claim.
                if not self._rooms.find(room_id).holder(arrival.address):
                    journal.subject(room_id, client_id)
                    raise
        raise Internal("No free client id was found", room_id)

    def _claimed(self, arrival: Arrival, room_id: RoomId, member: Member) -> ClientId:
        """As whom the socket comes into the room. Raises RateLimited if it is in too many."""
        most, end = self._limits.rooms, member.until
        client_id = self._rooms.claim(arrival.address, room_id, member.client_id, end, most)
        if client_id is None:
            wait = max(1, (end - self._clock.now()) // 1000)  # at the latest: leaving one will do
            raise RateLimited(f"A socket is in {most} rooms at most; leave one", wait, room_id)
        return client_id

    def _seat(self, arrival: Arrival, knock: _Knock, client_id: ClientId) -> Member:
        return Member(
            client_id,
            arrival.at,
            self._seat_end(arrival, knock.pass_),
            knock.metadata or "{}",
            arrival.address,
            subject=knock.pass_.subject,
            role=knock.pass_.role,
        )

    def _allowed(self, pass_: Pass, room_id: RoomId | None, event_id: str) -> RoomId:
        """The room, or a new one, if the pass is for it."""
        if room_id is None:
            return pass_.new_room(self._seals.room_id(event_id))
        pass_.check(room_id)
        return room_id

    def _proven(self, knock: _Knock, room_id: RoomId) -> int | None:
        """When the proof was made, if one came along (ms). Raises Unauthorized."""
        resume, now = knock.resume, self._clock.now()
        if resume is None:
            return None
        subject = knock.pass_.subject
        if not self._seals.proves(resume.token, room_id, resume.client_id, now, subject):
            raise Unauthorized(_UNPROVEN, room_id)
        return self._seals.issued(resume.token)

    def _new_id(self, arrival: Arrival, attempt: int) -> ClientId:
        return self._seals.client_id(arrival.event_id, attempt)

    def _seat_end(self, arrival: Arrival, pass_: Pass) -> int:
        end = arrival.connected_at + self._limits.socket
        return end if pass_.expires is None else min(end, pass_.expires)

    def _take_seat(self, arrival: Arrival, room_id: RoomId, bid: _Bid) -> list[Delivery]:
        client_id = bid.member.client_id
        entry, others = self._keep_one(self._enter(room_id, bid))
        if entry.member.client_id != client_id:
            self._rooms.release(arrival.address, room_id, client_id)
            seat = replace(entry.member, until=bid.member.until)
            client_id = self._claimed(arrival, room_id, seat)
        journal.subject(room_id, client_id)
        journal.note("join", room_id, client_id, outcome="resumed" if bid.proven else "joined")
        journal.count("Joins")
        return [*self._welcome(arrival, entry), *self._farewell(entry), *others]

    def _enter(self, room_id: RoomId, bid: _Bid) -> _Entry:
        member, knock = bid.member, bid.knock
        key = Key(issued=bid.issued, makes=self._guard.may_make_rooms(knock.source, knock.pass_))
        for _ in range(_ATTEMPTS):
            admission = self._rooms.admit(room_id, member, self._limits.capacity, key)
            if admission.made:
                self._guard.made_room(knock.source, knock.pass_)
            if admission.admitted:
                return _Entry(admission.room, member, resumed=bid.proven)
            seat = _seat_of(member, admission.room)
            if seat is None:
                key = self._key(admission.room, bid, key)
                continue
            if _same_seat(seat, member):
                # The answer to an earlier call was lost, or the event ran before. If that run was
                # cut short, nobody has announced it yet; a later event has nothing to announce,
                # unless the seat was void, and nobody was told of it, until it was renewed.
                again = seat.since == member.since or seat.until <= self._clock.now()
                if room := self._renewed(admission.room, seat, member):
                    held = room.members[seat.client_id]
                    return _Entry(room, held, again, resumed=bid.proven)
            elif entry := self._take_over(room_id, seat, bid):
                return entry
        raise Internal("The room changes too fast", room_id)

    def _key(self, room: Room, bid: _Bid, key: Key) -> Key:
        """Another key to a door that has not let them in. Raises what keeps them out for now."""
        door, room_id = room.door, room.room_id
        if door.shuts_out(bid.member.client_id, self._clock.now()):
            raise _Removed
        if not key.makes and not room.exists:
            self._guard.refuses_rooms(bid.knock.source, bid.knock.pass_)
            return replace(key, makes=True)
        if door.lets_in(key, bid.member.role):
            raise RoomFull("The room is full", room_id)
        if bid.issued is not None:
            raise _TooOld(_UNPROVEN, room_id)
        # A lock is not told from a wrong passcode, neither in words nor by the time it takes.
        if not self._fits(room, bid.knock) or door.locked:
            raise RoomClosed(_SHUT, room_id)
        return replace(key, passcode=door.passcode)

    def _fits(self, room: Room, knock: _Knock) -> bool:
        if room.door.passcode is None or knock.passcode is None:
            return False
        return self._guard.fits(room.room_id, knock.source, knock.passcode, room.door.passcode)

    def _renewed(self, room: Room, seat: Member, member: Member) -> Room | None:
        """The room with the seat's new end and role; None if the seat has changed meanwhile."""
        if seat.subject != member.subject:
            raise Unauthorized(CLOSED, room.room_id)
        if (seat.until, seat.role) == (member.until, member.role) or seat.address is None:
            return room
        return self._rooms.renew(room.room_id, replace(seat, until=member.until, role=member.role))

    def _keep_one(self, entry: _Entry) -> tuple[_Entry, list[Delivery]]:
        """A socket has one seat in a room, the newest, even if its claim to another was lost.

        Also what the others hear of those that it gives up.
        """
        said: list[Delivery] = []
        room, address = entry.room, entry.member.address
        seats = [m for m in room.members.values() if m.address == address]
        *stale, newest = sorted(seats, key=lambda member: member.since)
        for member in stale:
            room = room.without(member.client_id)
            if departure := self._rooms.dismiss(room.room_id, member.client_id, address):
                said += self.announce(departure, Reason.LEFT)
        announced = entry.announced and newest == entry.member
        return replace(entry, room=room, member=newest, announced=announced), said

    def _take_over(self, room_id: RoomId, seat: Member, bid: _Bid) -> _Entry | None:
        """Move the seat to the member's newer socket; None if the seat has changed meanwhile."""
        member = bid.member
        if seat.address is None and bid.proven:
            # REST and sockets are stamped by different clocks; a reservation is always older.
            member = replace(member, since=max(member.since, seat.since + 1))
        if seat.since >= member.since:
            raise _Superseded
        if not bid.proven:
            raise _Taken
        if bid.knock.metadata is None:
            member = replace(member, metadata=seat.metadata)
        before = self._rooms.move(room_id, member)
        if before is None:
            return None
        old = before.members[member.client_id]
        # Two joins of one socket, side by side, do not replace one another.
        replaced = old if old.address != member.address else None
        return _Entry(before.including(member), member, resumed=True, replaced=replaced)

    def make_place(self, room_id: RoomId) -> list[Delivery]:
        """Evict from a full room who is certainly not there any more. Raises RoomFull if none."""
        room = self._rooms.find(room_id)
        if expired := self._expired(room):
            return self._evict_expired(room_id, expired)
        if gone := self._gone(room.members.values()):
            return self._evict_gone(room_id, gone)
        raise RoomFull("The room is full", room_id)

    def _expired(self, room: Room) -> list[Member]:
        now = self._clock.now()
        return [member for member in room.members.values() if member.until <= now]

    def _evict_expired(self, room_id: RoomId, members: Iterable[Member]) -> list[Delivery]:
        return self._evicted([self._rooms.evict(room_id, m) for m in members], Reason.EXPIRED)

    def _gone(self, members: Iterable[Member]) -> list[Member]:
        by_address = {member.address: member for member in members if member.address}
        gone = self._sockets.gone(by_address)
        return [member for address, member in by_address.items() if address in gone]

    def _evict_gone(self, room_id: RoomId, members: Iterable[Member]) -> list[Delivery]:
        seats = [(member.address, (room_id, member.client_id)) for member in members]
        return [said for a, seat in seats if a for said in self._bury(a, seat)]

    def _welcome(self, arrival: Arrival, entry: _Entry) -> list[Delivery]:
        member, now = entry.member, self._clock.now()
        room = entry.room.at(now)
        joined = Joined(
            room.room_id,
            member,
            room.others(member.client_id),
            self._seals.resume_token(room.room_id, member.client_id, now, member.subject),
            self._ice.grant(member.client_id),
            room.role(member),
            self.door(room),
        )
        news = PeerJoined(room.room_id, member, entry.resumed)
        others = tell(room, news, but=member.client_id) if entry.announced else []
        # The answer is the probe: a disconnect may have come before there was a seat to free.
        probe = replace(answer(arrival, joined), seat=(room.room_id, member.client_id))
        return [probe, *others]

    def door(self, room: Room) -> DoorState:
        """What members may know of the door."""
        door = room.door
        seats = door.seats(self._limits.capacity)
        return DoorState(door.passcode is not None, door.locked, seats, door.revision)

    def _farewell(self, entry: _Entry) -> list[Delivery]:
        """What the socket hears whose seat has moved; with its last seat it loses its purpose."""
        room_id, old = entry.room.room_id, entry.replaced
        if old is None or old.address is None:
            return []
        claims = self._rooms.release(old.address, room_id, old.client_id)
        last = claims is not None and len(claims) == 1
        return [Delivery(old.address, Left(room_id, old.since, Reason.REPLACED), hang_up=last)]

    # -- leave -----------------------------------------------------------------------------------

    def leave(self, arrival: Arrival, room_id: RoomId) -> list[Delivery]:
        """Give the seat up, unless it was taken after this was asked. Raises NotInRoom."""
        seat = self._rooms.find(room_id).holder(arrival.address)
        if seat is None or seat.since > arrival.at:
            raise NotInRoom("You are not in this room", room_id)
        # The seat goes before its claim: a claim without a seat does no harm if we are cut short.
        departure = self._rooms.dismiss(room_id, seat.client_id, arrival.address)
        self._rooms.release(arrival.address, room_id, seat.client_id)
        if departure is None:
            raise NotInRoom("You are not in this room", room_id)
        journal.subject(room_id, seat.client_id)
        left = answer(arrival, Left(room_id, departure.member.since, Reason.LEFT))
        return [left, *self.announce(departure, Reason.LEFT)]

    def disconnect(self, address: Address) -> list[Delivery]:
        """The socket is gone: free the seats that it, and no newer socket, holds."""
        departures = self._vacate(address, self._rooms.forget(address))
        return [said for d in departures for said in self.announce(d, Reason.DISCONNECTED)]

    def _vacate(self, address: Address, claims: Claims) -> list[Departure]:
        departures = [self._rooms.dismiss(room, cid, address) for room, cid in claims.items()]
        return [departure for departure in departures if departure]

    def _evicted(self, departures: Iterable[Departure | None], reason: Reason) -> list[Delivery]:
        """Announce those whom nobody had told of: their time ran out, or a post or a probe found
        their socket gone before a `$disconnect` did."""
        evicted = [departure for departure in departures if departure]
        journal.count("Evictions", len(evicted))
        return [said for departure in evicted for said in self.announce(departure, reason)]

    def announce(self, departure: Departure, reason: Reason) -> list[Delivery]:
        """What the others hear of it."""
        member, room = departure.member, departure.room.at(self._clock.now())
        journal.note("leave", room.room_id, member.client_id, outcome=reason.value)
        journal.count(f"Leaves.{reason.value}")
        if not departure.room.members:
            journal.note("leave", room.room_id, member.client_id, outcome="room deleted")
        return tell(room, PeerLeft(room.room_id, member.client_id, member.since, reason))

    # -- talk ------------------------------------------------------------------------------------

    def signal(
        self, arrival: Arrival, room_id: RoomId, to: ClientId, data: bytes
    ) -> list[Delivery]:
        """Carry `data` to one peer. Raises NotInRoom, PeerNotFound or Undeliverable."""
        room, sender = self.present(arrival, room_id)
        peer = room.members.get(to)
        if peer is None or peer is sender:
            raise PeerNotFound("No such peer in this room", room_id)
        if peer.address is None:
            raise Undeliverable("This peer has a seat, but no socket yet", room_id)
        journal.count("Signals")
        event = Signal(room_id, sender.client_id, data)
        return [Delivery(peer.address, event, seat=(room_id, to), sender=arrival)]

    def broadcast(self, arrival: Arrival, room_id: RoomId, data: bytes) -> list[Delivery]:
        """Carry `data` to every connected peer. Raises NotInRoom."""
        room, sender = self.present(arrival, room_id)
        event = Broadcast(room_id, sender.client_id, data)
        return tell(room, event, but=sender.client_id)

    def present(self, arrival: Arrival, room_id: RoomId) -> tuple[Room, Member]:
        """The room, and who this is there. Raises NotInRoom, or Unauthorized if time is up."""
        now = self._clock.now()
        room = self._rooms.find(room_id)
        sender = room.holder(arrival.address)
        if sender is None:
            raise NotInRoom("You are not in this room", room_id)
        if sender.until <= now:
            raise Unauthorized(_RUN_OUT, room_id)
        journal.subject(room_id, sender.client_id)
        return room.at(now), sender

    def ping(self, arrival: Arrival) -> list[Delivery]:
        """Say who is in the socket's rooms, which of them it has lost, and look after one peer."""
        claims = self._rooms.claims(arrival.address)
        held: list[Room] = []
        lost: list[Delivery] = []
        for room_id, client_id in claims.items():
            room = self._rooms.find(room_id)
            member = room.members.get(client_id)
            if not member or member.address != arrival.address:
                lost.append(_lost(arrival, room_id, member))
                continue
            held.append(room)
            if member.until <= self._clock.now():
                refused = Refused(Unauthorized(_RUN_OUT, room_id))
                lost.append(Delivery(arrival.address, refused))
        return [self._pong(arrival, held), *lost, *self._look_after(arrival.address, held)]

    def _pong(self, arrival: Arrival, rooms: Iterable[Room]) -> Delivery:
        now = self._clock.now()
        rosters = {
            room.room_id: {c: member.since for c, member in room.at(now).members.items()}
            for room in rooms
        }
        return answer(arrival, Pong(rosters))

    def _look_after(self, address: Address, rooms: Sequence[Room]) -> list[Delivery]:
        """Evict seats that have run out; probe one other seat, so that no ghost stays for long."""
        now = self._clock.now()
        said: list[Delivery] = []
        for room in rooms:
            said += self._evict_expired(room.room_id, self._expired(room))
            self._forgive(room)
        others = [
            (room.room_id, member)
            for room in rooms
            for member in room.at(now).members.values()
            if member.address and member.address != address
        ]
        if others:
            room_id, member = self._chance.choose(others)
            said += self._evict_gone(room_id, self._gone([member]))
        return said

    def _forgive(self, room: Room) -> None:
        """Whoever was removed so long ago that their proof proves nothing is not remembered."""
        now = self._clock.now()
        if over := [one for one, until in room.door.removed.items() if until <= now]:
            self._rooms.forgive(room.room_id, over)

    # -- ICE servers -----------------------------------------------------------------------------

    def ice_servers(self, arrival: Arrival, room_id: RoomId) -> list[Delivery]:
        """Servers anew, before the credentials in the former ones run out. Raises NotInRoom."""
        _, member = self.present(arrival, room_id)
        return [answer(arrival, IceGranted(room_id, self._ice.grant(member.client_id)))]

    def ice_grant(self, room_id: RoomId, seat: Resume) -> IceGrant:
        """The same without a socket, for who proves to be a member.

        Raises Unauthorized, in the same words whether the proof fails or the seat is no more.
        """
        now = self._clock.now()
        member = self._rooms.find(room_id).at(now).members.get(seat.client_id)
        if member is None or not self._seals.proves(
            seat.token, room_id, seat.client_id, now, member.subject
        ):
            raise Unauthorized("The resumeToken does not prove a seat that is held here", room_id)
        journal.subject(room_id, seat.client_id)
        return self._ice.grant(seat.client_id)

    # -- what came of it -------------------------------------------------------------------------

    def follow(self, delivery: Delivery) -> Delivery | None:
        """The delivery to the socket that its seat has moved to; None if it has not moved."""
        if delivery.seat is None or isinstance(delivery.event, Joined):
            return None
        room_id, client_id = delivery.seat
        member = self._rooms.find(room_id).members.get(client_id)
        if member is None or member.address is None or member.address == delivery.to:
            return None
        return replace(delivery, to=member.address)

    def settle(self, outcomes: Iterable[tuple[Delivery, Outcome]]) -> list[Delivery]:
        """Free the seats of those who turned out to be gone; what the others hear of it."""
        gone = [delivery for delivery, outcome in outcomes if outcome is Outcome.GONE]
        return [said for d in gone for said in self._bury(d.to, d.seat)]

    def _bury(self, address: Address, seat: tuple[RoomId, ClientId] | None) -> list[Delivery]:
        """As a disconnect, and of the seat that we know about even if its claim was lost."""
        claims = dict(self._rooms.forget(address))
        if seat:
            claims.setdefault(*seat)
        return self._evicted(self._vacate(address, claims), Reason.DISCONNECTED)

    # -- without a socket ------------------------------------------------------------------------

    def reserve(
        self,
        event_id: str,
        at: int,
        pass_: Pass,
        room_id: RoomId | None = None,
        passcode: str | None = None,
        source: str = "",
    ) -> Reservation:
        """Take a seat for somebody whose socket comes later. Raises what `join` raises."""
        knock = _Knock(pass_, passcode=passcode, source=source)
        room_id = self._allowed(pass_, room_id, event_id)
        until = min(at + self._limits.reservation, pass_.expires or at + self._limits.reservation)
        for attempt in range(_ATTEMPTS):
            client_id = self._seals.client_id(event_id, attempt)
            member = Member(client_id, at, until, "{}", subject=pass_.subject, role=pass_.role)
            try:
                others = self._reserve(room_id, _Bid(member, knock))
            except (_Taken, _Removed):
                continue
            now = self._clock.now()
            token = self._seals.resume_token(room_id, client_id, now, pass_.subject)
            return Reservation(room_id, member, token, others)
        raise Internal("No free client id was found", room_id)

    def _reserve(self, room_id: RoomId, bid: _Bid) -> list[Delivery]:
        member = bid.member
        try:
            entry = self._enter(room_id, bid)
        except _Superseded:
            return []  # the event ran before, and the socket that its seat was for has come
        journal.subject(room_id, member.client_id)
        journal.note("join", room_id, member.client_id, outcome="reserved")
        journal.count("Joins")
        news = PeerJoined(room_id, member, resumed=False)
        return tell(entry.room.at(self._clock.now()), news, but=member.client_id)

    def remove(self, pass_: Pass, room_id: RoomId, client_id: ClientId) -> list[Delivery]:
        """Free somebody's seat on request; its socket hears `left`.

        Raises PeerNotFound; Unauthorized if the pass is for other rooms, or the seat of somebody
        else and the pass that of a mere member.
        """
        pass_.check(room_id)
        if pass_.subject and not pass_.role.leads:
            seat = self._rooms.find(room_id).members.get(client_id)
            if seat and seat.subject != pass_.subject:
                raise Unauthorized(CLOSED, room_id)
        # The claim stays: its socket may just be taking the seat again, and a ping tells the rest.
        departure = self._rooms.dismiss(room_id, client_id, None)
        if departure is None:
            raise PeerNotFound("Client not found in room", room_id)
        said = self.announce(departure, Reason.LEFT)
        if address := departure.member.address:
            said.append(Delivery(address, Left(room_id, departure.member.since, Reason.LEFT)))
        return said

    def room(self, pass_: Pass, room_id: RoomId) -> Room:
        """Who is in the room now. Raises Unauthorized if the pass is for other rooms."""
        pass_.check(room_id)
        return self._rooms.find(room_id).at(self._clock.now())

    def rooms(self, pass_: Pass) -> tuple[list[Room], bool]:
        """Who is where, of the rooms that the pass is for; and whether there may be more.

        Raises Unauthorized in open mode, where names are what protects rooms, unless they are
        `public`.
        """
        if pass_ == EVERYBODY and not self._limits.public:
            raise Unauthorized("The list of all rooms is closed here")
        now = self._clock.now()
        page, more = self._listed(pass_)
        return [living for room in page if (living := room.at(now)).members], more

    def _listed(self, pass_: Pass) -> tuple[Sequence[Room], bool]:
        if pass_.role is not Role.ADMIN and pass_.prefix is None:
            return [self._rooms.find(RoomId(name)) for name in sorted(pass_.rooms)], False
        page, more = self._rooms.page(self._limits.page)
        return [room for room in page if pass_.opens(room.room_id)], more


def _lost(arrival: Arrival, room_id: RoomId, seat: Member | None) -> Delivery:
    """What a socket hears of a room that it has claimed, but holds no seat in."""
    if seat and seat.since >= arrival.connected_at:
        # All that it had there was older than this one.
        return Delivery(arrival.address, Left(room_id, seat.since - 1, Reason.REPLACED))
    # An older socket's seat has replaced nobody: a resume is under way here, or was cut short.
    error = NotInRoom("You are no longer in this room", room_id)
    return Delivery(arrival.address, Refused(error))


def unheard(outcomes: Iterable[tuple[Delivery, Outcome]]) -> list[Delivery]:
    """What senders hear of deliveries that did not arrive."""
    said: list[Delivery] = []
    for delivery, outcome in outcomes:
        if outcome is not Outcome.DELIVERED and delivery.sender and delivery.seat:
            room_id, _ = delivery.seat
            error = (
                PeerNotFound("The peer is gone", room_id)
                if outcome is Outcome.GONE
                else Undeliverable("The peer's socket would not take it", room_id)
            )
            said.append(answer(delivery.sender, Refused(error)))
    return said


def _seat_of(member: Member, room: Room) -> Member | None:
    """The seat of this id, or else of this socket: its claim to that may have been lost."""
    own = room.holder(member.address) if member.address else None
    return room.members.get(member.client_id, own)


def _same_seat(seat: Member, member: Member) -> bool:
    """Whether the seat found is the one that an earlier run for this member took."""
    if member.address is None:
        return seat.since == member.since
    return seat.address == member.address
