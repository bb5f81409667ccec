"""The servers of the others, from their published packages, on free ports."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from tests import parts

_BIN = parts.ROOT / "node_modules" / ".bin"


@contextmanager
def peer_server() -> Iterator[int]:
    """PeerJS's server; its port."""
    port = parts.free_port()
    with parts.running([str(_BIN / "peerjs"), "--port", str(port), "--host", "127.0.0.1"]):
        parts.eventually(lambda: listens(port))
        yield port


@contextmanager
def y_webrtc_server() -> Iterator[int]:
    """y-webrtc's signaling server; its port."""
    port = parts.free_port()
    environment = {**os.environ, "PORT": str(port), "HOST": "127.0.0.1"}
    with parts.running([str(_BIN / "y-webrtc-signaling")], env=environment):
        parts.eventually(lambda: listens(port))
        yield port


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
