"""Whoever tries a door that is not theirs: one frame, exactly one answer, and nothing has changed.

Ada made the garden, which has a passcode, and Bea is in it; she also made the shed, and locked it.
Cyd was in the garden and was removed. Mallory has seats of his own elsewhere, and knows all names.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests import parts
from tests.conversations.caller import Caller, Frame
from tests.conversations.http import Answer, request

PASSCODE = "open sesame"
SHUT = "The door stays shut: the room is locked, or wants a passcode, or another one"
UNPROVEN = "The resumeToken does not prove this clientId here"
NO_SEAT = "The resumeToken does not prove a seat that is held here"
MODERATOR = "Only a moderator of the room may do this"
GUESSES = 12  # of one room in an hour, on this desk


class Scene:
    """Who is where."""

    def __init__(self, url: str, stack: ExitStack) -> None:
        self.rest, self.websocket = f"{url}/api", url.replace("http", "ws", 1) + "/ws"
        self._stack = stack
        self.garden, self.shed = f"garden {uuid.uuid4()}", f"shed {uuid.uuid4()}"
        self.ada, self.bea, self.cyd, self.mallory = (self.somebody() for _ in range(4))
        self.ada.joins(self.shed)
        self.sheds = self.ada.resume_token
        self.shed_id = self.ada.client_id
        self.ada.joins(self.garden)
        for caller in (self.bea, self.cyd):
            caller.joins(self.garden)
        self.ada.hears("peer-joined")
        self.ada.hears("peer-joined")
        self.bea.hears("peer-joined")
        self._close_doors()
        self._remove_cyd()
        self.mallory.joins(f"attic {uuid.uuid4()}")

    def somebody(self) -> Caller:
        return self._stack.enter_context(Caller(self.websocket))

    def _close_doors(self) -> None:
        self.ada.says({"type": "set-door", "roomId": self.shed, "locked": True})
        self.ada.hears("door-set")
        self.ada.says({"type": "set-door", "roomId": self.garden, "passcode": PASSCODE})
        self.door = self.ada.hears("door-set")["door"]
        for caller in (self.bea, self.cyd):
            assert caller.hears("door-set")["door"] == self.door

    def _remove_cyd(self) -> None:
        self.ada.says({"type": "remove", "roomId": self.garden, "clientId": self.cyd.client_id})
        self.ada.hears_in_any_order("removed", "peer-left")
        left = self.bea.hears("peer-left")
        assert (left["clientId"], left["reason"]) == (self.cyd.client_id, "removed")
        assert self.cyd.hears("left")["reason"] == "removed"
        assert self.cyd.closes_with() == 1000

    def nothing_has_changed(self) -> None:
        """Neither heard anything, and who is in the garden is who was."""
        for caller in (self.ada, self.bea):
            caller.hears_nothing_more()
        here = request("GET", f"{self.rest}/rooms/stats?roomId={self.garden.replace(' ', '%20')}")
        assert set(here.json["clients"]) == {self.ada.client_id, self.bea.client_id}


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    limits = {"WRONG_PASSCODES": "0", "WRONG_PASSCODES_PER_ROOM": "0", "ROOMS_PER_SOCKET": "3"}
    with ExitStack() as stack:
        yield Scene(stack.enter_context(parts.desk(limits)), stack)


# -- over a socket -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Try:
    """What is said, by whom, and the one answer."""

    frame: Callable[[Scene], Frame]
    code: str
    message: str
    who: str = "mallory"
    legible: bool = True
    """Whether the frame's `id` can be read."""


def joins(**more: Any) -> Callable[[Scene], Frame]:
    return lambda scene: {"type": "join", "roomId": scene.garden, **more}


def says(kind: str, **more: Any) -> Callable[[Scene], Frame]:
    return lambda scene: {"type": kind, "roomId": scene.garden, **more}


def as_cyd(token: Callable[[Scene], str]) -> Callable[[Scene], Frame]:
    return lambda scene: {
        "type": "join",
        "roomId": scene.garden,
        "clientId": scene.cyd.client_id,
        "resumeToken": token(scene),
    }


