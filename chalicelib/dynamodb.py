"""Rooms in one DynamoDB table: a room is one item, and so is a connection.

    room#{roomId}              n, createdAt, expiresAt, and m#{clientId} for each member
    connection#{connectionId}  expiresAt, and r#{roomId} → client id for each seat claimed

Members are top-level attributes, so that one UpdateItem admits a member into a room that need not
exist, checks the capacity, and brings back everybody who is there. Every write is one conditional
call; nothing is read, changed and written back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.ports import Admission, Claims, Clock, Departure
from chalicelib.rooms import Address, ClientId, Member, Role, Room, RoomId

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = Mapping[str, Any]

_MEMBER, _CLAIM = "m#", "r#"
_ROOM, _CONNECTION = "room#", "connection#"
_LINGER = 3 * 60 * 60  # seconds that an item outlasts its last join: longer than any seat
_SCANS = 10  # pages of 1 MB that a listing reads at most


class DynamoRooms:
    """The port Rooms on a table with the string key `pk` and TTL on `expiresAt`."""

    def __init__(self, client: DynamoDBClient, table: str, clock: Clock) -> None:
        self._client = client
        self._table = table
        self._clock = clock

    # -- connections -----------------------------------------------------------------------------

    def claim(self, address: Address, room_id: RoomId, client_id: ClientId, until: int) -> ClientId:
        item = self._client.update_item(
            TableName=self._table,
            Key=_connection_key(address),
            UpdateExpression="SET #r = if_not_exists(#r, :cid), expiresAt = :expires",
            ExpressionAttributeNames={"#r": _CLAIM + room_id},
            ExpressionAttributeValues={
                ":cid": {"S": client_id},
                ":expires": {"N": str(until // 1000 + _LINGER)},
            },
            ReturnValues="ALL_NEW",
        )["Attributes"]
        return _claims(item)[room_id]

    def release(
        self, address: Address, room_id: RoomId, client_id: ClientId | None = None
    ) -> Claims | None:
        values = {":cid": {"S": client_id}} if client_id else {}
        item = self._update(
            Key=_connection_key(address),
            UpdateExpression="REMOVE #r",
            ConditionExpression="#r = :cid" if client_id else "attribute_exists(#r)",
            ExpressionAttributeNames={"#r": _CLAIM + room_id},
            **({"ExpressionAttributeValues": values} if values else {}),
            ReturnValues="ALL_OLD",
        )
        return None if item is None else _claims(item)

    def claims(self, address: Address) -> Claims:
        return _claims(self._get(_connection_key(address)))

    def forget(self, address: Address) -> Claims:
        answer = self._client.delete_item(
            TableName=self._table, Key=_connection_key(address), ReturnValues="ALL_OLD"
        )
        return _claims(answer.get("Attributes", {}))

    # -- rooms -----------------------------------------------------------------------------------

    def admit(self, room_id: RoomId, member: Member, capacity: int) -> Admission:
        now = self._clock.now()
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=_room_key(room_id),
                UpdateExpression=(
                    "SET #m = :member, createdAt = if_not_exists(createdAt, :now),"
                    " expiresAt = :expires ADD n :one"
                ),
                ConditionExpression=(
                    "attribute_not_exists(#m) AND (attribute_not_exists(n) OR n < :capacity)"
                ),
                ExpressionAttributeNames={"#m": _MEMBER + member.client_id},
                ExpressionAttributeValues={
                    ":member": _member_value(member),
                    ":now": {"N": str(now)},
                    ":expires": {"N": str(now // 1000 + _LINGER)},
                    ":one": {"N": "1"},
                    ":capacity": {"N": str(capacity)},
                },
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            return Admission(False, _room(room_id, _item_that_refused(error)))
        return Admission(True, _room(room_id, answer["Attributes"]))

    def move(self, room_id: RoomId, member: Member) -> Room | None:
        item = self._update(
            Key=_room_key(room_id),
            UpdateExpression="SET #m = :member, expiresAt = :expires",
            ConditionExpression="#m.since < :since",
            ExpressionAttributeNames={"#m": _MEMBER + member.client_id},
            ExpressionAttributeValues={
                ":member": _member_value(member),
                ":since": {"N": str(member.since)},
                ":expires": {"N": str(self._clock.now() // 1000 + _LINGER)},
            },
            ReturnValues="ALL_OLD",
        )
        return None if item is None else _room(room_id, item)

    def renew(self, room_id: RoomId, member: Member) -> Room | None:
        held, values, names = _held_by(member.address)
        item = self._update(
            Key=_room_key(room_id),
            UpdateExpression="SET #m.#until = :until, #m.#role = :role, expiresAt = :expires",
            ConditionExpression=held,
            ExpressionAttributeNames={
                "#m": _MEMBER + member.client_id,
                "#until": "until",
                "#role": "role",
                **names,
            },
            ExpressionAttributeValues={
                ":until": {"N": str(member.until)},
                ":role": {"S": member.role.value},
                ":expires": {"N": str(self._clock.now() // 1000 + _LINGER)},
                **values,
            },
            ReturnValues="ALL_NEW",
        )
        return None if item is None else _room(room_id, item)

    def dismiss(
        self, room_id: RoomId, client_id: ClientId, address: Address | None
    ) -> Departure | None:
        if address is None:
            return self._remove(room_id, client_id, "attribute_exists(#m)", {})
        return self._remove(room_id, client_id, *_held_by(address))

    def evict(self, room_id: RoomId, member: Member) -> Departure | None:
        since = {":since": {"N": str(member.since)}}
        return self._remove(room_id, member.client_id, "#m.since = :since", since)

    def _remove(
        self,
        room_id: RoomId,
        client_id: ClientId,
        condition: str,
        values: Mapping[str, Any],
        names: Mapping[str, str] | None = None,
    ) -> Departure | None:
        item = self._update(
            Key=_room_key(room_id),
            UpdateExpression="REMOVE #m ADD n :minus",
            ConditionExpression=condition,
            ExpressionAttributeNames={"#m": _MEMBER + client_id, **(names or {})},
            ExpressionAttributeValues={":minus": {"N": "-1"}, **values},
            ReturnValues="ALL_OLD",
        )
        if item is None:
            return None
        before = _room(room_id, item)
        after = before.without(client_id)
        if not after.members:
            self._delete_if_empty(room_id)
        return Departure(before.members[client_id], after)

    def _delete_if_empty(self, room_id: RoomId) -> None:
        try:
            self._client.delete_item(
                TableName=self._table,
                Key=_room_key(room_id),
                ConditionExpression="n = :none",
                ExpressionAttributeValues={":none": {"N": "0"}},
            )
        except ClientError as error:
            _item_that_refused(error)  # somebody joined in between

    def find(self, room_id: RoomId) -> Room:
        return _room(room_id, self._get(_room_key(room_id)))

    def page(self, limit: int) -> tuple[Sequence[Room], bool]:
        rooms: list[Room] = []
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            ConsistentRead=True,
            FilterExpression="begins_with(pk, :room)",
            ExpressionAttributeValues={":room": {"S": _ROOM}},
            PaginationConfig={"MaxItems": limit + 1},
        )
        for read, page in enumerate(pages, start=1):
            rooms += (_room(_room_id(item), item) for item in page["Items"])
            if len(rooms) > limit or (read == _SCANS and "LastEvaluatedKey" in page):
                return rooms[:limit], True
        return rooms, False

    # -- calls -----------------------------------------------------------------------------------

    def _get(self, key: Item) -> Item:
        answer = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return answer.get("Item", {})

    def _update(self, **call: Any) -> Item | None:
        """The update's item, or None if its condition did not hold."""
        try:
            answer = self._client.update_item(TableName=self._table, **call)
        except ClientError as error:
            _item_that_refused(error)
            return None
        return answer.get("Attributes", {})


