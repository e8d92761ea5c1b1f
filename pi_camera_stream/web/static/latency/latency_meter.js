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

// How long the time on the screen takes until it comes back in a picture.

import { encodeTile, MODULES, ROUND_MS } from './tile_code.js';
import { findTiles } from './tile_finder.js';
import { newContext } from '../shared/dom.js';
import { drawTile } from './tile_screen.js';

const WIDTHS = [640, 1280]; // of the copies that are looked at; in turn while nothing is found
const LEAST_PAUSE_MS = 60; // between two looks
const MOST_MS = 10_000; // what took longer is taken for an error

/**
 * @typedef {object} MeterOwner
 * @property {(latencyMs: number | null) => void} measured in a picture, null without any tile
 * @property {() => void} failed it cannot look at all
 */

/**
 * Looks for tiles in pictures that were painted. The latency is the time from the animation
 * frame that drew the newest tile in the picture to the painting of the picture; an older tile is
 * one that changes later, or it comes from a screen that shows the pictures as well.
 */
export class LatencyMeter {
  #key;
  #owner;
  #worker;
  #context = newReadableContext();
  #wide = 0; // index of the width
  #paintedMs = 0; // when the picture was, that is being looked at
  #begunMs = 0;
  #nextMs = 0; // when to look again; Infinity meanwhile

  /**
   * @param {number} key
   * @param {MeterOwner} owner
   */
  constructor(key, owner) {
    this.#key = key;
    this.#owner = owner;
    this.#worker = new Worker(new URL('tile_worker.js', import.meta.url), { type: 'module' });
    this.#worker.onmessage = ({ data }) => this.#found(data);
    this.#worker.onerror = () => owner.failed();
  }

  /**
   * Look at a picture, if it is due; its image may be closed after that.
   *
   * @param {import('../shared/feed.js').PaintedPicture} picture
   */
  offer(picture) {
    const now = performance.now();
    if (now < this.#nextMs) return;
    this.#nextMs = Infinity;
    this.#begunMs = now;
    this.#paintedMs = picture.paintedMs;
    this.#copy(picture);
    setTimeout(() => this.#send()); // the display, with a new tile, goes first
  }

  /** @param {import('../shared/feed.js').PaintedPicture} picture */
  #copy(picture) {
    const { canvas } = this.#context;
    const scale = Math.min(1, WIDTHS[this.#wide] / picture.width);
    const width = Math.round(picture.width * scale);
    const height = Math.round(picture.height * scale);
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    this.#context.imageSmoothingQuality = 'medium';
    this.#context.drawImage(picture.image, 0, 0, width, height);
  }

  #send() {
    const { width, height } = this.#context.canvas;
    const { data } = this.#context.getImageData(0, 0, width, height);
    this.#worker.postMessage({ picture: { data, width, height }, key: this.#key }, [data.buffer]);
  }

  /** @param {import('./tile_finder.js').FoundTile[]} tiles */
  #found(tiles) {
    const latencies = tiles.map(({ timeMs }) => since(timeMs, this.#paintedMs))
      .filter((latencyMs) => latencyMs < MOST_MS);
    if (!latencies.length) this.#wide = (this.#wide + 1) % WIDTHS.length;
    const now = performance.now();
    this.#nextMs = now + Math.max(LEAST_PAUSE_MS, now - this.#begunMs); // half of the time at most
    this.#owner.measured(latencies.length ? Math.min(...latencies) : null);
  }
}

/** Whether this browser lets pages read what they have drawn; some do not, for privacy. */
export function canReadPixels() {
  const size = 6;
  const context = newReadableContext();
  const pixels = size * (MODULES + 4);
  context.canvas.width = pixels;
  context.canvas.height = pixels;
  context.fillStyle = '#ffffff';
  context.fillRect(0, 0, pixels, pixels);
  const written = { tile: 1, timeMs: 123_456 };
  drawTile(context, encodeTile(written, 0), 2 * size, 2 * size, size);
  const [read] = findTiles(context.getImageData(0, 0, pixels, pixels), 0);
  return read?.timeMs === written.timeMs;
}

/**
 * Return how long ago the screen showed a time; its tiles hold it rounded, without the hours.
 *
 * @param {number} timeMs
 * @param {number} nowMs
 */
function since(timeMs, nowMs) {
  const agoMs = (((nowMs - timeMs) % ROUND_MS) + ROUND_MS) % ROUND_MS;
  return agoMs > ROUND_MS - 1 ? 0 : agoMs; // rounded up
}

function newReadableContext() {
  return newContext(document.createElement('canvas'), { alpha: false, willReadFrequently: true });
}
