"""The use cases, and the races that must come out right (their numbers are those of the design)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from chalicelib.events import (
    Arrival,
    Broadcast,
    Delivery,
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
)
from chalicelib.ports import Claims, IceGrant, Rooms
from chalicelib.rooms import (
    EVERYBODY,
    Address,
    ClientId,
    NotInRoom,
    PeerNotFound,
    RoomFull,
    RoomId,
    Unauthorized,
    Undeliverable,
)
from chalicelib.signaling import Limits, Reservation, Resume, Signaling, unheard
from tests.fakes import (
    FakeClock,
    FakeIce,
    FakeSeals,
    FakeSockets,
    FirstChance,
    Meanwhile,
    MemoryRooms,
    open_guard,
)

GARDEN, ATTIC = RoomId("garden"), RoomId("attic")
HOUR = 3_600_000


def address(name: str) -> Address:
    return Address(f"{name}=", "api/stage")


def heard(deliveries: Sequence[Delivery], name: str) -> list[Event]:
    """What the deliveries say to one socket."""
    return [d.event for d in deliveries if d.to == address(name)]


def only(deliveries: Sequence[Delivery], name: str) -> Event:
    (event,) = heard(deliveries, name)
    return event


def failing(
    deliveries: Sequence[Delivery], name: str, outcome: Outcome
) -> list[tuple[Delivery, Outcome]]:
    """The deliveries' outcomes if one socket does not take what it is sent."""
    return [(d, outcome if d.to == address(name) else Outcome.DELIVERED) for d in deliveries]


OTHER = ClientId("k3J9aQ")


@dataclass
class House:
    """Signaling over fakes; sockets are called by name, and each event is a moment later."""

    store: Rooms = field(default_factory=MemoryRooms)
    clock: FakeClock = field(default_factory=FakeClock)
    sockets: FakeSockets = field(default_factory=FakeSockets)
    seals: FakeSeals = field(default_factory=FakeSeals)
    limits: Limits = field(default_factory=lambda: Limits(capacity=4, public=True))

    def __post_init__(self) -> None:
        self.opened: dict[str, int] = {}
        self.signaling = Signaling(
            self.store,
            self.sockets,
            self.seals,
            FakeIce(),
            self.clock,
            FirstChance(),
            self.limits,
            open_guard(self.clock),
        )

    def arrival(self, name: str) -> Arrival:
        self.clock.time += 10
        now = self.clock.time
        opened = self.opened.setdefault(name, now - 5)
        return Arrival(address(name), f"{name}{now}", now, opened, request_id="7")

    def join(self, name: str, room: RoomId | None = GARDEN, resume: Joined | None = None) -> Joined:
        return self.joined(
            self.signaling.join(self.arrival(name), EVERYBODY, room, proof(resume)), name
        )

    def joined(self, deliveries: Sequence[Delivery], name: str) -> Joined:
        event = heard(deliveries, name)[0]
        assert isinstance(event, Joined)
        return event

    def roster(self, room: RoomId = GARDEN) -> set[str]:
        return set(self.signaling.room(EVERYBODY, room).members)


def as_joined(reserved: Reservation) -> Joined:
    return Joined(reserved.room_id, reserved.member, (), reserved.resume_token, IceGrant(()))


def proof(joined: Joined | None) -> Resume | None:
    return Resume(joined.member.client_id, joined.resume_token) if joined else None


@pytest.fixture
def house() -> House:
    return House()


# -- join ----------------------------------------------------------------------------------------


def test_a_newcomer_learns_who_is_there_and_they_hear_of_it(house: House) -> None:
    ada = house.join("ada")
    said = house.signaling.join(house.arrival("bea"), EVERYBODY, GARDEN, metadata='{"name":"Bea"}')
    joined = house.joined(said, "bea")
    assert [peer.client_id for peer in joined.peers] == [ada.member.client_id]
    assert joined.ice.servers[0].username == joined.member.client_id
    assert only(said, "ada") == PeerJoined(GARDEN, joined.member, resumed=False)
    assert joined.member.metadata == '{"name":"Bea"}'
    assert said[0].request_id == "7"


def test_a_join_without_a_room_makes_one(house: House) -> None:
    assert house.join("ada", room=None).room_id == RoomId(f"room-of-ada{house.clock.time}")


