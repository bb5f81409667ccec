"""The wire: every message of the native protocol, both ways, declared once.

Text frames of JSON, one message each; `type` tells which. Unknown fields are ignored. `data` and
`metadata` are carried to the letter and never looked into.
"""

from __future__ import annotations

from typing import assert_never, get_args

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from chalicelib import events
from chalicelib.ports import IceGrant
from chalicelib.rooms import BadMessage, Member, TooLarge, UnknownType

PROTOCOL = 1
DEEPEST = 64
"""How many arrays and objects may be open at once in a frame."""


# -- client to server: imperatives ---------------------------------------------------------------


class Request(Struct, frozen=True, rename="camel", tag_field="type"):
    id: str | None = None


class Join(Request, frozen=True, tag="join"):
    room_id: str | None = None
    client_id: str | None = None
    resume_token: str | None = None
    metadata: Raw = Raw()
    passcode: str | None = None
    token: str | None = None


class Signal(Request, frozen=True, kw_only=True, tag="signal"):
    room_id: str
    to: str
    data: Raw


class Broadcast(Request, frozen=True, kw_only=True, tag="broadcast"):
    room_id: str
    data: Raw


class Ping(Request, frozen=True, tag="ping"):
    pass


class Leave(Request, frozen=True, kw_only=True, tag="leave"):
    room_id: str


class IceServers(Request, frozen=True, kw_only=True, tag="ice-servers"):
    room_id: str


class SetDoor(Request, frozen=True, kw_only=True, tag="set-door"):
    """What is not there stays as it is; null takes it away."""

    room_id: str
    passcode: str | UnsetType | None = UNSET
    locked: bool | UnsetType = UNSET
    capacity: int | UnsetType | None = UNSET


class Remove(Request, frozen=True, kw_only=True, tag="remove"):
    room_id: str
    client_id: str


AnyRequest = Join | Signal | Broadcast | Ping | Leave | IceServers | SetDoor | Remove


# -- server to client: past tense, or plain nouns ------------------------------------------------


class Peer(Struct, frozen=True, rename="camel"):
    client_id: str
    since: int
    metadata: Raw
    connected: bool


class IceServerEntry(Struct, frozen=True, omit_defaults=True):
    urls: tuple[str, ...]
    username: str | None = None
    credential: str | None = None


class DoorState(Struct, frozen=True):
    passcode: bool
    locked: bool
    capacity: int
    revision: int


class Said(Struct, frozen=True, rename="camel", tag_field="type"):
    id: str | UnsetType


class Joined(Said, frozen=True, tag="joined"):
    protocol: int
    room_id: str
    client_id: str
    since: int
    resume_token: str
    peers: tuple[Peer, ...]
    ice_servers: tuple[IceServerEntry, ...]
    ice_servers_ttl: int | UnsetType
    role: str
    door: DoorState


class PeerJoined(Said, frozen=True, tag="peer-joined"):
    room_id: str
    peer: Peer
    resumed: bool


class PeerLeft(Said, frozen=True, tag="peer-left"):
    room_id: str
    client_id: str
    since: int
    reason: str


class SignalFrom(Said, frozen=True, tag="signal"):
    room_id: str
    sender: str = msgspec.field(name="from")
    data: Raw


class BroadcastFrom(Said, frozen=True, tag="broadcast"):
    room_id: str
    sender: str = msgspec.field(name="from")
    data: Raw


class Pong(Said, frozen=True, tag="pong"):
    rooms: dict[str, dict[str, int]]


class IceServersFor(Said, frozen=True, tag="ice-servers"):
    room_id: str
    ice_servers: tuple[IceServerEntry, ...]
    ice_servers_ttl: int | UnsetType


class Left(Said, frozen=True, tag="left"):
    room_id: str
    since: int
    reason: str


class DoorSet(Said, frozen=True, tag="door-set"):
    room_id: str
    door: DoorState
    by: str | UnsetType


class Removed(Said, frozen=True, tag="removed"):
    room_id: str
    client_id: str


class Error(Said, frozen=True, tag="error"):
    code: str
    message: str
    room_id: str | UnsetType
    retry_after: int | UnsetType


AnySaid = (
    Joined
    | PeerJoined
    | PeerLeft
    | SignalFrom
    | BroadcastFrom
    | Pong
    | IceServersFor
    | Left
    | DoorSet
    | Removed
    | Error
)


# -- decode --------------------------------------------------------------------------------------


class _Head(Struct):
    """What can be learned of a frame that is no valid message."""

    type: object = None
    id: object = None


