"""A client that follows the documented rules, and no others: API_DOC.md, "Order" and "ping"."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.model.network import Frame, Network, Socket


@dataclass
class View:
    """Who is in a room, as far as one has heard.

    Rule 1: `since` orders what one hears about one member.
    Rule 2: a list (in `joined` or `pong`) speaks only for those heard of before it was asked for.
    """

    present: dict[str, int] = field(default_factory=dict)
    departed: dict[str, int] = field(default_factory=dict)
    heard: dict[str, int] = field(default_factory=dict)
    clock: int = 0

    def arrive(self, client: str, since: int) -> None:
        if since > self.departed.get(client, -1) and since >= self.present.get(client, -1):
            self.present[client] = since
            self._note(client)

    def depart(self, client: str, since: int) -> None:
        self.departed[client] = max(since, self.departed.get(client, -1))
        if self.present.get(client, since + 1) <= since:
            del self.present[client]
        self._note(client)

    def reconcile(self, listed: dict[str, int], asked: int) -> None:
        """Take over a list that was asked for at that moment of one's own clock."""
        for client in [c for c in {**self.present, **listed} if self.heard.get(c, 0) <= asked]:
            self.present.pop(client, None)
            if client in listed:
                self.present[client] = listed[client]
                self.departed.pop(client, None)

    def _note(self, client: str) -> None:
        self.clock += 1
        self.heard[client] = self.clock


@dataclass
class Seat:
    """A room that one wants to be in."""

    room: str
    state: str = "joining"
    client: str = ""
    since: int = 0
    token: str = ""
    socket: Socket | None = None
    """Through which one is in the room."""
    view: View = field(default_factory=View)
    early: list[tuple[Socket, Frame]] = field(default_factory=list)
    """Each `left` that came before the first `joined`, whose `since` decides about it."""


@dataclass
class Asked:
    """A request that waits for its answer."""

    kind: str
    socket: Socket
    room: str | None = None
    marks: dict[str, int] = field(default_factory=dict)
    """When it was asked, by the clock of each room's view that the answer will speak for."""


def _named(room: str | None) -> dict[str, str]:
    return {"roomId": room} if room else {}


