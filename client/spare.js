// A connection made before it is needed: the first one of a page takes its time, and so do the
// candidates. While an answer of the server or somebody's offer is on its way, there is time.
//
// Its candidates are gathered as soon as it is made (`iceCandidatePoolSize`). An offer that is applied
// while they are only just being gathered leaves Chromium waiting for them for ever (seen in 156: 20 of
// 360 connections that got one within milliseconds, none of 270 after 10 ms or more, none without a
// pool; tests/e2e/test_pool.py). So to whom an offer comes, only a settled one is given.

import { Timer } from "./clock.js";
import { configured } from "./webrtc.js";

export const KEPT = 10_000; // who has not come by then comes later: old candidates are no use
export const SETTLED = 25;

export class Spare {
  /** @type {RTCPeerConnection | null} */
  #connection = null;
  #Connection;
  #clock;
  #timer;
  #made = 0;
  /** What it was made with. */
  #configuration = "";

  /**
   * @param {typeof RTCPeerConnection | undefined} Connection
   * @param {import("./clock.js").Clock} clock
   */
  constructor(Connection, clock) {
    this.#Connection = Connection;
    this.#clock = clock;
    this.#timer = new Timer(clock);
  }

  /** @param {RTCConfiguration} configuration */
  prepare(configuration) {
    const Connection = this.#Connection ?? globalThis.RTCPeerConnection;
    if (!Connection) return; // whoever needs one will hear of it
    if (this.#configuration !== JSON.stringify(configuration)) this.drop();
    this.#timer.set(KEPT, () => this.drop());
    if (this.#connection) return;
    this.#connection = new Connection(gathering(configuration));
    this.#configuration = JSON.stringify(configuration);
    this.#made = this.#clock.now();
  }

  /**
   * For an offer of ours.
   *
   * @param {RTCConfiguration} configuration
   * @returns {RTCPeerConnection | undefined} whose it is from now on
   */
  take(configuration) {
    const connection = this.#connection;
    this.#connection = null;
    this.drop();
    connection?.setConfiguration(gathering(configuration));
    return connection ?? undefined;
  }

  /**
   * For an offer of theirs.
   *
   * @param {RTCConfiguration} configuration
   * @returns {RTCPeerConnection | undefined}
   */
  takeSettled(configuration) {
    const age = this.#clock.now() - this.#made;
    // Another configuration would begin the gathering anew.
    const settled = age >= SETTLED && this.#configuration === JSON.stringify(configuration);
    if (!settled) this.drop();
    return this.take(configuration);
  }

  drop() {
    this.#timer.stop();
    this.#connection?.close();
    this.#connection = null;
  }
}

/**
 * @param {RTCConfiguration} configuration
 * @returns {RTCConfiguration}
 */
const gathering = (configuration) => ({ ...configured(configuration), iceCandidatePoolSize: 1 });
