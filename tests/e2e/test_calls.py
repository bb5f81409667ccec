"""Calls: people find each other, talk, go, come back, and outlast the server."""

from __future__ import annotations

import contextlib
import json
import re

from playwright.sync_api import Error, expect

from tests.e2e.conftest import Visit
from tests.e2e.desk import Desk
from tests.e2e.visitor import everybody_sees_the_others, everybody_talks


def test_two_browsers_find_each_other(visit: Visit, garden: str) -> None:
    ada, ben = visit().join(garden), visit().join(garden)
    everybody_sees_the_others([ada, ben])
    everybody_talks([ada, ben], "first words")


def test_three_browsers_talk_all_to_all(visit: Visit, garden: str) -> None:
    three = [visit().join(garden) for _ in range(3)]
    everybody_sees_the_others(three)
    everybody_talks(three, "all to all")


def test_three_who_come_at_once_find_each_other(visit: Visit, garden: str) -> None:
    three = [visit() for _ in range(3)]
    for one in three:
        one.room.fill(garden)
    for one in three:
        one.button("Join").click(no_wait_after=True)
    for one in three:
        expect(one.status).to_have_text("Connected")
    everybody_sees_the_others(three)
    everybody_talks(three, "at once")


def test_rooms_keep_apart(visit: Visit, garden: str) -> None:
    ada, ben = visit().join(garden), visit().join(garden)
    eve = visit().join(f"{garden}!")
    everybody_sees_the_others([ada, ben])
    expect(eve.peers).to_have_count(0)


def test_the_server_stops_and_the_call_goes_on_and_a_third_page_joins_after_its_restart(
    own_desk: Desk, visit: Visit, garden: str
) -> None:
    ada, ben = visit(own_desk).join(garden), visit(own_desk).join(garden)
    everybody_sees_the_others([ada, ben])
    ids = [ada.own_id, ben.own_id]

    ada.server_may_be_away = ben.server_may_be_away = True
    own_desk.stop()
    for one in (ada, ben):
        expect(one.status).to_have_text(re.compile("^(Offline|Connecting)$"))
        expect(one.page.get_by_text("Signaling is away; the conversation goes on")).to_be_visible()
    everybody_talks([ada, ben], "the server is away")

    own_desk.start()
    eve = visit(own_desk).join(garden)
    everybody_sees_the_others([ada, ben, eve])
    assert [ada.own_id, ben.own_id] == ids
    everybody_talks([ada, ben, eve], "it is back")
    for one in (ada, ben):
        expect(one.status).to_have_text("Connected")
        expect(one.messages.get_by_text(re.compile("(left|is back)$"))).to_have_count(0)
        expect(one.messages.get_by_text(re.compile("joined$"))).to_have_count(
            2 if one is ada else 1
        )


def test_somebody_leaves_while_the_server_is_away(
    own_desk: Desk, visit: Visit, garden: str
) -> None:
    ada, ben = visit(own_desk).join(garden), visit(own_desk).join(garden)
    everybody_sees_the_others([ada, ben])
    ada.server_may_be_away = ben.server_may_be_away = True
    own_desk.stop()
    expect(ada.status).not_to_have_text("Connected")
    ben.button("Leave").click()
    expect(ada.peers).to_have_count(0)


def test_a_page_reloaded_in_the_middle_of_a_call_comes_back_as_the_same_person(
    visit: Visit, garden: str
) -> None:
    ada, ben = visit().join(garden), visit().join(garden)
    everybody_sees_the_others([ada, ben])
    for time in ("once", "twice"):
        before = ben.own_id
        ben.page.reload()
        expect(ben.status).to_have_text("Connected")
        assert ben.own_id == before
        everybody_sees_the_others([ada, ben])
        everybody_talks([ada, ben], f"reloaded {time}")


def test_both_reload_at_once(visit: Visit, garden: str) -> None:
    ada, ben = visit().join(garden), visit().join(garden)
    everybody_sees_the_others([ada, ben])
    for one in (ada, ben):
        one.page.evaluate("window.before = true; void setTimeout(() => location.reload())")
    for one in (ada, ben):
        one.page.wait_for_function("() => !window.before")
        expect(one.status).to_have_text("Connected")
    everybody_sees_the_others([ada, ben])
    everybody_talks([ada, ben], "both anew")


def test_a_closed_tab_is_seen_to_leave(visit: Visit, garden: str) -> None:
    three = [visit().join(garden) for _ in range(3)]
    everybody_sees_the_others(three)
    three[2].page.close()
    everybody_sees_the_others(three[:2])
    for one in three[:2]:
        expect(one.messages.get_by_text(re.compile("left$"))).to_have_count(1)


def test_leaving_is_seen_by_the_others_and_one_can_come_again(visit: Visit, garden: str) -> None:
    three = [visit().join(garden) for _ in range(3)]
    everybody_sees_the_others(three)
    three[0].button("Leave").click()
    expect(three[0].status).to_have_text("Offline")
    expect(three[0].peers).to_have_count(0)
    everybody_sees_the_others(three[1:])
    three[0].join(garden)
    everybody_sees_the_others(three)
    everybody_talks(three, "together again")


def test_a_tab_that_crashes_is_seen_to_leave(visit: Visit, garden: str) -> None:
    three = [visit().join(garden) for _ in range(3)]
    everybody_sees_the_others(three)
    with three[2].page.expect_event("crash"), contextlib.suppress(Error):
        three[2].page.goto("chrome://crash")
    everybody_sees_the_others(three[:2])


def test_a_copy_of_a_tab_finds_no_seat_to_take(visit: Visit, garden: str) -> None:
    ada, ben = visit().join(garden), visit().join(garden)
    everybody_sees_the_others([ada, ben])
    ben.page.reload()
    everybody_sees_the_others([ada, ben])
    assert ben.page.evaluate("JSON.stringify(sessionStorage)") == "{}"


def test_a_page_whose_seat_was_taken_by_another_says_so_and_stays_out(
    visit: Visit, garden: str
) -> None:
    ada, ben, copy = visit().join(garden), visit(), visit()
    seats: list[str] = []
    ben.on_frame("joined", lambda frame: seats.append(json.dumps(frame)))
    ben.join(garden)
    everybody_sees_the_others([ada, ben])
    ben_was = ben.own_id
    copy.page.evaluate("seat => sessionStorage.setItem('parley:seat', seat)", seats[0])
    copy.page.goto(ben.page.url)
    copy.page.reload()
    expect(copy.status).to_have_text("Connected")
    assert copy.own_id == ben_was
    ben.is_told("from another tab")
    expect(ben.status).to_have_text("Offline")
    everybody_sees_the_others([ada, copy])
    everybody_talks([ada, copy], "from the other tab")
