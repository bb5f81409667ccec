"""The wire, word for word."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib import events, messages
from chalicelib.events import Event, Reason
from chalicelib.ports import IceGrant, IceServer
from chalicelib.rooms import (
    Address,
    BadMessage,
    ClientId,
    Member,
    RoomFull,
    RoomId,
    SignalingError,
    TooLarge,
    UnknownType,
)

GARDEN, ADA = RoomId("garden"), ClientId("k3J9aQ")
LARGEST = 32768


def decode(frame: str) -> messages.AnyRequest:
    return messages.decode(frame, LARGEST)


@pytest.mark.parametrize(
    "frame",
    [
        '{"type":"join"}',
        '{"type":"join","roomId":null,"id":null}',
        '{"type":"ping","unknown":{"a":[1]}}',
        '{"type":"leave","roomId":"garden","from":"forged"}',
        ' {"roomId":"g","data":null,"type":"broadcast"}\n',
    ],
)
def test_what_is_understood(frame: str) -> None:
    assert decode(frame)


@pytest.mark.parametrize(
    ("frame", "error"),
    [
        ("", BadMessage),
        ("not json", BadMessage),
        ("[]", BadMessage),
        ("null", BadMessage),
        ("{}", BadMessage),
        ('{"type":5}', BadMessage),
        ('{"type":null}', BadMessage),
        ('{"type":"ping"} {}', BadMessage),
        ('{"type":"ping","id":5}', BadMessage),
        ('{"type":"join","roomId":5}', BadMessage),
        ('{"type":"leave"}', BadMessage),
        ('{"type":"signal","roomId":"g","to":"x"}', BadMessage),
        ('{"type":"signal","roomId":"g","to":"x","data":01}', BadMessage),
        ('{"type":"signal","roomId":"g","to":"x","data":"\\ud800"}', BadMessage),
        ('{"type":"signal","roomId":"g","to":"x","data":"\\udc00\\ud800"}', BadMessage),
        ('{"type":"ping","x":"\ud800"}', BadMessage),
        ('{"type":"ping","x":"\\u12"}', BadMessage),
        ('{"type":"jion"}', UnknownType),
        ('{"type":""}', UnknownType),
        ('{"type":"joined"}', UnknownType),
        ('{"type":"ping","x":"' + "ä" * (LARGEST // 2) + '"}', TooLarge),
    ],
)
def test_what_is_refused(frame: str, error: type[SignalingError]) -> None:
    with pytest.raises(error):
        decode(frame)


def nested(levels: int) -> str:
    inside = levels - 1  # the message itself is one
    return '{"type":"broadcast","roomId":"g","data":' + "[" * inside + "]" * inside + "}"


def test_64_levels_are_deep_enough() -> None:
    assert decode(nested(64))
    with pytest.raises(BadMessage):
        decode(nested(65))
    with pytest.raises(BadMessage):
        decode(nested(10_000))


def test_brackets_in_strings_are_no_levels() -> None:
    text = json.dumps('[{"\\' * 100)
    assert decode('{"type":"broadcast","roomId":"g","data":' + text + "}")


def test_a_refusal_repeats_nothing_of_the_frame() -> None:
    for frame in ('{"type":"canary"}', '{"type":"join","roomId":{"canary":1}}', '{"canary'):
        with pytest.raises(SignalingError) as refusal:
            decode(frame)
        assert "canary" not in str(refusal.value)


@pytest.mark.parametrize(
    ("frame", "request_id"),
    [
        ('{"type":"jion","id":"7"}', "7"),
        ('{"id":"7","type":"join","roomId":5}', "7"),
        ('{"type":"ping"}', None),
        ('{"id":7}', None),
        ("[]", None),
        ("", None),
        ("[" * 100_000, None),
        ("\ud800", None),
    ],
)
def test_the_id_of_a_refused_frame(frame: str, request_id: str | None) -> None:
    assert messages.request_id(frame) == request_id


@pytest.mark.parametrize("number", ["1e999999", "123456789012345678901234567890", "-0", "1.000"])
def test_data_is_carried_to_the_letter(number: str) -> None:
    request = decode(
        '{"type":"broadcast","roomId":"g","data":{"n": ' + number + ' , "u":"\\u00e4"}}'
    )
    assert isinstance(request, messages.Broadcast)
    frame = messages.encode(events.Broadcast(GARDEN, ADA, bytes(request.data)))
    assert b'"data":{"n": ' + number.encode() + b' , "u":"\\u00e4"}' in frame


MEMBER = Member(ADA, 1795382699855, 0, '{"name":"Ada"}', Address("secret=", "api/stage"))
PEER = {
    "clientId": "k3J9aQ",
    "since": 1795382699855,
    "metadata": {"name": "Ada"},
    "connected": True,
}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            events.Joined(
                GARDEN,
                MEMBER,
                [Member(ClientId("9wPHfm"), 5, 0, "{}")],
                "token",
                IceGrant([IceServer(("turn:t",), "u", "p"), IceServer(("stun:s",))], 600),
            ),
            {
                "type": "joined",
                "id": "1",
                "protocol": 1,
                "roomId": "garden",
                "clientId": "k3J9aQ",
                "since": 1795382699855,
                "resumeToken": "token",
                "peers": [{"clientId": "9wPHfm", "since": 5, "metadata": {}, "connected": False}],
                "iceServers": [
                    {"urls": ["turn:t"], "username": "u", "credential": "p"},
                    {"urls": ["stun:s"]},
                ],
                "role": "member",
                "door": {"passcode": False, "locked": False, "capacity": 0, "revision": 0},
                "iceServersTtl": 600,
            },
        ),
        (
            events.IceGranted(GARDEN, IceGrant([IceServer(("stun:s",))])),
            {
                "type": "ice-servers",
                "id": "1",
                "roomId": "garden",
                "iceServers": [{"urls": ["stun:s"]}],
            },
        ),
        (
            events.PeerJoined(GARDEN, MEMBER, resumed=False),
            {"type": "peer-joined", "id": "1", "roomId": "garden", "peer": PEER, "resumed": False},
        ),
        (
            events.PeerLeft(GARDEN, ADA, 7, Reason.DISCONNECTED),
            {
                "type": "peer-left",
                "id": "1",
                "roomId": "garden",
                "clientId": "k3J9aQ",
                "since": 7,
                "reason": "disconnected",
            },
        ),
        (
            events.Signal(GARDEN, ADA, b"[1]"),
            {"type": "signal", "id": "1", "roomId": "garden", "from": "k3J9aQ", "data": [1]},
        ),
        (
            events.Pong({GARDEN: {ADA: 7}}),
            {"type": "pong", "id": "1", "rooms": {"garden": {"k3J9aQ": 7}}},
        ),
        (
            events.Left(GARDEN, 7, Reason.REPLACED),
            {"type": "left", "id": "1", "roomId": "garden", "since": 7, "reason": "replaced"},
        ),
        (
            events.Refused(RoomFull("The room is full", GARDEN)),
            {
                "type": "error",
                "id": "1",
                "code": "room-full",
                "message": "The room is full",
                "roomId": "garden",
            },
        ),
    ],
)
def test_what_is_said(event: Event, expected: dict[str, Any]) -> None:
    assert json.loads(messages.encode(event, "1")) == expected


def test_no_id_is_said_where_none_was_given_and_no_connection_id_ever() -> None:
    frame = messages.encode(events.PeerJoined(GARDEN, MEMBER, resumed=False))
    assert "id" not in json.loads(frame)
    assert b"secret" not in frame
