"""A desk to be soaked, watched from outside."""

from __future__ import annotations

import json
import os
import re
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests import parts


@dataclass(frozen=True)
class Running:
    """A desk: its address and its process."""

    url: str
    pid: int

    @property
    def websocket(self) -> str:
        return self.url.replace("http", "ws", 1) + "/ws"

    def memory(self) -> float:
        """Resident memory in MB."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found
        return int(found[1]) / 1024

    def listed(self) -> set[str]:
        """`room/client` of everybody who has a seat."""
        with urllib.request.urlopen(f"{self.url}/api/rooms/stats", timeout=60) as answer:  # noqa: S310 - loopback
            rooms = json.load(answer)["rooms"]
        return {f"{room['roomId']}/{client}" for room in rooms for client in room["clients"]}


@contextmanager
def desk(clock_scale: float, mischief: str) -> Iterator[Running]:
    """The desk with its clocks that many times faster, the service's own clock included."""
    flags = ["--clock-scale", str(clock_scale), *(["--mischief", mischief] if mischief else [])]
    variables = {"SOCKET_SECONDS": str(int(7200 / clock_scale)), "LOG_LEVEL": "ERROR"}
    with (
        open(os.devnull, "w") as nowhere,
        parts.desk_process(variables, *flags, stderr=nowhere) as (url, pid),
    ):
        yield Running(url, pid)
