"""How rooms and connections are written as items of the table; dynamodb.py tells what is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.rooms import Address, ClientId, Door, DoorChange, Member, Role, Room, RoomId

Item = Mapping[str, Any]

MEMBER, CLAIM, REMOVED = "m#", "r#", "x#"
ROOM, CONNECTION = "room#", "connection#"


def room_key(room_id: RoomId) -> dict[str, Any]:
    return {"pk": {"S": ROOM + room_id}}


def room_id(item: Item) -> RoomId:
    return RoomId(item["pk"]["S"].removeprefix(ROOM))


def connection_key(address: Address) -> dict[str, Any]:
    return {"pk": {"S": CONNECTION + address.connection}}


def claims(item: Item) -> dict[RoomId, ClientId]:
    return {
        RoomId(name.removeprefix(CLAIM)): ClientId(value["S"])
        for name, value in item.items()
        if name.startswith(CLAIM)
    }


def room(room_id: RoomId, item: Item) -> Room:
    members = (member(one, value["M"]) for one, value in _called(MEMBER, item))
    return Room(room_id, {one.client_id: one for one in members}, _door(item))


def _called(prefix: str, item: Item) -> Iterator[tuple[ClientId, Any]]:
    """The attributes that there is one of for each client."""
    for name, value in item.items():
        if name.startswith(prefix):
            yield ClientId(name.removeprefix(prefix)), value


def _door(item: Item) -> Door:
    owner, passcode = item.get("madeBy"), item.get("passcode")
    return Door(
        owner=ClientId(owner["S"]) if owner else None,
        made=integer(item, "createdAt"),
        passcode=passcode["S"] if passcode else None,
        locked="isLocked" in item,
        capacity=integer(item, "seatLimit") or None,
        revision=integer(item, "revision"),
        removed={one: int(until["N"]) for one, until in _called(REMOVED, item)},
    )


def door_update(change: DoorChange) -> tuple[str, dict[str, Any]]:
    """The update expression that makes the change, and its values."""
    wanted: dict[str, tuple[Any, Any]] = {
        "passcode": (change.passcode, {"S": change.passcode}),
        "isLocked": (change.locked, {"BOOL": True}),
        "seatLimit": (change.capacity, {"N": str(change.capacity)}),
    }
    set_to = {name: value for name, (asked, value) in wanted.items() if asked}
    removed = [name for name, (asked, _) in wanted.items() if asked is not None and not asked]
    sets = "SET " + ", ".join(f"{name} = :{name}" for name in set_to) if set_to else ""
    removes = "REMOVE " + ", ".join(removed) if removed else ""
    values = {f":{name}": value for name, value in set_to.items()}
    return f"{sets} {removes} ADD revision :one".strip(), {**values, ":one": number(1)}


def number(value: int) -> dict[str, str]:
    return {"N": str(value)}


def integer(item: Item, name: str) -> int:
    """A number; 0 if it is not there."""
    return int(item.get(name, {"N": "0"})["N"])


def member_value(member: Member) -> dict[str, Any]:
    value: dict[str, Any] = {
        "since": number(member.since),
        "until": number(member.until),
        "metadata": {"S": member.metadata},
    }
    if address := member.address:
        value["connection"] = {"S": address.connection}
        value["gateway"] = {"S": address.gateway}
        value["dialect"] = {"S": address.dialect}
    if member.subject:
        value["subject"] = {"S": member.subject}
    if member.role is not Role.MEMBER:
        value["role"] = {"S": member.role.value}
    return {"M": value}


def member(client_id: ClientId, value: Item) -> Member:
    address = None
    if "connection" in value:
        address = Address(value["connection"]["S"], value["gateway"]["S"], value["dialect"]["S"])
    since, until = int(value["since"]["N"]), int(value["until"]["N"])
    role = Role(value["role"]["S"]) if "role" in value else Role.MEMBER
    subject = value["subject"]["S"] if "subject" in value else ""
    return Member(
        client_id, since, until, value["metadata"]["S"], address, subject=subject, role=role
    )
