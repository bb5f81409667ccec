"""A small AWS in one thread: sockets, events under way, handlers between two calls, posts.

Nothing happens by itself. The machine decides which event is handled next, which handler makes its
next call, how that ends, and which frame reaches its client when.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

from chalicelib.access import OpenPasses
from chalicelib.connections import Post
from chalicelib.events import Outcome
from chalicelib.ports import Admission, Departure, Rooms
from chalicelib.rooms import Address, ClientId, Key, Member, Room, RoomId
from chalicelib.signaling import Limits, Signaling
from chalicelib.switchboard import Sizes, Switchboard
from tests.fakes import FakeClock, FakeIce, FakeSeals, open_doors, open_guard
from tests.model.baton import Baton, Death, Fate, stop

if TYPE_CHECKING:
    from tests.model.person import Person

Frame = dict[str, Any]
T = TypeVar("T")

IDLE, LIFETIME = 600_000, 7_200_000  # ms: API Gateway's limits
GATEWAY = "api/stage"


class Mail(Enum):
    """What becomes of one post."""

    SENT = "delivered, as it should"
    TWICE = "delivered, and once more, since the first answer was lost"
    UNHEARD = "delivered, but the answer never comes"
    FAILED = "throttled, refused or timed out"
    GONE = "410, though the socket lives"
    LOST = "accepted and never delivered"


@dataclass(frozen=True)
class One:
    """One of the posts side by side has a fate of its own."""

    number: int
    mail: Mail

    def hits(self, number: int, posts: Sequence[Post]) -> bool:
        return number == self.number % len(posts)


@dataclass(frozen=True)
class Said:
    """A post, and what came of it."""

    to: Address
    frame: Frame
    mail: Mail
    outcome: Outcome
    round: int


@dataclass
class Socket:
    """A socket as API Gateway has it."""

    name: str
    owner: Person
    opened: int
    active: int
    open: bool = True
    """What API Gateway knows: a post to it is not answered 410."""
    heard: bool = True
    """Whether anybody is at the other end."""

    @property
    def address(self) -> Address:
        return Address(self.name, GATEWAY)

    @property
    def alive(self) -> bool:
        return self.open and self.heard


@dataclass
class Event:
    """Something that a handler is to be run for."""

    kind: str
    run: Callable[[], object]
    frame: Frame = field(default_factory=dict)
    socket: Socket | None = None
    sent: int = 0
    pick: int = 0
    """Whom its ping probes."""


@dataclass
class Handling:
    """One run of a handler, and what it did."""

    event: Event
    baton: Baton
    said: list[Said] = field(default_factory=list)
    departures: list[Departure] = field(default_factory=list)
    found_dead: list[Address] = field(default_factory=list)
    rounds: int = 0
    alone: bool = True
    """Whether nothing else happened meanwhile."""

    @property
    def whole(self) -> bool:
        """Whether it ran to its end, with every call made."""
        return not (self.baton.died or self.baton.refused)


class Noting:
    """The port Rooms, with every seat that is freed noted for the handler that freed it."""

    def __init__(self, rooms: Rooms, network: Network) -> None:
        self._rooms = rooms
        self._network = network

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._rooms, name)
        return self._noting(method) if name in ("dismiss", "evict", "expel") else method

    def admit(self, room_id: RoomId, member: Member, capacity: int, key: Key) -> Admission:
        admission = self._rooms.admit(room_id, member, capacity, key)
        self._network.note(admission.room)
        return admission

    def move(self, room_id: RoomId, member: Member) -> Room | None:
        before = self._rooms.move(room_id, member)
        # Noted even if not moved: a first call may have done it, whose answer was lost.
        self._network.note(Room(room_id, {member.client_id: member}))
        return before

    def _noting(self, method: Callable[..., Departure | None]) -> Callable[..., Departure | None]:
        def free(*arguments: Any) -> Departure | None:
            departure = method(*arguments)
            if departure and (handling := self._network.current):
                handling.departures.append(departure)
            return departure

        return free


class Network:
    """Everything between clients and use cases."""

    def __init__(self, rooms: Rooms, clock: FakeClock, run: str, capacity: int) -> None:
        self.run = run
        self.rooms = rooms
        self.clock = clock
        self.known: set[RoomId] = set()
        self.seated: set[tuple[RoomId, ClientId, Address]] = set()
        """Everybody who ever sat anywhere."""
        self.cut_short: set[Address] = set()
        """Sockets whose claims may have been lost: with a handler that did not come to its end, or
        with the answer to the call that withdrew them. Their seats are found room by room."""
        self.sockets: dict[str, Socket] = {}
        self.events: list[Event] = []
        self.past: list[Event] = []
        self.handlings: list[Handling] = []
        self.frames: list[tuple[Socket, Frame]] = []
        self.current: Handling | None = None
        """The run that has the baton."""
        self.limits = Limits(capacity=capacity)
        self._requests = 0
        noting: Any = Noting(rooms, self)
        guard = open_guard(self.clock)
        self.signaling = Signaling(
            noting, self, FakeSeals(), FakeIce(), self.clock, self, self.limits, guard
        )
        doors = open_doors(self.signaling, noting, self.clock, guard)
        self.switchboard = Switchboard(self.signaling, doors, self, OpenPasses(), Sizes(), guard)

    def note(self, room: Room) -> None:
        self.known.add(room.room_id)
        sitting = (m for m in room.members.values() if m.address)
        self.seated |= {(room.room_id, m.client_id, m.address) for m in sitting if m.address}

    # -- clients ---------------------------------------------------------------------------------

    def open(self, owner: Person) -> Socket:
        name = f"{self.run}-{owner.name}{len(self.sockets)}="
        now = self.clock.now()
        self.sockets[name] = Socket(name, owner, now, now)
        return self.sockets[name]

    def send(self, socket: Socket, frame: Frame) -> None:
        """A client sends; API Gateway stamps and queues it."""
        if not socket.alive:
            return
        self.clock.time += 1
        socket.active = self.clock.now()
        context, text = self._context(socket), json.dumps(frame)
        self.events.append(
            Event(
                "message",
                lambda: self.switchboard.receive(context, text, False),
                frame,
                socket,
                context["requestTimeEpoch"],
            )
        )

    def close(self, socket: Socket, noticed: bool = True) -> None:
        """The socket is closed, and its `$disconnect` on its way, unless it is lost."""
        if socket.open:
            socket.heard = False
            self._end(socket, noticed)

    def _end(self, socket: Socket, noticed: bool = True) -> None:
        socket.open = False
        if self.current is None:
            self._disturb()
        if noticed:
            context = self._context(socket)
            self.events.append(
                Event("disconnect", lambda: self.switchboard.disconnect(context), socket=socket)
            )

    def call(self, kind: str, run: Callable[[str, int], object]) -> None:
        """Somebody calls over REST."""
        self.clock.time += 1
        event_id, at = f"{self.run}-{self._next()}", self.clock.now()
        self.events.append(Event(kind, lambda: run(event_id, at)))

    def pass_time(self, milliseconds: int) -> None:
        """Time passes; sockets that are idle or old are closed."""
        self._disturb()
        self.clock.time += milliseconds
        now = self.clock.now()
        for socket in self.sockets.values():
            if now - socket.active >= IDLE or now - socket.opened >= LIFETIME:
                self.close(socket)

    def _context(self, socket: Socket) -> dict[str, Any]:
        api, stage = GATEWAY.split("/")
        return {
            "connectionId": socket.name,
            "apiId": api,
            "stage": stage,
            "requestId": self._next(),
            "requestTimeEpoch": self.clock.now(),
            "connectedAt": socket.opened,
        }

    def _next(self) -> str:
        self._requests += 1
        return str(self._requests)

    # -- handlers --------------------------------------------------------------------------------

    def start(self, event: Event, pick: int = 0) -> Handling:
        """Run a handler for the event, up to its first call."""
        if event in self.events:
            self.events.remove(event)
            self.past = [*self.past[-9:], event]
        event.pick = pick
        handling = Handling(event, Baton(event.run))
        self.handlings.append(handling)
        if len(self.handlings) > 1:
            self._disturb()
        self.pass_baton(handling, None)
        return handling

    def pass_baton(self, handling: Handling, fate: Any) -> None:
        """Let the handler make its next call, with this fate."""
        self.current = handling
        handling.baton.pass_on(fate)
        self.current = None

    def _disturb(self) -> None:
        for handling in self.handlings:
            handling.alone = False

    def finish(self, handling: Handling) -> None:
        """Let it make all its calls."""
        while not handling.baton.done:
            self.pass_baton(handling, Fate.DONE)

    # -- the ports Speaker, Sockets and Chance ---------------------------------------------------

    def post(self, posts: Sequence[Post]) -> list[Outcome]:
        fate, handling = stop(), self.current
        assert handling
        handling.rounds += 1
        outcomes = []
        for number, post in enumerate(posts):
            if fate is Fate.DEATH and number >= len(posts) // 2:
                raise Death
            mail = fate.mail if isinstance(fate, One) and fate.hits(number, posts) else Mail.SENT
            outcomes.append(outcome := self._post(post, mail))
            frame = json.loads(post.text)
            handling.said.append(Said(post.to, frame, mail, outcome, handling.rounds))
        return outcomes

    def _post(self, post: Post, mail: Mail) -> Outcome:
        socket = self.sockets[post.to.connection]
        if not socket.open or mail is Mail.GONE:
            return Outcome.GONE
        times = {Mail.TWICE: 2, Mail.FAILED: 0, Mail.LOST: 0}.get(mail, 1)
        self.frames += [(socket, json.loads(post.text))] * times
        socket.active = self.clock.now()
        if post.hang_up:  # what was posted before still arrives
            self._end(socket)
        return Outcome.FAILED if mail in (Mail.FAILED, Mail.UNHEARD) else Outcome.DELIVERED

    def gone(self, addresses: Iterable[Address]) -> frozenset[Address]:
        asked = list(addresses)
        if not asked:
            return frozenset()
        fate = stop()
        if fate is Fate.DEATH:
            raise Death
        if fate is Fate.REFUSED:
            return frozenset()
        gone = frozenset(a for a in asked if not self.sockets[a.connection].open)
        if self.current:
            self.current.found_dead += gone
        return gone

    def choose(self, among: Sequence[T]) -> T:
        assert self.current
        return among[self.current.event.pick % len(among)]

    # -- clients hear ----------------------------------------------------------------------------

    def deliver(self, number: int) -> None:
        """One of the frames under way reaches its client, if there is one."""
        socket, frame = self.frames.pop(number)
        if socket.heard:
            socket.owner.hear(socket, frame)
