// SHA-256 (FIPS 180-4) of what comes piece by piece: WebCrypto's `digest` wants all of it at once,
// and a file may be larger than memory. About a tenth of WebCrypto's speed: run it in a Worker.

const BLOCK = 64;

/** The first 32 bits of the fractional parts of a root of the first primes (FIPS 180-4, 4.2.2). */
const roots = (/** @type {number} */ count, /** @type {(prime: number) => number} */ root) => {
  const found = [];
  for (let n = 2; found.length < count; n += 1) {
    const isPrime = [...Array(n).keys()].slice(2).every((divisor) => n % divisor !== 0);
    if (isPrime) found.push(((root(n) % 1) * 2 ** 32) | 0);
  }
  return Int32Array.from(found);
};

const K = roots(64, Math.cbrt);
const START = roots(8, Math.sqrt);

/** Feed it with `update`, ask with `digest` as often as you like, and go on. */
export class Sha256 {
  #state = Int32Array.from(START);
  #schedule = new Int32Array(64);
  #rest = new Uint8Array(BLOCK);
  #length = 0;

  /** @param {Uint8Array} bytes */
  update(bytes) {
    const filled = this.#length % BLOCK;
    this.#length += bytes.length;
    let at = 0;
    if (filled > 0) {
      at = Math.min(BLOCK - filled, bytes.length);
      this.#rest.set(bytes.subarray(0, at), filled);
      if (filled + at < BLOCK) return this;
      this.#blocks(this.#rest, 0);
    }
    at = this.#blocks(bytes, at);
    this.#rest.set(bytes.subarray(at));
    return this;
  }

  /** @returns {string} of all that came so far, in lower-case hexadecimal */
  digest() {
    return this.clone().#finish();
  }

  /** Another one that has seen the same, and goes its own way. */
  clone() {
    const twin = new Sha256();
    twin.#state.set(this.#state);
    twin.#rest.set(this.#rest);
    twin.#length = this.#length;
    return twin;
  }

  #finish() {
    const filled = this.#length % BLOCK;
    const padding = new Uint8Array((filled < 56 ? 64 : 128) - filled);
    padding[0] = 0x80;
    new DataView(padding.buffer).setBigUint64(padding.length - 8, BigInt(this.#length) * 8n);
    this.update(padding);
    return [...this.#state].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
  }

  /**
   * @param {Uint8Array} bytes
   * @param {number} at
   * @returns {number} where less than a block is left
   */
  #blocks(bytes, at) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (; at + BLOCK <= bytes.length; at += BLOCK) compress(this.#state, this.#schedule, view, at);
    return at;
  }
}

/**
 * FIPS 180-4, 6.2.2.
 *
 * @param {Int32Array} state
 * @param {Int32Array} w
 * @param {DataView} view
 * @param {number} at
 */
function compress(state, w, view, at) {
  const k = K; // a local is read faster
  for (let t = 0; t < 16; t += 1) w[t] = view.getInt32(at + t * 4);
  for (let t = 16; t < 64; t += 1) {
    const x = w[t - 15];
    const y = w[t - 2];
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    w[t] = (w[t - 16] + s0 + w[t - 7] + s1) | 0;
  }
  let a = state[0];
  let b = state[1];
  let c = state[2];
  let d = state[3];
  let e = state[4];
  let f = state[5];
  let g = state[6];
  let h = state[7];
  for (let t = 0; t < 64; t += 1) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t1 = (h + s1 + (g ^ (e & (f ^ g))) + k[t] + w[t]) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t2 = (s0 + ((a & b) | (c & (a | b)))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
  state[5] += f;
  state[6] += g;
  state[7] += h;
}
