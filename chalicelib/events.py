"""What can be said to a socket, and how it gets there: values without a wire.

A dialect puts events into words; nothing here knows which.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum

from chalicelib.ports import IceGrant
from chalicelib.rooms import Address, ClientId, Member, Role, RoomId, SignalingError


class Reason(StrEnum):
    """Why somebody is no longer on a seat."""

    LEFT = "left"
    DISCONNECTED = "disconnected"
    EXPIRED = "expired"
    REMOVED = "removed"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class Arrival:
    """One event from one socket."""

    address: Address
    event_id: str
    """The same for every run of the same event."""
    at: int
    connected_at: int
    request_id: str | None = None
    """The client's own `id` for what it asks."""
    source: str = field(default="", repr=False)
    """Where the socket comes from, as it is counted; never told, logged or stored."""


@dataclass(frozen=True, slots=True)
class DoorState:
    """What members may know of their room's door."""

    passcode: bool = False
    locked: bool = False
    capacity: int = 0
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Joined:
    room_id: RoomId
    member: Member
    peers: Sequence[Member]
    resume_token: str
    ice: IceGrant
    role: Role = Role.MEMBER
    door: DoorState = field(default_factory=DoorState)


@dataclass(frozen=True, slots=True)
class PeerJoined:
    room_id: RoomId
    peer: Member
    resumed: bool


@dataclass(frozen=True, slots=True)
class PeerLeft:
    room_id: RoomId
    client_id: ClientId
    since: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class Signal:
    room_id: RoomId
    sender: ClientId
    data: bytes


@dataclass(frozen=True, slots=True)
class Broadcast:
    room_id: RoomId
    sender: ClientId
    data: bytes


@dataclass(frozen=True, slots=True)
class Pong:
    rooms: Mapping[RoomId, Mapping[ClientId, int]]


@dataclass(frozen=True, slots=True)
class IceGranted:
    room_id: RoomId
    ice: IceGrant


@dataclass(frozen=True, slots=True)
class Left:
    room_id: RoomId
    since: int
    """Of the seat that was given up. Who has a newer one by now need not mind."""
    reason: Reason


@dataclass(frozen=True, slots=True)
class DoorSet:
    room_id: RoomId
    door: DoorState
    by: ClientId | None


@dataclass(frozen=True, slots=True)
class Removed:
    room_id: RoomId
    client_id: ClientId


@dataclass(frozen=True, slots=True)
class Refused:
    error: SignalingError


Event = (
    Joined
    | PeerJoined
    | PeerLeft
    | Signal
    | Broadcast
    | Pong
    | IceGranted
    | Left
    | DoorSet
    | Removed
    | Refused
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """Something to be said to one socket."""

    to: Address
    event: Event
    request_id: str | None = None
    seat: tuple[RoomId, ClientId] | None = None
    """The seat that it goes to, given up if nobody is there; None for other answers."""
    sender: Arrival | None = None
    """Who has to hear of it if this cannot be delivered."""
    hang_up: bool = False
    """The socket is closed once this has been said."""


class Outcome(Enum):
    """What came of a delivery."""

    DELIVERED = "delivered"
    GONE = "gone"
    FAILED = "failed"


def answer(arrival: Arrival, event: Event) -> Delivery:
    """What the sender of an event hears back."""
    return Delivery(arrival.address, event, request_id=arrival.request_id)
