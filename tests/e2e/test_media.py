"""Voice, video and screen: what one turns on, the others really decode."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.e2e.caller import PATIENCE, Caller, callers
from tests.e2e.conftest import Visit
from tests.e2e.visitor import everybody_talks

# Sound that the browser blocks until somebody presses a button.
BLOCKED = """
const play = HTMLMediaElement.prototype.play;
let touched = false;
document.addEventListener("click", () => (touched = true), true);
window.touch = (state) => (touched = state);
HTMLMediaElement.prototype.play = function () {
  const allowed = this.muted || touched;
  if (!allowed) this.pause();
  return allowed ? play.call(this) : Promise.reject(new DOMException("", "NotAllowedError"));
};
"""

# Seven people on one page, one after the other: the SDK alone, as others would use it.
CROWD = """
async (roomId) => {
  const modules = ["/signaling.js", "/room.js", "/media.js"].map((path) => import(path));
  const [{ Signaling }, { Room }, { Media }] = await Promise.all(modules);
  const { websocket } = await (await fetch("/config.json")).json();
  window.crowd = [];
  for (let count = 0; count < 7; count += 1) {
    const room = new Room(new Signaling(websocket));
    window.crowd.push({ room, media: new Media(room) });
    await room.join(roomId);
  }
}
"""


@pytest.fixture(autouse=True)
def _patient() -> Iterator[None]:
    """Encoding takes what there is of a small machine; whatever waits, waits longer."""
    expect.set_options(timeout=PATIENCE)
    yield
    expect.set_options(timeout=5_000)


def test_camera_and_microphone_arrive_on_both_sides(visit: Visit, garden: str) -> None:
    ada, ben = callers(visit, garden)
    ada.turns_on("Microphone", "Camera")
    ben.receives("frames")
    ben.receives("samples")
    ben.turns_on("Camera", "Microphone")
    ada.receives("frames")
    ada.receives("samples")
    expect(ben.tile(ada).locator("video")).to_be_visible()
    expect(ada.tile().locator("video")).to_be_visible()
    assert ada.page.locator(".tile.own audio").count() == 0, "nobody hears themselves"


def test_three_see_who_talks_and_who_is_muted(visit: Visit, garden: str) -> None:
    ada, ben, eve = callers(visit, garden, 3)
    ada.turns_on("Microphone", "Camera")
    for other in (ben, eve):
        other.receives("frames")
        expect(other.tile(ada)).to_have_accessible_name(f"{ada.visitor.own_id}, talking")
        expect(other.page.locator(".tile.speaking")).to_have_count(1)
    ada.turns_off("Microphone")
    for other in (ben, eve):
        expect(other.tile(ada)).to_have_accessible_name(f"{ada.visitor.own_id}, microphone off")
        expect(other.page.locator(".tile.speaking")).to_have_count(0)
    assert ada.captured("audio") == ["live"], "muted, so that it is back at once"


def test_a_camera_that_is_off_is_really_off_and_comes_back(visit: Visit, garden: str) -> None:
    ada, ben = callers(visit, garden)
    ada.turns_on("Camera")
    ben.receives("frames")
    ada.turns_off("Camera")
    assert ada.captured("video") == ["ended"]
    expect(ben.page.locator("#stage")).to_be_hidden()
    ben.waits_for("(await framesWithin(700)) === 0")
    ada.turns_on("Camera")
    ben.receives("frames")
    assert ada.captured("video") == ["ended", "live"]


def test_a_screen_is_shared_while_a_call_runs_and_ends_by_the_browsers_bar(
    visit: Visit, garden: str
) -> None:
    ada, ben = callers(visit, garden)
    for one in (ada, ben):
        one.turns_on("Camera", "Microphone")
    ada.turns_on("Share screen")
    expect(ben.tile(ada, "screen").locator("video")).to_be_visible()
    expect(ben.tile(ada, "screen")).to_have_class("tile spotlit")
    ben.turns_on("Share screen")
    expect(ada.tile(ben, "screen").locator("video")).to_be_visible()
    for one in (ada, ben):
        one.receives("frames", 30)
    everybody_talks([ada.visitor, ben.visitor], "while we share")

    ada.evaluate("captured.at(-1).stop(), captured.at(-2).stop()")
    ada.evaluate("captured.slice(-2).forEach((one) => one.dispatchEvent(new Event('ended')))")
    expect(ada.button("Share screen")).to_have_attribute("aria-pressed", "false")
    expect(ben.tile(ada, "screen")).to_have_count(0)
    expect(ben.tile(ada).locator("video")).to_be_visible()
    expect(ada.page.locator(".toast")).to_have_count(0)


def test_refused_missing_and_busy_devices_are_said_and_the_rest_goes_on(
    visit: Visit, garden: str
) -> None:
    ada, ben = callers(visit, garden)
    ada.turns_on("Microphone")
    said = {
        "NotAllowedError": "Your browser does not let this page use your camera",
        "NotFoundError": "No camera was found",
        "NotReadableError": "another program may be using it",
    }
    for refusal, sentence in said.items():
        ada.evaluate(f"refusals.getUserMedia = '{refusal}'")
        ada.button("Camera").click()
        ada.is_toasted(sentence)
        expect(ada.button("Camera")).to_have_attribute("aria-pressed", "false")
    ada.evaluate("refusals.getDisplayMedia = 'NotAllowedError'")
    ada.button("Share screen").click()
    ada.is_toasted("Your screen is not shared")
    ben.receives("samples")
    everybody_talks([ada.visitor, ben.visitor], "all the same")
    ada.evaluate("refusals.getUserMedia = ''")
    ada.turns_on("Camera")
    ben.receives("frames")


def test_an_unplugged_camera_is_said_and_the_rest_goes_on(visit: Visit, garden: str) -> None:
    ada, ben = callers(visit, garden)
    ada.turns_on("Microphone", "Camera")
    ben.receives("frames")
    ada.evaluate("captured.at(-1).stop(), captured.at(-1).dispatchEvent(new Event('ended'))")
    ada.is_toasted("Your camera has gone")
    expect(ada.button("Camera")).to_have_attribute("aria-pressed", "false")
    expect(ben.tile(ada)).to_have_accessible_name(re.compile(f"^{ada.visitor.own_id}, camera off"))
    ben.receives("samples")
    ada.turns_on("Camera")
    ben.receives("frames")


def test_a_new_connection_gets_what_is_on(visit: Visit, garden: str) -> None:
    ada, ben = callers(visit, garden)
    ada.turns_on("Camera")
    ben.turns_on("Camera")
    ben.receives("frames")
    ben.evaluate("connections.at(-1).close()")
    ada.waits_for("connections.length > 1")
    for one in (ada, ben):
        one.receives("frames")
    ben.page.reload()
    expect(ada.tile(ben).locator("video")).to_have_count(1)
    ben.receives("frames")
    expect(ben.button("Camera")).to_have_attribute("aria-pressed", "false")


def test_by_keyboard_and_for_screen_readers(visit: Visit, garden: str) -> None:
    ada, ben = callers(visit, garden)
    expect(ada.button("Camera")).to_have_attribute("aria-keyshortcuts", "Alt+V")
    expect(ada.button("Camera")).to_contain_text("Alt+V")
    ada.visitor.message.focus()
    ada.page.keyboard.press("Alt+v")
    expect(ada.button("Camera")).to_have_attribute("aria-pressed", "true")
    expect(ben.tile(ada)).to_have_accessible_name(f"{ada.visitor.own_id}, microphone off")
    pin = ben.page.get_by_role("button", name=f"Pin {ada.visitor.own_id}")
    pin.focus()
    ben.page.keyboard.press("Enter")
    expect(pin).to_have_attribute("aria-pressed", "true")
    expect(ben.tile(ada)).to_have_class("tile spotlit")
    ben.page.keyboard.press("Enter")
    expect(ben.tile(ada)).to_have_class("tile")


def test_devices_are_tried_and_chosen_before_others_see_them(visit: Visit, garden: str) -> None:
    ada, ben = callers(visit, garden)
    ada.button("Devices").click()
    dialog = ada.page.get_by_role("dialog", name="Devices")
    expect(dialog.locator("video")).to_be_visible()
    ada.waits_for("document.querySelector('meter').value > 0")
    expect(ben.page.locator("#stage")).to_be_hidden()
    cameras = dialog.get_by_role("combobox", name="Camera")
    expect(cameras.locator("option")).to_have_count(3)
    third = cameras.locator("option").nth(2).text_content()
    cameras.select_option(index=2)  # the second is a depth camera, which no codec takes
    dialog.get_by_role("checkbox", name="Camera").check()
    ada.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(ada.button("Devices")).to_be_focused()
    ada.waits_for("captured.every((one) => one.readyState === 'ended')")

    ada.turns_on("Camera")
    assert ada.evaluate("captured.at(-1).label") == third
    ada.page.reload()
    expect(ada.button("Camera")).to_have_attribute("aria-pressed", "true", timeout=PATIENCE)
    ben.receives("frames")


def test_one_enters_muted_or_not_as_one_likes(visit: Visit, garden: str) -> None:
    ada, ben = callers(visit, garden)
    ada.button("Devices").click()
    dialog = ada.page.get_by_role("dialog", name="Devices")
    for name in ("Microphone", "Microphone, but muted"):
        dialog.get_by_role("checkbox", name=name, exact=True).check()
    ada.page.reload()
    ada.waits_for("captured.length === 1")
    expect(ada.button("Microphone")).to_have_attribute("aria-pressed", "false")
    expect(ben.tile(ada)).to_have_accessible_name(re.compile("microphone off"))
    ada.turns_on("Microphone")
    ben.receives("samples")
    assert ada.captured("audio") == ["live"], "it was open all the time"

    ada.button("Devices").click()
    dialog.get_by_role("checkbox", name="Microphone, but muted").uncheck()
    ada.page.reload()
    expect(ada.button("Microphone")).to_have_attribute("aria-pressed", "true", timeout=PATIENCE)
    ben.receives("samples")


def test_sound_that_the_browser_blocks_starts_by_a_button(visit: Visit, garden: str) -> None:
    ada = Caller(visit()).join(garden)
    ben = Caller(visit(), BLOCKED).join(garden)
    ada.visitor.sees(ben.visitor)
    ben.evaluate("touch(false)")
    ada.turns_on("Microphone")
    ben.button("Start sound").click()
    expect(ben.button("Start sound")).to_be_hidden()
    ben.waits_for("!document.querySelector('.tile audio').paused")


@pytest.mark.parametrize("width", [320, 1280])
def test_all_tiles_are_in_sight(visit: Visit, garden: str, width: int) -> None:
    ada, ben = callers(visit, garden)
    ben.page.set_viewport_size({"width": width, "height": 600})
    ada.turns_on("Camera")
    ben.turns_on("Camera")
    ada.turns_on("Share screen")
    expect(ben.page.locator(".tile")).to_have_count(3)
    for tile in ben.page.locator(".tile").all():
        expect(tile).to_be_in_viewport(ratio=0.99)
    assert ben.evaluate("document.documentElement.scrollWidth") <= width
    below = ben.evaluate("document.getElementById('composer').getBoundingClientRect().bottom")
    card = ben.page.get_by_role("region", name="Conversation").bounding_box()
    assert card is not None
    assert below <= card["y"] + card["height"], "nothing is cut off"


def test_the_ninth_takes_part_with_text_until_somebody_leaves(visit: Visit, garden: str) -> None:
    first = Caller(visit()).join(garden)
    crowd = Caller(visit())
    crowd.evaluate(f"({CROWD})({json.dumps(garden)})")
    expect(first.visitor.peers).to_have_count(7)
    ninth = Caller(visit()).join(garden)
    expect(ninth.visitor.peers).to_have_count(8)
    expect(ninth.page.get_by_text("8 people already have the places")).to_be_visible()
    expect(ninth.button("Camera")).to_be_disabled()
    expect(first.page.get_by_role("img", name="Text only")).to_have_count(1)
    late = ninth.visitor.own_id
    crowd.waits_for(f"crowd.every(({{ media }}) => media.isDataOnly('{late}'))")
    first.turns_on("Camera")
    crowd.receives("frames")
    assert ninth.inbound("frames") == 0
    ninth.visitor.say("but I can write")
    first.visitor.reads("but I can write")

    crowd.evaluate("crowd[3].room.leave()")
    expect(ninth.button("Camera")).to_be_enabled()
    ninth.receives("frames")
    expect(first.page.get_by_role("img", name="Text only")).to_have_count(0)
