"""The REST doors' words; what they answer over HTTP stands in the conversations."""

from __future__ import annotations

import pytest

from chalicelib import rest
from chalicelib.rooms import BadMessage, Room, RoomId


@pytest.mark.parametrize(
    ("body", "room", "client"),
    [
        (b"{}", None, None),
        (b"null", None, None),
        (b'{"roomId":""}', None, None),
        (b'{"roomId":"abc"}', "abc", None),
        (b'{"roomid":"abc","clientid":"x","status":"y"}', "abc", "x"),
        (b'{"ROOMID":"abc","ClientId":null,"more":[1]}', "abc", None),
        ('{"roomId":"Größe"}'.encode(), "Größe", None),
    ],
)
def test_what_is_understood(body: bytes, room: str | None, client: str | None) -> None:
    asked = rest.decode(body)
    assert (asked.room_id, asked.client_id) == (room, client)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nope",
        b"[]",
        b"5",
        b'{"roomId":5}',
        b'{"roomId":"a","status":1}',
        b'{"clientId":{}}',
        b'{"roomId":"a\\u0007"}',
        b'{"roomId":"\\ud800"}',
        b'{"roomId":"\xff"}',
        b'{"roomId":"' + b"x" * 129 + b'"}',
        b"[" * 100_000,
    ],
)
def test_what_is_refused(body: bytes) -> None:
    with pytest.raises(BadMessage):
        rest.decode(body)


def test_a_bounded_listing_says_so() -> None:
    rooms = [Room(RoomId("garden"), {})]
    assert "truncated" not in rest.stats(rooms, truncated=False)
    assert rest.stats(rooms, truncated=True)["truncated"] is True
