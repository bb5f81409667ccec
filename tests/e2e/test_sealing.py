"""A room's passphrase: what goes over the wire, and what people are told when it does not hold."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Visit
from tests.e2e.desk import Desk
from tests.e2e.visitor import Visitor, everybody_sees_the_others, everybody_talks

# Keeps all that goes out of any data channel and any socket, byte for byte.
TAP = """
window.tapped = [];
for (const kind of [RTCDataChannel, WebSocket]) {
  const send = kind.prototype.send;
  kind.prototype.send = function (data) {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : new Uint8Array(data);
    window.tapped.push(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
    return send.call(this, data);
  };
}
"""

Tapped = Callable[..., Visitor]


@pytest.fixture
def tapped(visit: Visit) -> Tapped:
    """Visitors whose every outgoing message is kept."""

    def one_more(fragment: str = "") -> Visitor:
        ada = visit()
        ada.page.context.add_init_script(TAP)
        ada.page.reload()
        return ada.open(fragment)

    return one_more


def tap(visitor: Visitor) -> str:
    """All that went out, as bytes, and once more with what base64 hides."""
    said: list[str] = visitor.page.evaluate("tapped")
    return "\n".join(said + [_decoded(text) for text in said])


def _decoded(text: str) -> str:
    words = [word for word in text.split('"') if len(word) > 20]
    return " ".join(_from_base64(word) for word in words)


def _from_base64(word: str) -> str:
    try:
        return base64.b64decode(word).decode("latin-1")
    except ValueError:
        return ""


def seals(visitor: Visitor, passphrase: str) -> Visitor:
    visitor.page.get_by_text("Seal with a passphrase").click()
    visitor.page.get_by_label("Passphrase (optional)").fill(passphrase)
    return visitor


def test_a_tap_on_every_channel_and_socket_sees_no_plain_text(tapped: Tapped, garden: str) -> None:
    secret, words = "correct horse", "meet me at the old mill"
    ada, ben = (seals(tapped(), secret).join(garden) for _ in range(2))
    everybody_sees_the_others([ada, ben])
    for one in (ada, ben):
        expect(one.page.get_by_text("Sealed with a passphrase")).to_be_visible()
        expect(one.page.get_by_role("img", name="Sealed with the passphrase")).to_be_visible()
    everybody_talks([ada, ben], words)
    wire = tap(ada) + tap(ben)
    assert '"sealed"' in wire
    for plain in (words, "old mill", secret):
        assert plain not in wire


def test_a_tap_sees_neither_a_file_nor_its_name(tapped: Tapped, garden: str) -> None:
    ada, ben = (seals(tapped(), "correct horse").join(garden) for _ in range(2))
    everybody_sees_the_others([ada, ben])
    content = b"the way to the old mill" * 50
    ada.page.locator("input[type=file]").set_input_files(
        {"name": "mill-map.txt", "mimeType": "text/plain", "buffer": content}
    )
    expect(ben.page.get_by_text("mill-map.txt").first).to_be_visible()
    ben.button("Accept mill-map.txt").click()
    expect(ben.page.get_by_text("verified").first).to_be_visible(timeout=30_000)
    wire = tap(ada) + tap(ben)
    for plain in ("mill-map", "the old mill"):
        assert plain not in wire


def test_the_tap_itself_works(tapped: Tapped, garden: str) -> None:
    ada, ben = (tapped().join(garden) for _ in range(2))
    everybody_sees_the_others([ada, ben])
    everybody_talks([ada, ben], "nothing to hide")
    assert "nothing to hide" in tap(ada)


def test_a_wrong_passphrase_is_said_on_both_sides_and_another_can_be_typed(
    visit: Visit, garden: str
) -> None:
    ada, ben = seals(visit(), "correct horse").join(garden), seals(visit(), "wrong horse")
    ben.join(garden)
    for one in (ada, ben):
        one.is_told("another passphrase than you")
    ben.say("can you read this?")
    ben.is_told("Nobody here has the same passphrase")
    expect(ada.messages.get_by_text("can you read this?")).to_have_count(0)
    ben.button("Type another passphrase").click()
    dialog = ben.page.get_by_role("dialog", name="Passphrase of this room")
    dialog.get_by_label("Passphrase").fill("correct horse")
    dialog.get_by_label("Passphrase").press("Enter")
    expect(ben.status).to_have_text("Connected")
    everybody_sees_the_others([ada, ben])
    everybody_talks([ada, ben], "understood")
    for one in (ada, ben):
        expect(one.page.get_by_text("another passphrase")).to_have_count(0)


def test_one_with_and_one_without_a_passphrase_are_told_and_nothing_goes_unsealed(
    tapped: Tapped, garden: str
) -> None:
    ada, ben = seals(tapped(), "correct horse").join(garden), tapped().join(garden)
    ada.is_told("has no passphrase")
    ben.is_told("has a passphrase and you have none")
    for one in (ada, ben):
        one.say("for your eyes only")
        one.is_told("Nobody here has the same passphrase")
        assert "for your eyes only" not in tap(one)


def test_a_reload_asks_for_the_passphrase_which_is_kept_nowhere(visit: Visit, garden: str) -> None:
    ada, ben = (seals(visit(), "correct horse").join(garden) for _ in range(2))
    everybody_sees_the_others([ada, ben])
    before = ben.own_id
    ben.page.reload()
    ben.is_told("Type its passphrase")
    field = ben.page.get_by_label("Passphrase (optional)")
    expect(field).to_be_focused()
    expect(field).to_have_value("")
    kept = ben.page.evaluate(
        "JSON.stringify([{...sessionStorage}, {...localStorage}, history.state])"
    )
    assert "horse" not in kept
    assert "horse" not in ben.page.url
    field.fill("correct horse")
    field.press("Enter")
    expect(ben.status).to_have_text("Connected")
    assert ben.own_id == before
    everybody_sees_the_others([ada, ben])
    everybody_talks([ada, ben], "back again")


def test_a_link_carries_the_passphrase_only_when_asked_to_and_not_in_the_address(
    visit: Visit, shared_desk: Desk
) -> None:
    ada = visit()
    ada.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ada.page.get_by_text("Seal with a passphrase").click()
    ada.button("Make one up").click()
    made = ada.page.get_by_label("Passphrase (optional)").input_value()
    assert len(made) == 19
    ada.button("New room").click()
    expect(ada.status).to_have_text("Connected")
    assert made not in ada.page.url
    ada.button("Copy link with passphrase").click()
    ada.page.get_by_text("Whoever gets to see this link").wait_for()
    link = ada.page.evaluate("navigator.clipboard.readText()")
    assert link == f"{ada.page.url}&passphrase={made}"
    ben = visit(fragment=link.removeprefix(shared_desk.url))
    assert ben.page.url == ada.page.url
    ben.button("Join").click()
    everybody_sees_the_others([ada, ben])
    everybody_talks([ada, ben], "by link")