def test_since_is_the_moment_that_the_gateway_received_the_join(house: House) -> None:
    arrival = house.arrival("ada")
    house.clock.time += 500
    assert (
        house.joined(house.signaling.join(arrival, EVERYBODY, GARDEN), "ada").member.since
        == arrival.at
    )


def test_a_seat_lasts_as_long_as_its_socket_can(house: House) -> None:
    arrival = house.arrival("ada")
    member = house.joined(house.signaling.join(arrival, EVERYBODY, GARDEN), "ada").member
    assert member.until == arrival.connected_at + house.limits.socket


def test_a_full_room_refuses_and_leaves_no_claim(house: House) -> None:
    for name in ("ada", "bea", "cyd", "dan"):
        house.join(name)
    with pytest.raises(RoomFull) as refusal:
        house.signaling.join(house.arrival("eve"), EVERYBODY, GARDEN)
    assert refusal.value.room_id == GARDEN
    assert house.store.claims(address("eve")) == {}
    assert len(house.roster()) == 4


def test_in_a_full_room_who_is_gone_makes_place_and_all_hear_it(house: House) -> None:
    dead = house.join("ada").member
    for name in ("bea", "cyd", "dan"):
        house.join(name)
    house.sockets.dead = {address("ada")}
    said = house.signaling.make_place(GARDEN)
    left = PeerLeft(GARDEN, dead.client_id, dead.since, Reason.DISCONNECTED)
    assert [only(said, name) for name in ("bea", "cyd", "dan")] == [left] * 3
    assert dead.client_id not in {p.client_id for p in house.join("eve").peers}


def test_in_a_full_room_of_the_living_nobody_makes_place(house: House) -> None:
    for name in ("ada", "bea", "cyd", "dan"):
        house.join(name)
    with pytest.raises(RoomFull):
        house.signaling.make_place(GARDEN)
    assert len(house.roster()) == 4


def test_a_seat_that_has_run_out_is_evicted_before_anybody_is_probed(house: House) -> None:
    reserved = house.signaling.reserve("r1", house.clock.time, EVERYBODY, GARDEN).member
    for name in ("bea", "cyd", "dan"):
        house.join(name)
    house.clock.time = reserved.until
    said = house.signaling.make_place(GARDEN)
    left = PeerLeft(GARDEN, reserved.client_id, reserved.since, Reason.EXPIRED)
    assert only(said, "bea") == left
    assert house.sockets.probed == []
    house.join("eve")


def test_an_id_that_somebody_has_is_not_given_again(house: House) -> None:
    taken = house.join("ada").member.client_id
    arrival = house.arrival("bea")
    house.seals.client_ids[arrival.event_id, 0] = taken
    bea = house.joined(house.signaling.join(arrival, EVERYBODY, GARDEN), "bea")
    assert bea.member.client_id != taken
    assert house.store.claims(address("bea")) == {GARDEN: bea.member.client_id}
    assert len(house.roster()) == 2


# -- resume --------------------------------------------------------------------------------------


def test_a_resume_needs_its_proof(house: House) -> None:
    ada = house.join("ada").member
    with pytest.raises(Unauthorized):
        house.signaling.join(
            house.arrival("eve"), EVERYBODY, GARDEN, Resume(ada.client_id, "forged")
        )
    assert house.store.claims(address("eve")) == {}


def test_a_resume_brings_the_same_id_into_a_room_that_no_longer_exists(house: House) -> None:
    ada = house.join("ada")
    house.signaling.disconnect(address("ada"))
    again = house.join("ada2", resume=ada)
    assert again.member.client_id == ada.member.client_id
    assert again.member.since > ada.member.since


def test_a_resume_needs_a_free_place(house: House) -> None:
    ada = house.join("ada")
    house.signaling.disconnect(address("ada"))
    for name in ("bea", "cyd", "dan", "eve"):
        house.join(name)
    with pytest.raises(RoomFull):
        house.signaling.join(house.arrival("ada2"), EVERYBODY, GARDEN, proof(ada))


