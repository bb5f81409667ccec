"""The way from a browser to the desk, which a test may cut without a word to either end."""

from __future__ import annotations

import contextlib
import select
import socket
import threading


class Wire:
    """A TCP relay. What is cut stays open on both sides, and nothing comes through it any more."""

    def __init__(self, to: tuple[str, int]) -> None:
        self._to = to
        self._whole = threading.Event()
        self._whole.set()
        self._calls: list[threading.Event] = []
        self._ends: list[socket.socket] = []
        self._door = socket.create_server(("127.0.0.1", 0))
        self.url = f"ws://localhost:{self._door.getsockname()[1]}/ws"
        threading.Thread(target=self._answer, daemon=True).start()

    def cut(self) -> None:
        """The connections that there are go silent; new ones wait until the wire is mended."""
        self._whole.clear()
        for alive in self._calls:
            alive.clear()

    def mend(self) -> None:
        """New connections come through again. The old ones do not know that they are dead."""
        self._whole.set()

    def close(self) -> None:
        self._whole.set()
        for end in [self._door, *self._ends]:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _answer(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                caller, _ = self._door.accept()
                self._ends.append(caller)
                threading.Thread(target=self._carry, args=[caller], daemon=True).start()

    def _carry(self, caller: socket.socket) -> None:
        self._whole.wait()
        alive = threading.Event()
        alive.set()
        self._calls.append(alive)
        with contextlib.suppress(OSError, ValueError):
            called = socket.create_connection(self._to)
            self._ends.append(called)
            others = {caller: called, called: caller}
            while True:
                for end in select.select([caller, called], [], [])[0]:
                    if not (data := end.recv(65536)):
                        return self._hang_up(others)
                    if not alive.is_set():
                        return None
                    others[end].sendall(data)

    @staticmethod
    def _hang_up(ends: dict[socket.socket, socket.socket]) -> None:
        for end in ends:
            end.close()
