"""Through a TURN server: with the service's credentials, and with no others."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from chalicelib.ice import credential
from tests.e2e.caller import WATCHED
from tests.e2e.conftest import Visit
from tests.e2e.desk import Desk
from tests.e2e.visitor import Visitor, everybody_sees_the_others, everybody_talks
from tests.parts import eventually
from tests.turn.coturn import SECRET, Coturn

PATIENCE = 60_000  # milliseconds

# The types of the two candidates that a page's newest connection uses, such as "relay relay".
PATH = """async () => {
  const report = await window.connections.at(-1).getStats();
  const transport = [...report.values()].find(({ type }) => type === "transport");
  const pair = report.get(transport?.selectedCandidatePairId);
  const ends = [pair?.localCandidateId, pair?.remoteCandidateId];
  return ends.map((id) => report.get(id)?.candidateType).join(" ");
}"""

# Two connections of one page that may only relay: whether they find each other, and why not.
ATTEMPT = """async (server) => {
  const configuration = { iceServers: [server], iceTransportPolicy: "relay" };
  const pair = [new RTCPeerConnection(configuration), new RTCPeerConnection(configuration)];
  const [one, other] = pair;
  const found = { candidates: 0, errors: [], connected: false };
  const gathered = Promise.all(pair.map((each) => new Promise((resolve) => {
    each.onicegatheringstatechange = () => each.iceGatheringState === "complete" && resolve();
  })));
  for (const [from, to] of [[one, other], [other, one]]) {
    from.onicecandidateerror = ({ errorCode }) => found.errors.push(errorCode);
    from.onicecandidate = ({ candidate }) => {
      if (!candidate?.candidate) return;
      found.candidates += 1;
      void to.addIceCandidate(candidate);
    };
  }
  const connected = new Promise((resolve) => {
    one.onconnectionstatechange = () => one.connectionState === "connected" && resolve();
  });
  one.createDataChannel("attempt");
  await one.setLocalDescription();
  await other.setRemoteDescription(one.localDescription);
  await other.setLocalDescription();
  await one.setRemoteDescription(other.localDescription);
  await gathered;
  if (found.candidates > 0) await connected;
  found.connected = one.connectionState === "connected";
  for (const each of pair) each.close();
  return found;
}"""


def relays_only(visitor: Visitor) -> Visitor:
    visitor.page.get_by_role("checkbox", name="Hide my address").check()
    return visitor


def watched(visitor: Visitor) -> Visitor:
    visitor.page.add_init_script(WATCHED)
    return visitor.open()


def takes(visitor: Visitor, path: str) -> None:
    """Its newest connection goes that way, at last."""
    eventually(lambda: re.fullmatch(path, str(visitor.page.evaluate(PATH))), PATIENCE / 1000)


def granted(visit: Visit, desk: Desk, room: str) -> tuple[Page, dict[str, Any]]:
    """A page, and the TURN server that the service has told it."""
    told: list[dict[str, Any]] = []
    visitor = visit(desk)
    visitor.on_frame("joined", lambda frame: told.append(frame["iceServers"][-1]))
    visitor.join(room)
    return visitor.page, told[0]


# -- with the service's credentials --------------------------------------------------------------


def test_two_pages_that_hide_their_address_meet_through_the_relay(
    relayed_desk: Desk, visit: Visit, garden: str
) -> None:
    pair = [relays_only(watched(visit(relayed_desk))).join(garden) for _ in range(2)]
    everybody_sees_the_others(pair)
    everybody_talks(pair, "through the relay")
    for one in pair:
        takes(one, "relay relay")
        told = one.page.evaluate("connections.at(-1).localDescription.sdp")
        candidates = [line for line in told.splitlines() if line.startswith("a=candidate")]
        assert candidates
        assert all(" typ relay raddr 0.0.0.0 " in line for line in candidates)


def test_a_long_call_gets_new_credentials_and_goes_on(
    relayed_desk: Desk, visit: Visit, garden: str
) -> None:
    pair = [relays_only(watched(visit(relayed_desk))).join(garden) for _ in range(2)]
    everybody_sees_the_others(pair)
    credentials = "() => connections.at(-1).getConfiguration().iceServers.at(-1).credential"
    fragment = "() => /ice-ufrag:(.+)/.exec(connections.at(-1).localDescription.sdp)[1]"
    before = [(one.page.evaluate(credentials), one.page.evaluate(fragment)) for one in pair]
    made = [one.page.evaluate("connections.length") for one in pair]
    for one, (proof, ufrag) in zip(pair, before, strict=True):
        one.page.wait_for_function(f"before => ({credentials})() !== before", arg=proof)
        one.page.wait_for_function(f"before => ({fragment})() !== before", arg=ufrag)
    everybody_talks(pair, "with other credentials")
    for one in pair:
        takes(one, "relay relay")
    assert [one.page.evaluate("connections.length") for one in pair] == made, "the same ones"


def test_an_address_can_be_hidden_and_shown_in_the_middle_of_a_call(
    relayed_desk: Desk, visit: Visit, garden: str
) -> None:
    ada, ben = (watched(visit(relayed_desk)).join(garden) for _ in range(2))
    everybody_sees_the_others([ada, ben])
    takes(ada, "(host|prflx) (host|prflx)")
    relays_only(ada)
    takes(ada, "relay (host|srflx|relay)")
    everybody_sees_the_others([ada, ben])
    everybody_talks([ada, ben], "hidden")
    ada.page.get_by_role("checkbox", name="Hide my address").uncheck()
    takes(ada, "(host|prflx) (host|prflx)")
    everybody_talks([ada, ben], "shown")


def test_the_choice_is_remembered(relayed_desk: Desk, visit: Visit) -> None:
    ada = relays_only(visit(relayed_desk))
    ada.page.reload()
    expect(ada.page.get_by_role("checkbox", name="Hide my address")).to_be_checked()


def test_without_a_relay_nobody_is_reached_and_that_is_said(visit: Visit, garden: str) -> None:
    ada, ben = relays_only(visit()).join(garden), visit().join(garden)
    told = ada.page.locator(".toast").filter(has_text="This server has no relay")
    told.get_by_role("button", name="Show my address").click()
    everybody_sees_the_others([ada, ben])
    ben.page.get_by_text("Hide my address", exact=True).click()
    expect(ben.page.locator(".toast").filter(has_text="This server has no relay")).to_be_visible()
    expect(ben.page.get_by_role("checkbox", name="Hide my address")).not_to_be_checked()
    everybody_talks([ada, ben], "all the same")


# -- with others ---------------------------------------------------------------------------------


def test_the_services_credentials_are_taken_until_they_expire(
    relay: Coturn, relayed_desk: Desk, visit: Visit, garden: str
) -> None:
    page, server = granted(visit, relayed_desk, garden)
    fresh = page.evaluate(ATTEMPT, server)
    assert fresh["connected"] is True

    def expired() -> bool:
        with relay.client(server["username"], server["credential"]) as client:
            return client.allocate() == 401

    eventually(expired)
    late = page.evaluate(ATTEMPT, server)
    assert (late["connected"], late["candidates"]) == (False, 0)
    assert 401 in late["errors"]


@pytest.mark.parametrize("wrong", ["credential", "member"])
def test_wrong_credentials_are_not_taken(
    relayed_desk: Desk, visit: Visit, garden: str, wrong: str
) -> None:
    page, server = granted(visit, relayed_desk, garden)
    if wrong == "credential":
        server["credential"] = server["credential"][::-1]
    else:
        server["username"] += "x"
    tried = page.evaluate(ATTEMPT, server)
    assert (tried["connected"], tried["candidates"]) == (False, 0)
    assert 401 in tried["errors"]


# -- with other credentials, and with no way out ---------------------------------------------------


def lasting(seconds: int, secret: str) -> dict[str, str]:
    """Credentials as the service makes them."""
    username = f"{int(time.time()) + seconds}:k3J9aQ"
    return {"username": username, "credential": credential(secret, username)}


def given(visitor: Visitor, server: dict[str, Any]) -> Visitor:
    """Who is told of this TURN server instead of the service's."""

    def answer(page: WebSocketRoute, text: str | bytes) -> None:
        frame = json.loads(text)
        if frame["type"] == "joined":
            frame["iceServers"] = [server]
        page.send(json.dumps(frame))

    def attend(page: WebSocketRoute) -> None:
        page.connect_to_server().on_message(lambda text: answer(page, text))

    visitor.page.route_web_socket("**/ws", attend)
    return visitor


