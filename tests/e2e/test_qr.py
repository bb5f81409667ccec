"""QR codes, read by a scanner that is not ours."""

from __future__ import annotations

import json
import re

import pytest
import zxingcpp
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Visit

SCALE, QUIET = 4, 4


def scanned(rows: list[list[bool]]) -> str:
    """What ZXing reads in a picture of the code."""
    side = (len(rows) + 2 * QUIET) * SCALE
    picture = bytearray(b"\xff" * side * side)
    for y, row in enumerate(rows):
        modules = b"".join((b"\0" if dark else b"\xff") * SCALE for dark in row)
        line = QUIET * SCALE * b"\xff" + modules
        for dy in range(SCALE):
            start = ((y + QUIET) * SCALE + dy) * side
            picture[start : start + len(line)] = line
    (found,) = zxingcpp.read_barcodes(memoryview(picture).cast("B", (side, side)))
    return str(found.text)


def codes(page: Page, texts: list[str]) -> list[list[list[bool]]]:
    script = "async (texts) => texts.map((await import('/qr.js')).qrCode)"
    drawn: list[list[list[bool]]] = page.evaluate(script, texts)
    return drawn


def shown(picture: Locator) -> list[list[bool]]:
    """What is drawn in it."""
    drawn = picture.locator("path").get_attribute("d") or ""
    runs = [tuple(map(int, run)) for run in re.findall(r"M(\d+) (\d+)h(\d+)", drawn)]
    side = max(max(x + length, y + 1) for x, y, length in runs)
    dark = {(x + step, y) for x, y, length in runs for step in range(length)}
    return [[(x, y) in dark for x in range(QUIET, side)] for y in range(QUIET, side)]


def test_every_size_can_be_read(visit: Visit) -> None:
    # The longest text of each version at level L, and one letter more: the next version.
    longest = [17, 32, 53, 78, 106, 134, 154, 192, 230, 271, 321, 367, 425, 458, 520, 586, 644, 718]
    longest += [792, 858, 929, 1003, 1091, 1171, 1273, 1367, 1465, 1528, 1628, 1732, 1840, 1952]
    longest += [2068, 2188, 2303, 2431, 2563, 2699, 2809, 2953]
    texts = [("https://example.org/#" + "aB3-_é!" * 500)[:length] for length in longest]
    texts = [text.encode()[: len(text)].decode(errors="ignore") for text in texts]
    for text, rows in zip(texts, codes(visit().page, texts), strict=True):
        assert scanned(rows) == text


@pytest.mark.parametrize("text", ["garden ü/%# 🎉", "0", json.dumps({"type": "offer"})])
def test_any_text_can_be_read(visit: Visit, text: str) -> None:
    (rows,) = codes(visit().page, [text])
    assert scanned(rows) == text


def test_the_code_of_a_room_leads_there(visit: Visit, garden: str) -> None:
    ada = visit().join(garden)
    ada.button("QR code").click()
    picture = ada.page.get_by_role("img", name="QR code of this room's link")
    expect(picture).to_be_visible()
    assert scanned(shown(picture)) == ada.page.url
    ada.page.keyboard.press("Escape")
    expect(ada.button("QR code")).to_be_focused()
