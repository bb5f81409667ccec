"""Voice, video and screen: what one turns on, the others really decode."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.e2e.caller import callers
from tests.e2e.conftest import Visit


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
