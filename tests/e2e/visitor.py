"""Somebody in front of a browser, who finds things by role and name as a screen reader would."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from playwright.sync_api import ConsoleMessage, Error, Locator, Page, Route, expect

_PATIENCE = 30_000  # milliseconds: reconnecting takes up to 15 s between two tries

# What each connection of the page went through, for whoever wonders why it never came about.
DIARY = """
window.diary = [];
const Native = window.RTCPeerConnection;
window.RTCPeerConnection = class extends Native {
  constructor(...args) {
    super(...args);
    const lines = [`${Math.round(performance.now())} made, ${args[0]?.iceTransportPolicy}`];
    const note = (what) => lines.push(`${Math.round(performance.now())} ${what}`);
    this.addEventListener("icecandidate", ({ candidate }) => note(`found ${candidate?.candidate}`));
    for (const state of ["iceGathering", "iceConnection", "connection", "signaling"]) {
      const event = `${state.toLowerCase()}statechange`;
      this.addEventListener(event, () => note(`${state} ${this[`${state}State`]}`));
    }
    window.diary.push({ lines, connection: this });
  }
};
window.tellDiary = () => window.diary.map(({ lines, connection }) => {
  const known = (sdp = "") => (sdp.match(/a=candidate:.*/g) ?? []).join(" | ");
  const { localDescription: ours, remoteDescription: theirs } = connection;
  return [...lines, `ours: ${known(ours?.sdp)}`, `theirs: ${known(theirs?.sdp)}`].join("\\n  ");
}).join("\\n");
"""


class Visitor:
    """One page in a browser context of its own."""

    def __init__(self, page: Page, url: str, config: Mapping[str, object]) -> None:
        """With `config` in place of what the desk says in its config.json."""
        self.page = page
        self.url = url
        self.complaints: list[str] = []
        self.server_may_be_away = False
        self.sockets: list[str] = []
        page.add_init_script(DIARY)
        page.on("websocket", lambda socket: self.sockets.append(socket.url))
        if config:
            page.route("**/config.json", lambda route: self._configure(route, config))
        page.on("console", self._overhear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _overhear(self, message: ConsoleMessage) -> None:
        words = ("net::ERR_CONNECTION", "Error during WebSocket handshake")
        refused = self.server_may_be_away and any(said in message.text for said in words)
        if message.type == "error" and not refused:
            self.complaints.append(message.text)

    @staticmethod
    def _configure(route: Route, config: Mapping[str, object]) -> None:
        route.fulfill(json={**route.fetch().json(), **config})

    @property
    def diary(self) -> str:
        """What each connection of the page went through."""
        return str(self.page.evaluate("window.tellDiary()"))

    # ---- what there is on the page

    @property
    def room(self) -> Locator:
        return self.page.get_by_role("textbox", name="Room", exact=True)

    @property
    def name(self) -> Locator:
        return self.page.get_by_role("textbox", name="Your name", exact=True)

    @property
    def message(self) -> Locator:
        return self.page.get_by_role("textbox", name="Message", exact=True)

    @property
    def messages(self) -> Locator:
        return self.page.get_by_role("log", name="Messages")

    @property
    def peers(self) -> Locator:
        return self.page.get_by_role("list", name="Peers").get_by_role("listitem")

    @property
    def status(self) -> Locator:
        return self.page.get_by_role("status")

    def notes_its_status(self) -> None:
        """From now on, whatever else the status says."""
        self.status.evaluate(
            """(status) => {
              window.statuses = [];
              const note = () => window.statuses.push(status.textContent);
              new MutationObserver(note).observe(status, { subtree: true, childList: true,
                characterData: true });
            }"""
        )

    @property
    def noted_status(self) -> list[str]:
        noted: list[str] = self.page.evaluate("window.statuses")
        return [text for text in noted if text != "Connected"]

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    @property
    def own_id(self) -> str:
        said = self.page.get_by_text("You are ").filter(has=self.page.locator("strong"))
        return said.locator("strong").inner_text()

    def on_frame(self, kind: str, hear: Callable[[dict[str, Any]], None]) -> None:
        """Overhear what the server says to sockets that are opened from now on."""

        def listen(text: str | bytes) -> None:
            frame = json.loads(text)
            if frame.get("type") == kind:
                hear(frame)

        self.page.on("websocket", lambda socket: socket.on("framereceived", listen))

    # ---- what people do

    def open(self, fragment: str = "") -> Visitor:
        self.page.goto(self.url + fragment)
        return self

    def join(self, room: str) -> Visitor:
        self.room.fill(room)
        self.button("Join").click()
        expect(self.status).to_have_text("Connected")
        return self

    def say(self, text: str) -> None:
        self.message.fill(text)
        self.button("Send").click()

    # ---- what they see

    def sees(self, *others: Visitor) -> None:
        """Exactly these, each once, each connected."""
        try:
            self._sees(*others)
        except (AssertionError, Error) as error:
            error.add_note("\n---\n".join(one.diary for one in (self, *others)))
            raise

    def _sees(self, *others: Visitor) -> None:
        ids = sorted(other.own_id for other in others)
        expect(self.peers).to_have_count(len(ids), timeout=_PATIENCE)
        for client_id in ids:
            item = self.page.locator(f'li[data-client-id="{client_id}"]')
            expect(item).to_contain_text("Connected", timeout=_PATIENCE)
        assert sorted(self.listed_ids()) == ids

    def listed_ids(self) -> list[str]:
        return [item.get_attribute("data-client-id") or "" for item in self.peers.all()]

    def reads(self, *texts: str) -> None:
        for text in texts:
            expect(self.messages.get_by_text(text, exact=True)).to_have_count(1, timeout=_PATIENCE)

    def is_told(self, sentence: str) -> None:
        expect(self.page.get_by_role("alert").filter(has_text=sentence)).to_be_visible()


def everybody_sees_the_others(visitors: Iterable[Visitor]) -> None:
    everybody = list(visitors)
    for one in everybody:
        one.sees(*(other for other in everybody if other is not one))


def everybody_talks(visitors: Iterable[Visitor], about: str) -> None:
    """Each says something that all read, the speaker too, once."""
    everybody = list(visitors)
    said = [f"{about}, says {number}" for number, _ in enumerate(everybody)]
    for one, text in zip(everybody, said, strict=True):
        one.say(text)
    for one in everybody:
        one.reads(*said)
