"""The page as an app: without a network, in a new version, and in a theme."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from infra import assets
from tests.e2e.desk import Desk
from tests.parts import ROOT, eventually

# As a service worker sees them: a page that was closed is known to it for a moment longer.
OPEN_PAGES = """clients.matchAll({ type: "window", includeUncontrolled: true })
  .then((pages) => pages.length)"""
BUDGET = 150 * 1000  # bytes, without icons


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context()
    yield context
    context.close()


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A copy of the client that a test may bring out anew."""
    return Path(shutil.copytree(ROOT / "client", tmp_path / "client"))


@pytest.fixture
def desk(release: Path) -> Iterator[Desk]:
    desk = Desk("--client", str(release))
    try:
        desk.start()
        yield desk
    finally:
        desk.stop()


def open_kept(context: BrowserContext, desk: Desk) -> Page:
    """The page, and everything of it kept."""
    page = context.new_page()
    page.goto(desk.url)
    later = list(json.loads(assets.text(ROOT / "client"))["later"])
    # In the page itself: Playwright's own waiting takes any promise for a yes.
    page.evaluate(
        """async (paths) => {
          (await navigator.serviceWorker.ready).active.postMessage("keep all");
          while (!(await Promise.all(paths.map((path) => caches.match(path)))).every(Boolean)) {
            await new Promise((resolve) => setTimeout(resolve, 50));
          }
        }""",
        later,
    )
    page.reload()
    page.wait_for_function("() => navigator.serviceWorker.controller")
    return page


def kept_urls(page: Page) -> list[str]:
    script = """async () => {
      const names = await caches.keys();
      const all = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()));
      return all.flat().map(({ url }) => new URL(url).pathname);
    }"""
    urls: list[str] = page.evaluate(script)
    return urls


def test_the_app_opens_without_a_network_and_two_people_can_meet(
    context: BrowserContext, desk: Desk
) -> None:
    ada = open_kept(context, desk)
    desk.stop()
    ben = context.new_page()
    ben.goto(desk.url)
    ada.reload()
    for page in (ada, ben):
        expect(page.get_by_role("heading", name="Parley")).to_be_visible()
        page.get_by_role("button", name="Without a server").click()
    ada.get_by_role("button", name="Peer A: make an offer").click()
    offer = ada.get_by_label("Your offer")
    expect(offer).not_to_have_value("", timeout=30_000)
    ben.get_by_role("button", name="Peer B: answer an offer").click()
    ben.get_by_label("Their offer").fill(offer.input_value())
    ben.get_by_role("button", name="Make the answer").click()
    answer = ben.get_by_label("Your answer")
    expect(answer).not_to_have_value("", timeout=30_000)
    ada.get_by_label("Their answer").fill(answer.input_value())
    ada.get_by_role("button", name="Connect", exact=True).click()
    for page in (ada, ben):
        expect(page.get_by_role("list", name="Peers").get_by_role("listitem")).to_have_count(
            1, timeout=30_000
        )


def test_joining_without_a_network_is_answered_in_plain_words(
    context: BrowserContext, desk: Desk
) -> None:
    page = open_kept(context, desk)
    desk.stop()
    page.reload()
    page.get_by_role("textbox", name="Room", exact=True).fill("garden")
    page.get_by_role("button", name="Join", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="could not be loaded")).to_be_visible()


def test_settings_api_and_what_is_not_listed_are_never_kept(
    context: BrowserContext, desk: Desk
) -> None:
    page = open_kept(context, desk)
    page.evaluate("fetch('/config.json').then((answer) => answer.json())")
    page.evaluate("fetch('/api/health').then((answer) => answer.json())")
    page.get_by_role("textbox", name="Room", exact=True).fill("garden")
    page.get_by_role("button", name="Join", exact=True).click()
    expect(page.get_by_role("status")).to_have_text("Connected")
    listed = json.loads(assets.text(ROOT / "client"))
    known = {f"/{name}" for name in [*listed["core"], *listed["later"], assets.LIST]}
    assert set(kept_urls(page)) == known


