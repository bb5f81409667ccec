"""From an event to what it causes: decode, use case, deliveries; what came of them; once more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar, assert_never

from msgspec import UNSET

from chalicelib import journal, messages
from chalicelib.connections import Post
from chalicelib.doors import Change, Doors
from chalicelib.events import Arrival, Delivery, DoorState, Outcome, Pong, Refused, answer
from chalicelib.guard import Guard
from chalicelib.ports import IceGrant, Passes
from chalicelib.rooms import (
    Address,
    BadMessage,
    ClientId,
    Internal,
    Pass,
    RateLimited,
    Room,
    RoomFull,
    RoomId,
    SignalingError,
    TooLarge,
    Unauthorized,
    room_id,
)
from chalicelib.signaling import Reservation, Resume, Signaling, unheard
from chalicelib.sources import network

T = TypeVar("T")

RequestContext = Mapping[str, Any]
"""`requestContext` of a WebSocket event:
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html
"""

Outcomes = list[tuple[Delivery, Outcome]]


class Speaker(Protocol):
    """What can post to sockets, side by side."""

    def post(self, posts: Sequence[Post]) -> list[Outcome]: ...


@dataclass(frozen=True, slots=True)
class Sizes:
    """The largest message and the largest metadata, in bytes."""

    message: int = 32768
    metadata: int = 1024


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a REST route."""

    event_id: str
    at: int
    token: str | None = None
    source: str = field(default="", repr=False)