def test_race_6_a_resume_takes_the_seat_from_the_living_socket(house: House) -> None:
    ada, _ = house.join("ada"), house.join("bea")
    said = house.signaling.join(house.arrival("ada2"), EVERYBODY, GARDEN, proof(ada))
    again = house.joined(said, "ada2")
    assert only(said, "ada") == Left(GARDEN, ada.member.since, Reason.REPLACED)
    assert only(said, "bea") == PeerJoined(GARDEN, again.member, resumed=True)
    assert [d.hang_up for d in said if d.to == address("ada")] == [True]
    assert [peer.client_id for peer in again.peers] == [
        p for p in house.roster() if p != ada.member.client_id
    ]
    assert len(house.roster()) == 2


def test_race_6_the_old_socket_stays_while_it_has_another_room(house: House) -> None:
    ada = house.join("ada")
    house.join("ada", room=ATTIC)
    said = house.signaling.join(house.arrival("ada2"), EVERYBODY, GARDEN, proof(ada))
    assert [d.hang_up for d in said if d.to == address("ada")] == [False]


def test_a_resume_keeps_the_metadata_unless_it_brings_new(house: House) -> None:
    first = house.signaling.join(house.arrival("ada"), EVERYBODY, GARDEN, metadata='{"name":"Ada"}')
    ada = house.joined(first, "ada")
    again = house.join("ada2", resume=ada)
    assert again.member.metadata == '{"name":"Ada"}'
    said = house.signaling.join(
        house.arrival("ada3"), EVERYBODY, GARDEN, proof(again), '{"name":"Eda"}'
    )
    assert house.joined(said, "ada3").member.metadata == '{"name":"Eda"}'


def test_race_1_a_late_disconnect_spares_the_seat_that_was_resumed(house: House) -> None:
    ada, _ = house.join("ada"), house.join("bea")
    house.join("ada2", resume=ada)
    assert house.signaling.disconnect(address("ada")) == []
    assert ada.member.client_id in house.roster()


def test_race_1_even_if_the_old_claim_is_still_there(house: House) -> None:
    ada = house.join("ada")
    house.join("ada2", resume=ada)
    house.store.claim(address("ada"), GARDEN, ada.member.client_id, 0)
    assert house.signaling.disconnect(address("ada")) == []
    assert ada.member.client_id in house.roster()


def test_race_7_a_delayed_resume_of_an_older_socket_loses(house: House) -> None:
    ada = house.join("ada")
    slow = house.arrival("ada2")
    newest = house.join("ada3", resume=ada)
    said = house.signaling.join(slow, EVERYBODY, GARDEN, proof(ada))
    assert only(said, "ada2") == Left(GARDEN, slow.at, Reason.REPLACED)
    assert house.store.claims(address("ada2")) == {}
    assert house.signaling.room(EVERYBODY, GARDEN).members[ada.member.client_id] == newest.member


# -- races of one event --------------------------------------------------------------------------


def test_race_5_the_same_join_twice_is_one_seat_and_the_same_news(house: House) -> None:
    house.join("bea")
    arrival = house.arrival("ada")
    first = house.signaling.join(arrival, EVERYBODY, GARDEN)
    second = house.signaling.join(arrival, EVERYBODY, GARDEN)
    assert house.joined(first, "ada").member == house.joined(second, "ada").member
    assert only(first, "bea") == only(second, "bea")  # the first run may have died unheard
    assert len(house.roster()) == 2


def test_race_5_another_join_on_the_same_socket_finds_its_seat_and_is_no_news(house: House) -> None:
    house.join("bea")
    ada = house.join("ada")
    said = house.signaling.join(house.arrival("ada"), EVERYBODY, GARDEN)
    assert house.joined(said, "ada").member == ada.member
    assert heard(said, "bea") == []


def test_race_5_a_replayed_join_does_not_come_back_beside_its_own_resume(house: House) -> None:
    arrival = house.arrival("ada")
    ada = house.joined(house.signaling.join(arrival, EVERYBODY, GARDEN), "ada")
    house.join("ada2", resume=ada)
    said = house.signaling.join(arrival, EVERYBODY, GARDEN)
    assert only(said, "ada") == Left(GARDEN, arrival.at, Reason.REPLACED)
    assert house.roster() == {ada.member.client_id}