TRIES: dict[str, Try] = {
    "no passcode": Try(joins(), "room-closed", SHUT),
    "a wrong passcode": Try(joins(passcode="open barley"), "room-closed", SHUT),
    "an empty passcode": Try(joins(passcode=""), "room-closed", SHUT),
    "the passcode in capitals": Try(joins(passcode="OPEN SESAME"), "room-closed", SHUT),
    "the passcode and a little more": Try(joins(passcode=f"{PASSCODE} "), "room-closed", SHUT),
    "the passcode's beginning": Try(joins(passcode=PASSCODE[:-1]), "room-closed", SHUT),
    "a passcode of 20,000 characters": Try(joins(passcode="x" * 20_000), "room-closed", SHUT),
    "a passcode that is none": Try(
        joins(passcode=7), "bad-message", "Expected `str | null`, got `int` - at `$.passcode`"
    ),
    "a passcode with a lone surrogate": Try(
        joins(passcode="\ud800"),
        "bad-message",
        "The frame is not JSON in valid Unicode",
        legible=False,
    ),
    "a locked room": Try(lambda scene: {"type": "join", "roomId": scene.shed}, "room-closed", SHUT),
    "a locked room, with a passcode": Try(
        lambda scene: {"type": "join", "roomId": scene.shed, "passcode": PASSCODE},
        "room-closed",
        SHUT,
    ),
    "the proof of another room": Try(as_cyd(lambda s: s.sheds), "unauthorized", UNPROVEN),
    "a removed one's id with one's own proof": Try(
        as_cyd(lambda s: s.mallory.resume_token), "unauthorized", UNPROVEN
    ),
    "a removed one's proof, forged a little": Try(
        as_cyd(lambda s: s.cyd.resume_token[:-2] + "AA"), "unauthorized", UNPROVEN
    ),
    "a proof and the passcode do not help a forger": Try(
        joins(clientId="k3J9aQ", resumeToken="k1.1.x", passcode=PASSCODE), "unauthorized", UNPROVEN
    ),
    "unlocking from outside": Try(
        says("set-door", locked=False), "not-in-room", "You are not in this room"
    ),
    "taking the passcode away from outside": Try(
        says("set-door", passcode=None), "not-in-room", "You are not in this room"
    ),
    "removing from outside": Try(
        lambda s: {"type": "remove", "roomId": s.garden, "clientId": s.ada.client_id},
        "not-in-room",
        "You are not in this room",
    ),
    "a room that does not exist": Try(
        lambda _: {"type": "set-door", "roomId": "nowhere", "locked": True},
        "not-in-room",
        "You are not in this room",
    ),
    "a member takes the passcode away": Try(
        says("set-door", passcode=None), "forbidden", MODERATOR, "bea"
    ),
    "a member locks": Try(says("set-door", locked=True), "forbidden", MODERATOR, "bea"),
    "a member removes who made the room": Try(
        lambda s: {"type": "remove", "roomId": s.garden, "clientId": s.ada.client_id},
        "forbidden",
        MODERATOR,
        "bea",
    ),
    "a member removes somebody who is not there": Try(
        says("remove", clientId="nobody"), "forbidden", MODERATOR, "bea"
    ),
    "a moderator removes a connection": Try(
        says("remove", clientId="L0SM9cOFvHcCIhw="),
        "peer-not-found",
        "No such peer in this room",
        "ada",
    ),
    "a moderator removes herself": Try(
        lambda s: {"type": "remove", "roomId": s.garden, "clientId": s.ada.client_id},
        "peer-not-found",
        "No such peer in this room",
        "ada",
    ),
    "more seats than the operator allows": Try(
        says("set-door", capacity=17), "bad-message", "capacity is from 1 to 16, or null", "ada"
    ),
    "less than no seats": Try(
        says("set-door", capacity=-1), "bad-message", "capacity is from 1 to 16, or null", "ada"
    ),
    "seats that are no number": Try(
        says("set-door", capacity="8"),
        "bad-message",
        "Expected `int | null`, got `str` - at `$.capacity`",
        "ada",
    ),
    "a lock that is no lock": Try(
        says("set-door", locked=None),
        "bad-message",
        "Expected `bool`, got `null` - at `$.locked`",
        "ada",
    ),
    "a passcode that is too short": Try(
        says("set-door", passcode="abc"),
        "bad-message",
        "A passcode has 4 to 64 characters",
        "ada",
    ),
    "a passcode that is too long": Try(
        says("set-door", passcode="x" * 65),
        "bad-message",
        "A passcode has 4 to 64 characters",
        "ada",
    ),
    "nothing to change": Try(
        says("set-door"),
        "bad-message",
        "Say what is to change: passcode, locked or capacity",
        "ada",
    ),
    "a role of one's own": Try(joins(role="admin", owner=True), "room-closed", SHUT),
}


