// How loud a track is, and who is talking.

export const LOUD = 0.015; // of 1: above the hum of a room
export const PAUSE = 800; // milliseconds between two words that do not end the talking

/** The level of a track of our own, between 0 and 1. */
export class Meter {
  #context;
  #analyser;
  #samples;

  /**
   * @param {MediaStreamTrack} track
   * @param {typeof globalThis.AudioContext} [Context]
   */
  constructor(track, Context = globalThis.AudioContext) {
    this.#context = new Context();
    this.#analyser = this.#context.createAnalyser();
    this.#analyser.fftSize = 1024;
    this.#samples = new Float32Array(this.#analyser.fftSize);
    this.#context.createMediaStreamSource(new MediaStream([track])).connect(this.#analyser);
    void this.#context.resume().catch(() => {}); // not before somebody has touched the page
  }

  /** The root mean square of the latest 20 ms or so. */
  get level() {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    const sum = this.#samples.reduce((total, sample) => total + sample * sample, 0);
    return Math.sqrt(sum / this.#samples.length);
  }

  close() {
    void this.#context.close();
  }
}

/**
 * What is heard of a track of somebody else.
 *
 * @param {RTCRtpReceiver} receiver
 */
export function levelOf(receiver) {
  return receiver.getSynchronizationSources?.()[0]?.audioLevel ?? 0;
}

/** Makes levels, taken now and then, into who begins to talk and who has ended. */
export class Talk {
  /** @type {Map<string, number>} when each was last loud */
  #loud = new Map();

  /**
   * @param {Map<string, number>} levels everybody who can be heard
   * @param {number} now milliseconds
   * @returns {{clientId: string, speaking: boolean}[]} changes
   */
  hear(levels, now) {
    const changes = [];
    for (const [clientId, level] of levels) {
      if (level < LOUD) continue;
      if (!this.#loud.has(clientId)) changes.push({ clientId, speaking: true });
      this.#loud.set(clientId, now);
    }
    for (const [clientId, at] of this.#loud) {
      if (levels.has(clientId) && now - at < PAUSE) continue;
      this.#loud.delete(clientId);
      changes.push({ clientId, speaking: false });
    }
    return changes;
  }

  /** @param {string} clientId */
  isSpeaking(clientId) {
    return this.#loud.has(clientId);
  }
}