def test_race_3_a_newcomer_that_is_gone_gives_its_seat_up(house: House) -> None:
    house.join("bea")
    said = house.signaling.join(house.arrival("ada"), EVERYBODY, GARDEN)
    ada = house.joined(said, "ada").member
    after = house.signaling.settle(failing(said, "ada", Outcome.GONE))
    assert only(after, "bea") == PeerLeft(GARDEN, ada.client_id, ada.since, Reason.DISCONNECTED)
    assert ada.client_id not in house.roster()
    assert house.store.claims(address("ada")) == {}


def test_race_3_even_if_the_disconnect_came_between_claim_and_seat() -> None:
    here = House(Meanwhile("admit", lambda: here.signaling.disconnect(address("ada"))))
    said = here.signaling.join(here.arrival("ada"), EVERYBODY, GARDEN)
    here.signaling.settle(failing(said, "ada", Outcome.GONE))
    assert here.roster() == set()


def test_race_5_two_joins_of_one_socket_side_by_side_do_not_replace_one_another() -> None:
    def other() -> None:
        house.signaling.join(first, EVERYBODY, GARDEN, resume)

    house = House(Meanwhile("move", other))
    reserved = house.signaling.reserve("r1", house.clock.time, EVERYBODY, GARDEN)
    resume = Resume(reserved.member.client_id, reserved.resume_token)
    first, second = house.arrival("ada"), house.arrival("ada")
    said = house.signaling.join(second, EVERYBODY, GARDEN, resume)
    assert [type(event) for event in heard(said, "ada")] == [Joined]
    assert house.store.claims(address("ada")) == {GARDEN: reserved.member.client_id}


def test_race_5_a_join_beside_a_resume_of_the_same_socket_is_the_same_seat(house: House) -> None:
    ada = house.join("ada")
    house.arrival("ada2")
    house.store.claim(address("ada2"), GARDEN, ada.member.client_id, 0)  # the resume so far
    again = house.join("ada2")
    assert again.member.client_id == ada.member.client_id
    assert house.roster() == {ada.member.client_id}


def test_race_5_a_socket_whose_claim_was_lost_keeps_one_seat_the_newest(house: House) -> None:
    house.join("bea")
    lost = house.join("ada").member
    house.store.forget(address("ada"))
    said = house.signaling.join(house.arrival("ada"), EVERYBODY, GARDEN)
    kept = house.joined(said, "ada")
    assert lost.client_id not in house.roster()
    assert [peer.client_id for peer in kept.peers] == [
        c for c in house.roster() if c != kept.member.client_id
    ]
    assert PeerLeft(GARDEN, lost.client_id, lost.since, Reason.LEFT) in heard(said, "bea")


def test_race_5_a_socket_whose_claim_was_lost_finds_its_seat_even_in_a_full_room(
    house: House,
) -> None:
    for name in ("ada", "bea", "cyd"):
        house.join(name)
    dan = house.join("dan").member
    house.store.forget(address("dan"))
    assert house.join("dan").member == dan
    assert house.store.claims(address("dan")) == {GARDEN: dan.client_id}


def test_race_5_a_join_that_was_refused_leaves_the_claim_to_one_that_came_in_beside_it() -> None:
    def other() -> None:
        here.signaling.leave(here.arrival("ada"), GARDEN)
        here.join("dan")

    here = House(Meanwhile("release", other), limits=Limits(capacity=3))
    for name in ("ada", "bea", "cyd"):
        here.join(name)
    dan = here.join("dan").member
    assert here.store.claims(address("dan")) == {GARDEN: dan.client_id}
    here.signaling.disconnect(address("dan"))
    assert dan.client_id not in here.roster()


def test_race_5_a_join_by_a_claim_that_is_withdrawn_meanwhile_makes_it_anew() -> None:
    here = House(Meanwhile("admit", lambda: here.store.release(address("dan"), GARDEN, OTHER)))
    here.store.claim(address("dan"), GARDEN, OTHER, 0)  # a join that will be refused
    assert here.join("dan").member.client_id == OTHER
    assert here.store.claims(address("dan")) == {GARDEN: OTHER}


# -- leave and disconnect ------------------------------------------------------------------------


def test_a_leave_is_answered_and_announced_once(house: House) -> None:
    ada, _ = house.join("ada").member, house.join("bea")
    said = house.signaling.leave(house.arrival("ada"), GARDEN)
    assert only(said, "ada") == Left(GARDEN, ada.since, Reason.LEFT)
    assert only(said, "bea") == PeerLeft(GARDEN, ada.client_id, ada.since, Reason.LEFT)
    with pytest.raises(NotInRoom):
        house.signaling.leave(house.arrival("ada"), GARDEN)


