"""The words of the REST doors: what a body may hold, and what is answered."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar
from urllib.parse import unquote

import msgspec
from msgspec import UNSET, UnsetType

from chalicelib.doors import Change
from chalicelib.events import DoorState
from chalicelib.ports import IceGrant, IceServer
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


class _Fields(msgspec.Struct, rename="lower"):
    roomId: str | None = None  # noqa: N815 - as it stands on the wire
    ClientId: str | None = None
    status: str | None = None
    passcode: str | UnsetType | None = UNSET


class _ModeratorFields(_Fields, rename="lower"):
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


def decode(body: bytes) -> RoomRequest:
    """The request in a JSON body, whose keys match without regard to case.

    Raises BadMessage if it is no JSON object (or null), or if a known key has the wrong type.
    """
    fields = _fields(body, _Fields)
    return RoomRequest(_room(fields), _client(fields), fields.passcode or None)


def decode_moderation(body: bytes) -> RoomRequest:
    """As `decode`, of what a moderator asks for."""
    fields = _fields(body, _ModeratorFields)
    return RoomRequest(_room(fields), _client(fields), change=fields.change)


def _fields(body: bytes, kind: type[T]) -> T:
    try:
        given: dict[str, Any] = msgspec.json.decode(body, type=dict[str, Any] | None) or {}
        folded = {key.lower(): value for key, value in given.items()}
        return msgspec.convert(folded, kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadMessage("Invalid payload") from error


def _room(fields: _Fields) -> RoomId | None:
    return room_id(fields.roomId) if fields.roomId else None


def _client(fields: _Fields) -> ClientId | None:
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


def ice_servers(grant: IceGrant) -> dict[str, Any]:
    return {
        "iceServers": [_ice_server(server) for server in grant.servers],
        **({} if grant.ttl is None else {"iceServersTtl": grant.ttl}),
    }


def _ice_server(server: IceServer) -> dict[str, Any]:
    taken = {"username": server.username, "credential": server.credential}
    return {"urls": list(server.urls), **{name: v for name, v in taken.items() if v is not None}}


def joined(reservation: Reservation) -> dict[str, Any]:
    return {
        "roomId": reservation.room_id,
        "ClientId": reservation.member.client_id,
        "status": "joined",
        "since": reservation.member.since,
        "resumeToken": reservation.resume_token,
    }


def left(room: RoomId, client_id: ClientId) -> dict[str, Any]:
    return {"roomId": room, "ClientId": client_id, "status": "left"}


def door_set(room: RoomId, door: DoorState) -> dict[str, Any]:
    return {"roomId": room, "status": "set", "door": asdict(door)}


def removed(room: RoomId, client_id: ClientId) -> dict[str, Any]:
    return {"roomId": room, "ClientId": client_id, "status": "removed"}


def room_stats(room: Room) -> dict[str, Any]:
    return {"roomId": room.room_id, "clients": list(room.members)}


def stats(rooms: Iterable[Room], truncated: bool) -> dict[str, Any]:
    listed = [room_stats(room) for room in rooms]
    more = {"truncated": True} if truncated else {}
    return {"totalRooms": len(listed), "rooms": listed, **more}


def refused(error: SignalingError) -> dict[str, Any]:
    wait = {"retryAfter": error.retry_after} if error.retry_after else {}
    return {"error": str(error), "code": error.code, **wait}
