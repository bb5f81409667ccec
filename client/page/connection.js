// The details of a connection: the way it takes, how quick and how busy it is, and a report to copy.

import { EVERY, KEPT, Sampler } from "../stats.js";
import { Chart } from "./chart.js";
import { openDialog } from "./dialog.js";
import { button, element, loadStyle, setText } from "./dom.js";
import { nameOf } from "./people.js";
import { facts, inBits, inMilliseconds, report, trackFacts } from "./report.js";

/**
 * @typedef {import("../room.js").Room} Room
 * @typedef {import("../room.js").PeerView} PeerView
 * @typedef {import("../stats.js").Sample} Sample
 */

const WINDOW = `${(EVERY * KEPT) / 60_000} minutes`;

class Details {
  #room;
  #clientId;
  /** @type {Sampler | null} */
  #sampler = null;
  #state = element("p", "connection-state");
  #facts = element("dl", "facts");
  #tracks = element("table", "tracks");
  #roundTrips = new Chart("Round trip", inMilliseconds, KEPT);
  #bitrates = new Chart("Bitrate", inBits, KEPT);
  #addresses = element("input");
  #copy = button("Copy report", () => void this.#copyReport());
  #copied = element("p", "copied");
  #text = element("textarea", "report");

  /**
   * @param {Room} room
   * @param {PeerView} peer
   */
  constructor(room, peer) {
    this.#room = room;
    this.#clientId = peer.clientId;
    this.#state.setAttribute("role", "status");
    this.#copied.setAttribute("aria-live", "polite");
    this.#copy.className = "primary";
    this.#text.readOnly = true;
    this.#text.hidden = true;
    this.#text.setAttribute("aria-label", "Report");
    const stops = [
      room.on("link", ({ clientId }) => clientId === this.#clientId && this.#measure()),
      room.on("peer", ({ peer: { clientId } }) => clientId === this.#clientId && this.#showState()),
      room.on("left", () => dialog.close()),
    ];
    const closed = () => {
      for (const stop of stops) stop();
      this.#sampler?.stop();
    };
    const dialog = openDialog(`Connection with ${nameOf(peer)}`, this.#content(), { className: "details", closed });
    this.#measure();
  }

  #content() {
    this.#addresses.type = "checkbox";
    const withAddresses = element("label", "check");
    withAddresses.append(this.#addresses, " With network addresses");
    this.#addresses.addEventListener("change", () => this.#show());
    const charts = element("div", "charts");
    charts.append(this.#roundTrips.figure, this.#bitrates.figure, element("p", "hint", `The last ${WINDOW}`));
    const foot = element("div", "report-foot");
    foot.append(this.#copy, withAddresses, this.#copied);
    return [this.#state, this.#facts, charts, this.#tracks, foot, this.#text];
  }

  /** A new session has a new connection, and begins its own measurements. */
  #measure() {
    this.#sampler?.stop();
    const peer = this.#room.link(this.#clientId);
    this.#sampler = peer && new Sampler(peer.connection);
    this.#sampler?.on("sample", () => this.#show());
    this.#sampler?.start();
    this.#showState();
  }

  get #samples() {
    return this.#sampler?.samples ?? [];
  }

  get #stateText() {
    const peer = this.#room.peers.find(({ clientId }) => clientId === this.#clientId);
    return peer ? peer.state : "gone";
  }

  #showState() {
    const state = this.#stateText;
    this.#state.dataset.state = state;
    setText(this.#state, state === "gone" ? "They have left." : state[0].toUpperCase() + state.slice(1));
  }

  #show() {
    const samples = this.#samples;
    const latest = samples.at(-1);
    if (!latest) return;
    const addresses = this.#addresses.checked;
    this.#facts.replaceChildren(...facts(latest, { addresses }).map(factOf));
    this.#tracks.hidden = latest.tracks.length === 0;
    this.#tracks.replaceChildren(tracksTitle(), ...latest.tracks.map(rowOf));
    this.#roundTrips.show([{ name: "now", values: samples.map(({ roundTrip }) => roundTrip) }]);
    this.#bitrates.show([
      { name: "sending", values: samples.map(({ sending }) => sending) },
      { name: "receiving", values: samples.map(({ receiving }) => receiving) },
    ]);
  }

  async #copyReport() {
    const about = { clientId: this.#clientId, state: this.#stateText, browser: navigator.userAgent };
    const text = report(this.#samples, { ...about, addresses: this.#addresses.checked });
    try {
      await navigator.clipboard.writeText(text);
      setText(this.#copied, "Copied.");
    } catch {
      this.#text.hidden = false;
      this.#text.value = text;
      this.#text.select();
      setText(this.#copied, "This browser does not let a page copy: it is selected below.");
    }
  }
}

/** @param {[string, string]} fact */
function factOf([name, value]) {
  const made = element("div");
  made.append(element("dt", "", name), element("dd", "", value));
  return made;
}

function tracksTitle() {
  return element("caption", "", "Voice and video");
}

/** @param {import("../stats.js").Track} track */
function rowOf(track) {
  const [name, ...cells] = trackFacts(track);
  const row = element("tr");
  const head = element("th", "", name);
  head.scope = "row";
  row.append(head, ...cells.map((text) => element("td", "", text)));
  return row;
}

/**
 * @param {Room} room
 * @param {PeerView} peer
 */
export function openDetails(room, peer) {
  loadStyle("page/details.css");
  new Details(room, peer);
}
