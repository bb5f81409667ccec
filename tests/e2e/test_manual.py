"""Two people without a server: an offer and an answer, carried by hand."""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, expect

from tests.e2e.conftest import Visit
from tests.e2e.test_files import saved, send
from tests.e2e.test_qr import scanned, shown
from tests.e2e.test_safety import code as safety_code
from tests.e2e.test_safety import verify
from tests.e2e.visitor import Visitor

PATIENCE = 30_000  # ICE gives up, and descriptions are complete, when they are


def code(visitor: Visitor, label: str) -> Locator:
    return visitor.page.get_by_role("textbox", name=label, exact=True)


def take_side(visitor: Visitor, side: str) -> Visitor:
    visitor.button("Without a server").click()
    visitor.button(side).click()
    return visitor


def offer_of(ada: Visitor) -> str:
    take_side(ada, "Peer A: make an offer")
    expect(code(ada, "Your offer")).not_to_have_value("", timeout=PATIENCE)
    return code(ada, "Your offer").input_value()


def answer_of(ben: Visitor, offer: str) -> str:
    take_side(ben, "Peer B: answer an offer")
    code(ben, "Their offer").fill(offer)
    ben.button("Make the answer").click()
    expect(code(ben, "Your answer")).not_to_have_value("", timeout=PATIENCE)
    return code(ben, "Your answer").input_value()


def finish(ada: Visitor, answer: str) -> None:
    code(ada, "Their answer").fill(answer)
    ada.button("Connect").click()


def test_two_people_talk_with_parley_cut_off(visit: Visit) -> None:
    ada, ben = visit(), visit()
    for one in (ada, ben):
        one.server_may_be_away = True
        one.page.route("**/config.json", lambda route: route.abort("connectionrefused"))
        one.page.route("**/api/**", lambda route: route.abort("connectionrefused"))
    ada.name.fill("Ada")
    offer = offer_of(ada)
    assert json.loads(offer)["sdp"].count("a=candidate:") > 0, "complete, nothing trickles"
    finish(ada, answer_of(ben, offer))
    ada.sees(ben)
    ben.sees(ada)
    expect(ben.peers).to_contain_text("Ada")
    ada.say("no server in sight")
    ben.reads("no server in sight")
    assert ada.sockets == ben.sockets == []
    ben.button("Leave").click()
    expect(ada.peers).to_have_count(0)


def test_without_a_server_there_is_a_safety_code_and_files_arrive(
    visit: Visit, tmp_path: Path
) -> None:
    ada, ben = visit(), visit()
    finish(ada, answer_of(ben, offer_of(ada)))
    ada.sees(ben)
    ben.sees(ada)
    codes = [safety_code(verify(ada, ben)), safety_code(verify(ben, ada))]
    assert codes[0] == codes[1]
    for one in (ada, ben):
        one.page.get_by_role("dialog").get_by_role("button", name="Close").click()
    picture = tmp_path / "picture.bin"
    picture.write_bytes(os.urandom(3_000_000))
    send(ada, picture)
    ben.button("Accept picture.bin").click()
    assert saved(ben, "picture.bin").read_bytes() == picture.read_bytes()


def test_a_slow_messenger_does_not_matter(visit: Visit) -> None:
    ada, ben = visit(), visit()
    for one in (ada, ben):
        one.page.clock.install()
        one.open()
    answer = answer_of(ben, offer_of(ada))
    for one in (ada, ben):
        one.page.clock.fast_forward("30:00")
        one.page.clock.resume()
    finish(ada, answer)
    ada.sees(ben)
    ben.sees(ada)


def test_a_link_brings_the_offer_and_another_the_answer_to_the_page_that_waits(
    visit: Visit,
) -> None:
    ada, ben = visit(), visit()
    for one in (ada, ben):
        one.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    offer_of(ada)
    ada.button("Copy as link").click()
    expect(ada.button("Copied")).to_be_visible()
    link = ada.page.evaluate("navigator.clipboard.readText()")
    assert urlsplit(link).fragment.startswith("offer="), "a fragment never goes to any server"
    ben.page.goto("about:blank")
    ben.page.goto(link)
    expect(code(ben, "Your answer")).not_to_have_value("", timeout=PATIENCE)
    ben.button("Copy as link").click()
    expect(ben.button("Copied")).to_be_visible()
    answer = ben.page.evaluate("navigator.clipboard.readText()")
    other = ada.page.context.new_page()
    other.goto(answer)
    expect(other.get_by_text("You can close this one")).to_be_visible()
    ada.sees(ben)
    ben.sees(ada)


def test_both_sides_can_show_a_qr_code_and_scan_the_others(visit: Visit) -> None:
    ada, ben = visit(), visit()
    offer_of(ada)
    ada.button("QR code").click()
    offer = scanned(shown(ada.page.get_by_role("img", name="QR code of your offer")))
    ben.page.goto("about:blank")
    ben.page.goto(offer)
    expect(code(ben, "Your answer")).not_to_have_value("", timeout=PATIENCE)
    ben.button("QR code").click()
    answer = scanned(shown(ben.page.get_by_role("img", name="QR code of your answer")))
    other = ada.page.context.new_page()
    other.goto(answer)
    expect(other.get_by_text("You can close this one")).to_be_visible()
    ada.sees(ben)
    ben.sees(ada)


def test_an_answer_that_nobody_waits_for_is_said(visit: Visit) -> None:
    ada, ben, kim = visit(), visit(), visit()
    answer_of(ben, offer_of(ada))
    ben.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ben.button("Copy as link").click()
    expect(ben.button("Copied")).to_be_visible()
    kim.page.goto("about:blank")
    kim.page.goto(ben.page.evaluate("navigator.clipboard.readText()"))
    expect(kim.page.get_by_text("no page of this browser waits for one")).to_be_visible()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "no offer or answer"),
        ("<img src=x onerror=alert(1)>", "no offer or answer"),
        ("the offer", "That is an offer. What is needed here is the answer"),
    ],
)
def test_a_mistake_is_said_and_can_be_made_good(visit: Visit, text: str, sentence: str) -> None:
    ada, ben = visit(), visit()
    offer = offer_of(ada)
    finish(ada, offer if text == "the offer" else text)
    ada.is_told(sentence)
    finish(ada, answer_of(ben, offer))
    ada.sees(ben)


def test_who_thinks_better_of_it_is_outside_again_and_can_join(visit: Visit, garden: str) -> None:
    ada = visit()
    offer_of(ada)
    ada.page.keyboard.press("Escape")
    expect(ada.status).to_have_text("Offline")
    ada.join(garden)
