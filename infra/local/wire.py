"""Uvicorn's two protocols, with the three things that a gateway needs and uvicorn has not."""

from __future__ import annotations

from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

# How long a client that broke the protocol may go on sending before its socket is cut.
LINGER = 2.0


class Http(H11Protocol):
    """HTTP whose upgrade requests keep their headers' original case, as in API Gateway's events."""

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self.headers = list(event.headers.raw_items())
        super().handle_websocket_upgrade(event)


class WebSocket(WebSocketsSansIOProtocol):
    """WebSocket that can be cut, and whose refusal of a frame reaches the client."""

    async def run_asgi(self) -> None:
        extensions: dict[str, Any] = self.scope["extensions"]
        extensions["local.cut"] = self.cut
        await super().run_asgi()

    def cut(self) -> None:
        """Drop the connection without a word, as when a cable is pulled."""
        self.transport.abort()

    def handle_parser_exception(self) -> None:
        """Say why (1009 for too much data), then read on for a while before closing.

        Closing at once, as uvicorn does, while the rest of the frame is still on its way makes the
        kernel answer with a reset, and the client never sees the close frame.
        """
        if self.close_sent:
            return
        closing = self.conn.close_sent
        if closing is not None:
            self.queue.put_nowait(
                {"type": "websocket.disconnect", "code": closing.code, "reason": closing.reason}
            )
        self.close_sent = True
        self.transport.write(b"".join(self.conn.data_to_send()))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.transport.resume_reading()
        self.close_timer = self.loop.call_later(LINGER, self.transport.close)
