"""WebSocket frames (RFC 6455) read off a passing stream, to be counted as a gateway bills them."""

from __future__ import annotations

from collections.abc import Iterator

UNIT = 32 * 1024
"""API Gateway meters messages in units of 32 KB: https://aws.amazon.com/api-gateway/pricing/"""

_TEXT, _BINARY = 1, 2


def units(size: int) -> int:
    """How many messages a message of so many bytes is billed as."""
    return max(1, -(-size // UNIT))


class Reader:
    """Bytes in, the payloads of whole messages out; pings, pongs and closes are left out."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._message = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._buffer += data
        while frame := self._frame():
            final, opcode, payload = frame
            if opcode > _BINARY:
                continue
            self._message += payload
            if final:
                yield bytes(self._message)
                self._message.clear()

    def _frame(self) -> tuple[bool, int, bytes] | None:
        """The next frame, once it is there as a whole."""
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        extended = {126: 2, 127: 8}.get(buffer[1] & 127, 0)
        masked = 4 if buffer[1] & 128 else 0
        start = 2 + extended + masked
        if len(buffer) < start:
            return None
        size = int.from_bytes(buffer[2 : 2 + extended], "big") if extended else buffer[1] & 127
        if len(buffer) < start + size:
            return None
        payload = bytes(buffer[start : start + size])
        head, mask = buffer[0], bytes(buffer[start - masked : start])
        del buffer[: start + size]
        return bool(head & 128), head & 15, unmasked(payload, mask) if masked else payload


def unmasked(payload: bytes, mask: bytes) -> bytes:
    key = (mask * (len(payload) // 4 + 1))[: len(payload)]
    number = int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")
    return number.to_bytes(len(payload), "big")
