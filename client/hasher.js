// Hashes in a Worker, which also writes: see depot-worker.js.

/** The Worker, as something to call. */
export class Bench {
  #worker = new Worker(new URL("depot-worker.js", import.meta.url), { type: "module" });
  /** @type {Map<number, {resolve: (result: any) => void, reject: (error: Error) => void}>} */
  #calls = new Map();
  #last = 0;

  constructor() {
    this.#worker.onmessage = ({ data: { call, result, error } }) => {
      const { resolve, reject } = this.#calls.get(call) ?? {};
      this.#calls.delete(call);
      if (error) reject?.(Object.assign(new Error(error.message), { name: error.name }));
      else resolve?.(result);
    };
    this.#worker.onerror = ({ message }) => {
      for (const { reject } of this.#calls.values()) reject(new Error(message));
    };
  }

  /**
   * @param {string} op
   * @param {object} more
   * @param {Transferable[]} [transfer]
   * @returns {Promise<any>}
   */
  call(op, more, transfer = []) {
    this.#last += 1;
    const call = this.#last;
    this.#worker.postMessage({ call, op, ...more }, transfer);
    return new Promise((resolve, reject) => this.#calls.set(call, { resolve, reject }));
  }

  end() {
    this.#worker.terminate();
  }
}

let slots = 0;

/** A hash of what passes. */
export class Hasher {
  #bench;
  #slot;

  /** @param {Bench} bench */
  constructor(bench) {
    this.#bench = bench;
    slots += 1;
    this.#slot = slots;
  }

  /**
   * @param {string} op
   * @param {object} [more]
   * @param {Transferable[]} [transfer]
   */
  call(op, more = {}, transfer = []) {
    return this.#bench.call(op, { slot: this.#slot, ...more }, transfer);
  }

  /**
   * @param {Uint8Array<ArrayBuffer>} bytes the caller's no more
   * @returns {Promise<number>} how many there were, in all
   */
  update(bytes) {
    const whole = bytes.byteLength === bytes.buffer.byteLength;
    return this.call("write", { bytes }, whole ? [bytes.buffer] : []);
  }

  /**
   * Goes back to where a file has this length, as if no more had passed.
   *
   * @param {Blob} file
   * @param {number} end
   * @returns {Promise<string>} its digest
   */
  rehash(file, end) {
    return this.call("rehash", { file, end });
  }

  /** @returns {Promise<string>} of all that passed */
  digest() {
    return this.call("digest");
  }

  close() {
    return this.call("close");
  }
}
