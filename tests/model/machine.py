"""Everything that people, networks and AWS do to a room, in any order, and what must hold.

A step is what somebody does, or one call of one handler, or one frame that arrives. Between two
steps everything else may happen. `settle` lets it all come to an end, has everybody ping once, and
then compares: who is in a room is who lives and wants to be there, and everybody there knows.

What a dead handler leaves unsaid: whoever asked to join, leave or ping asks again after a while
(`Person.repeat`), and finds what the dead run did. A signal or broadcast is not repeated: success
is quiet, so that nobody can know; nothing else is broken by it.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from typing import Any, Protocol

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    get_state_machine_test,
    invariant,
    precondition,
    rule,
)

from chalicelib.events import Outcome
from chalicelib.ports import Rooms
from chalicelib.rooms import Address, Room, RoomId
from chalicelib.switchboard import Call
from tests.fakes import FakeClock
from tests.model.baton import Fate
from tests.model.network import Event, Handling, Mail, Network, One, Said
from tests.model.person import Person, Seat

EXAMPLES = int(os.environ.get("EXAMPLES", "300"))
SEED = int(os.environ.get("SEED", "1"))
STEPS = 50
CAPACITY = 3
RESTLESS = 300  # events, one causing the next, after which we give up
NAMES = ("ada", "bea", "cyd", "dan")
_runs = itertools.count(1)


class Store(Protocol):
    """Where the rooms are."""

    every_step: bool
    """Whether looking is so cheap that it is done after every step."""

    def rooms(self, clock: FakeClock) -> Rooms: ...

    def check(self, rooms: dict[RoomId, Room], connections: list[str], now: int) -> None:
        """Check what only this store can tell about its items."""


people = st.integers(0, len(NAMES) - 1)
places = st.integers(0, 1)
numbers = st.integers(0, 7)
now_or_later = st.sampled_from([None, None, None, None, 0, 0, 1, 2, 3])
"""How many calls its handler makes at once; None: all of them."""
calls = st.sampled_from([1, 1, 2, 3, 9])
fates = st.one_of(
    st.sampled_from([Fate.DONE, Fate.DEATH, Fate.REPEATED, Fate.REFUSED]),
    st.builds(One, numbers, st.sampled_from(Mail)),
)


class Life(RuleBasedStateMachine):
    """The machine; subclasses say where the rooms are."""

    store: Store

    def __init__(self) -> None:
        super().__init__()
        self.run = f"{next(_runs)}"
        clock = FakeClock(1_000_000_000)
        self.network = Network(self.store.rooms(clock), clock, self.run, CAPACITY)
        self.people = [Person(name, self.network) for name in NAMES]
        self.places = [RoomId(f"garden{self.run}"), RoomId(f"attic{self.run}")]
        self.network.known.update(self.places)
        self.reserved: list[tuple[str, tuple[str, str]]] = []
        self.reservations: dict[str, set[str]] = {}
        """The seats that each reservation got, however often its event ran."""
        self._said = itertools.count(1)

    # -- what people do --------------------------------------------------------------------------

    @rule(who=people, where=places, pace=now_or_later)
    def join(self, who: int, where: int, pace: int | None) -> None:
        self._do(pace, lambda: self.people[who].join(self.places[where]))

    @rule(who=people, pace=now_or_later)
    def join_a_new_room(self, who: int, pace: int | None) -> None:
        if len(self.network.known) < 4:
            self._do(pace, lambda: self.people[who].join(None))

    @rule(who=people, where=places, pace=now_or_later)
    def resume(self, who: int, where: int, pace: int | None) -> None:
        self._do(pace, lambda: self.people[who].resume(self.places[where]))

    @rule(who=people, pace=now_or_later)
    def move_to_a_new_socket(self, who: int, pace: int | None) -> None:
        self._do(pace, self.people[who].move)

    @rule(who=people, pace=now_or_later)
    def close_old_sockets(self, who: int, pace: int | None) -> None:
        self._do(pace, self.people[who].close_old_sockets)

    @rule(who=people, pace=now_or_later)
    def come_back(self, who: int, pace: int | None) -> None:
        self._do(pace, self.people[who].come_back)

    @rule(who=people, where=places, pace=now_or_later)
    def leave(self, who: int, where: int, pace: int | None) -> None:
        self._do(pace, lambda: self.people[who].leave(self.places[where]))

    @rule(who=people, pace=now_or_later, pick=numbers)
    def ping(self, who: int, pace: int | None, pick: int) -> None:
        self._do(pace, self.people[who].ping, pick)

    @rule(who=people, where=places, whom=numbers, pace=now_or_later)
    def signal(self, who: int, where: int, whom: int, pace: int | None) -> None:
        room, person = self.places[where], self.people[who]
        if seat := person.joined(room):
            known = sorted(seat.view.present) or ["nobody"]
            peer, data = known[whom % len(known)], self._data(room)
            self._do(pace, lambda: person.say("signal", room, peer, data))

    @rule(who=people, where=places, pace=now_or_later)
    def broadcast(self, who: int, where: int, pace: int | None) -> None:
        room, data = self.places[where], self._data(self.places[where])
        self._do(pace, lambda: self.people[who].say("broadcast", room, None, data))

    @rule(where=places, pace=now_or_later)
    def reserve(self, where: int, pace: int | None) -> None:
        room = self.places[where]

        def run(event_id: str, at: int) -> None:
            found = self.network.switchboard.reserve(Call(event_id, at), room)
            self.reserved.append((room, (found.member.client_id, found.resume_token)))
            self.reservations.setdefault(event_id, set()).add(found.member.client_id)

        self._do(pace, lambda: self.network.call("reserve", run))

    @precondition(lambda self: self.reserved)
    @rule(who=people, which=numbers, pace=now_or_later)
    def take_a_reserved_seat(self, who: int, which: int, pace: int | None) -> None:
        room, token = self.reserved.pop(which % len(self.reserved))
        if room not in self.people[who].seats:
            self._do(pace, lambda: self.people[who].resume(room, token))

    @rule(who=people, where=places, pace=now_or_later)
    def remove(self, who: int, where: int, pace: int | None) -> None:
        room = self.places[where]
        if seat := self.people[who].joined(room):
            client: Any = seat.client
            remove = self.network.switchboard.remove
            self._do(
                pace,
                lambda: self.network.call(
                    "remove", lambda event_id, at: remove(Call(event_id, at), room, client)
                ),
            )

    # -- what happens to them --------------------------------------------------------------------

    @rule(who=people, how=st.sampled_from(["noticed", "silent", "disconnect lost"]))
    def lose_a_socket(self, who: int, how: str) -> None:
        socket = self.people[who].socket
        if socket and socket.alive and how == "silent":
            socket.heard = False
        elif socket and socket.alive:
            self.network.close(socket, noticed=how == "noticed")

    @rule(milliseconds=st.sampled_from([1, 1_000, 121_000, 600_000, 7_200_000]))
    def let_time_pass(self, milliseconds: int) -> None:
        self.network.pass_time(milliseconds)

    @precondition(lambda self: self.network.events)
    @rule(which=numbers, pace=calls, pick=numbers)
    def handle(self, which: int, pace: int, pick: int) -> None:
        events = self.network.events
        self._go(self.network.start(events[which % len(events)], pick), pace)

    @precondition(lambda self: self.network.past)
    @rule(which=numbers, pace=now_or_later)
    def handle_again(self, which: int, pace: int | None) -> None:
        past = self.network.past
        self._go(self.network.start(past[which % len(past)]), 99 if pace is None else pace)

    @precondition(lambda self: self.network.handlings)
    @rule(which=numbers, fate=fates, more=st.sampled_from([0, 0, 1, 2, 9]))
    def go_on(self, which: int, fate: Fate | One, more: int) -> None:
        handlings = self.network.handlings
        self._go(handlings[which % len(handlings)], more, fate)

    @precondition(lambda self: self.network.frames)
    @rule(which=numbers)
    def hear(self, which: int) -> None:
        self.network.deliver(which % len(self.network.frames))

    def _do(self, pace: int | None, act: Callable[[], object], pick: int = 0) -> None:
        """Have somebody act; what is sent is handled in full, in part, or waits."""
        before = list(self.network.events)
        act()
        for event in [e for e in self.network.events if e not in before]:
            if pace is None:
                self._handle_whole(event, pick)
            elif pace:
                self._go(self.network.start(event, pick), pace)

    def _handle_whole(self, event: Event, pick: int = 0) -> Handling:
        handling = self.network.start(event, pick)
        self._go(handling, 99)
        while self.network.frames:
            self.network.deliver(0)
        return handling

    def _go(self, handling: Handling, more: int, fate: Fate | One | None = None) -> None:
        for step in [*([fate] if fate else []), *[Fate.DONE] * more]:
            if not handling.baton.done:
                self.network.pass_baton(handling, step)
        if handling.baton.done:
            self.network.handlings.remove(handling)
            Account(self, handling).check()

    def _data(self, room: str) -> list[object]:
        return [room, next(self._said)]

    # -- what must hold always -------------------------------------------------------------------

    @invariant()
    def no_room_is_too_full(self) -> None:
        for room in self.look().values() if self.store.every_step else ():
            assert len(room.members) <= CAPACITY, room

    @invariant()
    def no_reservation_has_two_seats(self) -> None:
        assert all(len(seats) == 1 for seats in self.reservations.values()), self.reservations

    def look(self) -> dict[RoomId, Room]:
        return {room: self.network.rooms.find(room) for room in sorted(self.network.known)}

    # -- what must hold when all has settled -----------------------------------------------------

    @rule()
    def settle(self) -> None:
        Settlement(self).check()

    def teardown(self) -> None:
        self.settle()


class Account:
    """What one run of a handler owes."""

    def __init__(self, life: Life, handling: Handling) -> None:
        self.life = life
        self.network = life.network
        self.handling = handling
        self.event = handling.event

    def check(self) -> None:
        for said in self.handling.said:
            self._nothing_crosses_rooms(said)
        baton = self.handling.baton
        if baton.died or baton.refused or baton.repeated:
            closed = {self.event.socket.address} if self.event.socket else set()
            self.network.cut_short |= self._found_dead() | closed
        if self.handling.baton.died:
            return
        error = self.handling.baton.error
        assert error is None or self.event.kind != "message", repr(error)
        self._whoever_asks_is_answered()
        if error is None and not self.handling.baton.refused:
            self._nothing_is_internal()
            self._whoever_frees_a_seat_says_so()
            if self.handling.alone and self.life.store.every_step:
                self._whoever_is_found_dead_is_gone()
                self._a_full_room_is_full_of_the_living()

    def _nothing_is_internal(self) -> None:
        assert not [said for said in self.handling.said if said.frame.get("code") == "internal"]

    def _nothing_crosses_rooms(self, said: Said) -> None:
        """Only who sat there hears of a room; whoever speaks there, sat there."""
        frame, seated = said.frame, self.network.seated
        room = frame.get("roomId")
        if frame["type"] in ("signal", "broadcast"):
            assert frame["data"][0] == room
            assert self.event.socket
            assert (room, frame["from"], self.event.socket.address) in seated
        if frame["type"] not in ("error", "pong", "left"):
            assert said.to in {address for place, _, address in seated if place == room}

    def _whoever_asks_is_answered(self) -> None:
        """Each message has an answer; a signal an error, or a socket that took it."""
        socket, frame = self.event.socket, self.event.frame
        if self.event.kind != "message" or socket is None:
            return
        answers = [said for said in self.handling.said if said.frame.get("id") == frame["id"]]
        assert all(said.to == socket.address for said in answers)
        if frame["type"] == "signal":
            carried = [said for said in self.handling.said if said.frame["type"] == "signal"]
            taken = [said for said in carried if said.outcome is Outcome.DELIVERED]
            assert answers or taken, f"{frame} has come to nothing"
        elif frame["type"] != "broadcast":
            assert answers, f"{frame} has no answer"

    def _whoever_frees_a_seat_says_so(self) -> None:
        for departure in self.handling.departures:
            room = departure.room.at(self.network.clock.now())
            told = {
                said.to
                for said in self.handling.said
                if said.frame["type"] == "peer-left"
                and said.frame["clientId"] == departure.member.client_id
                and said.frame["since"] == departure.member.since
            }
            owed = {m.address for m in room.members.values() if m.address}
            assert owed <= told, f"{departure.member.client_id} left {room.room_id} unheard"

    def _whoever_is_found_dead_is_gone(self) -> None:
        dead = self._found_dead() - self.network.cut_short
        for room in self.life.look().values() if dead else ():
            ghosts = [m for m in room.members.values() if m.address in dead]
            assert not ghosts, f"{ghosts} were found dead, and are still there"

    def _found_dead(self) -> set[Address]:
        said = [s for s in self.handling.said if s.round == 1 and s.outcome is Outcome.GONE]
        return {*self.handling.found_dead, *(s.to for s in said if s.mail is not Mail.GONE)}

    def _a_full_room_is_full_of_the_living(self) -> None:
        for said in self.handling.said:
            if said.frame.get("code") != "room-full":
                continue
            room = self.network.rooms.find(said.frame["roomId"])
            assert len(room.at(self.network.clock.now()).members) == CAPACITY, room
            sockets = [m.address for m in room.members.values() if m.address]
            assert all(self.network.sockets[a.connection].open for a in sockets), room


class Settlement:
    """All comes to an end, in peace; then everybody pings once, and all must be well."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.network = life.network
        self.people = life.people

    def check(self) -> None:
        self._quiet()
        for person in self.people:
            person.close_old_sockets()
        self._quiet()
        self._each(Person.repeat)
        self._each(Person.ping)
        self._compare(buried=False)  # a ping looks after one member only
        self._each(self._greet)
        rooms = self._compare(buried=True)
        connections = list(self.network.sockets)
        self.life.store.check(rooms, connections, self.network.clock.now())

    def _each(self, act: Callable[[Person], object]) -> None:
        for person in self.people:
            if person.online:
                act(person)
                self._quiet()

    def _quiet(self) -> None:
        """Everything under way ends, in its order."""
        network = self.network
        for _ in range(RESTLESS):
            if not (network.handlings or network.events or network.frames):
                return
            while network.handlings:
                self.life._go(network.handlings[0], 99)
            while network.frames:
                network.deliver(0)
            if network.events:
                self.life._handle_whole(network.events[0])
        raise AssertionError(f"no end of it: {network.past}")

    def _greet(self, person: Person) -> None:
        """Say something in each room, and hear that it came to everybody, and to nobody else."""
        for room in list(person.seats):
            if not person.joined(room):
                continue
            data = self.life._data(room)
            person.say("broadcast", room, None, data)
            self._quiet()
            listeners = {p.name for p in self.people if p is not person and p.joined(room)}
            heard = {p.name for p in self.people if any(f.get("data") == data for f in p.heard)}
            assert heard == listeners, f"{data} was heard by {heard}, not by {listeners}"

    # -- comparing -------------------------------------------------------------------------------

    def _compare(self, buried: bool) -> dict[RoomId, Room]:
        rooms = self.life.look()
        for room_id, room in rooms.items():
            assert len(room.members) <= CAPACITY, room
            held = [m.address for m in room.members.values() if m.address]
            assert len(held) == len(set(held)), f"one socket on two seats: {room}"
            living = {p: seat for p in self.people if (seat := p.joined(room_id))}
            if living:
                self._compare_room(room.at(self.network.clock.now()), living, buried)
        return rooms

    def _compare_room(self, room: Room, living: dict[Person, Seat], buried: bool) -> None:
        roster = {client: member.since for client, member in room.members.items()}
        for person, seat in living.items():
            assert seat.socket
            member = room.members.get(seat.client)  # type: ignore[call-overload]
            assert member, f"{person.name} is not in {room}"
            assert member.address == seat.socket.address
            others = {c: since for c, since in roster.items() if c != seat.client}
            assert seat.view.present == others, f"{person.name} sees {seat.view}, not {others}"
        seats = {seat.client for seat in living.values()}
        for client, member in room.members.items():
            if client not in seats and member.address:
                socket = self.network.sockets[member.address.connection]
                # Only one that API Gateway takes for open may have a seat, and nobody hears it.
                assert socket.open or not buried, f"{client} is dead, and in {room}"
                assert not socket.heard, f"{client} does not want to be in {room}"


def run(life: type[Life], lives: int, number: int) -> None:
    """Live so many lives; the same number lives the same ones."""
    chosen = settings(
        max_examples=lives,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    seed(number)(get_state_machine_test(life, settings=chosen))()