@pytest.mark.parametrize("name", TRIES)
def test_what_is_tried_over_a_socket(scene: Scene, name: str) -> None:
    attempt = TRIES[name]
    caller: Caller = getattr(scene, attempt.who)
    caller.says({**attempt.frame(scene), "id": name})
    error = caller.hears("error")
    assert (error["code"], error["message"]) == (attempt.code, attempt.message)
    assert error.get("id") == (name if attempt.legible else None)
    caller.hears_nothing_more()
    scene.nothing_has_changed()


def test_a_removed_member_that_comes_back_is_told_so_each_time(scene: Scene) -> None:
    with Caller(scene.websocket) as cyd:
        for _ in range(3):
            cyd.says(as_cyd(lambda s: s.cyd.resume_token)(scene))
            assert cyd.hears("left")["reason"] == "removed"
        cyd.says({"type": "join", "roomId": scene.garden})
        assert cyd.is_refused("room-closed")["roomId"] == scene.garden
    scene.nothing_has_changed()


def test_who_knows_the_passcode_is_let_in(scene: Scene) -> None:
    with Caller(scene.websocket) as dan:
        joined = dan.joins(scene.garden, passcode="o\uff50en sesame")  # a p of another width
        assert (joined["role"], joined["door"]) == ("member", scene.door)
        dan.says({"type": "leave", "roomId": scene.garden})
        dan.hears("left")
    for caller in (scene.ada, scene.bea):
        caller.hears("peer-joined")
        caller.hears("peer-left")


def test_the_role_and_the_way_in_survive_a_resume(scene: Scene) -> None:
    with Caller(scene.websocket) as again, Caller(scene.websocket) as fourth:
        mine = again.joins()
        assert (mine["role"], mine["peers"]) == ("moderator", [])
        again.says({"type": "set-door", "roomId": again.room_id, "locked": True})
        again.hears("door-set")
        joined = fourth.resumes(again)
        assert (joined["role"], joined["door"]["locked"]) == ("moderator", True)
        assert again.closes_with() == 1000
        fourth.says({"type": "set-door", "roomId": again.room_id, "locked": False})
        assert fourth.hears("door-set")["by"] == again.client_id


def test_a_socket_is_in_three_rooms_at_most(scene: Scene) -> None:
    with Caller(scene.websocket) as eve:
        for _ in range(3):
            eve.joins()
        eve.says({"type": "join", "id": "4"})
        error = eve.is_refused("rate-limited")
        assert (error["id"], error["message"]) == ("4", "A socket is in 3 rooms at most; leave one")
        assert 0 < error["retryAfter"] <= 7260
        eve.says({"type": "leave", "roomId": eve.room_id})
        eve.hears("left")
        eve.joins()


# -- over REST -----------------------------------------------------------------------------------

Ask = Callable[[Scene], tuple[str, Frame, str | None]]


def seat(room: str, client: str, token: str) -> str:
    escaped = room.replace(" ", "%20")
    return f'Seat roomId="{escaped}", clientId="{client}", resumeToken="{token}"'


def of(caller: str, **body: Any) -> Ask:
    def ask(scene: Scene) -> tuple[str, Frame, str | None]:
        who: Caller = getattr(scene, caller)
        proof = seat(scene.garden, who.client_id, who.resume_token)
        return "door", {"roomId": scene.garden, **body}, proof

    return ask


