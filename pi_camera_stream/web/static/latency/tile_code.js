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

// What a tile of the screen's code says, as cells of black and white.

/**
 * A tile is a black frame, one module thick, around 7 x 7 cells of one module; around it is white.
 * Three of its corner cells are black, that at the lower right is white: it tells which way is up.
 * The others hold 45 bits, row by row, most significant first, white is 1: the tile's number (2),
 * the time in ms (22, so it begins again after 70 minutes) and a check sum (21).
 *
 * The sum is CRC-21/CAN-FD with the page's own key as initial value, so that a page does not take
 * the tiles of another one, whose clock is another, for its own.
 */
export const CELLS = 7;
export const MODULES = CELLS + 2;
const TIME_BITS = 22;
const PAYLOAD_BITS = 2 + TIME_BITS;
const CRC_BITS = 21;
const CRC_POLYNOMIAL = 0x102899;
const LAST = CELLS - 1;

/** After so many ms the same times come again. */
export const ROUND_MS = 2 ** TIME_BITS;

/** @typedef {{ tile: number, timeMs: number }} Tile its number, and its time */

/** Return a key for a page. */
export function randomKey() {
  return Math.floor(Math.random() * 2 ** CRC_BITS);
}

/**
 * Return the cells of a tile, row by row; 1 is white.
 *
 * @param {Tile} tile
 * @param {number} key
 */
export function encodeTile({ tile, timeMs }, key) {
  const payload = tile * ROUND_MS + Math.round(timeMs) % ROUND_MS;
  const bits = payload * 2 ** CRC_BITS + crc(payload, key); // 45 bits: no shifts, which end at 32
  const cells = new Uint8Array(CELLS * CELLS);
  let rest = bits;
  for (let at = cells.length - 1; at >= 0; at -= 1) {
    if (isCorner(at)) continue;
    cells[at] = rest % 2;
    rest = Math.floor(rest / 2);
  }
  cells[cells.length - 1] = 1;
  return cells;
}

/**
 * Return what cells say, whichever way they were turned or mirrored; null when it is nothing.
 *
 * @param {Uint8Array} cells
 * @param {number} key
 * @returns {Tile | null}
 */
export function decodeTile(cells, key) {
  let turned = cells;
  for (let way = 0; way < 8; way += 1) {
    const read = decodeUpright(turned, key);
    if (read) return read;
    turned = way % 2 ? moved(turned, (row, column) => [LAST - row, column])
      : moved(turned, (row, column) => [column, row]);
  }
  return null;
}

/**
 * @param {Uint8Array} cells
 * @param {number} key
 */
function decodeUpright(cells, key) {
  const corners = [0, LAST, CELLS * LAST, cells.length - 1].map((at) => cells[at]);
  if (corners.join('') !== '0001') return null;
  let payload = 0;
  let sum = 0;
  let count = 0;
  cells.forEach((cell, at) => {
    if (isCorner(at)) return;
    if (count < PAYLOAD_BITS) payload = 2 * payload + cell;
    else sum = 2 * sum + cell;
    count += 1;
  });
  if (sum !== crc(payload, key)) return null;
  return { tile: Math.floor(payload / ROUND_MS), timeMs: payload % ROUND_MS };
}

/**
 * @param {Uint8Array} cells
 * @param {(row: number, column: number) => [row: number, column: number]} from
 */
function moved(cells, from) {
  return cells.map((_, at) => {
    const [row, column] = from(Math.floor(at / CELLS), at % CELLS);
    return cells[row * CELLS + column];
  });
}

/** @param {number} at */
function isCorner(at) {
  const row = Math.floor(at / CELLS);
  const column = at % CELLS;
  return (row === 0 || row === LAST) && (column === 0 || column === LAST);
}

/**
 * @param {number} payload
 * @param {number} key
 */
function crc(payload, key) {
  const top = 1 << (CRC_BITS - 1);
  let sum = key;
  for (let bit = PAYLOAD_BITS - 1; bit >= 0; bit -= 1) {
    const carry = Boolean(sum & top) !== Boolean((payload >> bit) & 1);
    sum = (sum << 1) & (2 * top - 1);
    if (carry) sum ^= CRC_POLYNOMIAL;
  }
  return sum;
}
