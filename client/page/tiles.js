// The stage: a tile for each person and each screen. It is told everything each time, and changes
// what is not as told; an element stays as long as what it shows.

import { button, byId, element, setText, tint } from "./dom.js";
import { icon } from "./icons.js";

/**
 * @typedef {object} TileView
 * @property {string} key
 * @property {string} clientId
 * @property {string} name
 * @property {"person" | "screen"} kind
 * @property {boolean} own
 * @property {MediaStreamTrack | null} video
 * @property {MediaStreamTrack[]} sounds to be heard here
 * @property {boolean} silent no microphone, or a muted one
 * @property {string} state said across the tile; empty when all is well
 *
 * @typedef {(element: HTMLMediaElement) => void} Play
 */

/** Shows `track` in `target`, or nothing. The same again changes nothing: no flicker. */
const shown = new WeakMap();

/**
 * @param {HTMLMediaElement} target
 * @param {MediaStreamTrack | null} track
 * @param {Play} play
 */
function present(target, track, play) {
  if (shown.get(target) === track) return;
  shown.set(target, track);
  target.srcObject = track && new MediaStream([track]);
  if (track) play(target);
}

class Tile {
  item = element("div", "tile");
  #video = element("video");
  #avatar = element("span", "avatar");
  #name = element("bdi", "tile-name");
  #signs = element("span", "tile-signs");
  #state = element("p", "tile-state");
  /** @type {Map<MediaStreamTrack, HTMLAudioElement>} */
  #sounds = new Map();
  #play;
  /** @type {HTMLButtonElement} */
  #pin;
  /** @type {HTMLButtonElement} */
  #full;
  #label = "";
  #speaking = false;

