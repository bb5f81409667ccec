"""The words of the REST doors: what a body may hold, and what is answered."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar
from urllib.parse import unquote

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib.doors import Change
from chalicelib.events import DoorState
from chalicelib.ports import IceGrant
from chalicelib.rooms import (
    BadMessage,
    ClientId,
    Room,
    RoomId,
    SignalingError,
    Unauthorized,
    room_id,
)
from chalicelib.signaling import Reservation, Resume

T = TypeVar("T")
_SEAT = 'Authorization: Seat roomId="…", clientId="…", resumeToken="…"'


# -- what goes in and out, declared once; openapi.py describes it to others ------------------------


class Asked(msgspec.Struct):
    """What a client says about itself; empty counts as not there."""

    roomId: str | None = None  # noqa: N815 - as it stands on the wire, here and below
    ClientId: str | None = None
    status: str | None = None
    passcode: str | UnsetType | None = UNSET


class Moderation(Asked):
    """What else stands in a body that asks for what only moderators may do."""

    locked: bool | UnsetType = UNSET
    capacity: int | UnsetType | None = UNSET

    @property
    def change(self) -> Change:
        return Change(
            passcode=None if self.passcode is UNSET else self.passcode or "",
            locked=None if self.locked is UNSET else self.locked,
            capacity=None if self.capacity is UNSET else self.capacity or 0,
        )


_SPELT = {name.lower(): name for name in Moderation.__struct_fields__}


class Health(msgspec.Struct):
    status: str
    serviceName: str  # noqa: N815
    serverTime: str  # noqa: N815


class Reserved(msgspec.Struct):
    roomId: str  # noqa: N815
    ClientId: str
    status: Literal["joined"]
    since: int
    resumeToken: str  # noqa: N815


class Removed(msgspec.Struct):
    roomId: str  # noqa: N815
    ClientId: str
    status: Literal["left"]


class SentAway(msgspec.Struct):
    roomId: str  # noqa: N815
    ClientId: str
    status: Literal["removed"]


class DoorSet(msgspec.Struct):
    roomId: str  # noqa: N815
    status: Literal["set"]
    door: DoorState


class RoomStats(msgspec.Struct):
    roomId: str  # noqa: N815
    clients: list[str]


class AllStats(msgspec.Struct, omit_defaults=True):
    totalRooms: int  # noqa: N815
    rooms: list[RoomStats]
    truncated: bool = False


class IceServerEntry(msgspec.Struct, omit_defaults=True):
    urls: list[str]
    username: str | None = None
    credential: str | None = None


class IceServers(msgspec.Struct, omit_defaults=True):
    iceServers: list[IceServerEntry]  # noqa: N815
    iceServersTtl: int | None = None  # noqa: N815


class OpenApi(msgspec.Struct):
    openapi: str
    info: dict[str, Any]
    paths: dict[str, Any]


class Refusal(msgspec.Struct, omit_defaults=True):
    error: str
    code: str
    retryAfter: int | None = None  # noqa: N815
    """Seconds."""


def _plain(answer: msgspec.Struct) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(answer)
    return found


# -- in --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RoomRequest:
    """What a client says about itself; an empty id counts as none."""

    room_id: RoomId | None
    client_id: ClientId | None
    passcode: str | None = None
    change: Change = field(default_factory=Change)

    @property
    def room(self) -> RoomId:
        """The room that must be named. Raises BadMessage."""
        if self.room_id is None:
            raise BadMessage("Invalid request payload")
        return self.room_id

    @property
    def seat(self) -> tuple[RoomId, ClientId]:
        """The room and the member that must be named. Raises BadMessage."""
        if self.client_id is None:
            raise BadMessage("Invalid request payload")
        return self.room, self.client_id


def decode(body: bytes) -> RoomRequest:
    """The request in a JSON body, whose keys match without regard to case.

    Raises BadMessage if it is no JSON object (or null), or if a known key has the wrong type.
    """
    fields = _fields(body, Asked)
    return RoomRequest(_room(fields), _client(fields), fields.passcode or None)


def decode_moderation(body: bytes) -> RoomRequest:
    """As `decode`, of what a moderator asks for."""
    fields = _fields(body, Moderation)
    return RoomRequest(_room(fields), _client(fields), change=fields.change)


def _fields(body: bytes, kind: type[T]) -> T:
    try:
        given: dict[str, Any] = msgspec.json.decode(body, type=dict[str, Any] | None) or {}
        folded = {_SPELT.get(key.lower(), key): value for key, value in given.items()}
        return msgspec.convert(folded, kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadMessage("Invalid payload") from error


def _room(fields: Asked) -> RoomId | None:
    return room_id(fields.roomId) if fields.roomId else None


def _client(fields: Asked) -> ClientId | None:
    return ClientId(fields.ClientId) if fields.ClientId else None


def bearer(headers: Mapping[str, str]) -> str | None:
    """The token in `Authorization: Bearer …` (RFC 6750), whatever the case of name and scheme."""
    scheme, token = _authorization(headers)
    return token if scheme == "bearer" else None


def _authorization(headers: Mapping[str, str]) -> tuple[str, str]:
    given = next((v for name, v in headers.items() if name.lower() == "authorization"), "")
    scheme, _, rest = given.strip().partition(" ")
    return scheme.lower(), rest.strip()


def seat(headers: Mapping[str, str]) -> tuple[RoomId, Resume]:
    """The seat that somebody proves to hold, out of the header Authorization (RFC 9110, 11.6.2).

    A scheme of our own, `Seat`, with parameters `roomId` (percent-encoded), `clientId` and
    `resumeToken`. Raises Unauthorized if one of them is missing, BadMessage for no room id.
    """
    scheme, parameters = _authorization(headers)
    given = dict(re.findall(r'(\w+)="([^"]*)"', parameters))
    if scheme != "seat" or not {"roomId", "clientId", "resumeToken"} <= given.keys():
        raise Unauthorized(f"Show which seat you hold, by the header {_SEAT}")
    proof = Resume(ClientId(given["clientId"]), given["resumeToken"])
    return room_id(unquote(given["roomId"])), proof


def proof(headers: Mapping[str, str]) -> Resume | None:
    """As `seat`, where a token may stand instead."""
    return seat(headers)[1] if _authorization(headers)[0] == "seat" else None


# -- out -------------------------------------------------------------------------------------------


def ice_servers(grant: IceGrant) -> dict[str, Any]:
    entries = [IceServerEntry(list(s.urls), s.username, s.credential) for s in grant.servers]
    return _plain(IceServers(entries, grant.ttl))


def joined(reservation: Reservation) -> dict[str, Any]:
    member, token = reservation.member, reservation.resume_token
    return _plain(Reserved(reservation.room_id, member.client_id, "joined", member.since, token))


def left(room: RoomId, client_id: ClientId) -> dict[str, Any]:
    return _plain(Removed(room, client_id, "left"))


def door_set(room: RoomId, door: DoorState) -> dict[str, Any]:
    return _plain(DoorSet(room, "set", door))


def removed(room: RoomId, client_id: ClientId) -> dict[str, Any]:
    return _plain(SentAway(room, client_id, "removed"))


def room_stats(room: Room) -> dict[str, Any]:
    return _plain(_room_stats(room))


def _room_stats(room: Room) -> RoomStats:
    return RoomStats(room.room_id, list(room.members))


def stats(rooms: Iterable[Room], truncated: bool) -> dict[str, Any]:
    listed = [_room_stats(room) for room in rooms]
    return _plain(AllStats(len(listed), listed, truncated))


def refused(error: SignalingError) -> dict[str, Any]:
    return _plain(Refusal(str(error), error.code, error.retry_after or None))
