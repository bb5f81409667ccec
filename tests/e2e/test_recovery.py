"""The path of a call is cut for good, and ICE finds another one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.e2e.caller import Caller
from tests.e2e.conftest import Visit
from tests.e2e.relay import Relay

# Whatever the other side says where it can be reached, this side reaches through the relay: so each
# packet of the call, both ways, crosses a socket of the test's.
BY_RELAY = """
const relayed = async (line) => {
  const parts = line.split(" ");
  if (parts[2].toLowerCase() !== "udp" || parts[4].includes(":")) return null;
  parts[5] = String(await window.relayTo(parts[4], Number(parts[5])));
  parts[4] = "127.0.0.1";
  return parts.join(" ");
};
const add = RTCPeerConnection.prototype.addIceCandidate;
RTCPeerConnection.prototype.addIceCandidate = async function (candidate) {
  const line = candidate?.candidate && (await relayed(candidate.candidate));
  if (line) return add.call(this, { ...candidate, candidate: line });
};
const describe = RTCPeerConnection.prototype.setRemoteDescription;
RTCPeerConnection.prototype.setRemoteDescription = async function ({ type, sdp }) {
  const lines = await Promise.all(sdp.split("\\r\\n").map(async (line) => {
    if (!line.startsWith("a=candidate:")) return line;
    const other = await relayed(line.slice(2));
    return other && `a=${other}`;
  }));
  return describe.call(this, { type, sdp: lines.filter((line) => line !== null).join("\\r\\n") });
};
window.restarts = 0;
const restart = RTCPeerConnection.prototype.restartIce;
RTCPeerConnection.prototype.restartIce = function () {
  window.restarts += 1;
  return restart.call(this);
};
window.path = async () => {
  const connection = window.connections.at(-1);
  const stats = [...(await connection.getStats()).values()];
  const pair = stats.find(({ type, nominated, state }) =>
    type === "candidate-pair" && nominated && state === "succeeded");
  return { remote: stats.find(({ id }) => id === pair?.remoteCandidateId)?.port,
    ufrag: connection.localDescription.sdp.match(/ice-ufrag:(.*)/)[1],
    connections: window.connections.length };
};
"""


@pytest.fixture
def relay() -> Iterator[Relay]:
    relay = Relay()
    yield relay
    relay.close()


def test_a_call_whose_network_is_cut_recovers_by_an_ice_restart(
    visit: Visit, garden: str, relay: Relay
) -> None:
    ada, ben = (Caller(visit(), BY_RELAY) for _ in range(2))
    for one in (ada, ben):
        one.page.expose_function("relayTo", relay.door_to)
        one.join(garden)
    ada.turns_on("Camera", "Microphone")
    ben.receives("frames")
    before = [one.evaluate("path()") for one in (ada, ben)]
    open_ports = relay.open_ports
    assert all(path["remote"] in open_ports for path in before), "all goes through the relay"

    relay.cut()
    for one, other in ((ada, ben), (ben, ada)):
        expect(one.tile(other).get_by_text("Reconnecting")).to_be_visible(timeout=60_000)
    for one, other in ((ada, ben), (ben, ada)):
        expect(one.tile(other).get_by_text("Reconnecting")).to_be_hidden(timeout=60_000)
    ben.receives("frames")
    ben.receives("samples")
    ben.visitor.say("here again")
    ada.visitor.reads("here again")

    after = [one.evaluate("path()") for one in (ada, ben)]
    for old, new in zip(before, after, strict=True):
        assert new["connections"] == old["connections"] == 1, "the same connection, mended"
        assert new["ufrag"] != old["ufrag"]
        assert new["remote"] in relay.open_ports - open_ports
    assert sum(one.evaluate("restarts") for one in (ada, ben)) >= 1
