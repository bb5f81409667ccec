"""A desk, a Chromium, and people who visit: everything real, all of it on loopback."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Error, sync_playwright

from tests import parts
from tests.e2e.desk import Desk
from tests.e2e.visitor import Visitor
from tests.turn.coturn import SECRET, Coturn, on_loopback

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--use-fake-device-for-media-stream=device-count=3,fps=5",  # a picture, and beeps
    "--use-fake-ui-for-media-stream",  # everything is permitted
]

Visit = Callable[..., Visitor]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for each file: while Playwright is there, nobody else in the process can use asyncio."""
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=parts.chromium(), args=FLAGS)
        except Error as error:
            parts.missing(f"a Chromium that starts ({error.message.splitlines()[0]})")
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def shared_desk() -> Iterator[Desk]:
    """One desk for all tests of a worker that leave it as they found it."""
    yield from running_desk()


@pytest.fixture
def own_desk() -> Iterator[Desk]:
    """A desk to be stopped at will; ask for it before `visit`, so that it is the last to go."""
    yield from running_desk()


@pytest.fixture
def brief_desk() -> Iterator[Desk]:
    """A desk that closes every socket after eight seconds."""
    yield from running_desk("--lifetime", "8")


@pytest.fixture
def paced_desk() -> Iterator[Desk]:
    """A desk that closes sockets after five silent seconds, and every one after 24."""
    yield from running_desk("--idle-timeout", "5", "--lifetime", "24")


@pytest.fixture(scope="session")
def relay() -> Iterator[Coturn]:
    """A TURN server that relays on this machine."""
    with on_loopback() as running:
        yield running


@pytest.fixture(scope="session")
def relayed_desk(relay: Coturn) -> Iterator[Desk]:
    """A desk that gives credentials for it, good for twelve seconds."""
    yield from running_desk(TURN_URLS=relay.url, TURN_SECRETS=SECRET, TURN_SECONDS="12")


def running_desk(*flags: str, **settings: str) -> Iterator[Desk]:
    """A desk for as long as a fixture needs it."""
    desk = Desk(*flags, **settings)
    try:
        desk.start()
        yield desk
    finally:
        desk.stop()


@pytest.fixture
def visit(browser: Browser, shared_desk: Desk) -> Iterator[Visit]:
    """Opens a page, each in a browser context of its own; in the end, none may have complained."""
    visitors: list[Visitor] = []

    def one_more(desk: Desk = shared_desk, fragment: str = "", **config: object) -> Visitor:
        # What is kept for later is the business of test_offline alone.
        page = browser.new_context(service_workers="block").new_page()
        visitors.append(Visitor(page, desk.url, config))
        return visitors[-1].open(fragment)

    yield one_more
    for visitor in visitors:
        visitor.page.context.close()
    assert [visitor.complaints for visitor in visitors] == [[] for _ in visitors]


@pytest.fixture
def garden() -> str:
    """A room of this test's own, with letters that a link must encode."""
    return f"garden ü/%#{uuid.uuid4().hex[:8]}"