class Switchboard:
    """One for all doors: sockets and REST end up with the same use cases and the same speaker."""

    def __init__(
        self,
        signaling: Signaling,
        doors: Doors,
        speaker: Speaker,
        passes: Passes,
        sizes: Sizes,
        guard: Guard,
    ) -> None:
        self._signaling = signaling
        self._doors = doors
        self._speaker = speaker
        self._passes = passes
        self._sizes = sizes
        self._guard = guard

    # -- sockets ---------------------------------------------------------------------------------

    def receive(self, context: RequestContext, body: str, binary: bool) -> None:
        """A frame has come in. Whatever is wrong with it, its sender hears of it exactly once."""
        with journal.page("message", context["connectionId"], context["requestId"]) as page:
            arrival = _arrival(context, None if binary else messages.request_id(body))
            try:
                deliveries = self._received(arrival, body, binary, page)
            except Exception as error:
                deliveries = [self._refuse(arrival, error, page)]
            self._deliver(deliveries)
            self._charge(arrival, deliveries)

    def _charge(self, arrival: Arrival, deliveries: Sequence[Delivery]) -> None:
        try:
            self._guard.said(arrival.source, sum(map(_weight, deliveries)))
        except Exception:
            journal.failed()  # all has been said; what was not counted will not be

    def disconnect(self, context: RequestContext) -> None:
        """A socket has closed."""
        with journal.page("disconnect", context["connectionId"], context["requestId"]):
            self._deliver(self._signaling.disconnect(_address(context)))

    def _received(
        self, arrival: Arrival, body: str, binary: bool, page: journal.Page
    ) -> list[Delivery]:
        self._guard.hears(arrival.address.connection, arrival.source)
        if binary:
            raise BadMessage("Binary frames are not understood")
        request = messages.decode(body, self._sizes.message)
        page.operation = messages.kind(request)
        return self._requested(arrival, request)

    def _refuse(self, arrival: Arrival, error: Exception, page: journal.Page) -> Delivery:
        if not isinstance(error, SignalingError):
            error = Internal("Something went wrong on our side; try again")
        if isinstance(error, Internal):
            journal.failed()
        page.outcome = error.code
        limited = isinstance(error, RateLimited)
        gives_up = limited and self._guard.gives_up(arrival.address.connection)
        return replace(answer(arrival, Refused(error)), hang_up=gives_up)

    def _requested(self, arrival: Arrival, request: messages.AnyRequest) -> list[Delivery]:
        match request:
            case messages.Join():
                return self._join(arrival, request)
            case messages.Signal(room_id=room, to=to, data=data):
                return self._signaling.signal(arrival, room_id(room), ClientId(to), bytes(data))
            case messages.Broadcast(room_id=room, data=data):
                return self._signaling.broadcast(arrival, room_id(room), bytes(data))
            case messages.Ping():
                return self._signaling.ping(arrival)
            case messages.Leave(room_id=room):
                return self._signaling.leave(arrival, room_id(room))
            case messages.IceServers(room_id=room):
                return self._signaling.ice_servers(arrival, room_id(room))
            case messages.SetDoor(room_id=room):
                return self._doors.set_door(arrival, room_id(room), _change(request))
            case messages.Remove(room_id=room, client_id=client):
                return self._doors.remove(arrival, room_id(room), ClientId(client))
            case _:
                assert_never(request)

    def _join(self, arrival: Arrival, request: messages.Join) -> list[Delivery]:
        room = None if request.room_id is None else room_id(request.room_id)
        resume, metadata = _resume(request), self._metadata(bytes(request.metadata))
        with self._proofs(arrival.source, request.token or request.resume_token):
            pass_ = self._pass(request.token, room)
            self._guard.joins(arrival.source, pass_)
            said, evicted = self._seated(
                lambda: self._signaling.join(
                    arrival, pass_, room, resume, metadata, request.passcode
                )
            )
            return [*evicted, *said]

    @contextmanager
    def _proofs(self, source: str, proof: object) -> Iterator[None]:
        """Where a proof, if one came along, is looked at; one that does not hold is counted."""
        if proof:
            self._guard.tokens(source)
        try:
            yield
        except Unauthorized:
            if proof:
                self._guard.wrong_token(source)
            raise

    def _seated(self, take: Callable[[], T]) -> tuple[T, list[Delivery]]:
        """Take a seat; if the room is full, once more after those have gone who are not there.

        With what the others hear of them, to be said in one go with all else, since time is short.
        """
        try:
            return take(), []
        except RoomFull as full:
            evicted = self._signaling.make_place(full.room_id)
        try:
            return take(), evicted
        except RoomFull:
            self._deliver(evicted)
            raise

    def _pass(self, token: str | None, room: RoomId | None) -> Pass:
        """The pass that the token is. A refusal names the room, as that of a good pass would."""
        try:
            return self._passes.read(token)
        except Unauthorized as error:
            error.room_id = room
            raise

    def _metadata(self, raw: bytes) -> str | None:
        if raw in (b"", b"null"):
            return None
        if not raw.startswith(b"{"):
            raise BadMessage("Expected `object` - at `$.metadata`")
        if len(raw) > self._sizes.metadata:
            raise TooLarge(f"metadata has at most {self._sizes.metadata} bytes")
        return raw.decode()

    # -- REST ------------------------------------------------------------------------------------

    def reserve(self, call: Call, room: RoomId | None, passcode: str | None = None) -> Reservation:
        """Take a seat for a socket that comes later, and let the room know."""
        with journal.page("reserve", request=call.event_id), self._proofs(call.source, call.token):
            pass_ = self._passes.read(call.token)
            self._guard.joins(call.source, pass_)
            reservation, evicted = self._seated(
                lambda: self._signaling.reserve(
                    call.event_id, call.at, pass_, room, passcode, call.source
                )
            )
            self._deliver([*evicted, *reservation.deliveries])
            return reservation

    def remove(self, call: Call, room: RoomId, client_id: ClientId) -> None:
        """Free a seat, and let the room know."""
        with journal.page("remove", request=call.event_id), self._proofs(call.source, call.token):
            pass_ = self._passes.read(call.token)
            self._deliver(self._signaling.remove(pass_, room, client_id))

    def set_door(self, call: Call, room: RoomId, proof: Resume | None, change: Change) -> DoorState:
        """Change a room's door, and let the room know."""
        given = call.token or proof
        with journal.page("set-door", request=call.event_id), self._proofs(call.source, given):
            who = proof or self._passes.read(call.token)
            news, said = self._doors.set_door_as(who, room, change, call.source)
            self._deliver(said)
            return news.door

    def send_away(
        self, call: Call, room: RoomId, proof: Resume | None, client_id: ClientId
    ) -> None:
        """Send a member away for good, and let the room know."""
        given = call.token or proof
        with journal.page("send-away", request=call.event_id), self._proofs(call.source, given):
            who = proof or self._passes.read(call.token)
            self._deliver(self._doors.remove_as(who, room, client_id))

    def room(self, call: Call, room: RoomId) -> Room:
        """Who is in the room."""
        with journal.page("stats"), self._proofs(call.source, call.token):
            return self._signaling.room(self._passes.read(call.token), room)

    def rooms(self, call: Call) -> tuple[list[Room], bool]:
        """Who is where, as far as the token tells; and whether there may be more."""
        with journal.page("stats"), self._proofs(call.source, call.token):
            return self._signaling.rooms(self._passes.read(call.token))

    def ice_grant(self, call: Call, room: RoomId, seat: Resume) -> IceGrant:
        """ICE servers for a member that shows its resume token."""
        with journal.page("ice-servers", request=call.event_id), self._proofs(call.source, seat):
            return self._signaling.ice_grant(room, seat)

    # -- speaking --------------------------------------------------------------------------------

    def _deliver(self, deliveries: Sequence[Delivery]) -> None:
        """Say it all; then say what follows from what did not arrive, and leave it at that.

        Senders hear first, since they wait. Whoever is gone and stays, since the store fails now,
        is found again by the next post.
        """
        outcomes = self._follow(list(zip(deliveries, self._say(deliveries), strict=True)))
        self._say(unheard(outcomes))
        try:
            news = self._signaling.settle(outcomes)
        except Exception:
            journal.failed()
            return
        self._say(news)

    def _follow(self, outcomes: Outcomes) -> Outcomes:
        """Say it where the seat is now, if it moved between our reading and our post."""
        moved = {
            place: again
            for place, (delivery, outcome) in enumerate(outcomes)
            if outcome is Outcome.GONE and (again := self._moved(delivery))
        }
        for place, outcome in zip(moved, self._say(list(moved.values())), strict=True):
            outcomes[place] = (moved[place], outcome)
        return outcomes

    def _moved(self, delivery: Delivery) -> Delivery | None:
        try:
            return self._signaling.follow(delivery)
        except Exception:
            journal.failed()
            return None

    def _say(self, deliveries: Sequence[Delivery]) -> list[Outcome]:
        if not deliveries:
            return []
        outcomes = self._speaker.post(
            [Post(d.to, messages.encode(d.event, d.request_id), d.hang_up) for d in deliveries]
        )
        _count(deliveries, outcomes)
        return outcomes