def test_a_leave_that_was_cut_short_can_be_finished(house: House) -> None:
    house.join("ada")
    house.store.release(address("ada"), GARDEN)
    assert only(house.signaling.leave(house.arrival("ada"), GARDEN), "ada")
    assert house.roster() == set()


def test_a_leave_cut_short_leaves_no_second_seat_to_a_join_after_it() -> None:
    class Dying(MemoryRooms):
        def release(self, *_: Any) -> Claims | None:
            raise SystemExit

    house = House(Dying())
    house.join("ada")
    with pytest.raises(SystemExit):
        house.signaling.leave(house.arrival("ada"), GARDEN)
    house.join("ada")
    assert len(house.roster()) == 1


def test_race_5_a_late_leave_spares_a_seat_that_was_taken_after_it(house: House) -> None:
    house.join("ada")
    late = house.arrival("ada")
    house.signaling.leave(late, GARDEN)
    again = house.join("ada").member
    with pytest.raises(NotInRoom):
        house.signaling.leave(late, GARDEN)
    assert house.roster() == {again.client_id}


def test_a_disconnect_leaves_every_room(house: House) -> None:
    ada = house.join("ada").member
    house.join("ada", room=ATTIC)
    house.join("bea")
    said = house.signaling.disconnect(address("ada"))
    assert only(said, "bea") == PeerLeft(GARDEN, ada.client_id, ada.since, Reason.DISCONNECTED)
    assert house.roster(ATTIC) == set()
    assert house.signaling.disconnect(address("ada")) == []


# -- signal and broadcast ------------------------------------------------------------------------


def test_a_signal_goes_to_its_peer_and_tells_who_sent_it(house: House) -> None:
    ada, bea, _ = house.join("ada").member, house.join("bea").member, house.join("cyd")
    said = house.signaling.signal(house.arrival("ada"), GARDEN, bea.client_id, b'{"x":1}')
    assert [(d.to, d.event) for d in said] == [
        (address("bea"), Signal(GARDEN, ada.client_id, b'{"x":1}'))
    ]


def test_only_members_signal(house: House) -> None:
    bea = house.join("bea").member
    with pytest.raises(NotInRoom):
        house.signaling.signal(house.arrival("eve"), GARDEN, bea.client_id, b"1")
    house.join("eve", room=ATTIC)
    with pytest.raises(NotInRoom):
        house.signaling.signal(house.arrival("eve"), GARDEN, bea.client_id, b"1")


def test_nobody_else_is_found(house: House) -> None:
    ada = house.join("ada").member
    for stranger in (ClientId("nobody"), ada.client_id, ClientId("ada=")):
        with pytest.raises(PeerNotFound):
            house.signaling.signal(house.arrival("ada"), GARDEN, stranger, b"1")


def test_a_reserved_seat_cannot_be_reached_yet(house: House) -> None:
    house.join("ada")
    reserved = house.signaling.reserve("r1", house.clock.time, EVERYBODY, GARDEN).member
    with pytest.raises(Undeliverable):
        house.signaling.signal(house.arrival("ada"), GARDEN, reserved.client_id, b"1")


def test_a_broadcast_goes_to_all_others(house: House) -> None:
    ada = house.join("ada").member
    house.join("bea")
    house.join("cyd")
    said = house.signaling.broadcast(house.arrival("ada"), GARDEN, b"[]")
    assert {d.to for d in said} == {address("bea"), address("cyd")}
    assert {d.event for d in said} == {Broadcast(GARDEN, ada.client_id, b"[]")}


def test_race_2_a_post_that_finds_somebody_gone_removes_and_announces_it(house: House) -> None:
    house.join("ada")
    bea = house.join("bea").member
    house.join("bea", room=ATTIC)
    house.join("cyd")
    said = house.signaling.broadcast(house.arrival("ada"), GARDEN, b"1")
    after = house.signaling.settle(failing(said, "bea", Outcome.GONE))
    left = PeerLeft(GARDEN, bea.client_id, bea.since, Reason.DISCONNECTED)
    assert (only(after, "ada"), only(after, "cyd")) == (left, left)
    assert house.roster(ATTIC) == set()
    assert house.signaling.settle(failing(said, "bea", Outcome.GONE)) == []


