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

// Where a slider stands for a value, and how values are written.

/**
 * @typedef {object} Range
 * @property {string} kind int or float, or a list of these
 * @property {number | null} minimum
 * @property {number | null} maximum
 * @property {number} step 0 for any value
 */

const POSITIONS = 1000;
const WIDE = 1000; // so many times the least, and the slider goes by ratios

/** A slider has positions from 0 to `last`. Without a range there is none: `last` is 0. */
export class ControlScale {
  #least;
  #most;
  #low;
  #byRatio;
  #whole;

  /** @param {Range} range */
  constructor({ kind, minimum, maximum, step }) {
    this.#least = minimum ?? 0;
    this.#most = maximum ?? 0;
    this.#whole = kind.startsWith('int');
    const span = this.#most - this.#least;
    /** Between two values. */
    this.step = step || (this.#whole ? 1 : 10 ** Math.floor(Math.log10((span || 100) / 100)));
    this.#low = Math.max(this.#least, this.step);
    // What begins below the least of these is 0, which is at position 0.
    this.#byRatio = this.#least >= 0 && this.#most / this.#low >= WIDE;
    this.last = minimum === null ? 0
      : this.#byRatio ? POSITIONS : Math.max(1, Math.round(span / this.step));
  }

  /** @param {number} position */
  value(position) {
    if (position <= 0) return this.#least;
    if (position >= this.last) return this.#most;
    const value = this.#byRatio
      ? this.#low * (this.#most / this.#low) ** (position / this.last)
      : this.#least + position * this.step;
    const onStep = this.#least + Math.round((value - this.#least) / this.step) * this.step;
    return Math.min(this.#most, Number(onStep.toPrecision(9)));
  }

  /** @param {number} value */
  position(value) {
    const position = this.#byRatio
      ? Math.log(Math.max(value, this.#low) / this.#low) / Math.log(this.#most / this.#low)
        * this.last
      : (value - this.#least) / this.step;
    return Math.min(this.last, Math.max(0, Math.round(position)));
  }

  /**
   * Return a number as it is shown.
   *
   * @param {number} value
   */
  text(value) {
    return String(this.#whole ? value : Number(value.toPrecision(4)));
  }
}
