"""Rooms in one DynamoDB table: a room is one item, and so is a connection.

    room#{roomId}              n, createdAt, expiresAt, madeBy, and m#{clientId} for each member;
                               with a door also passcode (its seal), isLocked, seatLimit, revision,
                               x#{clientId} for each one removed: until when (ms), and heldUntil:
                               the end of the last of these (s)
    connection#{connectionId}  expiresAt, and r#{roomId} → client id for each seat claimed

Members are top-level attributes, so that one UpdateItem admits a member into a room that need not
exist, checks the capacity, and brings back everybody who is there. Every write is one conditional
call; nothing is read, changed and written back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib import items
from chalicelib.items import Item, number
from chalicelib.ports import Admission, Claims, Clock, Departure
from chalicelib.rooms import (
    CLOCK_SKEW,
    Address,
    ClientId,
    DoorChange,
    Key,
    Member,
    Role,
    Room,
    RoomId,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_LINGER = 3 * 60 * 60  # seconds that an item outlasts its last join: longer than any seat
_SCANS = 40  # pages that a listing reads at most, each as long as the listing
_NO_KEY = Key()

_A_SEAT_IS_FREE = (
    "attribute_not_exists(#m) AND (attribute_not_exists(#x) OR #x <= :now)"
    " AND (attribute_not_exists(n) OR n < :capacity)"
    " AND (attribute_not_exists(seatLimit) OR n < seatLimit)"
)
_OPEN = "attribute_not_exists(isLocked) AND attribute_not_exists(passcode)"
_EMPTY_AND_OPEN = (
    f"n = :none AND {_OPEN} AND (attribute_not_exists(heldUntil) OR heldUntil <= :now)"
)
_MODERATES = "attribute_exists(#by) AND (madeBy = :by OR #by.#role IN (:moderator, :admin))"


class DynamoRooms:
    """The port Rooms on a table with the string key `pk` and TTL on `expiresAt`."""

    def __init__(self, client: DynamoDBClient, table: str, clock: Clock) -> None:
        self._client = client
        self._table = table
        self._clock = clock

    # -- connections -----------------------------------------------------------------------------

    def claim(
        self, address: Address, room_id: RoomId, client_id: ClientId, until: int, most: int = 0
    ) -> ClientId | None:
        item = self._client.update_item(
            TableName=self._table,
            Key=items.connection_key(address),
            UpdateExpression="SET #r = if_not_exists(#r, :cid), expiresAt = :expires",
            ExpressionAttributeNames={"#r": items.CLAIM + room_id},
            ExpressionAttributeValues={
                ":cid": {"S": client_id},
                ":expires": {"N": str(until // 1000 + _LINGER)},
            },
            ReturnValues="ALL_NEW",
        )["Attributes"]
        claims = items.claims(item)
        if most and len(claims) > most and self.release(address, room_id, client_id):
            return None
        return claims[room_id]

    def release(
        self, address: Address, room_id: RoomId, client_id: ClientId | None = None
    ) -> Claims | None:
        values = {":cid": {"S": client_id}} if client_id else {}
        item = self._update(
            Key=items.connection_key(address),
            UpdateExpression="REMOVE #r",
            ConditionExpression="#r = :cid" if client_id else "attribute_exists(#r)",
            ExpressionAttributeNames={"#r": items.CLAIM + room_id},
            **({"ExpressionAttributeValues": values} if values else {}),
            ReturnValues="ALL_OLD",
        )
        return None if item is None else items.claims(item)

    def claims(self, address: Address) -> Claims:
        return items.claims(self._get(items.connection_key(address)))

    def forget(self, address: Address) -> Claims:
        answer = self._client.delete_item(
            TableName=self._table, Key=items.connection_key(address), ReturnValues="ALL_OLD"
        )
        return items.claims(answer.get("Attributes", {}))

    # -- rooms -----------------------------------------------------------------------------------

    def admit(
        self, room_id: RoomId, member: Member, capacity: int, key: Key = _NO_KEY
    ) -> Admission:
        admission, item = self._seat(room_id, member, capacity, key)
        now = self._clock.now() // 1000
        if not admission.admitted and _is_outlived(item, now):
            # A closed room that nobody is in any more, before TTL gets to it.
            self._delete_if(room_id, "expiresAt <= :now", {":now": number(now)})
            admission, item = self._seat(room_id, member, capacity, key)
        if not admission.admitted and _is_held(item, now):
            admission, _ = self._seat(room_id, member, capacity, key, held=True)
        return admission

    def _seat(
        self, room_id: RoomId, member: Member, capacity: int, key: Key, held: bool = False
    ) -> tuple[Admission, Item]:
        """One attempt; and the item, as it was left or as it refused."""
        now = self._clock.now()
        sets, lasts = _lasting(held)
        welcome, values = _welcome(key, member.role)
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=items.room_key(room_id),
                UpdateExpression=(
                    "SET #m = :member, createdAt = if_not_exists(createdAt, :now),"
                    f" madeBy = if_not_exists(madeBy, :cid){sets} ADD n :one"
                ),
                ConditionExpression=f"{_A_SEAT_IS_FREE} AND {lasts}{welcome}",
                ExpressionAttributeNames={
                    "#m": items.MEMBER + member.client_id,
                    "#x": items.REMOVED + member.client_id,
                },
                ExpressionAttributeValues={
                    ":member": items.member_value(member),
                    ":cid": {"S": member.client_id},
                    ":now": number(now),
                    ":expires": number(now // 1000 + _LINGER),
                    ":one": number(1),
                    ":capacity": number(capacity),
                    **values,
                },
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            item = _item_that_refused(error)
            return Admission(False, items.room(room_id, item)), item
        item = answer["Attributes"]
        made = (items.integer(item, "n"), items.integer(item, "createdAt")) == (1, now)
        return Admission(True, items.room(room_id, item), made), item

    def move(self, room_id: RoomId, member: Member) -> Room | None:
        before, item = self._move(room_id, member)
        if before is None and _is_held(item, self._clock.now() // 1000):
            before, _ = self._move(room_id, member, held=True)
        return before

    def _move(
        self, room_id: RoomId, member: Member, held: bool = False
    ) -> tuple[Room | None, Item]:
        """One attempt; and the item, as it was."""
        sets, lasts = _lasting(held)
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=items.room_key(room_id),
                UpdateExpression=f"SET #m = :member{sets}",
                ConditionExpression=f"#m.since < :since AND {lasts}",
                ExpressionAttributeNames={"#m": items.MEMBER + member.client_id},
                ExpressionAttributeValues={
                    ":member": items.member_value(member),
                    ":since": number(member.since),
                    ":expires": number(self._clock.now() // 1000 + _LINGER),
                },
                ReturnValues="ALL_OLD",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            return None, _item_that_refused(error)
        return items.room(room_id, answer["Attributes"]), answer["Attributes"]

    def renew(self, room_id: RoomId, member: Member) -> Room | None:
        held, values, names = _held_by(member.address)
        item = self._update(
            Key=items.room_key(room_id),
            UpdateExpression="SET #m.#until = :until, #m.#role = :role",
            ConditionExpression=held,
            ExpressionAttributeNames={
                "#m": items.MEMBER + member.client_id,
                "#until": "until",
                "#role": "role",
                **names,
            },
            ExpressionAttributeValues={
                ":until": number(member.until),
                ":role": {"S": member.role.value},
                **values,
            },
            ReturnValues="ALL_NEW",
        )
        return None if item is None else items.room(room_id, item)

    def dismiss(
        self, room_id: RoomId, client_id: ClientId, address: Address | None
    ) -> Departure | None:
        if address is None:
            return self._remove(room_id, client_id, "attribute_exists(#m)", {})
        return self._remove(room_id, client_id, *_held_by(address))

    def evict(self, room_id: RoomId, member: Member) -> Departure | None:
        since = {":since": number(member.since)}
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
            Key=items.room_key(room_id),
            UpdateExpression="REMOVE #m ADD n :minus",
            ConditionExpression=condition,
            ExpressionAttributeNames={"#m": items.MEMBER + client_id, **(names or {})},
            ExpressionAttributeValues={":minus": {"N": "-1"}, **values},
            ReturnValues="ALL_OLD",
        )
        if item is None:
            return None
        departure = _departure(room_id, client_id, item)
        if not departure.room.members and departure.room.door.open:
            now = number(self._clock.now() // 1000)
            self._delete_if(room_id, _EMPTY_AND_OPEN, {":none": number(0), ":now": now})
        return departure

    def _delete_if(self, room_id: RoomId, condition: str, values: Mapping[str, Any]) -> None:
        try:
            self._client.delete_item(
                TableName=self._table,
                Key=items.room_key(room_id),
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
            )
        except ClientError as error:
            _item_that_refused(error)  # somebody joined in between, or closed the door

    # -- doors -----------------------------------------------------------------------------------

    def expel(
        self,
        room_id: RoomId,
        client_id: ClientId,
        until: int,
        by: ClientId | None,
        forgiven: Iterable[ClientId] = (),
    ) -> Departure | None:
        forgotten = {f"#f{place}": items.REMOVED + one for place, one in enumerate(forgiven)}
        held, expires = -(-until // 1000), self._clock.now() // 1000 + _LINGER
        item = self._moderate(
            room_id,
            by,
            UpdateExpression=(
                "SET #x = :until, heldUntil = :held, expiresAt = :expires"
                f" REMOVE {', '.join(['#m', *forgotten])} ADD n :minus"
            ),
            ConditionExpression="attribute_exists(#m)",
            ExpressionAttributeNames={
                "#m": items.MEMBER + client_id,
                "#x": items.REMOVED + client_id,
                **forgotten,
            },
            ExpressionAttributeValues={
                ":until": number(until),
                ":held": number(held),
                ":expires": number(max(held, expires)),
                ":minus": number(-1),
            },
            ReturnValues="ALL_OLD",
        )
        return None if item is None else _departure(room_id, client_id, item)

    def set_door(self, room_id: RoomId, change: DoorChange, by: ClientId | None) -> Room | None:
        update, values = items.door_update(change)
        item = self._moderate(
            room_id,
            by,
            UpdateExpression=update,
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeNames={},
            ExpressionAttributeValues=values,
            ReturnValues="ALL_NEW",
        )
        return None if item is None else items.room(room_id, item)

    def _moderate(self, room_id: RoomId, by: ClientId | None, **call: Any) -> Item | None:
        """An update that fails, too, if `by` is no moderator there at that moment."""
        if by is not None:
            call["ConditionExpression"] += f" AND {_MODERATES}"
            call["ExpressionAttributeNames"] |= {"#by": items.MEMBER + by, "#role": "role"}
            call["ExpressionAttributeValues"] |= {
                ":by": {"S": by},
                ":moderator": {"S": Role.MODERATOR.value},
                ":admin": {"S": Role.ADMIN.value},
            }
        call = {name: value for name, value in call.items() if value}
        return self._update(Key=items.room_key(room_id), **call)

    def forgive(self, room_id: RoomId, client_ids: Iterable[ClientId]) -> None:
        now = self._clock.now()
        names = {f"#x{place}": items.REMOVED + one for place, one in enumerate(client_ids)}
        self._update(
            Key=items.room_key(room_id),
            UpdateExpression=f"REMOVE {', '.join(names)}",
            ConditionExpression=" AND ".join(f"{name} <= :now" for name in names),
            ExpressionAttributeNames=names,
            ExpressionAttributeValues={":now": number(now)},
        )

    def find(self, room_id: RoomId) -> Room:
        return items.room(room_id, self._get(items.room_key(room_id)))

    def page(self, limit: int) -> tuple[Sequence[Room], bool]:
        rooms: list[Room] = []
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            ConsistentRead=True,
            FilterExpression="begins_with(pk, :room)",
            ExpressionAttributeValues={":room": {"S": items.ROOM}},
            PaginationConfig={"MaxItems": limit + 1, "PageSize": limit + 1},
        )
        for read, page in enumerate(pages, start=1):
            rooms += (items.room(items.room_id(item), item) for item in page["Items"])
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


def _lasting(held: bool) -> tuple[str, str]:
    """How an update keeps the item for some hours more, but no shorter than it is held."""
    if held:
        return "", "heldUntil > :expires"
    return ", expiresAt = :expires", "(attribute_not_exists(heldUntil) OR heldUntil <= :expires)"


def _is_outlived(item: Item, now: int) -> bool:
    closed = "isLocked" in item or "passcode" in item
    return closed and items.integer(item, "expiresAt") <= now


def _is_held(item: Item, now: int) -> bool:
    return items.integer(item, "heldUntil") > now + _LINGER


def _welcome(key: Key, role: Role) -> tuple[str, dict[str, Any]]:
    """`Door.lets_in` as the rest of a condition, and its values."""
    old = "" if key.makes else " AND attribute_exists(n)"
    if role is not Role.MEMBER:
        return old, {}
    ways, values = [_OPEN], {}
    if key.passcode is not None:
        ways.append("attribute_not_exists(isLocked) AND passcode = :passcode")
        values[":passcode"] = {"S": key.passcode}
    if key.issued is not None:
        ways.append("createdAt <= :issued")
        values[":issued"] = number(key.issued + CLOCK_SKEW)
    either = " OR ".join(f"({way})" for way in ways) if len(ways) > 1 else _OPEN
    return f"{old} AND ({either})", values


def _held_by(address: Address | None) -> tuple[str, dict[str, Any], dict[str, str]]:
    """The condition that this socket holds the seat #m, with its values and names."""
    if address is None:
        return "attribute_exists(#m) AND attribute_not_exists(#m.#c)", {}, {"#c": "connection"}
    values = {":connection": {"S": address.connection}, ":gateway": {"S": address.gateway}}
    return "#m.#c = :connection AND #m.gateway = :gateway", values, {"#c": "connection"}


def _departure(room_id: RoomId, client_id: ClientId, before: Item) -> Departure:
    room = items.room(room_id, before)
    return Departure(room.members[client_id], room.without(client_id))
