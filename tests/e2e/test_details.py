"""The details of a connection: the way it takes, its charts, and a report to copy."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, expect

from tests.e2e.caller import Caller
from tests.e2e.conftest import Visit
from tests.e2e.desk import Desk
from tests.e2e.test_relay import relays_only
from tests.e2e.visitor import Visitor, everybody_sees_the_others

PATIENCE = 30_000  # milliseconds


def opens_details(one: Visitor, about: Visitor) -> Locator:
    one.page.get_by_role("button", name=f"Details about {about.own_id}", exact=True).click()
    dialog = one.page.get_by_role("dialog", name=f"Connection with {about.own_id}")
    expect(dialog).to_be_visible()
    return dialog


def fact(dialog: Locator, name: str) -> Locator:
    term = dialog.page.get_by_role("term").filter(has_text=re.compile(f"^{name}$"))
    return dialog.locator(".facts > div").filter(has=term).get_by_role("definition")


def pair_in(visit: Visit, room: str) -> tuple[Visitor, Visitor]:
    ada, ben = visit().join(room), visit().join(room)
    everybody_sees_the_others([ada, ben])
    return ada, ben


def test_a_direct_connection_is_shown_with_its_states(visit: Visit, garden: str) -> None:
    ada, ben = pair_in(visit, garden)
    dialog = opens_details(ada, ben)
    expect(dialog.get_by_role("status")).to_have_text("Connected")
    expect(fact(dialog, "Route")).to_have_text("Direct", timeout=PATIENCE)
    expect(fact(dialog, "This side")).to_have_text(re.compile(r"\((host|prflx)\), udp$"))
    expect(fact(dialog, "ICE")).to_have_text("connected")
    expect(fact(dialog, "DTLS")).to_have_text(re.compile("^connected, DTLS 1.[23], TLS_"))
    expect(fact(dialog, "Round trip")).to_have_text(re.compile(r"^[\d.]+ ms$"))


def test_charts_draw_what_is_measured_and_say_it_in_words(visit: Visit, garden: str) -> None:
    ada, ben = pair_in(visit, garden)
    dialog = opens_details(ada, ben)
    for name, lines in (("Round trip", 1), ("Bitrate", 2)):
        chart = dialog.get_by_role("img", name=re.compile(f"^{name}: .+, between .+ and .+"))
        expect(chart).to_be_visible(timeout=PATIENCE)
        expect(chart.locator("polyline")).to_have_count(lines)
        first = chart.locator("polyline").first
        expect(first).to_have_attribute("points", re.compile(r"^\S+ \S+"), timeout=PATIENCE)
    before = dialog.locator("polyline").first.get_attribute("points") or ""
    expect(dialog.locator("polyline").first).not_to_have_attribute("points", before)


def test_a_relayed_connection_is_shown_as_relayed(
    relayed_desk: Desk, visit: Visit, garden: str
) -> None:
    ada, ben = (relays_only(visit(relayed_desk)).join(garden) for _ in range(2))
    everybody_sees_the_others([ada, ben])
    dialog = opens_details(ada, ben)
    expect(fact(dialog, "Route")).to_have_text("Relayed", timeout=PATIENCE)
    expect(fact(dialog, "This side")).to_have_text("TURN relay (relay), udp, reached by udp")


def test_the_report_is_copied_without_addresses_unless_they_are_asked_for(
    visit: Visit, garden: str
) -> None:
    ada, ben = pair_in(visit, garden)
    ada.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    dialog = opens_details(ada, ben)
    expect(fact(dialog, "Route")).to_have_text("Direct", timeout=PATIENCE)

    def copied() -> str:
        dialog.get_by_role("button", name="Copy report").click()
        expect(dialog.get_by_text("Copied.", exact=True)).to_be_visible()
        text: str = ada.page.evaluate("navigator.clipboard.readText()")
        return text

    report = copied()
    assert f"Connection with {ben.own_id}: connected" in report
    assert "Route: Direct" in report
    address = r"\d+\.\d+\.\d+\.\d+:\d+|\[[0-9a-f:]+\]:\d+"
    assert not re.search(address, report)
    dialog.get_by_role("checkbox", name="With network addresses").check()
    assert re.search(address, copied())


def test_where_copying_is_forbidden_the_report_is_there_to_be_selected(
    visit: Visit, garden: str
) -> None:
    ada, ben = pair_in(visit, garden)
    dialog = opens_details(ada, ben)
    ada.page.evaluate(
        "void (navigator.clipboard.writeText = () => Promise.reject(new Error('no')))"
    )
    dialog.get_by_role("button", name="Copy report").click()
    expect(dialog.get_by_role("textbox", name="Report")).to_have_value(re.compile("^Parley"))


def test_voice_and_video_are_told_track_by_track(visit: Visit, garden: str) -> None:
    ada, ben = Caller(visit()).join(garden), Caller(visit()).join(garden)
    everybody_sees_the_others([ada.visitor, ben.visitor])
    ada.turns_on("Camera")
    ben.receives("frames")
    dialog = opens_details(ben.visitor, ada.visitor)
    row = dialog.get_by_role("row").filter(has_text="From them: video")
    expect(row).to_contain_text(re.compile(r"\d+×\d+"), timeout=PATIENCE)
    expect(row).to_contain_text(re.compile("bit/s"), timeout=PATIENCE)


def test_the_keyboard_is_enough_and_the_focus_comes_back(visit: Visit, garden: str) -> None:
    ada, ben = pair_in(visit, garden)
    details = ada.page.get_by_role("button", name=f"Details about {ben.own_id}", exact=True)
    details.focus()
    ada.page.keyboard.press("Enter")
    dialog = ada.page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    for name in ("Close", "Copy report"):
        expect(dialog.get_by_role("button", name=name)).to_be_visible()
    ada.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(details).to_be_focused()


def test_who_leaves_is_said_to_be_gone(visit: Visit, garden: str) -> None:
    ada, ben = pair_in(visit, garden)
    dialog = opens_details(ada, ben)
    ben.button("Leave").click()
    expect(dialog.get_by_role("status")).to_have_text("They have left.")
