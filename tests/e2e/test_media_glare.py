"""Both sides turn their cameras on at the same moment: fifty pairs, in one page."""

from __future__ import annotations

from typing import Any

from tests.e2e.conftest import Visit

PAIRS = 50

# Ten pairs at a time. A glare is seen when both ends have made an offer and neither an answer.
FIFTY_PAIRS = """
async (count) => {
  const { Peer } = await import("/webrtc.js");
  const { Exchange } = await import("/exchange.js");
  const small = { width: { max: 160 }, height: { max: 120 } };
  const camera = await navigator.mediaDevices.getUserMedia({ video: small });
  const microphone = await navigator.mediaDevices.getUserMedia({ audio: true });
  const offering = {
    tracks: new Map([["camera", camera.getTracks()[0]], ["microphone", microphone.getTracks()[0]]]),
    muted: new Set(), arrived: 1, receivers: 1,
  };

  const until = async (what, holds) => {
    const end = performance.now() + 60_000;
    while (!(await holds())) {
      if (performance.now() > end) throw new Error(`never ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const framesOf = async ({ connection }) => {
    const reports = [...(await connection.getStats()).values()];
    return reports.find(({ type, kind }) => type === "inbound-rtp" && kind === "video")
      ?.framesDecoded ?? 0;
  };

  const pair = async (index) => {
    const ends = [];
    const send = (from) => (message) => void setTimeout(() => ends[1 - from].receive(message), 5);
    for (const from of [0, 1]) {
      const polite = (index + from) % 2 === 0;
      ends.push(new Peer({ polite, session: "1-a", send: send(from) }));
    }
    let glare = false;
    const offered = ({ connection }) => connection.signalingState === "have-local-offer";
    for (const { connection } of ends) {
      connection.addEventListener("signalingstatechange", () => (glare ||= ends.every(offered)));
    }
    const exchanges = ends.map((end) => new Exchange(end, () => {}));
    for (const [from, end] of ends.entries()) {
      end.on("envelope", (envelope) => exchanges[from].hear(envelope));
    }
    ends[0].start();
    await until(`connected, ${index}`, () => ends.every(({ state }) => state === "connected"));
    for (const exchange of exchanges) exchange.offer(offering);
    await until(`agreed, ${index}`, () => exchanges.every(({ incoming }) => incoming.size === 2));
    const decoded = async (end) => (await framesOf(end)) > 0;
    for (const end of ends) await until(`decoded, ${index}`, () => decoded(end));
    const states = ends.map(({ state }) => state);
    for (const end of ends) end.close();
    return { glare, states };
  };

  const results = [];
  for (let done = 0; done < count; done += 10) {
    const ten = Array.from({ length: 10 }, (_, index) => pair(done + index));
    results.push(...(await Promise.all(ten)));
  }
  for (const track of offering.tracks.values()) track.stop();
  return results;
}
"""


def test_both_sides_start_at_once_and_always_see_each_other(visit: Visit) -> None:
    results: list[dict[str, Any]] = visit().page.evaluate(FIFTY_PAIRS, PAIRS)
    assert [result["states"] for result in results] == [["connected", "connected"]] * PAIRS
    assert sum(result["glare"] for result in results) > PAIRS / 2, "there was hardly any glare"
