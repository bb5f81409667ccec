"""Somebody with a camera and a microphone: what they press, and what really arrives."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator, expect

from tests.e2e.conftest import Visit
from tests.e2e.visitor import Visitor

PATIENCE = 30_000  # milliseconds

# Keeps every connection that the page makes, to ask what comes through it.
WATCHED = """
window.connections = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...options) {
    super(...options);
    window.connections.push(this);
  }
};
window.inbound = async () => {
  const sums = { frames: 0, samples: 0 };
  for (const connection of window.connections.filter((one) => one.connectionState !== "closed")) {
    for (const report of (await connection.getStats()).values()) {
      if (report.type !== "inbound-rtp") continue;
      sums.frames += report.framesDecoded ?? 0;
      sums.samples += report.totalSamplesReceived ?? 0;
    }
  }
  return sums;
};
window.framesWithin = async (milliseconds) => {
  const before = await window.inbound();
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  return (await window.inbound()).frames - before.frames;
};
"""

# Keeps what was captured, to see whether it was let go. Small pictures: encoding them is work.
CAPTURED = """
window.captured = [];
window.refusals = {};
for (const name of ["getUserMedia", "getDisplayMedia"]) {
  const ask = navigator.mediaDevices[name].bind(navigator.mediaDevices);
  navigator.mediaDevices[name] = async (wishes) => {
    const refusal = window.refusals[name];
    if (refusal) throw new DOMException("as the test wants it", refusal);
    const video = wishes.video && { ...wishes.video, width: { max: 320 }, height: { max: 240 } };
    const stream = await ask({ ...wishes, video: video ?? false });
    window.captured.push(...stream.getTracks());
    return stream;
  };
}
"""


class Caller:
    """A visitor in a call."""

    def __init__(self, visitor: Visitor, *scripts: str) -> None:
        self.visitor = visitor
        self.page = visitor.page
        for script in (WATCHED, CAPTURED, *scripts):
            self.page.add_init_script(script)
        visitor.open()

    def join(self, room: str) -> Caller:
        self.visitor.join(room)
        return self

    def button(self, name: str) -> Locator:
        toolbar = self.page.get_by_role("toolbar", name="Call")
        return toolbar.get_by_role("button", name=name, exact=True)

    def turns_on(self, *names: str) -> None:
        for name in names:
            self.button(name).click()
            expect(self.button(name)).to_have_attribute("aria-pressed", "true", timeout=PATIENCE)

    def turns_off(self, *names: str) -> None:
        for name in names:
            self.button(name).click()
            expect(self.button(name)).to_have_attribute("aria-pressed", "false", timeout=PATIENCE)

    def tile(self, of: Caller | None = None, kind: str = "person") -> Locator:
        client_id = (of or self).visitor.own_id
        return self.page.locator(f'.tile[data-kind="{kind}"][data-client-id="{client_id}"]')

    def inbound(self, what: str = "frames") -> int:
        return int(self.page.evaluate("window.inbound()")[what])

    def receives(self, what: str = "frames", more: int = 5) -> None:
        """More `frames` of video are decoded, or `samples` of sound, than until now."""
        wanted = self.inbound(what) + more
        self.waits_for(f"(await inbound()).{what} >= {wanted}")

    def waits_for(self, condition: str) -> None:
        """Until it holds. It may `await`: Playwright's own wait takes any promise as a yes."""
        self.page.evaluate(
            f"""async ([what, patience]) => {{
              const end = performance.now() + patience;
              while (!({condition})) {{
                if (performance.now() > end) throw new Error(`never: ${{what}}`);
                await new Promise((resolve) => setTimeout(resolve, 100));
              }}
            }}""",
            [condition, PATIENCE],
        )

    def captured(self, kind: str) -> list[str]:
        """The states of all tracks of a kind that were ever captured, the oldest first."""
        found: list[str] = self.page.evaluate(
            "(kind) => captured.filter((one) => one.kind === kind).map((one) => one.readyState)",
            kind,
        )
        return found

    def evaluate(self, script: str) -> Any:
        return self.page.evaluate(script)

    def is_toasted(self, sentence: str) -> None:
        expect(self.page.locator(".toast").filter(has_text=sentence)).to_be_visible()


def callers(visit: Visit, room: str, count: int = 2) -> list[Caller]:
    """So many in a room, all connected, nothing on."""
    everybody = [Caller(visit()).join(room) for _ in range(count)]
    for one in everybody:
        one.visitor.sees(*(other.visitor for other in everybody if other is not one))
    return everybody
