"""The SDK alone: the page that the README shows, served by a host that is not Parley's."""

from __future__ import annotations

import functools
import re
import shutil
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.desk import Desk
from tests.parts import ROOT


def page_of_the_readme() -> str:
    (page,) = re.findall(r"```html\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    return str(page)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def host(tmp_path: Path, shared_desk: Desk) -> Iterator[str]:
    """Where a developer has put the page, beside the SDK."""
    folder = Path(shutil.copytree(ROOT / "client", tmp_path / "site"))
    desk = shared_desk.url.replace("http", "ws")
    page = page_of_the_readme().replace("ws://localhost:8000/", desk)
    (folder / "hello.html").write_text(page)
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_address[1]}/hello.html"
    server.shutdown()
    server.server_close()


def test_it_is_short() -> None:
    assert len(page_of_the_readme().splitlines()) < 30


def test_two_tabs_exchange_a_message(browser: Browser, host: str) -> None:
    context = browser.new_context()
    ada, ben = context.new_page(), context.new_page()
    for page in (ada, ben):
        page.goto(host)
    for page in (ada, ben):
        expect(page.get_by_text("connected")).to_be_visible(timeout=30_000)
    ada.get_by_role("textbox", name="Message").fill("hello from a page of my own")
    ada.get_by_role("button", name="Send").click()
    expect(ben.get_by_text("hello from a page of my own")).to_be_visible()
    context.close()
