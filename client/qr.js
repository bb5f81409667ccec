// QR codes (ISO/IEC 18004), byte mode, all 40 versions: text in, a square of dark and light out.

// For each level and version: error correction bytes per block, and the number of blocks.
const CORRECTION = {
  L: [7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28, 28, 28, 30, 30, 26, 28, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30],
  M: [10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26, 26, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28],
};
const BLOCKS = {
  L: [1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6, 6, 6, 7, 8, 8, 9, 9, 10, 12, 12, 12, 13, 14, 15, 16, 17, 18, 19, 19, 20, 21, 22, 24, 25],
  M: [1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16, 17, 17, 18, 20, 21, 23, 25, 26, 28, 29, 31, 33, 35, 37, 38, 40, 43, 45, 47, 49],
};
const LEVEL_BITS = { L: 1, M: 0 };

/** @type {((x: number, y: number) => boolean)[]} */
const MASKS = [
  (x, y) => (x + y) % 2 === 0,
  (_, y) => y % 2 === 0,
  (x) => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0,
  (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
];

/** @typedef {"L" | "M"} Level */

/**
 * @param {string} text
 * @returns {boolean[][]} rows of modules, true where dark, without the quiet zone of 4 around it
 * @throws {RangeError} when the text is longer than a code can hold (2,953 bytes)
 */
export function qrCode(text) {
  const bytes = new TextEncoder().encode(text);
  const { level, version } = fit(bytes.length);
  const drawing = new Drawing(version, level);
  drawing.fill(interleave(pad(bytes, version, level), version, level));
  return drawing.masked();
}

/**
 * The smallest version that holds so many bytes, with the better correction if that costs nothing.
 *
 * @param {number} length
 * @returns {{level: Level, version: number}}
 */
function fit(length) {
  for (let version = 1; version <= 40; version += 1) {
    for (const level of /** @type {Level[]} */ (["M", "L"])) {
      if (length <= dataBytes(version, level) - (version < 10 ? 2 : 3)) return { level, version };
    }
  }
  throw new RangeError("Too long for a QR code");
}

/** @param {number} version */
function rawBytes(version) {
  const across = Math.floor(version / 7) + 2;
  const alignment = version === 1 ? 0 : 25 * (across * across - 3) - 10 * (across - 2);
  const size = version * 4 + 17;
  // Finders with their separators and formats, timing, the dark module, alignment, version.
  return Math.floor((size * size - 3 * 64 - 31 - 2 * (size - 16) - alignment - (version < 7 ? 0 : 36)) / 8);
}

/**
 * @param {number} version
 * @param {Level} level
 */
function dataBytes(version, level) {
  return rawBytes(version) - CORRECTION[level][version - 1] * BLOCKS[level][version - 1];
}

/**
 * @param {Uint8Array} bytes
 * @param {number} version
 * @param {Level} level
 */
function pad(bytes, version, level) {
  const wide = version >= 10;
  const length = bytes.length.toString(16).padStart(wide ? 4 : 2, "0");
  const hex = `4${length}${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}0`;
  const data = hex.match(/../g)?.map((pair) => parseInt(pair, 16)) ?? [];
  for (let filler = 0xec; data.length < dataBytes(version, level); filler ^= 0xfd) data.push(filler);
  return data;
}

/**
 * @param {number[]} data
 * @param {number} version
 * @param {Level} level
 */
function interleave(data, version, level) {
  const count = BLOCKS[level][version - 1];
  const degree = CORRECTION[level][version - 1];
  const short = Math.floor(data.length / count);
  const long = data.length % count;
  const generator = reedSolomonGenerator(degree);
  const blocks = Array.from({ length: count }, (_, index) => {
    const start = index * short + Math.max(0, index - (count - long));
    return data.slice(start, start + short + (index >= count - long ? 1 : 0));
  });
  const corrections = blocks.map((block) => remainder(block, generator));
  const columns = (/** @type {number[][]} */ rows, /** @type {number} */ width) => {
    return Array.from({ length: width }, (_, at) => rows.flatMap((row) => row.slice(at, at + 1))).flat();
  };
  return [...columns(blocks, short + 1), ...columns(corrections, degree)];
}

// ---- Reed-Solomon over GF(2^8), modulo x^8 + x^4 + x^3 + x^2 + 1

/**
 * @param {number} a
 * @param {number} b
 */
function multiply(a, b) {
  let product = 0;
  for (let bit = 7; bit >= 0; bit -= 1) {
    product = (product << 1) ^ ((product >>> 7) * 0x11d);
    product ^= ((b >>> bit) & 1) * a;
  }
  return product;
}

/** @param {number} degree */
function reedSolomonGenerator(degree) {
  const result = [...Array(degree - 1).fill(0), 1];
  let root = 1;
  for (let turn = 0; turn < degree; turn += 1) {
    for (let at = 0; at < degree; at += 1) {
      result[at] = multiply(result[at], root) ^ (result[at + 1] ?? 0);
    }
    root = multiply(root, 2);
  }
  return result;
}

/**
 * @param {number[]} data
 * @param {number[]} generator
 */
function remainder(data, generator) {
  const result = generator.map(() => 0);
  for (const byte of data) {
    const factor = byte ^ /** @type {number} */ (result.shift());
    result.push(0);
    generator.forEach((coefficient, at) => (result[at] ^= multiply(coefficient, factor)));
  }
  return result;
}

// ---- the square

class Drawing {
  #size;
  #version;
  #level;
  /** @type {boolean[][]} */
  #dark;
  /** @type {boolean[][]} modules that are not data, and are not masked */
  #fixed;

  /**
   * @param {number} version
   * @param {Level} level
   */
  constructor(version, level) {
    this.#version = version;
    this.#level = level;
    this.#size = version * 4 + 17;
    this.#dark = square(this.#size);
    this.#fixed = square(this.#size);
    this.#drawPatterns();
  }

  /** @param {number[]} bytes */
  fill(bytes) {
    let bit = 0;
    for (const { x, y } of this.#path()) {
      if (this.#fixed[y][x]) continue;
      this.#dark[y][x] = (((bytes[bit >>> 3] ?? 0) >>> (7 - (bit & 7))) & 1) === 1;
      bit += 1;
    }
  }

  /** The square under the mask that scanners find easiest. */
  masked() {
    const candidates = MASKS.map((_, mask) => this.#under(mask));
    const penalties = candidates.map(penalty);
    return candidates[penalties.indexOf(Math.min(...penalties))];
  }

  /** @param {number} mask */
  #under(mask) {
    this.#drawFormat(mask);
    return this.#dark.map((row, y) => {
      return row.map((dark, x) => dark !== (!this.#fixed[y][x] && MASKS[mask](x, y)));
    });
  }

  /** Two columns at a time, upwards and downwards in turn, from the right, but for the timing. */
  *#path() {
    for (let right = this.#size - 1, up = true; right > 0; right -= 2, up = !up) {
      if (right === 6) right -= 1;
      for (let step = 0; step < this.#size; step += 1) {
        const y = up ? this.#size - 1 - step : step;
        yield { x: right, y };
        yield { x: right - 1, y };
      }
    }
  }

  /**
   * @param {number} x
   * @param {number} y
   * @param {boolean} dark
   */
  #set(x, y, dark) {
    if (x < 0 || y < 0 || x >= this.#size || y >= this.#size) return;
    this.#dark[y][x] = dark;
    this.#fixed[y][x] = true;
  }

  #drawPatterns() {
    const last = this.#size - 7;
    for (let at = 0; at < this.#size; at += 1) {
      this.#set(6, at, at % 2 === 0);
      this.#set(at, 6, at % 2 === 0);
    }
    for (const [x, y] of [[3, 3], [last + 3, 3], [3, last + 3]]) this.#drawRings(x, y, 4);
    const centres = alignments(this.#version);
    const end = centres.length - 1;
    centres.forEach((x, i) => centres.forEach((y, j) => {
      const corner = (i === 0 && j === 0) || (i === 0 && j === end) || (i === end && j === 0);
      if (!corner) this.#drawRings(x, y, 2);
    }));
    this.#drawFormat(0);
    this.#drawVersion();
  }

  /**
   * @param {number} x
   * @param {number} y
   * @param {number} radius
   */
  #drawRings(x, y, radius) {
    for (let dy = -radius; dy <= radius; dy += 1) {
      for (let dx = -radius; dx <= radius; dx += 1) {
        const ring = Math.max(Math.abs(dx), Math.abs(dy));
        this.#set(x + dx, y + dy, radius === 4 ? ring !== 2 && ring !== 4 : ring !== 1);
      }
    }
  }

  /** @param {number} mask */
  #drawFormat(mask) {
    const data = (LEVEL_BITS[this.#level] << 3) | mask;
    const bits = ((data << 10) | check(data, 0x537, 10)) ^ 0x5412;
    const bit = (/** @type {number} */ at) => ((bits >>> at) & 1) === 1;
    const size = this.#size;
    for (let at = 0; at < 15; at += 1) {
      const down = at < 6 ? at : at < 8 ? at + 1 : size - 15 + at;
      const left = at < 8 ? size - 1 - at : at === 8 ? 7 : 14 - at;
      this.#set(8, down, bit(at));
      this.#set(left, 8, bit(at));
    }
    this.#set(8, size - 8, true);
  }

  #drawVersion() {
    if (this.#version < 7) return;
    const bits = (this.#version << 12) | check(this.#version, 0x1f25, 12);
    for (let at = 0; at < 18; at += 1) {
      const far = this.#size - 11 + (at % 3);
      const near = Math.floor(at / 3);
      this.#set(far, near, ((bits >>> at) & 1) === 1);
      this.#set(near, far, ((bits >>> at) & 1) === 1);
    }
  }
}

/** @param {number} size */
const square = (size) => Array.from({ length: size }, () => Array(size).fill(false));

/**
 * The remainder of a BCH code.
 *
 * @param {number} data
 * @param {number} generator
 * @param {number} degree
 */
function check(data, generator, degree) {
  let rest = data;
  for (let bit = 0; bit < degree; bit += 1) rest = (rest << 1) ^ ((rest >>> (degree - 1)) * generator);
  return rest;
}

/** @param {number} version */
function alignments(version) {
  if (version === 1) return [];
  const count = Math.floor(version / 7) + 2;
  const step = version === 32 ? 26 : Math.ceil((version * 4 + 4) / (count * 2 - 2)) * 2;
  const centres = Array.from({ length: count - 1 }, (_, at) => version * 4 + 10 - at * step);
  return [6, ...centres.reverse()];
}

/** @param {boolean[][]} rows */
function penalty(rows) {
  const columns = rows.map((_, x) => rows.map((row) => row[x]));
  let total = 0;
  for (const line of [...rows, ...columns]) {
    const text = line.map((dark) => (dark ? "1" : "0")).join("");
    for (const run of text.match(/0{5,}|1{5,}/g) ?? []) total += run.length - 2;
    for (const _ of text.matchAll(/(?=00001011101|10111010000)/g)) total += 40;
  }
  for (let y = 1; y < rows.length; y += 1) {
    for (let x = 1; x < rows.length; x += 1) {
      const dark = rows[y][x];
      if (dark === rows[y - 1][x] && dark === rows[y][x - 1] && dark === rows[y - 1][x - 1]) total += 3;
    }
  }
  const share = rows.flat().filter(Boolean).length / rows.length ** 2;
  return total + Math.floor(Math.abs(share * 20 - 10)) * 10;
}
