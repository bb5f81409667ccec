"""Somebody in the middle: hostile signaling, and a page that ends both calls and passes all on.

Whoever signals through `HostileSignaling` reaches the real desk, but for the signals to the other
visitor: those go to Mallory's page, which plays each of the two to the other, with certificates and
connections of her own.
"""

from __future__ import annotations

import contextlib
import json
import threading
from typing import Any

from playwright.sync_api import Page
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.sync.server import Server, ServerConnection, serve

# `honest` plays the safety code by the rules, with each of the two; `relays` passes it on.
# `two_fingerprints` leaves the true fingerprint in each description and adds Mallory's behind it.
MALLORY = """
async ({ url, runs, two_fingerprints }) => {
  const { Peer } = await import("/webrtc.js");
  const { SafetyRun } = await import("/safety.js");
  const { certificatesOf, makeCertificate } = await import("/certificates.js");
  const certificate = await makeCertificate();
  window.overheard = [];
  window.legs = {};
  const socket = new WebSocket(url);
  const other = { ada: "ben", ben: "ada" };
  const fingerprints = {};
  const known = {};
  for (const name of ["ada", "ben"]) {
    known[name] = new Promise((tell) => (fingerprints[name] = tell));
  }

  class Leg {
    #sending = Promise.resolve();

    constructor(victim, session) {
      this.victim = victim;
      const seal = {
        state: null,
        on() {},
        open: (write) => (this.write ??= (write)),
        send: (envelope) => (this.write(envelope), true),
        receive: (envelope) => this.heard(envelope),
        close() {},
      };
      const configuration = { certificates: [certificate] };
      const send = (data) => (this.#sending = this.#sending.then(() => this.signal(data)));
      this.peer = new Peer({ polite: true, session, send, configuration, seal });
      this.connected = new Promise((resolve) => {
        this.peer.on("state", (state) => state === "connected" && resolve());
      });
      this.run = runs && this.begin();
    }

    async begin() {
      await this.connected;
      const certificates = await certificatesOf(this.peer.connection);
      const run = new SafetyRun(certificates, (envelope) => this.peer.send(envelope));
      void run.start();
      return run;
    }

    async signal(data) {
      if (data.description && two_fingerprints) {
        const line = await known[other[this.victim]];
        const sdp = data.description.sdp.replace(/(?=a=fingerprint:)/, `${line}\\r\\n`);
        data = { ...data, description: { ...data.description, sdp } };
      }
      socket.send(JSON.stringify({ victim: this.victim, data }));
    }

    async heard(envelope) {
      window.overheard.push(JSON.stringify(envelope));
      if (this.run && envelope.type === "safety") return (await this.run).receive(envelope);
      const next = window.legs[other[this.victim]];
      await next.connected;
      next.peer.send(envelope);
    }
  }

  socket.onmessage = ({ data: text }) => {
    const { victim, data } = JSON.parse(text);
    const line = data.description?.sdp.match(/a=fingerprint:.*(?=\\r)/);
    if (line) fingerprints[victim](line[0]);
    if (!window.legs[victim]) {
      window.legs[victim] = new Leg(victim, data.session);
      window.legs[other[victim]] = new Leg(other[victim], data.session);
      window.legs[other[victim]].peer.start();
    }
    window.legs[victim].peer.receive(data);
  };
  await new Promise((resolve) => (socket.onopen = resolve));
}
"""


class HostileSignaling:
    """Between Ada, Ben and the desk."""

    def __init__(self, desk: str) -> None:
        self._desk = desk
        self._ids: dict[str, str] = {}
        self._rooms: dict[str, str] = {}
        self._victims: dict[str, ServerConnection] = {}
        self._mallory: ServerConnection | None = None
        self._server: Server = serve(self._serve, "localhost", 0)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self._url = f"ws://localhost:{self._server.socket.getsockname()[1]}"

    def url_for(self, victim: str) -> str:
        """What stands in this visitor's config.json: `ada` or `ben`."""
        return f"{self._url}/{victim}"

    def invite(self, page: Page, *, runs: bool, two_fingerprints: bool = False) -> None:
        """Let Mallory's page sit in the middle."""
        how = {
            "url": f"{self._url}/mallory",
            "runs": runs,
            "two_fingerprints": two_fingerprints,
        }
        page.evaluate(MALLORY, how)

    def close(self) -> None:
        self._server.shutdown()

    def _serve(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        name = connection.request.path.strip("/")
        with contextlib.suppress(ConnectionClosed):
            if name == "mallory":
                self._listen_to_mallory(connection)
            else:
                self._attend(name, connection)

    def _listen_to_mallory(self, mallory: ServerConnection) -> None:
        self._mallory = mallory
        for text in mallory:
            said = json.loads(text)
            self._forge(said["victim"], said["data"])

    def _forge(self, victim: str, data: Any) -> None:
        (other,) = self._ids.keys() - {victim}
        frame = {
            "type": "signal",
            "roomId": self._rooms[victim],
            "from": self._ids[other],
            "data": data,
        }
        self._victims[victim].send(json.dumps(frame))

    def _attend(self, victim: str, connection: ServerConnection) -> None:
        self._victims[victim] = connection
        with connect(self._desk) as desk:
            threading.Thread(target=self._answer, args=[victim, desk], daemon=True).start()
            for text in connection:
                frame = json.loads(text)
                if frame["type"] == "signal" and self._mallory:
                    self._mallory.send(json.dumps({"victim": victim, "data": frame["data"]}))
                else:
                    desk.send(text)

    def _answer(self, victim: str, desk: Any) -> None:
        with contextlib.suppress(ConnectionClosed):
            for text in desk:
                frame = json.loads(text)
                if frame.get("type") == "joined":
                    self._ids[victim] = frame["clientId"]
                    self._rooms[victim] = frame["roomId"]
                self._victims[victim].send(text)
