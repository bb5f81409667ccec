"""What a page offers on the machine that it finds itself on."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.conftest import Visit
from tests.e2e.desk import Desk
from tests.e2e.visitor import Visitor

PIXEL = (
    "Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 Chrome/156.0 Mobile Safari/537.36"
)
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1 Safari/604.1"
MAC = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 Chrome/156.0 Safari/537.36"
)
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/156.0 Safari/537.36"
SHEET = "navigator.share = async (what) => { window.shared = what; };"

Carry = Callable[[str], Visitor]


@pytest.fixture
def on(browser: Browser, shared_desk: Desk) -> Iterator[Carry]:
    """A page on a machine that says this of itself, with a share sheet."""
    visitors: list[Visitor] = []

    def carried(machine: str) -> Visitor:
        context = browser.new_context(user_agent=machine, service_workers="block")
        context.add_init_script(SHEET)
        visitors.append(Visitor(context.new_page(), shared_desk.url, {}))
        return visitors[-1].open()

    yield carried
    for visitor in visitors:
        visitor.page.context.close()
    assert [visitor.complaints for visitor in visitors] == [[] for _ in visitors]


@pytest.mark.parametrize("phone", [PIXEL, IPHONE], ids=["Android", "iPhone"])
def test_on_a_phone_the_link_goes_through_the_share_sheet(
    on: Carry, garden: str, phone: str
) -> None:
    ada = on(phone).join(garden)
    ada.button("Share").click()
    assert ada.page.evaluate("window.shared.url") == ada.page.url


@pytest.mark.parametrize("machine", [MAC, WINDOWS], ids=["Mac", "Windows"])
def test_at_a_desk_it_is_copied(on: Carry, garden: str, machine: str) -> None:
    ada = on(machine).join(garden)
    expect(ada.button("Share")).to_be_hidden()
    expect(ada.button("Copy link")).to_be_visible()


@pytest.mark.parametrize(("machine", "keys"), [(MAC, "⌥M"), (WINDOWS, "Alt+M")])
def test_shortcuts_are_labelled_as_on_the_keyboard(
    on: Carry, garden: str, machine: str, keys: str
) -> None:
    ada = on(machine).join(garden)
    expect(ada.page.get_by_text(keys, exact=True)).to_be_visible()


def test_how_to_install_is_said_where_the_browser_does_not_offer_it(on: Carry) -> None:
    ada = on(IPHONE)
    ada.button("Install").click()
    news = ada.page.locator("[aria-live=polite]").filter(has_text="Add to Home Screen")
    expect(news).to_be_visible()
    expect(on(WINDOWS).button("Install")).to_be_hidden()


@pytest.mark.parametrize("sized", ["by style", "by script"])
def test_the_message_field_grows_with_what_is_written(
    visit: Visit, garden: str, sized: str
) -> None:
    ada = visit()
    if sized == "by script":  # as in a browser that does not know `field-sizing`
        ada.page.add_init_script("CSS.supports = () => false;")
        ada.open()
        ada.page.evaluate(
            "document.styleSheets[0].insertRule('#message { field-sizing: fixed !important; }', 0)"
        )
    ada.join(garden)

    def height() -> float:
        box = ada.message.bounding_box()
        assert box
        return box["height"]

    low = height()
    ada.message.fill("one\ntwo\nthree\nfour")
    high = height()
    assert high > low * 1.5
    ada.message.fill("one\n" * 200)
    assert height() < 200, "it leaves the conversation in sight"
    ada.message.fill("")
    assert height() == low


def test_a_button_tells_what_it_is_at(visit: Visit, garden: str) -> None:
    ada = visit()
    ada.page.route_web_socket("**/ws", lambda socket: None)  # a server that says nothing
    ada.room.fill(garden)
    ada.button("Join").click()
    expect(ada.button("Joining…")).to_be_disabled()
    expect(ada.button("New room")).to_be_disabled()