  /**
   * @param {TileView} view
   * @param {Play} play
   * @param {() => void} pin
   */
  constructor(view, play, pin) {
    this.#play = play;
    this.item.setAttribute("role", "group");
    this.item.dataset.kind = view.kind;
    this.item.dataset.clientId = view.clientId;
    this.item.classList.toggle("own", view.own);
    this.#avatar.setAttribute("aria-hidden", "true");
    tint(this.#avatar, view.clientId);
    Object.assign(this.#video, { autoplay: true, playsInline: true, muted: true });
    this.#pin = this.#action("pin", pin);
    this.#full = this.#action("full", () => void this.#toggleFull());
    this.item.addEventListener("dblclick", () => void this.#toggleFull());
    this.#assemble();
  }

  /** @param {TileView} view */
  show(view) {
    present(this.#video, view.video, this.#play);
    this.#video.hidden = !view.video;
    this.#hear(view.sounds);
    setText(this.#avatar, [...view.name][0].toUpperCase());
    setText(this.#name, view.kind === "screen" ? `${view.name} · screen` : view.name);
    setText(this.#state, view.state);
    const signs = view.kind === "screen" ? [] : signsOf(view);
    this.#sign(signs);
    this.#label = labelOf(view, signs);
    this.speak(this.#speaking);
    this.#pin.setAttribute("aria-label", `Pin ${titleOf(view)}`);
    this.#full.setAttribute("aria-label", `Full screen: ${titleOf(view)}`);
  }

  /** @param {boolean} spotlit */
  spotlight(spotlit) {
    this.item.classList.toggle("spotlit", spotlit);
    this.#pin.setAttribute("aria-pressed", String(spotlit));
  }

  /** @param {boolean} speaking */
  speak(speaking) {
    this.#speaking = speaking;
    this.item.classList.toggle("speaking", speaking);
    this.item.setAttribute("aria-label", speaking ? `${this.#label}, talking` : this.#label);
  }

  close() {
    this.#hear([]);
    present(this.#video, null, this.#play);
    this.item.remove();
  }

  /** @returns {HTMLMediaElement[]} */
  get players() {
    return [this.#video, ...this.#sounds.values()];
  }

  #assemble() {
    const bar = element("div", "tile-bar");
    bar.append(this.#name, this.#signs);
    const actions = element("div", "tile-actions");
    actions.append(this.#pin, this.#full);
    this.item.append(this.#video, this.#avatar, this.#state, bar, actions);
  }

  /**
   * @param {string} name
   * @param {() => void} run
   */
  #action(name, run) {
    const made = button("", run);
    made.append(icon(name));
    return made;
  }

  /** @param {MediaStreamTrack[]} sounds */
  #hear(sounds) {
    for (const [track, player] of this.#sounds) {
      if (sounds.includes(track)) continue;
      present(player, null, this.#play);
      player.remove();
      this.#sounds.delete(track);
    }
    for (const track of sounds.filter((track) => !this.#sounds.has(track))) {
      const player = element("audio");
      player.autoplay = true;
      this.#sounds.set(track, player);
      this.item.append(player);
      present(player, track, this.#play);
    }
  }

  /** @param {string[]} signs */
  #sign(signs) {
    if (this.#signs.dataset.signs === signs.join()) return;
    this.#signs.dataset.signs = signs.join();
    this.#signs.replaceChildren(...signs.map(icon));
  }

  async #toggleFull() {
    if (document.fullscreenElement) await document.exitFullscreen();
    else await this.item.requestFullscreen().catch(() => {}); // not offered here: nothing is lost
  }
}

/** @type {Record<string, string>} */
const SIGNS = { "microphone-off": "microphone off", "camera-off": "camera off" };

/** @param {TileView} view */
function signsOf({ silent, video }) {
  return [silent && "microphone-off", !video && "camera-off"].filter((sign) => sign !== false);
}

/** @param {TileView} view */
const titleOf = ({ name, kind }) => (kind === "screen" ? `${name}, screen` : name);

/**
 * @param {TileView} view
 * @param {string[]} signs
 */
function labelOf(view, signs) {
  return [titleOf(view), ...signs.map((sign) => SIGNS[sign]), view.state].filter(Boolean).join(", ");
}

/** All tiles, and which of them is large. */
export class Stage {
  #root = byId("stage");
  /** @type {Map<string, Tile>} */
  #tiles = new Map();
  /** @type {Set<HTMLMediaElement>} those that the browser did not let play */
  #blocked = new Set();
  #pinned = "";
  #speaker = "";
  #onBlocked;

  /** @param {(blocked: boolean) => void} onBlocked sound waits for somebody to touch the page */
  constructor(onBlocked) {
    this.#onBlocked = onBlocked;
  }

  /** @param {TileView[]} views none: the stage is empty */
  show(views) {
    const keys = new Set(views.map(({ key }) => key));
    for (const [key, tile] of this.#tiles) {
      if (keys.has(key)) continue;
      tile.close();
      this.#tiles.delete(key);
    }
    for (const view of views) this.#tile(view).show(view);
    this.#root.hidden = views.length === 0;
    this.#root.dataset.count = String(views.length);
    this.#spotlight(views);
  }

  /**
   * @param {string} clientId
   * @param {boolean} speaking
   */
  speak(clientId, speaking) {
    this.#tiles.get(clientId)?.speak(speaking);
  }

  /** @param {string} deviceId where sound comes out; empty for the system's choice */
  async useSpeaker(deviceId) {
    this.#speaker = deviceId;
    const players = [...this.#tiles.values()].flatMap((tile) => tile.players);
    await Promise.all(players.map((player) => this.#route(player)));
  }

  /** To be called when somebody presses a button: then the browser lets sound play. */
  startSound() {
    const waiting = [...this.#blocked];
    this.#blocked.clear();
    this.#onBlocked(false);
    for (const player of waiting) void this.#play(player);
  }

  /** @param {TileView} view */
  #tile(view) {
    const known = this.#tiles.get(view.key);
    if (known) return known;
    const pin = () => this.#togglePin(view.key);
    const made = new Tile(view, (player) => void this.#play(player), pin);
    this.#tiles.set(view.key, made);
    this.#root.append(made.item);
    return made;
  }

  /** @param {string} key */
  #togglePin(key) {
    const isLarge = this.#tiles.get(key)?.item.classList.contains("spotlit");
    this.#pinned = isLarge ? "nobody" : key;
    this.#enlarge(isLarge ? "" : key);
  }

  /** @param {TileView[]} views */
  #spotlight(views) {
    const screen = views.findLast(({ kind, own }) => kind === "screen" && !own);
    const pinned = this.#pinned === "nobody" || this.#tiles.has(this.#pinned);
    if (!screen && !pinned) this.#pinned = "";
    this.#enlarge(pinned ? this.#pinned : (screen?.key ?? ""));
  }

  /** @param {string} key */
  #enlarge(key) {
    for (const [each, tile] of this.#tiles) tile.spotlight(each === key);
    this.#root.classList.toggle("has-spotlight", this.#tiles.has(key));
  }

  /** @param {HTMLMediaElement} player */
  async #play(player) {
    try {
      await this.#route(player);
      await player.play();
    } catch (error) {
      // Any other failure: the track has gone again, and what comes next will play.
      if (/** @type {Error} */ (error).name !== "NotAllowedError") return;
      this.#blocked.add(player);
      this.#onBlocked(true);
    }
  }

  /** @param {HTMLMediaElement} player */
  async #route(player) {
    if (!("setSinkId" in player) || player.sinkId === this.#speaker) return;
    await player.setSinkId(this.#speaker).catch(() => {}); // not there any more: the system chooses
  }
}
