"""Sockets come and go, networks die without a word, pages freeze: people stay, each once."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Visit
from tests.e2e.desk import Desk
from tests.e2e.visitor import Visitor, everybody_sees_the_others, everybody_talks
from tests.e2e.wire import Wire
from tests.parts import eventually

PACE = {"lifetime": 6_000, "pingEvery": 2_000}  # the desk gives each socket eight seconds
MOVES = 3

# A member without a page: it says numbers, all the time, and writes down what it hears.
MEMBER = """
async ({ room, pace }) => {
  const { Signaling } = await import("/signaling.js");
  const { websocket } = await (await fetch("/config.json")).json();
  const member = { said: 0, heard: [], news: [], failed: [], statuses: [] };
  const signaling = new Signaling(websocket, pace);
  for (const type of ["signal", "broadcast"]) {
    signaling.on(type, ({ data }) => member.heard.push(`${type} ${data}`));
  }
  for (const type of ["peer-joined", "peer-left", "left"]) {
    signaling.on(type, (event) => member.news.push(type));
  }
  signaling.on("error", ({ code, to }) => member.failed.push(`${code} ${to ?? ""}`));
  const { clientId } = await signaling.join(room);
  signaling.on("status", (status) => member.statuses.push(status));
  member.talk = (to, milliseconds) => {
    member.talking = setInterval(() => {
      member.said += 1;
      signaling.signal(room, to, member.said);
      signaling.broadcast(room, member.said);
    }, milliseconds);
  };
  member.hush = () => clearInterval(member.talking);
  window.member = member;
  return clientId;
}
"""


@pytest.fixture
def wire(shared_desk: Desk) -> Iterator[Wire]:
    wire = Wire(shared_desk.address)
    yield wire
    wire.close()


def enter(page: Page, room: str) -> str:
    client_id: str = page.evaluate(MEMBER, {"room": room, "pace": PACE})
    return client_id


def told(page: Page) -> dict[str, Any]:
    result: dict[str, Any] = page.evaluate("JSON.parse(JSON.stringify(window.member))")
    return result


def hears_all(page: Page, number: int, within: float = 30) -> None:
    """Wait until so many messages have come, or do not any more."""
    with contextlib.suppress(AssertionError):  # the reports show which are missing
        eventually(lambda: len(told(page)["heard"]) >= number, deadline=within)


def have_opened(more: int, *visitors: Visitor, within: float = 60) -> None:
    """Wait until each has opened so many more sockets."""
    enough = [len(visitor.sockets) + more for visitor in visitors]

    def all_have() -> bool:
        visitors[0].page.wait_for_timeout(50)  # Playwright hears events only while it is at work
        return all(len(v.sockets) >= n for v, n in zip(visitors, enough, strict=True))

    eventually(all_have, deadline=within)


def test_two_members_talk_on_while_their_sockets_move_and_nothing_is_lost_or_doubled(
    brief_desk: Desk, visit: Visit, garden: str
) -> None:
    ada, ben = visit(brief_desk), visit(brief_desk)
    ids = [enter(one.page, garden) for one in (ada, ben)]
    for one, other in ((ada, ids[1]), (ben, ids[0])):
        one.page.evaluate("to => window.member.talk(to, 200)", other)
    have_opened(MOVES, ada, ben)
    for one in (ada, ben):
        one.page.evaluate("window.member.hush()")
    for hearer, speaker in ((ada, ben), (ben, ada)):  # what is on its way, or waits for a move
        hears_all(hearer.page, 2 * told(speaker.page)["said"])
    reports = [told(one.page) for one in (ada, ben)]
    for report, other in zip(reports, reversed(reports), strict=True):
        numbers = range(1, other["said"] + 1)
        expected = [f"{kind} {number}" for number in numbers for kind in ("signal", "broadcast")]
        assert sorted(report["heard"]) == sorted(expected)
        assert report["failed"] == report["statuses"] == []
    assert [report["news"] for report in reports] == [["peer-joined"], []]


def test_two_pages_chat_on_while_their_sockets_move_and_nobody_notices(
    brief_desk: Desk, visit: Visit, garden: str
) -> None:
    ada, ben = (visit(brief_desk, **PACE).join(garden) for _ in range(2))
    everybody_sees_the_others([ada, ben])
    ids = [ada.own_id, ben.own_id]
    for time in ("once", "twice"):
        have_opened(MOVES, ada, ben)
        everybody_talks([ada, ben], f"moved {time}")
    assert [ada.own_id, ben.own_id] == ids
    nobody_came_or_went(ada, ben)


def test_a_page_keeps_the_pace_that_its_desk_tells(
    paced_desk: Desk, visit: Visit, garden: str
) -> None:
    """Nobody tells the page but config.json: without its pings and its move it would be cut off."""
    ada, ben = (visit(paced_desk).join(garden) for _ in range(2))
    everybody_sees_the_others([ada, ben])
    ids = [ada.own_id, ben.own_id]
    for one in (ada, ben):
        one.notes_its_status()
    have_opened(1, ada, ben)
    everybody_talks([ada, ben], "moved in time")
    assert [ada.own_id, ben.own_id] == ids
    assert [one.noted_status for one in (ada, ben)] == [[], []]
    nobody_came_or_went(ada, ben)


def nobody_came_or_went(ada: Visitor, ben: Visitor) -> None:
    for one, arrivals in ((ada, 1), (ben, 0)):
        expect(one.status).to_have_text("Connected")
        expect(one.messages.get_by_text(re.compile("(left|is back)$"))).to_have_count(0)
        expect(one.messages.get_by_text(re.compile("joined$"))).to_have_count(arrivals)


def test_a_network_that_dies_without_a_word_costs_nobody_their_seat(
    visit: Visit, wire: Wire, garden: str
) -> None:
    ada, ben = visit(websocket=wire.url, pingEvery=2_000).join(garden), visit().join(garden)
    everybody_sees_the_others([ada, ben])
    ids = [ada.own_id, ben.own_id]
    wire.cut()
    expect(ada.status).not_to_have_text("Connected", timeout=60_000)
    everybody_talks([ada, ben], "the network is away")
    wire.mend()
    expect(ada.status).to_have_text("Connected", timeout=30_000)
    assert [ada.own_id, ben.own_id] == ids
    everybody_sees_the_others([ada, ben])
    nobody_came_or_went(ada, ben)


def test_the_address_changes_and_the_dead_socket_is_noticed_at_once(
    visit: Visit, wire: Wire, garden: str
) -> None:
    ada, ben = visit(websocket=wire.url).join(garden), visit().join(garden)
    everybody_sees_the_others([ada, ben])
    before = ada.own_id
    wire.cut()
    wire.mend()
    ada.page.evaluate("dispatchEvent(new Event('online'))")
    have_opened(1, ada, within=6)
    expect(ada.status).to_have_text("Connected")
    assert ada.own_id == before
    everybody_sees_the_others([ada, ben])
    nobody_came_or_went(ada, ben)


def test_a_page_that_was_frozen_keeps_its_socket(visit: Visit, garden: str) -> None:
    """The debugger stops all that runs, as freezing does: here with a ping under way, whose answer
    and whose deadlines stand in line when it goes on."""
    ada, ben = visit().join(garden), visit().join(garden)
    everybody_sees_the_others([ada, ben])
    before, sockets = ada.own_id, len(ada.sockets)
    ada.page.evaluate("window.beats = 0; void setInterval(() => (window.beats += 1), 100)")
    debugger = ada.page.context.new_cdp_session(ada.page)
    debugger.send("Debugger.enable")
    ada.page.evaluate("setTimeout(() => { dispatchEvent(new Event('online')); debugger; })")
    ben.page.wait_for_timeout(14_000)  # longer than any answer is waited for
    debugger.send("Debugger.resume")
    assert ada.page.evaluate("window.beats") < 50, "its timers stood still"
    ben.page.wait_for_timeout(3_000)
    assert (ada.own_id, len(ada.sockets)) == (before, sockets)
    everybody_talks([ada, ben], "thawed")
    nobody_came_or_went(ada, ben)


def test_a_page_brought_back_as_it_was_is_in_the_call_again(visit: Visit, garden: str) -> None:
    ada, ben = visit().join(garden), visit().join(garden)
    everybody_sees_the_others([ada, ben])
    before = ben.own_id
    ben.page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    expect(ben.status).to_have_text("Offline")
    ada.sees()
    ben.page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    expect(ben.status).to_have_text("Connected")
    assert ben.own_id == before
    everybody_sees_the_others([ada, ben])
    everybody_talks([ada, ben], "back again")