REST: dict[str, tuple[Ask, int, str]] = {
    "a door without a proof": (
        lambda s: ("door", {"roomId": s.garden, "locked": True}, None),
        403,
        "forbidden",
    ),
    "a door of no room": (
        lambda _: ("door", {"roomId": "nowhere", "locked": True}, None),
        403,
        "forbidden",
    ),
    "a member's proof": (of("bea", locked=True), 403, "forbidden"),
    "a removed one's proof": (of("cyd", locked=True), 401, "unauthorized"),
    "the proof of a seat elsewhere": (of("mallory", locked=True), 401, "unauthorized"),
    "half a proof": (
        lambda s: ("door", {"roomId": s.garden, "locked": True}, f'Seat roomId="{s.garden}"'),
        401,
        "unauthorized",
    ),
    "nothing to change": (of("ada"), 400, "bad-message"),
    "a lock that is no lock": (of("ada", locked="yes"), 400, "bad-message"),
    "a removal without a proof": (
        lambda s: ("remove", {"roomId": s.garden, "ClientId": s.ada.client_id}, None),
        403,
        "forbidden",
    ),
    "a removal from no room": (
        lambda s: ("remove", {"roomId": "nowhere", "ClientId": s.ada.client_id}, None),
        403,
        "forbidden",
    ),
    "a removal of nobody": (lambda s: ("remove", {"roomId": s.garden}, None), 400, "bad-message"),
    "a seat without the passcode": (
        lambda s: ("join", {"roomId": s.garden}, None),
        403,
        "room-closed",
    ),
    "a seat with a wrong passcode": (
        lambda s: ("join", {"roomId": s.garden, "passcode": "open barley"}, None),
        403,
        "room-closed",
    ),
    "a seat behind a lock": (lambda s: ("join", {"roomId": s.shed}, None), 403, "room-closed"),
}


@pytest.mark.parametrize("name", REST)
def test_what_is_tried_over_rest(scene: Scene, name: str) -> None:
    ask, status, code = REST[name]
    path, body, proof = ask(scene)
    answer = asked(scene, path, body, proof)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert answer.json.keys() == {"error", "code"}
    scene.nothing_has_changed()


def asked(scene: Scene, path: str, body: Frame, proof: str | None) -> Answer:
    url, said = f"{scene.rest}/rooms/{path}", json.dumps(body).encode()
    return request("POST", url, said, "application/json", proof)


def test_who_moderates_may_say_so_over_rest_too(scene: Scene) -> None:
    owner = scene.somebody()
    owner.joins()
    proof = seat(owner.room_id, owner.client_id, owner.resume_token)
    guest = scene.somebody()
    guest.joins(owner.room_id)
    owner.hears("peer-joined")
    door = asked(scene, "door", {"roomId": owner.room_id, "capacity": 2}, proof)
    assert door.json == {
        "roomId": owner.room_id,
        "status": "set",
        "door": {"passcode": False, "locked": False, "capacity": 2, "revision": 1},
    }
    for caller in (owner, guest):
        assert caller.hears("door-set")["door"] == door.json["door"]
    body = {"roomId": owner.room_id, "ClientId": guest.client_id}
    gone = asked(scene, "remove", body, proof)
    assert (gone.status, gone.json["status"]) == (200, "removed")
    assert guest.hears("left")["reason"] == "removed"
    assert owner.hears("peer-left")["reason"] == "removed"


# -- a thousand guesses --------------------------------------------------------------------------


@pytest.mark.timeout(600)
def test_a_passcode_guessed_a_thousand_times() -> None:
    """So many are looked at as the room allows; all others wait, and who goes on is closed."""
    limits = {"WRONG_PASSCODES": "0", "WRONG_PASSCODES_PER_ROOM": str(GUESSES)}
    with parts.desk(limits) as url, ExitStack() as stack:
        websocket = url.replace("http", "ws", 1) + "/ws"
        ada = stack.enter_context(Caller(websocket))
        ada.joins("vault")
        ada.says({"type": "set-door", "roomId": "vault", "passcode": "7134"})
        ada.hears("door-set")
        codes: list[str] = []
        hour = time.time() // 3600
        sockets = 0
        while len(codes) < 1000:
            sockets += 1
            with Caller(websocket) as mallory, suppress(ConnectionClosed):
                guesses(mallory, codes)
        hours = 1 + time.time() // 3600 - hour
        assert codes.count("room-closed") == GUESSES * hours
        assert codes.count("rate-limited") == 1000 - GUESSES * hours
        assert sockets > 20, "who goes on is closed, again and again"
        with Caller(websocket) as bea:
            bea.says({"type": "join", "roomId": "vault", "passcode": "7134"})
            bea.is_refused("rate-limited")
        ada.hears_nothing_more()


def guesses(mallory: Caller, codes: list[str]) -> None:
    """As many as the socket bears, and no more than a thousand in all."""
    while len(codes) < 1000:
        passcode = f"{len(codes):04}"
        mallory.says({"type": "join", "roomId": "vault", "passcode": passcode})
        error = mallory.hears("error")
        codes.append(error["code"])
        if error["code"] == "rate-limited":
            assert 0 < error["retryAfter"] <= 3600
