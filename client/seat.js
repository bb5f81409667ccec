import { Roster } from "./roster.js";
import { Timer } from "./clock.js";

/**
 * @typedef {import("./frames.js").Frame} Frame
 * @typedef {import("./requests.js").SignalingError} SignalingError
 * @typedef {import("./signaling.js").Joined} Joined
 * @typedef {import("./signaling.js").StoredSeat} StoredSeat
 *
 * @typedef {"joining" | "joined" | "moving" | "rejoining"} SeatState wanted; held; held, and about
 *   to be taken to a newer socket; lost, and to be taken again
 */

/** One room, as far as this page wants to be in it. */
export class Seat {
  /** @type {SeatState} */
  state = "joining";
  roster = new Roster();
  /** When it was taken, by the server's clock. */
  since = 0;
  /** @type {{frame: Frame, retired: boolean}[]} news from before the first `joined` */
  early = [];
  /** @type {Frame[]} what the page says while the seat moves */
  held = [];
  tries = 0;
  /** Of the door, as far as is known. */
  revision = 0;

  /**
   * @param {Partial<StoredSeat> & {metadata: object, passcode?: string,
   *   token?: import("./tokens.js").Token}} wanted
   * @param {{admitted?: (joined: Joined) => void, resolve: (joined: Joined) => void,
   *   reject: (error: SignalingError) => void}} promise
   * @param {import("./clock.js").Clock} clock
   */
  constructor(wanted, promise, clock) {
    this.roomId = wanted.roomId;
    this.clientId = wanted.clientId;
    this.resumeToken = wanted.resumeToken;
    this.metadata = wanted.metadata;
    this.passcode = wanted.passcode;
    this.token = wanted.token;
    /** @type {string | undefined} what was got last */
    this.shown = typeof wanted.token === "string" ? wanted.token : undefined;
    this.renewal = new Timer(clock);
    this.promise = promise;
    this.timer = new Timer(clock);
  }

  get request() {
    const { roomId, clientId, resumeToken, metadata, passcode, shown: token } = this;
    return { type: "join", roomId, clientId, resumeToken, metadata, passcode, token };
  }

  /** The server does not know us by this token: come as somebody new. */
  forgetIdentity() {
    this.clientId = this.resumeToken = undefined;
  }
}
