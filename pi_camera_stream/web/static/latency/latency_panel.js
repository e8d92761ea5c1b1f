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

// What the page says: figures, histogram, and what to do.

import { find, milliseconds, NOTHING, setText } from '../shared/dom.js';
import { Histogram } from './histogram.js';
import { LatencySamples } from './latency_samples.js';

const UPDATE_MS = 250;
const RECENT_MS = 2000; // who has been seen so lately, is seen
const SEARCHED_MS = 1500; // so much nothing must be found before that is said
const BINS = 24;
const HINTS = {
  waiting: 'Waiting for pictures from the camera',
  searching: 'Point the camera at this code until the frame turns green',
  lost: 'No code found in the picture: come closer, avoid reflections, hold still',
  seen: 'The camera sees the code. Hold it still',
};

/** Keeps the figures below `root`, whose `data-state` says what it comes to. */
export class LatencyPanel {
  #root;
  #histogram;
  #samples = new LatencySamples();
  #timer = 0;
  /** @type {number[]} */
  #readMs = []; // when pictures were read, lately
  #foundMs = -Infinity;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
    this.#histogram = new Histogram(find(root, 'svg', SVGSVGElement));
    find(root, '.reset').addEventListener('click', () => this.clear());
    this.update();
  }

  start() {
    this.#timer ||= setInterval(() => this.update(), UPDATE_MS);
  }

  stop() {
    clearInterval(this.#timer);
    this.#timer = 0;
  }

  /** Begin anew. */
  clear() {
    this.#samples.clear();
    this.update();
  }

  /**
   * Say why it cannot be done at all.
   *
   * @param {string} sentence
   */
  fail(sentence) {
    this.stop();
    this.#root.dataset.state = 'failed';
    this.#write('.hint', sentence);
  }

  /**
   * Note what was measured in a picture.
   *
   * @param {number | null} latencyMs
   */
  add(latencyMs) {
    const now = performance.now();
    this.#samples.add(latencyMs);
    this.#readMs.push(now);
    if (latencyMs !== null) this.#foundMs = now;
  }

  update() {
    const now = performance.now();
    this.#readMs = this.#readMs.filter((ms) => ms > now - SEARCHED_MS);
    const summary = this.#samples.summary();
    this.#write('.newest', milliseconds(summary.newestMs));
    this.#write('.middle', milliseconds(summary.medianMs));
    this.#write('.p95', milliseconds(summary.p95Ms));
    this.#write('.least', milliseconds(summary.leastMs));
    this.#write('.most', milliseconds(summary.mostMs));
    this.#write('.count', String(summary.count));
    this.#write('.share', summary.share === null ? NOTHING
      : `${(100 * summary.share).toFixed(0)} %`);
    this.#histogram.show(this.#samples.bins(BINS), summary.medianMs);
    this.#hint(this.#state(now, summary.count));
  }

  /**
   * @param {number} now
   * @param {number} count
   * @returns {keyof typeof HINTS}
   */
  #state(now, count) {
    if (now - this.#foundMs < RECENT_MS) return 'seen';
    if (!this.#readMs.length) return 'waiting';
    return count ? 'lost' : 'searching';
  }

  /** @param {keyof typeof HINTS} state */
  #hint(state) {
    if (this.#root.dataset.state === state) return;
    this.#root.dataset.state = state;
    this.#write('.hint', HINTS[state]);
  }

  /**
   * @param {string} selector
   * @param {string} text
   */
  #write(selector, text) {
    setText(find(this.#root, selector), text);
  }
}