def test_a_post_follows_a_seat_that_moved_meanwhile(house: House) -> None:
    house.join("ada")
    bea = house.join("bea")
    (said,) = house.signaling.broadcast(house.arrival("ada"), GARDEN, b"1")
    assert house.signaling.follow(said) is None
    house.join("bea2", resume=bea)
    followed = house.signaling.follow(said)
    assert followed is not None
    assert (followed.to, followed.event) == (address("bea2"), said.event)


def test_the_answer_to_a_join_follows_nobody(house: House) -> None:
    slow = house.signaling.join(house.arrival("ada"), EVERYBODY, GARDEN)
    house.join("ada2", resume=house.joined(slow, "ada"))
    assert house.signaling.follow(slow[0]) is None


def test_race_2_a_seat_whose_claim_was_lost_is_removed_too(house: House) -> None:
    house.join("ada")
    bea = house.join("bea").member
    house.store.forget(address("bea"))
    said = house.signaling.broadcast(house.arrival("ada"), GARDEN, b"1")
    house.signaling.settle(failing(said, "bea", Outcome.GONE))
    assert bea.client_id not in house.roster()


def test_a_signal_to_somebody_gone_is_told_to_its_sender(house: House) -> None:
    house.join("ada")
    bea = house.join("bea").member
    said = house.signaling.signal(house.arrival("ada"), GARDEN, bea.client_id, b"1")
    (refusal,) = unheard(failing(said, "bea", Outcome.GONE))
    assert (refusal.to, refusal.request_id) == (address("ada"), "7")
    assert isinstance(refusal.event, Refused)
    assert isinstance(refusal.event.error, PeerNotFound)


def test_a_signal_that_was_not_taken_is_told_to_its_sender_and_nobody_leaves(house: House) -> None:
    house.join("ada")
    bea = house.join("bea").member
    said = house.signaling.signal(house.arrival("ada"), GARDEN, bea.client_id, b"1")
    event = only(unheard(failing(said, "bea", Outcome.FAILED)), "ada")
    assert isinstance(event, Refused)
    assert isinstance(event.error, Undeliverable)
    assert house.signaling.settle(failing(said, "bea", Outcome.FAILED)) == []
    assert bea.client_id in house.roster()


def test_race_4_what_one_receiver_does_not_take_is_nobody_elses_business(house: House) -> None:
    house.join("ada")
    house.join("bea")
    said = house.signaling.broadcast(house.arrival("ada"), GARDEN, b"1")
    outcomes = failing(said, "bea", Outcome.FAILED)
    assert (unheard(outcomes), house.signaling.settle(outcomes)) == ([], [])


# -- ping ----------------------------------------------------------------------------------------


def test_a_pong_tells_who_is_in_the_rooms(house: House) -> None:
    ada, bea = house.join("ada").member, house.join("bea").member
    attic = house.join("ada", room=ATTIC).member
    event = heard(house.signaling.ping(house.arrival("ada")), "ada")[0]
    assert event == Pong(
        {
            GARDEN: {ada.client_id: ada.since, bea.client_id: bea.since},
            ATTIC: {attic.client_id: attic.since},
        }
    )


def test_a_ping_learns_of_a_room_that_was_lost(house: House) -> None:
    ada = house.join("ada").member
    house.store.evict(GARDEN, ada)
    pong, error = heard(house.signaling.ping(house.arrival("ada")), "ada")
    assert pong == Pong({})
    assert isinstance(error, Refused)
    assert (error.error.code, error.error.room_id) == ("not-in-room", GARDEN)


def test_a_ping_learns_of_a_seat_that_has_moved(house: House) -> None:
    ada = house.join("ada")
    again = house.join("ada2", resume=ada).member
    house.store.claim(address("ada"), GARDEN, ada.member.client_id, 0)  # the move was cut short
    pong, left = heard(house.signaling.ping(house.arrival("ada")), "ada")
    assert pong == Pong({})
    assert isinstance(left, Left)
    assert left.reason is Reason.REPLACED
    assert ada.member.since <= left.since < again.since


