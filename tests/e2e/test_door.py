"""A room with a door, in browsers: closed, asked for, opened; and somebody sent away."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.e2e.conftest import Visit
from tests.e2e.visitor import everybody_sees_the_others

PASSCODE = "open sesame"


def test_a_passcode_is_set_asked_for_and_known(visit: Visit, garden: str) -> None:
    ada, ben = visit(), visit()
    ada.join(garden)
    ada.page.get_by_role("button", name="Door of this room").click()
    settings = ada.page.get_by_role("dialog", name="Door of this room")
    settings.get_by_role("checkbox", name="Ask for a passcode").check()
    settings.get_by_role("textbox", name="Passcode").fill(PASSCODE)
    settings.get_by_role("spinbutton", name="Seats").fill("4")
    settings.get_by_role("button", name="Save").click()
    expect(settings).to_be_hidden()
    expect(ada.page.get_by_text("Whoever comes in needs the passcode.")).to_be_visible()

    ben.room.fill(garden)
    ben.button("Join").click()
    asked = ben.page.get_by_role("dialog", name="Passcode")
    asked.get_by_role("textbox", name="Passcode of the room").fill("open barley")
    asked.get_by_role("button", name="Come in").click()
    expect(asked.get_by_text("The door stays shut.")).to_be_visible()
    asked.get_by_role("textbox", name="Passcode of the room").fill(PASSCODE)
    asked.get_by_role("button", name="Come in").click()
    everybody_sees_the_others([ada, ben])
    expect(ben.page.get_by_role("button", name="Door of this room")).to_be_hidden()


def test_a_moderator_sends_somebody_away_who_is_told_so(visit: Visit, garden: str) -> None:
    ada, ben = visit(), visit()
    ada.join(garden)
    ben.join(garden)
    everybody_sees_the_others([ada, ben])
    expect(ben.page.get_by_role("button", name="Remove")).to_be_hidden()
    ada.peers.get_by_role("button", name="Remove").click()
    ada.page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(ben.page.get_by_text("You were removed from the room.")).to_be_visible()
    expect(ada.peers).to_have_count(0)
    expect(ben.status).to_have_text("Offline")
