"""The real desk, which a test may stop and start again on the same port."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys

from tests import parts


class Desk:
    """Parley and its MiniStack, on two free ports side by side."""

    def __init__(self, *flags: str, **settings: str) -> None:
        self._flags = flags
        self._settings = {"ICE_SERVERS": "[]", **settings}
        self._port = free_pair_of_ports()
        self._process: subprocess.Popen[str] | None = None
        self.address = ("127.0.0.1", self._port)
        self.url = f"http://localhost:{self._port}/"

    def start(self) -> None:
        """Return when the desk has said where it is served."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "infra.local", "--port", str(self._port), *self._flags],
            cwd=parts.ROOT,
            env={**os.environ, **self._settings},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        said: list[str] = []
        for line in self._process.stdout:
            said.append(line)
            if "is served at" in line:
                return
        raise AssertionError("the desk did not start: " + "".join(said))

    def stop(self) -> None:
        """End our own process, and wait until it has gone; harmless when there is none."""
        process, self._process = self._process, None
        if process is None:
            return
        parts.stop(process)
        if process.stdout is not None:
            process.stdout.close()


def free_pair_of_ports() -> int:
    """A port whose successor is free too: MiniStack takes that one.

    Both lie below those that the system gives to outgoing connections, so that nobody takes them
    while the desk is stopped.
    """
    while not (_is_free(port := random.randrange(20_000, 32_000, 2)) and _is_free(port + 1)):
        pass
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
