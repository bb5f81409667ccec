"""Safety codes: the same for two who are directly connected, others with somebody in between."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, expect

from tests.e2e.conftest import Visit
from tests.e2e.desk import Desk
from tests.e2e.mallory import HostileSignaling
from tests.e2e.visitor import (
    Visitor,
    everybody_sees_the_others,
    everybody_talks,
)

PATIENCE = 30_000
KEEP_CONNECTIONS = """
window.connections = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...options) {
    super(...options);
    window.connections.push(this);
  }

  setRemoteDescription(description) {
    window.signaled ??= description.sdp;
    return super.setRemoteDescription(description);
  }
};
"""
FINGERPRINTS = """
async () => {
  const { certificatesOf } = await import("/certificates.js");
  const { toHex } = await import("/bytes.js");
  const { own, theirs } = await certificatesOf(window.connections.at(-1));
  const told = [...window.signaled.matchAll(/a=fingerprint:sha-256 (.*)\\r/g)];
  return {
    own: toHex(own),
    theirs: toHex(theirs),
    told: told.map(([, value]) => value.replaceAll(":", "").toLowerCase()),
  };
}
"""


@pytest.fixture
def hostile(shared_desk: Desk) -> Iterator[HostileSignaling]:
    """Ask for it before `visit`, so that it is the last to go."""
    signaling = HostileSignaling(shared_desk.url.replace("http", "ws") + "ws")
    yield signaling
    signaling.close()


def verify(visitor: Visitor, other: Visitor) -> Locator:
    """Open the dialog about the other one."""
    visitor.button(f"Verify {other.own_id}").click()
    return visitor.page.get_by_role("dialog", name=f"Safety code with {other.own_id}")


def code(dialog: Locator) -> list[str]:
    items = dialog.get_by_role("list", name="Safety code").get_by_role("listitem")
    expect(items).to_have_count(6, timeout=PATIENCE)
    return [re.sub(r"[^a-z]", "", text) for text in items.all_inner_texts()]


def test_two_see_the_same_code_say_so_and_see_when_it_holds_no_more(
    visit: Visit, garden: str
) -> None:
    ada, ben = visit().join(garden), visit().join(garden)
    everybody_sees_the_others([ada, ben])
    dialogs = [verify(ada, ben), verify(ben, ada)]
    codes = [code(dialog) for dialog in dialogs]
    assert codes[0] == codes[1]
    assert all(codes[0]), "names for those who do not see pictures"
    dialogs[0].get_by_role("button", name="They match").click()
    expect(dialogs[0].get_by_text("You found them to match")).to_be_visible()
    dialogs[0].get_by_role("button", name="Close").click()
    badge = ada.page.get_by_role("img", name="Safety code: found to match")
    expect(badge).to_be_visible()
    ben.page.reload()
    expect(ada.page.get_by_text("connected with new keys")).to_be_visible(timeout=PATIENCE)
    expect(badge).to_have_count(0)


def test_codes_that_differ_are_a_reason_to_hang_up(visit: Visit, garden: str) -> None:
    ada, ben = visit().join(garden), visit().join(garden)
    everybody_sees_the_others([ada, ben])
    dialog = verify(ada, ben)
    code(dialog)
    dialog.get_by_role("button", name="They differ").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Somebody may sit between you")
    dialog.get_by_role("button", name="Compare again").click()
    code(dialog)
    dialog.get_by_role("button", name="They differ").click()
    dialog.get_by_role("button", name="Hang up").click()
    expect(ada.status).to_have_text("Offline")
    expect(dialog).to_have_count(0)


@pytest.mark.parametrize("two_fingerprints", [False, True], ids=["swapped", "second line added"])
def test_with_somebody_in_the_middle_the_codes_differ(
    hostile: HostileSignaling, visit: Visit, garden: str, two_fingerprints: bool
) -> None:
    mallory, ada, ben = _three(visit, hostile)
    hostile.invite(mallory.page, runs=True, two_fingerprints=two_fingerprints)
    ada.join(garden)
    ben.join(garden)
    everybody_sees_the_others([ada, ben])
    everybody_talks([ada, ben], "just between us")
    overheard = mallory.page.evaluate("overheard")
    assert any("just between us" in said for said in overheard), "she really sits there"
    codes = [code(verify(ada, ben)), code(verify(ben, ada))]
    assert codes[0] != codes[1]
    seen = [one.page.evaluate(FINGERPRINTS) for one in (ada, ben)]
    assert seen[0]["theirs"] == seen[1]["theirs"] not in (seen[0]["own"], seen[1]["own"])
    if two_fingerprints:
        assert [len(one["told"]) for one in seen] == [2, 2]
        first = [one["told"][0] for one in seen]
        assert first == [seen[1]["own"], seen[0]["own"]], "the first lines alone would look honest"


def test_somebody_in_the_middle_who_passes_the_code_on_is_noticed_at_once(
    hostile: HostileSignaling, visit: Visit, garden: str
) -> None:
    mallory, ada, ben = _three(visit, hostile)
    hostile.invite(mallory.page, runs=False)
    ada.join(garden)
    ben.join(garden)
    everybody_sees_the_others([ada, ben])
    for one in (ada, ben):
        sign = one.page.get_by_role("img", name="Safety code: somebody may sit between you")
        expect(sign).to_be_visible(timeout=PATIENCE)


def test_with_a_passphrase_somebody_in_the_middle_reads_nothing_and_is_noticed_by_all(
    hostile: HostileSignaling, visit: Visit, garden: str
) -> None:
    mallory, ada, ben = _three(visit, hostile)
    hostile.invite(mallory.page, runs=True)
    for one in (ada, ben):
        one.page.get_by_text("Seal with a passphrase").click()
        one.page.get_by_label("Passphrase (optional)").fill("correct horse")
        one.join(garden)
    everybody_sees_the_others([ada, ben])
    for one in (ada, ben):
        expect(
            one.page.get_by_role("alert").filter(has_text="Somebody sits between")
        ).to_be_visible(timeout=PATIENCE)
        one.say("is anybody listening?")
        one.is_told("Nobody here has the same passphrase")
    overheard = [json.loads(said)["type"] for said in mallory.page.evaluate("overheard")]
    assert set(overheard) == {"seal", "sealed"}, "salts and checks, and nothing more"


def _three(visit: Visit, hostile: HostileSignaling) -> list[Visitor]:
    victims = [visit(websocket=hostile.url_for(name)) for name in ("ada", "ben")]
    for one in victims:
        one.page.context.add_init_script(KEEP_CONNECTIONS)
        one.page.reload()
    return [visit(), *victims]
