"""The page: how to get in, what it says when one cannot, and what it never does."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from playwright.sync_api import Route, expect

from tests.e2e.conftest import Visit
from tests.e2e.desk import Desk
from tests.e2e.visitor import Visitor

CAPACITY = 16  # seats in a room, by default


def test_before_joining_the_page_is_offline_and_nothing_can_be_sent_or_left(visit: Visit) -> None:
    ada = visit()
    expect(ada.status).to_have_text("Offline")
    expect(ada.button("Leave")).to_be_disabled()
    expect(ada.button("Send")).to_be_disabled()
    expect(ada.button("Join")).to_be_enabled()


def test_a_link_fills_the_room_in_and_the_address_becomes_the_link(
    visit: Visit, garden: str
) -> None:
    ada = visit(fragment=f"#{quote(garden, safe='')}")
    expect(ada.room).to_have_value(garden)
    ada.room.press("Enter")
    expect(ada.status).to_have_text("Connected")
    ben = visit()
    ben.page.goto(ada.page.url)
    expect(ben.room).to_have_value(garden)
    ben.button("Join").click()
    ben.sees(ada)


def test_a_new_room_gets_its_name_from_the_server_and_its_link_leads_there(visit: Visit) -> None:
    ada = visit()
    ada.button("New room").click()
    expect(ada.status).to_have_text("Connected")
    fragment = ada.page.url.partition("#")[2]
    assert len(fragment) == 22, "128 bits in base62"
    expect(ada.room).to_have_value(fragment)
    ben = visit(fragment=f"#{fragment}")
    ben.button("Join").click()
    ada.sees(ben)
    ben.sees(ada)


def test_the_link_can_be_copied(visit: Visit, garden: str) -> None:
    ada = visit()
    ada.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ada.join(garden)
    ada.button("Copy link").click()
    expect(ada.button("Copied")).to_be_visible()
    assert ada.page.evaluate("navigator.clipboard.readText()") == ada.page.url


@pytest.mark.parametrize(
    ("room", "sentence"),
    [
        ("", "Type the name of a room"),
        ("x" * 129, "at most 128 characters"),
        ("garden\u0007", "control characters"),
    ],
)
def test_an_invalid_room_name_is_said(visit: Visit, room: str, sentence: str) -> None:
    ada = visit()
    ada.room.fill(room)
    ada.button("Join").click()
    ada.is_told(sentence)
    expect(ada.button("Join")).to_be_enabled()


def test_a_full_room_is_said_and_another_one_can_be_joined(
    visit: Visit, garden: str, shared_desk: Desk
) -> None:
    ada = visit()
    for _ in range(CAPACITY):
        seat = ada.page.request.post(
            f"{shared_desk.url}api/rooms/join", data=json.dumps({"roomId": garden})
        )
        assert seat.ok
    ada.room.fill(garden)
    ada.button("Join").click()
    ada.is_told("This room is full")
    expect(ada.status).to_have_text("Offline")
    ada.join(f"{garden}, next door")


def test_settings_that_cannot_be_loaded_are_said_and_asked_for_again(
    visit: Visit, garden: str
) -> None:
    def broken(route: Route) -> None:
        route.fulfill(status=200, body="<html>")

    ada = visit()
    ada.page.route("**/config.json", broken)
    ada.room.fill(garden)
    ada.button("Join").click()
    ada.is_told("settings could not be loaded")
    ada.page.unroute("**/config.json")
    ada.join(garden)


def test_words_of_others_are_never_html(visit: Visit, garden: str) -> None:
    evil = "<img src=x onerror=alert(1)>"
    ada, eve = visit(), visit()
    eve.name.fill(evil)
    eve.join(garden)
    ada.join(garden)
    ada.sees(eve)
    expect(ada.peers.get_by_text(evil)).to_be_visible()
    eve.say(f"<b>bold</b> {evil}")
    ada.reads(f"<b>bold</b> {evil}")
    for page in (ada.page, eve.page):
        assert page.locator("img[src=x], [role=log] b").count() == 0


def test_web_addresses_are_links_that_do_nothing_until_they_are_followed(
    visit: Visit, garden: str
) -> None:
    ada, ben = visit().join(garden), visit().join(garden)
    ada.sees(ben)
    asked: list[str] = []
    ben.page.on("request", lambda request: asked.append(request.url))
    ada.say("see https://example.org/a?b=c#d. or javascript:alert(1) or http:// or <https://x.y>")
    links = ben.messages.get_by_role("link")
    expect(links).to_have_count(2)
    expect(links.first).to_have_attribute("href", "https://example.org/a?b=c#d")
    expect(links.last).to_have_attribute("href", "https://x.y")
    for link in links.all():
        expect(link).to_have_attribute("rel", "noopener noreferrer nofollow ugc")
        expect(link).to_have_attribute("target", "_blank")
    assert [url for url in asked if "example" in url or "x.y" in url] == []


def test_messages_keep_their_lines_and_their_limit(visit: Visit, garden: str) -> None:
    ada, ben = visit().join(garden), visit().join(garden)
    ada.sees(ben)
    ben.sees(ada)
    ada.message.fill("one")
    ada.message.press("Shift+Enter")
    ada.message.press_sequentially("two")
    ada.message.press("Enter")
    expect(ben.messages.locator(".text")).to_have_text("one\ntwo", use_inner_text=True)
    expect(ada.message).to_have_value("")
    ada.say("x" * (16 * 1024 + 1))
    ada.is_told("too long")


def test_a_name_is_remembered_and_seen(visit: Visit, garden: str) -> None:
    ada, ben = visit(), visit().join(garden)
    ada.name.fill("Ada")
    ada.join(garden)
    ben.sees(ada)
    expect(ben.peers).to_contain_text("Ada")
    ada.say("hello")
    expect(ben.messages).to_contain_text("Ada")
    ada.open()
    expect(ada.name).to_have_value("Ada")


def test_all_can_be_done_with_the_keyboard(visit: Visit, garden: str) -> None:
    ada: Visitor = visit()
    ben = visit().join(garden)
    ada.page.keyboard.press("Tab")
    expect(ada.room).to_be_focused()
    ada.page.keyboard.type(garden)
    ada.page.keyboard.press("Enter")
    ada.sees(ben)
    expect(ada.message).to_be_focused()
    ada.page.keyboard.type("typed")
    ada.page.keyboard.press("Enter")
    ben.reads("typed")