class Person:
    """Somebody who joins, talks, loses sockets and comes back."""

    def __init__(self, name: str, network: Network) -> None:
        self.name = name
        self.network = network
        self.socket: Socket | None = None
        self.seats: dict[str, Seat] = {}
        self.tokens: dict[str, tuple[str, str]] = {}
        """By room, what one was told there last: also after having left."""
        self.asked: dict[str, Asked] = {}
        self.heard: list[Frame] = []
        self._numbers = itertools.count(1)

    @property
    def online(self) -> bool:
        return self.socket is not None and self.socket.alive

    def joined(self, room: str) -> Seat | None:
        """One's seat in the room, if one believes to have it through a socket that lives."""
        seat = self.seats.get(room)
        held = seat and seat.state == "joined" and seat.socket and seat.socket.alive
        return seat if held else None

    # -- what one does ---------------------------------------------------------------------------

    def connect(self) -> Socket:
        if not self.online:
            self.socket = self.network.open(self)
        assert self.socket
        return self.socket

    def join(self, room: str | None) -> None:
        """Come into a room, for the first time or again; without a name, into a new one."""
        if room is not None and room not in self.seats:
            self.seats[room] = Seat(room)
        self._ask("join", room, self.connect(), self._marks(room), **_named(room))

    def resume(self, room: str, token: tuple[str, str] | None = None) -> None:
        """Come back with a proof, on the socket that one has now."""
        if (known := token or self.tokens.get(room)) is None:
            self.join(room)
            return
        self.seats.setdefault(room, Seat(room))
        proof = {"clientId": known[0], "resumeToken": known[1]}
        self._ask("join", room, self.connect(), self._marks(room), roomId=room, **proof)

    def _marks(self, room: str | None) -> dict[str, int]:
        return {room: self.seats[room].view.clock} if room else {}

    def move(self) -> None:
        """Make before break: a new socket, and everything again on it; the old one is left open."""
        self.socket = self.network.open(self)
        for room in list(self.seats):
            self.resume(room)

    def come_back(self) -> None:
        if not self.online:
            self.move()

    def close_old_sockets(self) -> None:
        """The end of a move: only the newest socket stays."""
        for socket in list(self.network.sockets.values()):
            if socket.owner is self and socket is not self.socket and socket.alive:
                self.network.close(socket)

    def leave(self, room: str) -> None:
        seat = self.seats.pop(room, None)
        if seat:
            self._ask("leave", room, seat.socket or self.connect(), roomId=room)

    def ping(self) -> None:
        marks = {
            room: seat.view.clock
            for room, seat in self.seats.items()
            if seat.state == "joined" and seat.socket is self.socket
        }
        if self.online:
            self._ask("ping", None, self.connect(), marks)

    def say(self, kind: str, room: str, to: str | None = None, data: object = None) -> None:
        seat = self.joined(room)
        if seat and seat.socket:
            aim = {"to": to} if to else {}
            frame = {"type": kind, "id": self._number(), "roomId": room, "data": data, **aim}
            self.network.send(seat.socket, frame)

    def repeat(self) -> None:
        """What has not been answered for long is asked again, where that is safe."""
        asked, self.asked = self.asked, {}
        for request in asked.values():
            if request.kind == "leave" and request.room not in self.seats and request.socket.alive:
                self._ask("leave", request.room, request.socket, roomId=request.room)
            elif request.kind == "join" and request.room is None and request.socket.alive:
                self.join(None)
        for seat in list(self.seats.values()):
            if self.online and (seat.state == "joining" or seat.socket is not self.socket):
                self.resume(seat.room)

    def _ask(
        self,
        kind: str,
        room: str | None,
        socket: Socket,
        marks: dict[str, int] | None = None,
        **fields: str | None,
    ) -> None:
        number = self._number()
        self.asked[number] = Asked(kind, socket, room, marks or {})
        self.network.send(socket, {"type": kind, "id": number, **fields})

    def _number(self) -> str:
        return f"{self.name}{next(self._numbers)}"

    # -- what one hears --------------------------------------------------------------------------

    def hear(self, socket: Socket, frame: Frame) -> None:
        self.heard.append(frame)
        kind = frame["type"].replace("-", "_")
        getattr(self, f"_hear_{kind}")(socket, frame)

    def _hear_joined(self, socket: Socket, frame: Frame) -> None:
        asked = self.asked.pop(frame.get("id", ""), None)
        room = frame["roomId"]
        if asked and asked.room is None:
            self.seats.setdefault(room, Seat(room))
        seat = self.seats.get(room)
        if seat is None:  # one that nobody wants any more
            self._ask("leave", room, socket, roomId=room)
        elif asked or seat.client == frame["clientId"]:
            self._take(seat, socket, frame, asked)

    def _take(self, seat: Seat, socket: Socket, frame: Frame, asked: Asked | None) -> None:
        newest = asked and asked.socket is self.socket
        if not newest and (frame["since"] < seat.since or not (asked or seat.socket is socket)):
            return
        seat.state, seat.socket = "joined", socket
        seat.client, seat.since = frame["clientId"], frame["since"]
        seat.token = frame["resumeToken"]
        self.tokens[seat.room] = (seat.client, seat.token)
        seat.view.present.pop(seat.client, None)
        peers = {peer["clientId"]: peer["since"] for peer in frame["peers"]}
        if asked:
            seat.view.reconcile(peers, asked.marks.get(seat.room, 0))
        for client, since in peers.items():
            seat.view.arrive(client, since)
        early, seat.early = seat.early, []
        for said in early:
            self._hear_left(*said)

    def _hear_peer_joined(self, socket: Socket, frame: Frame) -> None:
        seat = self.seats.get(frame["roomId"])
        if seat and frame["peer"]["clientId"] != seat.client:
            seat.view.arrive(frame["peer"]["clientId"], frame["peer"]["since"])

    def _hear_peer_left(self, socket: Socket, frame: Frame) -> None:
        seat = self.seats.get(frame["roomId"])
        if seat and frame["clientId"] != seat.client:
            seat.view.depart(frame["clientId"], frame["since"])

    def _hear_left(self, socket: Socket, frame: Frame) -> None:
        asked = self.asked.pop(frame.get("id", ""), None)
        seat = self.seats.get(frame["roomId"])
        if seat is None or (asked and asked.kind != "join"):
            return
        if "id" not in frame and not seat.client:
            seat.early.append((socket, frame))
        elif ("id" in frame or frame["since"] >= seat.since) and self._ends(seat, socket):
            del self.seats[seat.room]

    def _ends(self, seat: Seat, socket: Socket) -> bool:
        """Whether the seat was this socket's, and is not about to be another one's."""
        if seat.state == "joined" and seat.socket is not socket:
            return False
        return not any(
            a.kind == "join" and a.room == seat.room and a.socket is not socket
            for a in self.asked.values()
        )

    def _hear_error(self, socket: Socket, frame: Frame) -> None:
        number, code = frame.get("id", ""), frame["code"]
        asked = self.asked.get(number)
        if asked and code != "internal":  # that one is repeated
            del self.asked[number]
        seat = self.seats.get(frame.get("roomId", ""))
        if asked and asked.kind == "join" and code in ("room-full", "unauthorized"):
            if seat and self._ends(seat, socket):
                del self.seats[seat.room]
        elif code == "not-in-room" and seat and seat.socket is socket:
            self._rejoin(seat)

    def _rejoin(self, seat: Seat) -> None:
        seat.state = "joining"
        if self.online:
            self.resume(seat.room)

    def _hear_pong(self, socket: Socket, frame: Frame) -> None:
        asked = self.asked.pop(frame["id"], None)
        rooms: dict[str, dict[str, int]] = frame["rooms"]
        for room, mark in (asked.marks if asked else {}).items():
            seat = self.seats.get(room)
            if seat and seat.state == "joined" and seat.socket is socket:
                self._repair(seat, rooms.get(room, {}), mark)
        # Any of them may be the new room that one waits for.
        if asked and not any(a.kind == "join" and a.room is None for a in self.asked.values()):
            for room in sorted(rooms.keys() - self.seats.keys()):
                self._ask("leave", room, socket, roomId=room)

    def _repair(self, seat: Seat, listed: dict[str, int], mark: int) -> None:
        if seat.client not in listed:
            self._rejoin(seat)
            return
        others = {client: since for client, since in listed.items() if client != seat.client}
        seat.view.reconcile(others, mark)

    def _hear_signal(self, socket: Socket, frame: Frame) -> None:
        pass

    _hear_broadcast = _hear_signal