@pytest.mark.parametrize(
    ("seconds", "secret"), [(600, "another secret"), (-60, SECRET)], ids=["wrong", "expired"]
)
def test_two_pages_with_credentials_that_do_not_hold_are_told_and_do_not_connect(
    relay: Coturn, visit: Visit, garden: str, seconds: int, secret: str
) -> None:
    server = {"urls": [relay.url], **lasting(seconds, secret)}
    pair = [relays_only(watched(given(visit(), server))).join(garden) for _ in range(2)]
    for one in pair:
        told = one.page.locator(".toast").filter(has_text="The relay does not answer, or does not")
        expect(told).to_have_count(1, timeout=PATIENCE)
        found = "connections.map((each) => each.localDescription?.sdp ?? '').join()"
        assert "a=candidate" not in one.page.evaluate(found)
        expect(one.peers).to_have_count(0)
        told.get_by_role("button", name="Show my address").click()
    everybody_sees_the_others(pair)


def test_the_same_pages_connect_with_credentials_that_hold(
    relay: Coturn, visit: Visit, garden: str
) -> None:
    server = {"urls": [relay.url], **lasting(600, SECRET)}
    pair = [relays_only(watched(given(visit(), server))).join(garden) for _ in range(2)]
    everybody_sees_the_others(pair)
    for one in pair:
        takes(one, "relay relay")


# A browser that looks for candidates and finds none.
DEAF = """
const Network = window.RTCPeerConnection;
const deaf = (wanted) => ({ ...wanted, iceServers: [], iceTransportPolicy: "relay" });
window.RTCPeerConnection = class extends Network {
  constructor(wanted) {
    super(deaf(wanted));
  }

  setConfiguration(wanted) {
    super.setConfiguration(deaf(wanted));
  }
};
"""


def test_a_browser_without_a_network_says_so(visit: Visit, garden: str) -> None:
    ada, ben = visit(), visit().join(garden)
    ada.page.add_init_script(DEAF)
    ada.open().join(garden)
    told = ada.page.locator(".toast").filter(has_text="found no network to call through")
    expect(told).to_have_count(1, timeout=PATIENCE)
    expect(told.get_by_role("button", name="Reload")).to_be_visible()
    expect(ben.page.locator(".toast")).to_have_count(0)
