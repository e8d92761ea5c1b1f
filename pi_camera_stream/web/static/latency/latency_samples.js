/*
 * Copyright 2026 pi_camera_stream contributors
 *
 * Licensed under the Apache License, Version 2.0 (the "License");
 * you may not use this file except in compliance with the License.
 * You may obtain a copy of the License at
 *
 *     http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS,
 * WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 * See the License for the specific language governing permissions and
 * limitations under the License.
 */

// The latencies that were measured, and what follows from them.

const MOST = 10_000; // the newest ones; of older ones only their number is kept

/**
 * How often latencies were measured, from `fromMs` on.
 *
 * @typedef {object} Bins
 * @property {number} fromMs
 * @property {number} widthMs of each bin
 * @property {number[]} counts
 */

/** Latencies in ms since the beginning, or since the last `clear()`. */
export class LatencySamples {
  /** @type {number[]} */
  #values = [];
  #reads = 0;
  #count = 0;

  clear() {
    this.#values = [];
    this.#reads = 0;
    this.#count = 0;
  }

  /**
   * Note that a picture was read, with a latency in it or with null.
   *
   * @param {number | null} latencyMs
   */
  add(latencyMs) {
    this.#reads += 1;
    if (latencyMs === null) return;
    this.#count += 1;
    this.#values.push(latencyMs);
    if (this.#values.length > MOST) this.#values.shift();
  }

  /** Return all figures; those of the latencies are null while there are none. */
  summary() {
    const sorted = [...this.#values].sort((a, b) => a - b);
    const last = sorted.length - 1;
    const at = (/** @type {number} */ part) => sorted[Math.round(part * last)] ?? null;
    return {
      newestMs: this.#values.at(-1) ?? null,
      medianMs: at(0.5),
      p95Ms: at(0.95),
      leastMs: at(0),
      mostMs: at(1),
      count: this.#count,
      share: this.#reads ? this.#count / this.#reads : null,
    };
  }

  /**
   * Return at most `most` bins of a round width, or null.
   *
   * @param {number} most
   * @returns {Bins | null}
   */
  bins(most) {
    if (!this.#values.length) return null;
    const least = Math.min(...this.#values);
    const largest = Math.max(...this.#values);
    let widthMs = 5;
    for (const factor of cycle([2, 2.5, 2])) { // 5, 10, 25, 50, 100, 250 …
      if (Math.floor(largest / widthMs) - Math.floor(least / widthMs) < most) break;
      widthMs *= factor;
    }
    const first = Math.floor(least / widthMs);
    const counts = new Array(Math.floor(largest / widthMs) - first + 1).fill(0);
    for (const value of this.#values) counts[Math.floor(value / widthMs) - first] += 1;
    return { fromMs: first * widthMs, widthMs, counts };
  }
}

/**
 * @param {number[]} values
 * @returns {Generator<number, never>}
 */
function* cycle(values) {
  for (;;) yield* values;
}
