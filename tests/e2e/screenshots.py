"""Pictures of the main states, in both themes, small and wide: `make screenshots`."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.e2e.conftest import FLAGS
from tests.e2e.desk import Desk
from tests.e2e.scenes import SCENES
from tests.e2e.visitor import Visitor
from tests.parts import ROOT, chromium

SIZES = {"wide": (1280, 800), "small": (360, 740)}
SHOWN = {"call-wide-light": "call", "call-small-dark": "phone", "files-wide-dark": "files"}
"""What the README shows, and as what."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="make screenshots", description=__doc__)
    parser.add_argument("scenes", nargs="*", help=f"of {', '.join(SCENES)}; all if none is named")
    parser.add_argument("--into", type=Path, default=ROOT / "screenshots", metavar="DIR")
    parser.add_argument("--publish", action="store_true", help="renew those of the README")
    given = parser.parse_args()
    if unknown := set(given.scenes) - set(SCENES):
        parser.error(f"no such scene: {', '.join(sorted(unknown))}")
    given.into.mkdir(parents=True, exist_ok=True)
    desk = Desk()
    desk.start()
    try:
        take(desk, given.scenes or list(SCENES), given.into)
    finally:
        desk.stop()
    if given.publish:
        publish(given.into)


def take(desk: Desk, names: list[str], into: Path) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        for name in names:
            visitors: list[Visitor] = []

            def visit(visitors: list[Visitor] = visitors) -> Visitor:
                page = browser.new_context(service_workers="block").new_page()
                visitors.append(Visitor(page, desk.url, {}))
                return visitors[-1].open()

            ada = SCENES[name](visit, "garden")
            ada.page.emulate_media(reduced_motion="reduce")  # nothing is caught on its way
            for size, (width, height) in SIZES.items():
                ada.page.set_viewport_size({"width": width, "height": height})
                for theme in ("light", "dark"):
                    ada.page.emulate_media(color_scheme=theme)
                    file = into / f"{name}-{size}-{theme}.png"
                    ada.page.screenshot(path=file)
                    sys.stdout.write(f"{file}\n")
            for visitor in visitors:
                visitor.page.context.close()
        browser.close()


def publish(taken: Path) -> None:
    into = ROOT / "docs" / "screenshots"
    into.mkdir(parents=True, exist_ok=True)
    for name, shown in SHOWN.items():
        shutil.copyfile(taken / f"{name}.png", into / f"{shown}.png")


if __name__ == "__main__":
    main()