def test_a_ping_finds_a_ghost_and_writes_nothing_otherwise(house: House) -> None:
    house.join("ada")
    bea = house.join("bea").member
    assert len(house.signaling.ping(house.arrival("ada"))) == 1
    assert house.sockets.probed == [address("bea")]
    house.sockets.dead = {address("bea")}
    left = PeerLeft(GARDEN, bea.client_id, bea.since, Reason.DISCONNECTED)
    assert left in heard(house.signaling.ping(house.arrival("ada")), "ada")
    assert bea.client_id not in house.roster()


def test_who_is_found_dead_in_one_room_leaves_all(house: House) -> None:
    house.join("ada")
    house.join("bea", room=ATTIC)
    house.join("bea")
    house.sockets.dead = {address("bea")}
    house.signaling.ping(house.arrival("ada"))
    assert (len(house.roster()), house.roster(ATTIC)) == (1, set())
    assert house.store.claims(address("bea")) == {}


def test_race_6_a_ping_during_a_resume_does_not_take_it_for_replaced(house: House) -> None:
    ada = house.join("ada")
    house.arrival("ada2")
    house.clock.time += 10
    house.store.claim(address("ada2"), GARDEN, ada.member.client_id, 0)  # the resume so far
    house.opened["ada2"] = ada.member.since + 1
    _, error = heard(house.signaling.ping(house.arrival("ada2")), "ada2")
    assert isinstance(error, Refused)
    assert isinstance(error.error, NotInRoom)
    assert house.store.claims(address("ada2")) == {GARDEN: ada.member.client_id}


def test_a_ping_clears_seats_that_have_run_out(house: House) -> None:
    house.join("ada")
    reserved = house.signaling.reserve("r1", house.clock.time, EVERYBODY, GARDEN).member
    house.clock.time = reserved.until
    said = heard(house.signaling.ping(house.arrival("ada")), "ada")
    assert PeerLeft(GARDEN, reserved.client_id, reserved.since, Reason.EXPIRED) in said
    assert isinstance(said[0], Pong)
    assert reserved.client_id not in said[0].rooms[GARDEN]


# -- ICE servers ---------------------------------------------------------------------------------


def test_a_member_gets_ice_servers_of_its_own_again(house: House) -> None:
    ada, bea = house.join("ada"), house.join("bea")
    for name, joined in (("ada", ada), ("bea", bea)):
        granted = only(house.signaling.ice_servers(house.arrival(name), GARDEN), name)
        assert isinstance(granted, IceGranted)
        assert granted.ice == joined.ice
        assert granted.ice.servers[0].username == joined.member.client_id


def test_nobody_else_gets_ice_servers(house: House) -> None:
    house.join("ada")
    with pytest.raises(NotInRoom):
        house.signaling.ice_servers(house.arrival("eve"), GARDEN)
    with pytest.raises(NotInRoom):
        house.signaling.ice_servers(house.arrival("ada"), ATTIC)


def test_without_a_socket_a_resume_token_proves_the_seat(house: House) -> None:
    ada, bea = house.join("ada"), house.join("bea")
    seat = Resume(ada.member.client_id, ada.resume_token)
    assert house.signaling.ice_grant(GARDEN, seat) == ada.ice
    with pytest.raises(Unauthorized):
        house.signaling.ice_grant(ATTIC, seat)
    with pytest.raises(Unauthorized):
        house.signaling.ice_grant(GARDEN, Resume(bea.member.client_id, ada.resume_token))


def test_a_token_whose_seat_is_no_more_gets_no_ice_servers(house: House) -> None:
    ada = house.join("ada")
    house.signaling.leave(house.arrival("ada"), GARDEN)
    with pytest.raises(Unauthorized):
        house.signaling.ice_grant(GARDEN, Resume(ada.member.client_id, ada.resume_token))


def test_a_reserved_seat_gets_ice_servers_until_it_runs_out(house: House) -> None:
    reserved = house.signaling.reserve("event", house.clock.time, EVERYBODY, GARDEN)
    seat = Resume(reserved.member.client_id, reserved.resume_token)
    assert house.signaling.ice_grant(GARDEN, seat).servers
    house.clock.time += house.limits.reservation
    with pytest.raises(Unauthorized):
        house.signaling.ice_grant(GARDEN, seat)


# -- without a socket ----------------------------------------------------------------------------


