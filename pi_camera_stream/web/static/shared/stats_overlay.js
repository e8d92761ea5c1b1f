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

// The figures over a picture: rate, age, quality and size.

import { find, milliseconds, NOTHING, setText } from './dom.js';
import { RecentPictures } from './recent_pictures.js';
import { isH264 } from './ws_messages.js';

const ALIKE_MS = 5; // stamps and pixels that differ less are never said to differ
// Beyond these the camera's clock and the robot's disagree: no age can be told.
const LEAST_AGE_MS = -20;
const MOST_AGE_MS = 600_000;
const CODECS = { jpeg: 'JPEG', h264: 'H.264' };
const TRANSPORTS = { mjpeg: 'HTTP', webrtc: 'WebRTC', websocket: 'WebSocket' };

/**
 * @typedef {object} Stats
 * @property {number} rate
 * @property {number | null} ageMs
 * @property {number | null} [leadMs] how much older the pictures are by their pixels
 * @property {number | null} [bitsPerS]
 * @property {number} [leftOutPerS] pictures that were not shown
 * @property {'jpeg' | 'h264'} codec
 * @property {keyof typeof TRANSPORTS} transport
 * @property {number} [loss] part of the packets on the way
 * @property {boolean} [ageAtMost] the age may be less
 * @property {string} tier
 * @property {number} width
 * @property {number} height
 * @property {boolean} [atRobot] the age was not measured at paint, but there
 */

/**
 * Fills in the elements of camera_cell.js below `root`. Where pictures carry
 * their time in their pixels, the age by these is in `.pixels`, beside the age by their stamps.
 * How much older it is, for the same pictures, is in its `data-lead-ms`; `data-differs` is there
 * when that is more than the time from one picture to the next.
 */
export class StatsOverlay {
  #root;
  #recent = new RecentPictures();
  /**
   * @type {Pick<Stats, 'codec' | 'transport' | 'loss' | 'ageAtMost' | 'tier' | 'width' | 'height'
   *   | 'atRobot'> | null}
   */
  #last = null;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
  }

  /**
   * Note that a picture has come, painted or not.
   *
   * @param {number} byteCount
   */
  addBytes(byteCount) {
    this.#recent.addBytes(byteCount, performance.now());
  }

  /**
   * Note that a picture was painted, and how much older it is by its pixels, or null.
   *
   * @param {import('./feed.js').PaintedPicture} picture
   * @param {number | null} leadMs
   */
  add({ ageMs, ageAtMost, codec, loss, sequence, tier, transport, width, height }, leadMs) {
    const known = leadMs !== null && Math.abs(leadMs) < MOST_AGE_MS; // or the film is an old one
    this.#recent.add({ ms: performance.now(), ageMs, leadMs: known ? leadMs : null }, sequence);
    this.#last = { ageAtMost, codec, loss, tier, transport, width, height };
  }

  /** The age of the pictures of the last second, at paint; null when there were none. */
  get ageMs() {
    return this.#recent.ageMs(performance.now());
  }

  /** Nothing comes any more. */
  clear() {
    this.#recent.clear();
    if (this.#last) this.show({ ...this.#last, rate: 0, ageMs: null });
  }

  /** Show what follows from the pictures that were painted. */
  update() {
    const figures = this.#recent.figures(performance.now());
    if (this.#last) this.show({ ...this.#last, ...figures });
  }

  /**
   * Show these ones.
   *
   * @param {Stats} stats
   */
  show({
    rate, ageMs, leadMs = null, bitsPerS = null, leftOutPerS = 0, codec, tier, width, height,
    ageAtMost = false, atRobot = false, loss = 0, transport,
  }) {
    this.#last = { ageAtMost, codec, tier, transport, loss, width, height, atRobot };
    this.#write('.rate', `${rate.toFixed(1)} /s`);
    this.#write('.bits', bitsPerS === null ? '' : bitRate(bitsPerS));
    this.#write('.left-out', leftOutPerS ? `${leftOutPerS.toFixed(1)} /s` : '');
    this.#write('.loss', loss ? `${(100 * loss).toFixed(1)} % lost` : '');
    this.#write('.transport', TRANSPORTS[transport]);
    find(this.#root, '.transport').dataset.kind = transport;
    const bound = ageAtMost && ageMs !== null ? 'at most ' : '';
    this.#write('.age', `${bound}${ageText(ageMs)}${atRobot ? ' at the robot' : ''}`);
    this.#write('.codec', CODECS[codec]);
    this.#write('.tier', isH264(tier) ? tier.split('_')[1] ?? '' : tier);
    this.#write('.size', width ? `${width}×${height}` : NOTHING);
    this.#showPixels(ageMs, leadMs, rate);
  }

  /**
   * @param {number | null} ageMs
   * @param {number | null} leadMs
   * @param {number} rate
   */
  #showPixels(ageMs, leadMs, rate) {
    const known = ageMs !== null && leadMs !== null;
    this.#write('.pixels', known ? `(pixels ${ageText(ageMs + leadMs)})` : '');
    const { dataset } = find(this.#root, '.pixels');
    delete dataset.differs;
    delete dataset.leadMs;
    if (!known) return;
    dataset.leadMs = leadMs.toFixed(1);
    if (Math.abs(leadMs) > Math.max(ALIKE_MS, 1000 / rate)) dataset.differs = '';
  }

  /**
   * @param {string} selector
   * @param {string} text
   */
  #write(selector, text) {
    setText(find(this.#root, selector), text);
  }
}

/** @param {number | null} ageMs */
function ageText(ageMs) {
  if (ageMs === null) return NOTHING;
  if (ageMs < LEAST_AGE_MS || ageMs > MOST_AGE_MS) return 'clock?';
  return milliseconds(Math.max(0, ageMs));
}

/** @param {number} bitsPerS */
function bitRate(bitsPerS) {
  if (bitsPerS < 1e6) return `${(bitsPerS / 1e3).toFixed(0)} kbit/s`;
  return `${(bitsPerS / 1e6).toFixed(bitsPerS < 10e6 ? 1 : 0)} Mbit/s`;
}