def test_a_new_version_takes_over_whole_when_the_page_is_reloaded(
    context: BrowserContext, desk: Desk, release: Path
) -> None:
    page = open_kept(context, desk)
    for name in ("index.html", "page/manual.js"):
        file = release / name
        file.write_text(file.read_text().replace("Without a server", "By hand"))
    other = context.new_page()
    other.goto(desk.url)  # brings the news, and is itself still of the old version
    for one in (page, other):
        expect(one.get_by_text("A new version of Parley is ready.")).to_be_visible()
        expect(one.get_by_role("button", name="Without a server")).to_be_visible()
    other.close()
    eventually(lambda: context.service_workers[0].evaluate(OPEN_PAGES) == 1)
    page.get_by_role("button", name="Reload").click()
    expect(page.get_by_role("button", name="By hand")).to_be_visible()
    assert len(page.evaluate("caches.keys()")) == 1


def test_a_version_is_never_mixed_with_another(
    context: BrowserContext, desk: Desk, release: Path
) -> None:
    page = context.new_page()
    page.goto(desk.url)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.reload()
    page.wait_for_function("() => navigator.serviceWorker.controller")
    (release / "page" / "manual.js").write_text("export const connectByHand = () => {};")
    failed = page.evaluate("import('/page/manual.js').then(() => 'mixed', () => 'refused')")
    assert failed == "refused"


def test_what_opens_the_page_is_small() -> None:
    client = ROOT / "client"
    listed = json.loads(assets.text(client))
    names = [name for name in listed["core"] if not name.startswith("icon")]
    sizes = {name: (client / name).stat().st_size for name in [*names, "service-worker.js"]}
    sizes[assets.LIST] = len(assets.text(client))
    assert sum(sizes.values()) < BUDGET, sizes


def test_nothing_but_the_core_is_asked_for_before_somebody_joins(
    context: BrowserContext, desk: Desk
) -> None:
    listed = json.loads(assets.text(ROOT / "client"))
    known = {f"/{name}" for name in listed["core"]} | {"/", f"/{assets.LIST}", "/service-worker.js"}
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    page = context.new_page()
    page.goto(desk.url)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    paths = {"/" + url.removeprefix(desk.url).partition("?")[0] for url in asked}
    assert paths <= known


def test_the_page_can_be_installed(context: BrowserContext, desk: Desk) -> None:
    page = context.new_page()
    page.goto(desk.url)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    session = context.new_cdp_session(page)
    assert session.send("Page.getInstallabilityErrors")["installabilityErrors"] in (
        [],
        [{"errorId": "in-incognito", "errorArguments": []}],
    )
    manifest = json.loads(session.send("Page.getAppManifest")["data"])
    for icon in manifest["icons"]:
        assert page.request.get(desk.url + icon["src"]).ok
    assert {icon["purpose"] for icon in manifest["icons"]} == {"any", "maskable"}


@pytest.mark.parametrize("system", ["light", "dark"])
def test_the_theme_is_the_systems_until_somebody_chooses_and_then_remembered(
    browser: Browser, desk: Desk, system: str
) -> None:
    context = browser.new_context(color_scheme=system)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(desk.url)
    dark = page.get_by_role("button", name="Dark theme")
    ground = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(ground)
    pressed = {"light": "false", "dark": "true"}
    expect(dark).to_have_attribute("aria-pressed", pressed[system])
    other = "dark" if system == "light" else "light"
    page.emulate_media(color_scheme=other)  # type: ignore[arg-type]
    expect(dark).to_have_attribute("aria-pressed", pressed[other])
    page.emulate_media(color_scheme=system)  # type: ignore[arg-type]
    dark.click()
    chosen = page.evaluate(ground)
    assert chosen != before
    page.reload()
    assert page.evaluate(ground) == chosen
    expect(dark).to_have_attribute("aria-pressed", pressed[other])
    context.close()
