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

// What came and what was painted of late, and the figures that follow from it.

import { median } from './median.js';

const RATE_WINDOW_MS = 2000;
const AGE_WINDOW_MS = 1000;
const MOST_GAP = 10_000; // in the count of pictures: beyond it, they are counted anew

/**
 * @typedef {object} RecentPicture
 * @property {number} ms when it was painted
 * @property {number | null} ageMs
 * @property {number | null} leadMs how much older it is by its pixels
 * @property {number} leftOut pictures between it and the one before
 */

/**
 * @typedef {object} RecentFigures
 * @property {number} rate
 * @property {number | null} ageMs
 * @property {number | null} leadMs
 * @property {number | null} bitsPerS of all that came, null where nobody knows yet
 * @property {number} leftOutPerS
 */

/** The pictures of the last two seconds. Times are of performance.now(). */
export class RecentPictures {
  /** @type {RecentPicture[]} */
  #painted = [];
  /** @type {{ ms: number, bytes: number }[]} */
  #received = [];
  /** @type {number | null} */
  #sequence = null;

  /**
   * Note that a picture has come, painted or not.
   *
   * @param {number} bytes
   * @param {number} ms
   */
  addBytes(bytes, ms) {
    this.#received.push({ ms, bytes });
    this.#forget(ms);
  }

  /**
   * Note that a picture was painted; they are counted modulo 2³², where they are (null).
   *
   * @param {Omit<RecentPicture, 'leftOut'>} picture
   * @param {number | null} sequence
   */
  add(picture, sequence) {
    const before = this.#sequence;
    const gap = before === null || sequence === null ? 0 : (sequence - before - 1) >>> 0;
    this.#sequence = sequence;
    this.#painted.push({ ...picture, leftOut: gap < MOST_GAP ? gap : 0 });
    this.#forget(picture.ms);
  }

  /** Nothing comes any more. */
  clear() {
    this.#painted = [];
    this.#received = [];
    this.#sequence = null;
  }

  /**
   * The age at paint of the pictures of the last second; null when there were none.
   *
   * @param {number} now
   */
  ageMs(now) {
    return median(this.#recent(now).map(({ ageMs }) => ageMs));
  }

  /**
   * @param {number} now
   * @returns {RecentFigures}
   */
  figures(now) {
    this.#forget(now);
    return {
      rate: this.#rate(now),
      ageMs: this.ageMs(now),
      leadMs: median(this.#recent(now).map(({ leadMs }) => leadMs)),
      bitsPerS: this.#bitsPerS(now),
      leftOutPerS: this.#leftOutPerS(now),
    };
  }

  /** @param {number} now */
  #forget(now) {
    const since = now - RATE_WINDOW_MS;
    this.#painted = this.#painted.filter(({ ms }) => ms > since);
    this.#received = this.#received.filter(({ ms }) => ms > since);
  }

  /** @param {number} now */
  #recent(now) {
    return this.#painted.filter(({ ms }) => ms > now - AGE_WINDOW_MS);
  }

  /** @param {number} now */
  #rate(now) {
    const count = this.#painted.length;
    if (count < 2) return 0;
    const first = this.#painted[0].ms;
    const last = this.#painted[count - 1].ms;
    const interval = (last - first) / (count - 1);
    return 1000 * (count - 1) / Math.max(last - first, now - first - interval);
  }

  /** @param {number} now */
  #bitsPerS(now) {
    const [first, ...rest] = this.#received;
    if (!rest.length) return null;
    return 8000 * rest.reduce((sum, { bytes }) => sum + bytes, 0) / (now - first.ms);
  }

  /** @param {number} now */
  #leftOutPerS(now) {
    const [first, ...rest] = this.#painted;
    if (!rest.length) return 0;
    return 1000 * rest.reduce((sum, { leftOut }) => sum + leftOut, 0) / (now - first.ms);
  }
}