def test_a_reservation_counts_is_announced_and_becomes_connected(house: House) -> None:
    house.join("ada")
    reservation = house.signaling.reserve("r1", house.clock.time, EVERYBODY, GARDEN)
    event = only(reservation.deliveries, "ada")
    assert event == PeerJoined(GARDEN, reservation.member, resumed=False)
    assert not reservation.member.connected
    resume = Resume(reservation.member.client_id, reservation.resume_token)
    said = house.signaling.join(house.arrival("bea"), EVERYBODY, GARDEN, resume)
    assert house.joined(said, "bea").member.client_id == reservation.member.client_id
    assert only(said, "ada") == PeerJoined(GARDEN, house.joined(said, "bea").member, resumed=True)
    assert len(house.roster()) == 2


def test_a_reservation_may_be_stamped_by_a_faster_clock(house: House) -> None:
    reservation = house.signaling.reserve("r1", house.clock.time + 5000, EVERYBODY, GARDEN)
    resume = Resume(reservation.member.client_id, reservation.resume_token)
    said = house.signaling.join(house.arrival("bea"), EVERYBODY, GARDEN, resume)
    assert house.joined(said, "bea").member.since > reservation.member.since


def test_a_reservation_lasts_two_minutes(house: House) -> None:
    member = house.signaling.reserve("r1", house.clock.time, EVERYBODY, GARDEN).member
    assert member.until - member.since == 120_000
    house.clock.time = member.until
    assert house.roster() == set()
    assert house.signaling.rooms(EVERYBODY) == ([], False)


def test_the_same_reservation_twice_is_one_seat(house: House) -> None:
    first = house.signaling.reserve("r1", house.clock.time, EVERYBODY, None)
    second = house.signaling.reserve("r1", house.clock.time, EVERYBODY, None)
    assert (first.room_id, first.member) == (second.room_id, second.member)
    assert len(house.roster(first.room_id)) == 1


def test_the_same_reservation_again_after_its_socket_came_is_no_second_seat(house: House) -> None:
    house.join("ada")
    asked = house.clock.time
    first = house.signaling.reserve("r1", asked, EVERYBODY, GARDEN)
    taken = house.join("bea", resume=as_joined(first)).member
    again = house.signaling.reserve("r1", asked, EVERYBODY, GARDEN)
    assert (again.member, again.resume_token) == (first.member, first.resume_token)
    assert again.deliveries == []
    assert house.signaling.room(EVERYBODY, GARDEN).members[first.member.client_id] == taken
    assert len(house.roster()) == 2


def test_the_same_reservation_again_after_its_socket_went_ends_when_the_first_would(
    house: House,
) -> None:
    """Nothing remembers a seat that is gone; but this one is no news, and runs out all the same."""
    house.join("ada")
    asked = house.clock.time
    first = house.signaling.reserve("r1", asked, EVERYBODY, GARDEN)
    house.join("bea", resume=as_joined(first))
    (left,) = heard(house.signaling.disconnect(address("bea")), "ada")
    (news,) = heard(house.signaling.reserve("r1", asked, EVERYBODY, GARDEN).deliveries, "ada")
    assert isinstance(left, PeerLeft)
    assert isinstance(news, PeerJoined)
    assert news.peer.since < left.since  # which is why a client ignores it
    assert news.peer.until == first.member.until


def test_a_full_room_takes_no_reservation(house: House) -> None:
    for name in ("ada", "bea", "cyd", "dan"):
        house.join(name)
    with pytest.raises(RoomFull):
        house.signaling.reserve("r1", house.clock.time, EVERYBODY, GARDEN)


def test_a_removal_tells_the_removed_and_the_others(house: House) -> None:
    ada, _ = house.join("ada").member, house.join("bea")
    said = house.signaling.remove(EVERYBODY, GARDEN, ada.client_id)
    assert only(said, "ada") == Left(GARDEN, ada.since, Reason.LEFT)
    assert only(said, "bea") == PeerLeft(GARDEN, ada.client_id, ada.since, Reason.LEFT)
    with pytest.raises(PeerNotFound):
        house.signaling.remove(EVERYBODY, GARDEN, ada.client_id)
    _, error = heard(house.signaling.ping(house.arrival("ada")), "ada")
    assert isinstance(error, Refused)
    assert isinstance(error.error, NotInRoom)
