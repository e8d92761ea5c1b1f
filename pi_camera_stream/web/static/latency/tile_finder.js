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

// All tiles in a picture, as a camera sees them.

import { findDark } from './dark_pixels.js';
import { findRegions } from './dark_regions.js';
import { fitQuad } from './quad.js';
import { decodeTile } from './tile_code.js';
import { readCells } from './tile_reader.js';

const MOST = 100; // regions that are looked at, the largest first
// How far around a pixel is looked to call it dark, as part of the longer side: the first one is
// good in uneven light and with little contrast, the second one for one that is large or blurred.
const REACHES = [1 / 30, 1 / 10];
const ENOUGH = 3; // tiles: the fourth is mostly the one that is just changing

/** @typedef {import('./tile_code.js').Tile & { corners: import('./quad.js').Quad }} FoundTile */

/**
 * Return `{ tile, timeMs, corners }` for each tile that can be read; some are found twice. The
 * picture is an object with width, height and data, either RGBA as ImageData has it or one byte of
 * grey for each pixel. It may be turned, mirrored and taken at an angle, and there may be several
 * codes in it.
 *
 * A dark square on white whose cells are random passes for a tile once in 2^22 times: its corners
 * are right in a quarter of the cases, seen in two of the eight ways, and the check sum in one of
 * 2^21. Who knows about what time it must be, refuses nearly all of these, too.
 *
 * @param {{ data: Uint8Array | Uint8ClampedArray, width: number, height: number }} picture
 * @param {number} key
 */
export function findTiles(picture, key) {
  const grey = toGrey(picture);
  /** @type {FoundTile[]} */
  const found = [];
  for (const part of REACHES) {
    const reach = Math.round(part * Math.max(grey.width, grey.height));
    const regions = findRegions(findDark(grey, reach), grey.width, grey.height);
    for (const region of regions.slice(0, MOST)) {
      const corners = fitQuad(region);
      const cells = corners && readCells(grey, corners);
      const read = cells && decodeTile(cells, key);
      if (read) found.push({ ...read, corners });
    }
    if (found.length >= ENOUGH) break;
  }
  return found;
}

/**
 * @param {{ data: Uint8Array | Uint8ClampedArray, width: number, height: number }} picture
 * @returns {import('./dark_pixels.js').GreyPicture}
 */
function toGrey({ data, width, height }) {
  if (data.length === width * height) return { data: new Uint8Array(data), width, height };
  const grey = new Uint8Array(width * height);
  for (let at = 0, from = 0; at < grey.length; at += 1, from += 4) {
    grey[at] = (77 * data[from] + 151 * data[from + 1] + 28 * data[from + 2]) >> 8;
  }
  return { data: grey, width, height };
}
