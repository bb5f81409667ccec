"""coturn on loopback, as a STUN and TURN server among a desk's ICE servers."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from tests import parts
from tests.bench.rivals import listens


@contextmanager
def coturn() -> Iterator[str]:
    """The setting ICE_SERVERS for it."""
    program = shutil.which("turnserver") or parts.missing("coturn")
    port = parts.free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [
            *(program, "-n", "--no-cli", "--no-tls", "--no-dtls", "--allow-loopback-peers"),
            *("--listening-ip", "127.0.0.1", "--relay-ip", "127.0.0.1"),
            *("--listening-port", str(port), "--realm", "bench"),
            *("--lt-cred-mech", "--user", "bench:bench"),
            *("--pidfile", f"{folder}/pid", "--userdb", f"{folder}/users", "--log-file", "stdout"),
        ]
        with parts.running(command):
            parts.eventually(lambda: listens(port))
            yield ice_servers(f"127.0.0.1:{port}")


def ice_servers(place: str) -> str:
    turn = {"urls": [f"turn:{place}"], "username": "bench", "credential": "bench"}
    return json.dumps([{"urls": [f"stun:{place}"]}, turn])