def _count(deliveries: Sequence[Delivery], outcomes: Sequence[Outcome]) -> None:
    for delivery, outcome in zip(deliveries, outcomes, strict=True):
        journal.count(f"Posts.{outcome.value}")
        refused = delivery.event.error if isinstance(delivery.event, Refused) else None
        if refused and not isinstance(refused, Internal):  # which was counted when it happened
            journal.count(f"Errors.{refused.code}")


def _address(context: RequestContext) -> Address:
    return Address(context["connectionId"], f"{context['apiId']}/{context['stage']}")


def _arrival(context: RequestContext, request_id: str | None = None) -> Arrival:
    return Arrival(
        address=_address(context),
        event_id=f"{context['connectionId']}/{context['requestId']}",
        at=context["requestTimeEpoch"],
        connected_at=context["connectedAt"],
        request_id=request_id,
        source=source(context),
    )


def source(context: RequestContext) -> str:
    """Where an event comes from. Headers say what their sender likes, API Gateway what is so."""
    return network(context.get("identity", {}).get("sourceIp") or "")


def _weight(delivery: Delivery) -> int:
    """What it has cost: a post, and for a pong a look into each room."""
    return 1 + (len(delivery.event.rooms) if isinstance(delivery.event, Pong) else 0)


def _change(request: messages.SetDoor) -> Change:
    return Change(
        passcode=None if request.passcode is UNSET else request.passcode or "",
        locked=None if request.locked is UNSET else request.locked,
        capacity=None if request.capacity is UNSET else request.capacity or 0,
    )


def _resume(request: messages.Join) -> Resume | None:
    """The seat that a join asks for. Raises BadMessage if only a part of it is there."""
    given = (request.room_id, request.client_id, request.resume_token)
    if request.client_id is None and request.resume_token is None:
        return None
    if None in given:
        raise BadMessage("A resume needs roomId, clientId and resumeToken")
    return Resume(ClientId(request.client_id or ""), request.resume_token or "")
