"""The REST doors' words; what they answer over HTTP stands in the conversations."""

from __future__ import annotations

import pytest

from chalicelib import rest
from chalicelib.ports import IceGrant, IceServer
from chalicelib.rooms import BadMessage, ClientId, Room, RoomId, Unauthorized
from chalicelib.signaling import Resume


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


# -- whose ICE servers ---------------------------------------------------------------------------

TOKEN = "k1.1795382699871.Vb0-_x"


@pytest.mark.parametrize(
    ("header", "room"),
    [
        (f'Seat roomId="garden", clientId="k3J9aQ", resumeToken="{TOKEN}"', "garden"),
        (f'seat resumeToken="{TOKEN}",clientId="k3J9aQ",roomId="Gr%C3%B6%22%25",more="x"', 'Grö"%'),
    ],
)
def test_a_seat_is_shown_by_a_header(header: str, room: str) -> None:
    assert rest.seat({"authorization": header}) == (RoomId(room), Resume(ClientId("k3J9aQ"), TOKEN))


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Seat",
        "Bearer eyJ",
        f'Bearer roomId="garden", clientId="k3J9aQ", resumeToken="{TOKEN}"',
        'Seat roomId="garden", clientId="k3J9aQ"',
        f"Seat roomId=garden, clientId=k3J9aQ, resumeToken={TOKEN}",
    ],
)
def test_without_a_seat_nothing_is_given(header: str) -> None:
    with pytest.raises(Unauthorized, match='Seat roomId="…"'):
        rest.seat({"authorization": header})


@pytest.mark.parametrize("room", ["", "a%07", "%ED%A0%80" * 43, "x" * 129])
def test_a_seat_in_no_room_is_refused(room: str) -> None:
    seat = f'Seat roomId="{room}", clientId="k3J9aQ", resumeToken="{TOKEN}"'
    with pytest.raises(BadMessage):
        rest.seat({"AUTHORIZATION": seat})


def test_ice_servers_are_told_as_browsers_take_them() -> None:
    turn, stun = IceServer(("turn:t",), "u", "p"), IceServer(("stun:s",))
    told = [{"urls": ["turn:t"], "username": "u", "credential": "p"}, {"urls": ["stun:s"]}]
    assert rest.ice_servers(IceGrant((turn, stun), 600)) == {
        "iceServers": told,
        "iceServersTtl": 600,
    }
    assert rest.ice_servers(IceGrant((stun,))) == {"iceServers": told[1:]}