_KNOWN = {request.__struct_config__.tag for request in get_args(AnyRequest)}
_requests: msgspec.json.Decoder[AnyRequest] = msgspec.json.Decoder(AnyRequest)
_heads = msgspec.json.Decoder(_Head)


def decode(frame: str, largest: int) -> AnyRequest:
    """The request in a text frame of at most `largest` bytes.

    Raises BadMessage, UnknownType or TooLarge, with a text that repeats nothing of the frame but
    the name of a field.
    """
    _measure(frame, largest)
    try:
        return _requests.decode(frame)
    except msgspec.ValidationError as error:
        if _is_unknown(frame):
            known = ", ".join(sorted(map(str, _KNOWN)))
            raise UnknownType(f"The type of a message is one of {known}") from error
        raise BadMessage(str(error)) from error
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise BadMessage("The frame is not JSON in valid Unicode") from error


def kind(request: AnyRequest) -> str:
    """The `type` of a request, as it stands on the wire."""
    return str(request.__struct_config__.tag)


def request_id(frame: str) -> str | None:
    """The `id` of a frame that was refused, as far as it has one."""
    try:
        found = _heads.decode(frame).id
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return None
    return found if isinstance(found, str) else None


def _measure(frame: str, largest: int) -> None:
    if not frame:
        raise BadMessage("The frame is empty")
    if len(frame.encode("utf-8", "surrogatepass")) > largest:
        raise TooLarge(f"A message has at most {largest} bytes")
    if frame.count("[") + frame.count("{") > DEEPEST and _depth(frame) > DEEPEST:
        raise BadMessage(f"The message is nested deeper than {DEEPEST}")


def _depth(frame: str) -> int:
    deepest = depth = 0
    in_string = escaped = False
    for char in frame:
        if in_string:
            in_string = escaped or char != '"'
            escaped = char == "\\" and not escaped
        elif char == '"':
            in_string = True
        elif char in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif char in "]}":
            depth -= 1
    return deepest


def _is_unknown(frame: str) -> bool:
    """Whether the frame is an object whose type is a string, but none that we know."""
    try:
        kind = _heads.decode(frame).type
    except msgspec.MsgspecError:
        return False
    return isinstance(kind, str) and kind not in _KNOWN


# -- encode --------------------------------------------------------------------------------------

_encoder = msgspec.json.Encoder()


def encode(event: events.Event, request_id: str | None = None) -> bytes:
    """The frame that says the event, with the `id` of the request that it answers."""
    return _encoder.encode(_said(event, UNSET if request_id is None else request_id))


def _said(  # noqa: C901 - one case for each message
    event: events.Event,
    id: str | UnsetType,  # noqa: A002 - the wire's own word
) -> AnySaid:
    match event:
        case events.Joined(room, member, peers, token, ice, role, door):
            return Joined(
                id,
                PROTOCOL,
                room,
                member.client_id,
                member.since,
                token,
                tuple(map(_peer, peers)),
                *_ice(ice),
                role.value,
                door_state(door),
            )
        case events.PeerJoined(room, peer, resumed):
            return PeerJoined(id, room, _peer(peer), resumed)
        case events.PeerLeft(room, client, since, reason):
            return PeerLeft(id, room, client, since, reason.value)
        case events.Signal(room, sender, data):
            return SignalFrom(id, room, sender, Raw(data))
        case events.Broadcast(room, sender, data):
            return BroadcastFrom(id, room, sender, Raw(data))
        case events.Pong(rooms):
            return Pong(id, {room: dict(roster) for room, roster in rooms.items()})  # type: ignore[arg-type]
        case events.IceGranted(room, ice):
            return IceServersFor(id, room, *_ice(ice))
        case events.Left(room, since, reason):
            return Left(id, room, since, reason.value)
        case events.DoorSet(room, door, by):
            return DoorSet(id, room, door_state(door), by or UNSET)
        case events.Removed(room, client):
            return Removed(id, room, client)
        case events.Refused(error):
            return Error(
                id, error.code, str(error), error.room_id or UNSET, error.retry_after or UNSET
            )
        case _:
            assert_never(event)


def door_state(door: events.DoorState) -> DoorState:
    return DoorState(door.passcode, door.locked, door.capacity, door.revision)


def _peer(member: Member) -> Peer:
    return Peer(member.client_id, member.since, Raw(member.metadata.encode()), member.connected)


def _ice(grant: IceGrant) -> tuple[tuple[IceServerEntry, ...], int | UnsetType]:
    entries = tuple(IceServerEntry(s.urls, s.username, s.credential) for s in grant.servers)
    return entries, UNSET if grant.ttl is None else grant.ttl
