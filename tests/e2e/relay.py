"""Doors through which UDP goes from one end of a call to the other, and which a test may shut."""

from __future__ import annotations

import contextlib
import select
import socket
import threading


class Relay:
    """One door for each address behind it. Who comes through it is answered through it."""

    def __init__(self) -> None:
        self._dead: set[_Way] = set()
        self._doors: dict[tuple[str, int], socket.socket] = {}
        self._ways: dict[socket.socket, _Way] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    @property
    def open_ports(self) -> set[int]:
        """All that lead somewhere, of the doors and of those who come through them."""
        with self._lock:
            ways = set(self._ways.values()) - self._dead
        return {end.getsockname()[1] for way in ways for end in way.ends}

    def door_to(self, address: str, port: int) -> int:
        """The port of the door that leads to this address, the same one each time."""
        with self._lock:
            target = (address, port)
            if target not in self._doors:
                self._doors[target] = door = _udp_socket("127.0.0.1")
                self._ways[door] = _Way(door, target)
            return int(self._doors[target].getsockname()[1])

    def cut(self) -> None:
        """What goes through the doors that there are is lost from now on, for good."""
        with self._lock:
            self._dead = set(self._ways.values())

    def close(self) -> None:
        self._closed = True
        self._thread.join()
        for way in self._ways.values():
            way.close()

    def _carry(self) -> None:
        while not self._closed:
            with self._lock:
                sources = {end: way for way in self._ways.values() for end in way.ends}
            for end in select.select(list(sources), [], [], 0.02)[0]:
                way = sources[end]
                way.carry(end, lost=way in self._dead)


class _Way:
    """From whoever sends to a door, to the port behind it, and back."""

    def __init__(self, door: socket.socket, target: tuple[str, int]) -> None:
        self._door = door
        self._target = target
        self._outs: dict[tuple[str, int], socket.socket] = {}

    @property
    def ends(self) -> list[socket.socket]:
        return [self._door, *self._outs.values()]

    def carry(self, end: socket.socket, lost: bool) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):
            data, sender = end.recvfrom(65536)
            if lost:
                return
            if end is self._door:
                self._out(sender).sendto(data, self._target)
            else:
                self._door.sendto(data, self._caller(end))

    def close(self) -> None:
        for end in self.ends:
            end.close()

    def _out(self, sender: tuple[str, int]) -> socket.socket:
        """A socket of each sender's own: so what comes back is known to be theirs."""
        if sender not in self._outs:
            self._outs[sender] = _udp_socket("")
        return self._outs[sender]

    def _caller(self, out: socket.socket) -> tuple[str, int]:
        return next(sender for sender, own in self._outs.items() if own is out)


def _udp_socket(address: str) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((address, 0))
    made.setblocking(False)
    return made