def _item_that_refused(error: ClientError) -> Item:
    """The item whose condition failed, as far as the call asked for it; other errors go on."""
    if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
        raise error
    return error.response.get("Item", {})  # type: ignore[return-value]


def _room_key(room_id: RoomId) -> dict[str, Any]:
    return {"pk": {"S": _ROOM + room_id}}


def _room_id(item: Item) -> RoomId:
    return RoomId(item["pk"]["S"].removeprefix(_ROOM))


def _connection_key(address: Address) -> dict[str, Any]:
    return {"pk": {"S": _CONNECTION + address.connection}}


def _claims(item: Item) -> dict[RoomId, ClientId]:
    return {
        RoomId(name.removeprefix(_CLAIM)): ClientId(value["S"])
        for name, value in item.items()
        if name.startswith(_CLAIM)
    }


def _room(room_id: RoomId, item: Item) -> Room:
    members = (
        _member(ClientId(name.removeprefix(_MEMBER)), value["M"])
        for name, value in item.items()
        if name.startswith(_MEMBER)
    )
    return Room(room_id, {member.client_id: member for member in members})


def _held_by(address: Address | None) -> tuple[str, dict[str, Any], dict[str, str]]:
    """The condition that this socket holds the seat #m, with its values and names."""
    if address is None:
        return "attribute_exists(#m) AND attribute_not_exists(#m.#c)", {}, {"#c": "connection"}
    values = {":connection": {"S": address.connection}, ":gateway": {"S": address.gateway}}
    return "#m.#c = :connection AND #m.gateway = :gateway", values, {"#c": "connection"}


def _member_value(member: Member) -> dict[str, Any]:
    value: dict[str, Any] = {
        "since": {"N": str(member.since)},
        "until": {"N": str(member.until)},
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


def _member(client_id: ClientId, value: Item) -> Member:
    address = None
    if "connection" in value:
        address = Address(value["connection"]["S"], value["gateway"]["S"], value["dialect"]["S"])
    since, until = int(value["since"]["N"]), int(value["until"]["N"])
    role = Role(value["role"]["S"]) if "role" in value else Role.MEMBER
    subject = value["subject"]["S"] if "subject" in value else ""
    return Member(
        client_id, since, until, value["metadata"]["S"], address, subject=subject, role=role
    )
