"""A TURN client as small as can be: one request at a time, to loopback.

STUN is RFC 8489, TURN RFC 8656; long-term credentials with MD5 keys, as browsers use them.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import ipaddress
import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

_COOKIE = 0x2112A442
_ALLOCATE, _REFRESH, _SEND, _PERMISSION, _CHANNEL = 0x003, 0x004, 0x016, 0x008, 0x009
_REFUSED = 0x0110
_USERNAME, _INTEGRITY, _ERROR, _REALM, _NONCE = 0x0006, 0x0008, 0x0009, 0x0014, 0x0015
_CHANNEL_NUMBER, _LIFETIME, _PEER, _DATA = 0x000C, 0x000D, 0x0012, 0x0013
_FAMILY, _TRANSPORT, _RELAYED = 0x0017, 0x0019, 0x0016
_UDP, _TCP = b"\x11\0\0\0", b"\x06\0\0\0"
OK = 0
"""What a request that is granted answers, in the place of an error code."""


@dataclass(frozen=True)
class Endpoint:
    """An address and port, in the disguise that STUN gives them (RFC 8489, 14.2)."""

    host: str
    port: int

    def xored(self, transaction: bytes) -> bytes:
        address = ipaddress.ip_address(self.host)
        mask = struct.pack("!I", _COOKIE) + transaction
        disguised = bytes(a ^ b for a, b in zip(address.packed, mask, strict=False))
        family = 1 if address.version == 4 else 2
        return struct.pack("!HH", family, self.port ^ (_COOKIE >> 16)) + disguised


Attributes = list[tuple[int, bytes | Endpoint]]


@dataclass(frozen=True)
class Answer:
    """The server's answer to a request: 0 or its error code, and the attributes by their number."""

    code: int
    attributes: dict[int, bytes]


_used: set[int] = set()


class TurnClient:
    """Speaks to one TURN server as one user. Each request returns 0 or the error code."""

    def __init__(
        self, server: tuple[str, int], username: str, credential: str, stream: bool = False
    ) -> None:
        self._socket = _fresh(server, socket.SOCK_STREAM if stream else socket.SOCK_DGRAM)
        self._socket.settimeout(20)
        self.username, self.credential = username, credential
        self._realm = self._nonce = b""
        self._holds = False
        self.relayed: tuple[str, int] | None = None
        """Where peers reach the allocation."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: object, _trace: TracebackType | None
    ) -> None:
        """Give the allocation back."""
        if self._holds:
            self.refresh(0)
        self._socket.close()

    def allocate(self, family: int = 4, tcp: bool = False) -> int:
        """An allocation that relays UDP or, if the client came by a stream, TCP (RFC 6062)."""
        wanted: Attributes = [(_TRANSPORT, _TCP if tcp else _UDP)]
        if family == 6:
            wanted.append((_FAMILY, b"\x02\0\0\0"))
        answer = self._authenticated(_ALLOCATE, wanted)
        self._holds = answer.code == OK
        if self._holds and family == 4:
            self.relayed = _address(answer.attributes[_RELAYED])
        return answer.code

    def refresh(self, seconds: int = 600) -> int:
        wanted: Attributes = [(_LIFETIME, struct.pack("!I", seconds))]
        return self._authenticated(_REFRESH, wanted).code

    def permit(self, peer: str, port: int = 9) -> int:
        return self._authenticated(_PERMISSION, [(_PEER, Endpoint(peer, port))]).code

    def bind(self, peer: str, port: int) -> int:
        channel: Attributes = [(_CHANNEL_NUMBER, b"\x40\x01\0\0"), (_PEER, Endpoint(peer, port))]
        return self._authenticated(_CHANNEL, channel).code

    def send(self, peer: str, port: int, data: bytes) -> None:
        """A Send indication: nothing is answered."""
        message = _message(_SEND | 0x0010, [(_PEER, Endpoint(peer, port)), (_DATA, data)])
        self._socket.send(message)

    def send_on_channel(self, data: bytes) -> None:
        """ChannelData on the channel that `bind` asks for, whatever came of it."""
        self._socket.send(struct.pack("!HH", 0x4001, len(data)) + data)

    # -- authentication --------------------------------------------------------------------------

    def _authenticated(self, method: int, attributes: Attributes) -> Answer:
        """Ask; when challenged for the first time, or with a newer nonce, ask once more."""
        answer = self._ask(method, attributes)
        fresh = answer.code == 401 and not self._nonce
        if fresh or answer.code == 438:
            self._realm, self._nonce = answer.attributes[_REALM], answer.attributes[_NONCE]
            answer = self._ask(method, attributes)
        return answer

    def _ask(self, method: int, attributes: Attributes) -> Answer:
        if self._nonce:
            user = (_USERNAME, self.username.encode())
            challenge = [(_REALM, self._realm), (_NONCE, self._nonce)]
            message = self._sealed(_message(method, [*attributes, user, *challenge]))
        else:
            message = _message(method, attributes)
        self._socket.send(message)
        return self._answer(message[8:20])

    def _sealed(self, message: bytes) -> bytes:
        text = f"{self.username}:{self._realm.decode()}:{self.credential}"
        key = hashlib.md5(text.encode()).digest()  # noqa: S324 - as the RFC has it
        lengthened = message[:2] + struct.pack("!H", len(message) - 20 + 24) + message[4:]
        seal = hmac.digest(key, lengthened, "sha1")
        return lengthened + struct.pack("!HH", _INTEGRITY, len(seal)) + seal

    def _answer(self, transaction: bytes) -> Answer:
        while True:
            packet = self._socket.recv(2048)
            if packet[0] & 0xC0 == 0 and packet[8:20] == transaction:
                break
        found = dict(_attributes(packet))
        refused = struct.unpack("!H", packet[:2])[0] & 0x0110 == _REFUSED
        error = found.get(_ERROR, bytes(4))
        return Answer(error[2] * 100 + error[3] if refused else OK, found)


def _fresh(server: tuple[str, int], kind: socket.SocketKind) -> socket.socket:
    """From a port that no client had before: a server remembers allocations for a moment longer."""
    with contextlib.ExitStack() as passed_over:
        while True:
            found = socket.socket(socket.AF_INET, kind)
            found.connect(server)
            port = found.getsockname()[1]
            if port not in _used:
                _used.add(port)
                return found
            passed_over.enter_context(found)


def _message(method: int, attributes: Attributes) -> bytes:
    transaction = os.urandom(12)
    body = b"".join(_attribute(kind, value, transaction) for kind, value in attributes)
    return struct.pack("!HHI", method, len(body), _COOKIE) + transaction + body


def _attribute(kind: int, value: bytes | Endpoint, transaction: bytes) -> bytes:
    raw = value.xored(transaction) if isinstance(value, Endpoint) else value
    return struct.pack("!HH", kind, len(raw)) + raw + bytes(-len(raw) % 4)


def _attributes(packet: bytes) -> Iterator[tuple[int, bytes]]:
    place = 20
    while place + 4 <= len(packet):
        kind, length = struct.unpack_from("!HH", packet, place)
        yield kind, packet[place + 4 : place + 4 + length]
        place += 4 + length + -length % 4


def _address(value: bytes) -> tuple[str, int]:
    port = struct.unpack_from("!H", value, 2)[0] ^ (_COOKIE >> 16)
    number = struct.unpack_from("!I", value, 4)[0] ^ _COOKIE
    return str(ipaddress.IPv4Address(number)), port
