"""The main states of the page, as somebody gets into them: for pictures, and for axe-core."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import FilePayload, expect

from tests.e2e.visitor import Visitor

# Every picture has come.
ALL_SEEN = """() => [...document.querySelectorAll("video")].every(
  (video) => !video.checkVisibility() || (video.readyState >= 2 && video.videoWidth > 0))"""
_PATIENCE = 30_000
_FILE: FilePayload = {
    "name": "notes.pdf",
    "mimeType": "application/pdf",
    "buffer": b"%PDF-1.7 " * 20_000,
}

Visit = Callable[..., Visitor]
Scene = Callable[[Visit, str], Visitor]
"""Brings pages into a state, in a room of that name, and returns the one to look at."""


def empty(visit: Visit, _room: str) -> Visitor:
    return visit()


def error(visit: Visit, _room: str) -> Visitor:
    ada = visit()
    ada.button("Join").click()
    ada.is_told("Type the name of a room")
    return ada


def alone(visit: Visit, room: str) -> Visitor:
    return visit().join(room)


def invitation(visit: Visit, room: str) -> Visitor:
    ada = visit().join(room)
    ada.button("QR code").click()
    expect(ada.page.get_by_role("img", name="QR code of this room's link")).to_be_visible()
    return ada


def conversation(visit: Visit, room: str) -> Visitor:
    """Two who have written to each other."""
    ada, ben = _people(visit, room, "Ada", "Ben")
    ada.say("Hello Ben! Can you read this?")
    ben.reads("Hello Ben! Can you read this?")
    ben.say("Loud and clear. The plan is at https://example.org/plan")
    expect(ada.messages).to_contain_text("Loud and clear")
    return ada


def call(visit: Visit, room: str) -> Visitor:
    """Three with camera and microphone."""
    ada, ben, kim = _people(visit, room, "Ada", "Ben", "Kim")
    for one in (ada, ben, kim):
        one.page.get_by_role("button", name="Camera").click()
    for one in (ada, ben):
        one.page.get_by_role("button", name="Microphone").click()
    expect(ada.page.locator("video:visible")).to_have_count(3, timeout=_PATIENCE)
    ada.page.wait_for_function(ALL_SEEN, timeout=_PATIENCE)
    return ada


def devices(visit: Visit, room: str) -> Visitor:
    ada = alone(visit, room)
    ada.page.get_by_role("button", name="Devices").click()
    expect(ada.page.get_by_role("dialog")).to_be_visible()
    return ada


def details(visit: Visit, room: str) -> Visitor:
    """What somebody's connection is doing."""
    ada, _ = _people(visit, room, "Ada", "Ben")
    ada.page.get_by_role("button", name="Details about Ben", exact=True).click()
    expect(ada.page.get_by_role("dialog")).to_contain_text("Direct", timeout=_PATIENCE)
    return ada


def files(visit: Visit, room: str) -> Visitor:
    """A file that somebody is offered."""
    ada, ben = _people(visit, room, "Ada", "Ben")
    ben.page.locator("input[type=file]").set_input_files([_FILE])
    expect(ada.page.get_by_role("group", name="Files")).to_contain_text("notes.pdf")
    return ada


def manual(visit: Visit, _room: str) -> Visitor:
    ada = visit()
    ada.button("Without a server").click()
    ada.button("Peer A: make an offer").click()
    offer = ada.page.get_by_role("textbox", name="Your offer")
    expect(offer).not_to_have_value("", timeout=_PATIENCE)
    return ada


def sealed(visit: Visit, room: str) -> Visitor:
    """A room with a passphrase, and the field for it."""
    ada = visit()
    ada.page.get_by_text("Seal with a passphrase").click()
    ada.page.get_by_label("Passphrase (optional)").fill("correct horse battery staple")
    return ada.join(room)


SCENES: dict[str, Scene] = {
    "empty": empty,
    "error": error,
    "alone": alone,
    "invitation": invitation,
    "conversation": conversation,
    "call": call,
    "devices": devices,
    "details": details,
    "files": files,
    "manual": manual,
    "sealed": sealed,
}


def _people(visit: Visit, room: str, *names: str) -> list[Visitor]:
    people = []
    for name in names:
        one = visit()
        one.name.fill(name)
        people.append(one.join(room))
    for one in people:
        one.sees(*(other for other in people if other is not one))
    return people
