// A connection made before it is needed: the first one of a page takes its time, and so do the
// candidates. While an answer of the server or somebody's offer is on its way, there is time.

import { Timer } from "./clock.js";
import { configured } from "./webrtc.js";

export const KEPT = 10_000; // who has not come by then comes later: old candidates are no use

export class Spare {
  /** @type {RTCPeerConnection | null} */
  #connection = null;
  #Connection;
  #timer;

  /**
   * @param {typeof RTCPeerConnection | undefined} Connection
   * @param {import("./clock.js").Clock} clock
   */
  constructor(Connection, clock) {
    this.#Connection = Connection;
    this.#timer = new Timer(clock);
  }

  /** @param {RTCConfiguration} configuration */
  prepare(configuration) {
    const Connection = this.#Connection ?? globalThis.RTCPeerConnection;
    if (!Connection) return; // whoever needs one will hear of it
    this.#connection ??= new Connection(configured(configuration));
    this.#timer.set(KEPT, () => this.drop());
  }

  /**
   * @param {RTCConfiguration} configuration
   * @returns {RTCPeerConnection | undefined} whose it is from now on
   */
  take(configuration) {
    const connection = this.#connection;
    this.#connection = null;
    this.drop();
    connection?.setConfiguration(configured(configuration));
    return connection ?? undefined;
  }

  drop() {
    this.#timer.stop();
    this.#connection?.close();
    this.#connection = null;
  }
}
