"""No state of the page, in either theme, has anything that axe-core objects to."""

from __future__ import annotations

import uuid
from typing import Any, Literal

import pytest
from playwright.sync_api import Page

from tests import parts
from tests.e2e.conftest import Visit
from tests.e2e.scenes import SCENES
from tests.e2e.visitor import Visitor

# Everybody has a colour by their id, which is chance: this is the one that is hardest to read.
HUES: dict[Literal["light", "dark"], int] = {"light": 60, "dark": 240}
HARDEST = """(hue) => {
  const coloured = document.querySelectorAll("[style*='--hue']");
  for (const one of coloured) one.style.setProperty("--hue", hue);
}"""


def violations(page: Page) -> list[str]:
    """What axe-core finds, one line each: https://github.com/dequelabs/axe-core."""
    axe = parts.ROOT / "node_modules/axe-core/axe.min.js"
    if not axe.is_file():
        parts.missing("axe-core")
    page.evaluate(axe.read_text())
    # What fades in or out is measured once it stands.
    page.evaluate("Promise.all(document.getAnimations().map((one) => one.finished.catch(() => 0)))")
    found: list[dict[str, Any]] = page.evaluate("axe.run().then(({ violations }) => violations)")
    return [
        f"{one['id']}: {node['html'][:120]} {node['failureSummary']}"
        for one in found
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("name", SCENES)
def test_nothing_stands_in_anybodys_way(visit: Visit, name: str) -> None:
    ada: Visitor = SCENES[name](visit, f"room {uuid.uuid4().hex[:8]}")
    ada.page.emulate_media(reduced_motion="reduce")
    for theme, hue in HUES.items():
        ada.page.emulate_media(color_scheme=theme)
        ada.page.evaluate(HARDEST, hue)
        for width in (1280, 320):
            ada.page.set_viewport_size({"width": width, "height": 800})
            assert violations(ada.page) == [], (theme, width)


@pytest.mark.parametrize("name", ["empty", "conversation", "call", "files", "manual"])
def test_nothing_sticks_out_of_a_small_screen(visit: Visit, name: str) -> None:
    ada: Visitor = SCENES[name](visit, f"room {uuid.uuid4().hex[:8]}")
    for width in (320, 360, 768, 1280):
        ada.page.set_viewport_size({"width": width, "height": 640})
        assert ada.page.evaluate("document.documentElement.scrollWidth") <= width
