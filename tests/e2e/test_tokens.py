"""Where a token is needed, the page shows the one it has, or gets itself one."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Route, expect

from tests import issuer
from tests.e2e.conftest import Visit, running_desk
from tests.e2e.desk import Desk
from tests.e2e.visitor import Visitor, everybody_sees_the_others
from tests.parts import eventually

NEEDED = "You need an invitation for this room"


@pytest.fixture(scope="module")
def closed_desk() -> Iterator[Desk]:
    yield from running_desk(ACCESS="token", TOKEN_KEYS=issuer.KEYS)


@pytest.fixture
def garden() -> str:
    return f"garden-{uuid.uuid4().hex[:8]}"


def gets_tokens(page: Page, room: str, subject: str, ends: list[int]) -> list[str | None]:
    """From now on there are some to be had at the page's own origin, the last one again and again.

    They end when `ends` says. Returns what was asked for.
    """
    asked: list[str | None] = []

    def answer(route: Route) -> None:
        end = ends[min(len(asked), len(ends) - 1)]
        asked.append(route.request.post_data)
        route.fulfill(body=issuer.token(sub=subject, rooms=[room], exp=end))

    page.route("**/my-tokens", answer)
    return asked


def test_a_link_with_a_token_lets_in_and_leads_on_without_it(
    closed_desk: Desk, visit: Visit, garden: str
) -> None:
    token = issuer.token(sub="ada", rooms=[garden])
    ada = visit(closed_desk, f"#{garden}&token={token}")
    expect(ada.room).to_have_value(garden)
    ada.button("Join").click()
    expect(ada.status).to_have_text("Connected")
    ada.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ada.button("Copy link").click()
    expect(ada.button("Copied")).to_be_visible()
    copied = ada.page.evaluate("navigator.clipboard.readText()")
    assert copied == ada.page.url
    assert token not in copied


def test_without_a_token_one_is_told_so(closed_desk: Desk, visit: Visit, garden: str) -> None:
    eve = visit(closed_desk, f"#{garden}")
    eve.button("Join").click()
    expect(eve.page.get_by_role("alert").filter(has_text=NEEDED)).to_be_visible()
    expect(eve.status).to_have_text("Offline")


def test_a_token_that_has_run_out_lets_in_nobody(
    closed_desk: Desk, visit: Visit, garden: str
) -> None:
    token = issuer.token(sub="ada", rooms=[garden], exp=issuer.claims()["iat"] - 100)
    ada = visit(closed_desk, f"#{garden}&token={token}")
    ada.button("Join").click()
    expect(ada.page.get_by_role("alert").filter(has_text=NEEDED)).to_be_visible()


def test_a_page_gets_tokens_where_its_config_says_and_newer_ones_before_they_end(
    closed_desk: Desk, visit: Visit, garden: str
) -> None:
    now = int(time.time())
    soon, late = now + 8, now + 3600

    def enters(name: str, *ends: int) -> tuple[Visitor, list[str | None]]:
        one = visit(closed_desk, tokens="/my-tokens")
        asked = gets_tokens(one.page, garden, name, list(ends))
        return one.join(garden), asked

    ada, asked = enters("ada", soon, late)
    ben, _ = enters("ben", late)
    everybody_sees_the_others([ada, ben])
    before = ada.own_id

    def the_first_one_has_ended() -> bool:
        ada.page.wait_for_timeout(50)  # Playwright answers requests only while it is at work
        return len(asked) > 1 and time.time() > soon

    eventually(the_first_one_has_ended)
    eve, _ = enters("eve", late)
    everybody_sees_the_others([ada, ben, eve])
    assert ada.own_id == before
    assert asked[0] == json.dumps({"roomId": garden}, separators=(",", ":"))
    expect(ben.messages.get_by_text(re.compile("left$|is back$"))).to_have_count(0)
