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

// What has been decoded and not been heard yet: as little as the way to here allows.

const LEAST_MARGIN = 240; // samples, 5 ms at 48 kHz, that are there before they are needed
const MOST_MARGIN = 4800;
const GROWTH = 480; // of the margin, when nothing was there
const SHRINK = 0.96; // of it, in each window: now and then a gap is better than always being late
const LATE = 1920; // more than that above what is wanted is left out at once
const WINDOW = 24_000; // samples played, of which the fewest waiting tell how much room there is
const SLACK = 96; // not worth a change
const STRETCHED = 4; // each so many blocks are one sample longer or shorter: nobody hears that

/**
 * Hold samples between a network and a sound card. Who falls silent by a late packet waits for
 * more the next time; what has become too much is played a little faster, or left out.
 */
export class SoundRing {
  /** @type {{ samples: Float32Array, stampMs: number }[]} */
  #chunks = [];
  #offset = 0; // in the first chunk
  #waiting = 0; // samples
  #running = false;
  #margin = LEAST_MARGIN;
  #chunk = 480; // samples that come at a time
  #least = Infinity; // waiting, in this window
  #played = 0; // in this window
  #stretch = 0; // samples that a block takes more than it gives
  #block = 0;
  #scratch = new Float32Array(0);
  #samplesMs;

  gaps = 0; // how often it fell silent
  leftOut = 0; // samples that were late

  constructor(rate = 48_000) {
    this.#samplesMs = 1000 / rate;
  }

  get waiting() {
    return this.#waiting;
  }

  /**
   * @param {Float32Array} samples
   * @param {number} stampMs when the first one was taken
   */
  put(samples, stampMs) {
    this.#chunks.push({ samples, stampMs });
    this.#chunk = samples.length;
    this.#waiting += samples.length;
    const most = this.#margin + this.#chunk;
    if (this.#waiting > most + LATE) this.#leaveOut(this.#waiting - most);
  }

  /**
   * Fill a block with what is next, and return when the first of it was taken; null in silence.
   *
   * @param {Float32Array} block
   * @returns {number | null}
   */
  fill(block) {
    if (!this.#running) this.#running = this.#waiting >= this.#margin + this.#chunk;
    if (!this.#running) return null;
    const stretched = this.#block++ % STRETCHED ? 0 : this.#stretch;
    const count = block.length + stretched;
    if (this.#waiting < count) {
      this.#fallSilent();
      return null;
    }
    const [{ stampMs }] = this.#chunks;
    const beganMs = stampMs + this.#offset * this.#samplesMs;
    this.#take(block, count);
    this.#look(count);
    return beganMs;
  }

  #fallSilent() {
    this.gaps += 1;
    this.#running = false;
    this.#stretch = 0;
    this.#margin = Math.min(this.#margin + GROWTH, MOST_MARGIN);
    this.#begin();
  }

  /**
   * @param {Float32Array} block
   * @param {number} count
   */
  #take(block, count) {
    if (this.#scratch.length < count) this.#scratch = new Float32Array(count + 1);
    let at = 0;
    while (at < count) {
      const { samples } = this.#chunks[0];
      const part = samples.subarray(this.#offset, this.#offset + count - at);
      this.#scratch.set(part, at);
      at += part.length;
      this.#pass(part.length);
    }
    const step = block.length > 1 ? (count - 1) / (block.length - 1) : 0;
    for (let k = 0; k < block.length; k += 1) {
      const place = k * step;
      const before = Math.min(Math.floor(place), count - 1);
      const after = Math.min(before + 1, count - 1);
      const share = place - before;
      block[k] = this.#scratch[before] * (1 - share) + this.#scratch[after] * share;
    }
  }

  /** @param {number} count */
  #look(count) {
    this.#least = Math.min(this.#least, this.#waiting);
    this.#played += count;
    if (this.#played < WINDOW) return;
    const more = this.#least - this.#margin;
    this.#stretch = Math.abs(more) <= SLACK ? 0 : Math.sign(more);
    this.#margin = Math.max(LEAST_MARGIN, this.#margin * SHRINK);
    this.#begin();
  }

  #begin() {
    this.#least = Infinity;
    this.#played = 0;
  }

  /** @param {number} count */
  #leaveOut(count) {
    this.leftOut += count;
    for (let left = count; left > 0;) {
      const part = Math.min(left, this.#chunks[0].samples.length - this.#offset);
      this.#pass(part);
      left -= part;
    }
    this.#begin();
  }

  /** @param {number} count of the first chunk */
  #pass(count) {
    this.#waiting -= count;
    this.#offset += count;
    if (this.#offset < this.#chunks[0].samples.length) return;
    this.#chunks.shift();
    this.#offset = 0;
  }
}
