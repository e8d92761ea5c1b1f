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

// The screen's code: four tiles that show the time, one of them new with each display frame.

import { newContext } from '../shared/dom.js';
import { CELLS, encodeTile, MODULES } from './tile_code.js';

const TILES = 4;
const QUIET = 1.5; // modules of white around each tile
const ACROSS = 2 * MODULES + 3 * QUIET;
const LEAST_MS = 12; // between two tiles, on displays faster than 75 Hz: cameras expose that long

/**
 * Draw a tile with its upper left corner at (left, top), in modules of `size` pixels.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {Uint8Array} cells
 * @param {number} left
 * @param {number} top
 * @param {number} size
 */
export function drawTile(context, cells, left, top, size) {
  context.fillStyle = '#000000';
  context.fillRect(left, top, MODULES * size, MODULES * size);
  context.fillStyle = '#ffffff';
  cells.forEach((white, at) => {
    if (!white) return;
    const x = left + (1 + at % CELLS) * size;
    const y = top + (1 + Math.floor(at / CELLS)) * size;
    context.fillRect(x, y, size, size);
  });
}

/**
 * Keeps the code on a square canvas. Each tile stays for four display frames, so that an exposure
 * over a change of the screen spoils one of them and not the others. Its time is that of the
 * animation frame that draws it.
 */
export class TileScreen {
  #canvas;
  #context;
  #key;
  #size = 0; // of a module, in pixels
  #next = 0; // tile
  #drawnMs = -Infinity;
  #frame = 0;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {number} key
   */
  constructor(canvas, key) {
    this.#canvas = canvas;
    this.#key = key;
    this.#context = newContext(canvas, { alpha: false });
    new ResizeObserver(() => this.#fit()).observe(canvas);
  }

  start() {
    this.#frame ||= requestAnimationFrame((nowMs) => this.#step(nowMs));
  }

  stop() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
  }

  /** @param {number} nowMs */
  #step(nowMs) {
    this.#frame = requestAnimationFrame((nextMs) => this.#step(nextMs));
    if (!this.#size) this.#fit();
    if (nowMs - this.#drawnMs < LEAST_MS) return;
    this.#drawnMs = nowMs;
    this.#draw(this.#next, nowMs);
    this.#next = (this.#next + 1) % TILES;
  }

  /**
   * @param {number} tile
   * @param {number} timeMs
   */
  #draw(tile, timeMs) {
    const step = Math.round((MODULES + QUIET) * this.#size);
    const margin = Math.floor((this.#canvas.width - step - MODULES * this.#size) / 2);
    const left = margin + (tile % 2) * step;
    const top = margin + (tile >> 1) * step;
    drawTile(this.#context, encodeTile({ tile, timeMs }, this.#key), left, top, this.#size);
  }

  /** Take as many pixels as the display has there: blurred edges would cost legibility. */
  #fit() {
    const pixels = Math.round(this.#canvas.clientWidth * devicePixelRatio);
    if (!pixels || (this.#size && this.#canvas.width === pixels)) return;
    this.#canvas.width = pixels;
    this.#canvas.height = pixels;
    this.#size = Math.max(1, Math.floor(pixels / ACROSS));
    this.#context.fillStyle = '#ffffff';
    this.#context.fillRect(0, 0, pixels, pixels);
  }
}
