"""A spare connection in Chromium finds candidates, however soon an offer comes."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.e2e.desk import Desk

# The first two connections of a page: one that offers, and one that was made so many milliseconds
# before the offer came.
ANSWER = """async (delay) => {
  const paths = ["/spare.js", "/webrtc.js", "/clock.js"];
  const modules = await Promise.all(paths.map((path) => import(path)));
  const [{ Spare }, { Peer }, { systemClock }] = modules;
  const spare = new Spare(undefined, systemClock);
  const configuration = { iceServers: [] };
  let tell;
  const answerer = new Promise((resolve) => (tell = resolve));
  let called;
  const send = async (said) => {
    if (!called) {
      spare.prepare(configuration);
      if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
      const connection = spare.takeSettled(configuration);
      const back = (answer) => caller.receive(answer);
      called = new Peer({ polite: false, session: "1-a", connection, configuration, send: back });
      tell(called);
    }
    called.receive(said);
  };
  const caller = new Peer({ polite: true, session: "1-a", configuration, send });
  caller.start();
  const peers = [caller, await answerer];
  return new Promise((resolve) => {
    for (const peer of peers) {
      peer.on("stranded", () => resolve("stranded"));
      peer.on("state", (state) => state === "connected" && resolve(state));
    }
  });
}"""


@pytest.mark.parametrize(("delay", "pages"), [(0, 24), (60, 8)])
def test_whoever_answers_finds_candidates_however_soon_the_offer_comes(
    browser: Browser, shared_desk: Desk, delay: int, pages: int
) -> None:
    for _ in range(pages):  # without the rule in spare.js, one in some ten finds none
        context = browser.new_context()
        page = context.new_page()
        page.goto(shared_desk.url)
        assert page.evaluate(ANSWER, delay) == "connected"
        context.close()
