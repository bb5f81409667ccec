"""`webrtc.js` alone, in the real thing: two ends in one page, and a wicked road between them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.conftest import Visit

# A road that delays, reorders, doubles and loses; what is lost is said again with `repeat`.
TWO_ENDS = """
async ({ seed, losses }) => {
  const { Peer } = await import("/webrtc.js");
  let state = seed;
  const chance = () => (state = (state * 48271) % 2147483647) / 2147483647;
  const made = [];
  const RTCPeerConnection = class extends window.RTCPeerConnection {
    constructor(...options) {
      super(...options);
      made.push(this);
    }
  };
  const ends = [];
  const road = (from) => (message) => {
    const copies = chance() < losses ? 0 : chance() < 0.3 ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      setTimeout(() => ends[1 - from].receive(structuredClone(message)), chance() * 120);
    }
  };
  for (const [index, polite] of [true, false].entries()) {
    ends.push(new Peer({ polite, session: "1-a", send: road(index), RTCPeerConnection }));
  }
  const until = async (what, holds) => {
    const end = performance.now() + 15_000;
    while (!holds()) {
      if (performance.now() > end) {
        const seen = made.map((end) => `${end.signalingState}/${end.connectionState}`);
        throw new Error(`never ${what}: ${seen}, ${ends.map((end) => end.state)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  const repeating = setInterval(() => ends.forEach((end) => end.repeat()), 300);
  const connected = () => ends.every((end) => end.state === "connected");
  const agreed = () => made.every((end) =>
    end.signalingState === "stable" &&
    end.getTransceivers().length > 0 &&
    end.getTransceivers().every((transceiver) => transceiver.currentDirection));
  const heard = [];
  ends[1].on("envelope", (envelope) => heard.push(envelope.text));
  const talk = async (text) => {
    ends[0].send({ type: "chat", text });
    await until(`heard ${text}`, () => heard.includes(text));
  };
"""

CONNECT = """
  ends[0].start();
  await until("connected", connected);
  await talk("hello");
"""

THE_END = """
  clearInterval(repeating);
  ends.forEach((end) => end.close());
  return { heard };
}
"""

GLARE = """
  for (let round = 0; round < 20; round += 1) {
    made.forEach((end) => end.addTransceiver("audio"));
    await until(`agreed, round ${round}`, agreed);
  }
  await talk("after glare");
"""

RESTART = """
  const before = made.map((end) => end.localDescription.sdp.match(/ice-ufrag:(.*)/)[1]);
  made.forEach((end) => end.restartIce());
  const renewed = () => made.every((end, index) =>
    end.signalingState === "stable" &&
    !end.localDescription.sdp.includes(`ice-ufrag:${before[index]}`));
  await until("restarted", () => renewed() && connected());
  await talk("after restart");
"""


def run(visit: Visit, script: str, seed: int, losses: float = 0.0) -> dict[str, Any]:
    page = visit().page
    result: dict[str, Any] = page.evaluate(
        TWO_ENDS + script + THE_END, {"seed": seed, "losses": losses}
    )
    return result


def test_two_ends_connect_and_talk(visit: Visit) -> None:
    assert run(visit, CONNECT, seed=1)["heard"] == ["hello"]


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_messages_delayed_reordered_doubled_and_lost_do_no_harm(visit: Visit, seed: int) -> None:
    assert run(visit, CONNECT, seed, losses=0.5)["heard"] == ["hello"]


@pytest.mark.parametrize("seed", [5, 6])
def test_glare_always_ends_connected(visit: Visit, seed: int) -> None:
    assert run(visit, CONNECT + GLARE, seed)["heard"] == ["hello", "after glare"]


def test_both_restart_ice_at_once(visit: Visit) -> None:
    assert run(visit, CONNECT + RESTART, seed=7)["heard"] == ["hello", "after restart"]
