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

// The time in the pictures of the source `pattern`, read from their pixels: core/block_code.py.

import { newContext } from './dom.js';

const COLUMNS = 16;
const ROWS = 7;
const BAND_HEIGHT = 0.28; // of the picture's height
const PAYLOAD_BYTES = 12;
const CELL_PX = 4; // of the small copy of the band
const PERIOD_MS = 250; // between two readings: they cost next to nothing, but not nothing

/**
 * Return what the blocks in the lower band of a picture say: frame number and time in ms since the
 * epoch; null when there are none. `band` is that band as ImageData, in the size of the copy.
 *
 * @param {ImageData} band
 * @returns {{ number: number, timeMs: number } | null}
 */
export function readBlocks(band) {
  const bytes = new Uint8Array(ROWS * COLUMNS / 8);
  for (let cell = 0; cell < ROWS * COLUMNS; cell += 1) {
    const row = Math.floor(cell / COLUMNS);
    const white = brightness(band, cell % COLUMNS, row) > 127;
    bytes[cell >> 3] |= Number(white) << (7 - cell % 8);
  }
  const view = new DataView(bytes.buffer);
  if (crc16(bytes.subarray(0, PAYLOAD_BYTES)) !== view.getUint16(PAYLOAD_BYTES)) return null;
  return { number: view.getUint32(0), timeMs: Number(view.getBigUint64(4)) / 1000 };
}

/** Looks at pictures as they are painted, a few times a second. */
export class BlockReader {
  /** @type {CanvasRenderingContext2D | null} */
  #context = null;
  #readMs = -Infinity;

  /**
   * Return what the blocks of a picture say; null without blocks, or when it is not due yet.
   *
   * @param {Pick<import('./feed.js').PaintedPicture, 'image' | 'width' | 'height'>} picture
   */
  read({ image, width, height }) {
    const now = performance.now();
    if (now - this.#readMs < PERIOD_MS) return null;
    this.#readMs = now;
    this.#context ??= smallContext();
    const { canvas } = this.#context;
    const band = Math.floor(height * BAND_HEIGHT);
    if (!band) return null;
    // The band alone, and small: nothing large is read back from where pictures are drawn.
    this.#context.drawImage(
      image, 0, height - band, width, band, 0, 0, canvas.width, canvas.height);
    return readBlocks(this.#context.getImageData(0, 0, canvas.width, canvas.height));
  }
}

function smallContext() {
  const canvas = document.createElement('canvas');
  canvas.width = COLUMNS * CELL_PX;
  canvas.height = ROWS * CELL_PX;
  return newContext(canvas, { alpha: false, willReadFrequently: true });
}

/**
 * Return the mean of the pixels in the middle of a block.
 *
 * @param {ImageData} band
 * @param {number} column
 * @param {number} row
 */
function brightness({ data, width }, column, row) {
  const middle = CELL_PX >> 1;
  let sum = 0;
  for (const dy of [-1, 0]) {
    for (const dx of [-1, 0]) {
      const x = column * CELL_PX + middle + dx;
      const at = 4 * ((row * CELL_PX + middle + dy) * width + x);
      sum += data[at] + data[at + 1] + data[at + 2];
    }
  }
  return sum / 12;
}

/**
 * CRC-16/CCITT-FALSE.
 *
 * @param {Uint8Array} bytes
 */
function crc16(bytes) {
  let crc = 0xFFFF;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc << 1) ^ (crc & 0x8000 ? 0x11021 : 0);
  }
  return crc;
}
