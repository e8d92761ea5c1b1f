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

// The cells of a tile whose corners are known.

import { CELLS, MODULES } from './tile_code.js';

const FRAME = 0.5; // the middle of the frame, in modules from the outline
const QUIET = 0.7; // into the white around it
const SPREAD = [-0.2, 0, 0.2]; // where in a module is looked, from its middle
const CONTRAST = 16; // between frame and white, on each side
const CLEAR = 0.8; // so much of the frame must be dark, and so much of what is around it white

/**
 * Return the cells within four corners, row by row, 1 for white, as they lie in the picture; null
 * when there is no black frame on white.
 *
 * @param {import('./dark_pixels.js').GreyPicture} grey
 * @param {import('./quad.js').Quad} corners
 */
export function readCells(grey, corners) {
  const place = homography(corners);
  /** @type {(u: number, v: number) => number} */
  const at = (u, v) => sample(grey, place(u, v));
  const black = border(at, FRAME);
  const white = border(at, -QUIET);
  if (!black || !white) return null;
  /** @type {(u: number, v: number) => number} */
  const level = (u, v) => (blend(black.means, u, v) + blend(white.means, u, v)) / 2;
  for (const side of [0, 1, 2, 3]) {
    if (white.means[side] - black.means[side] < CONTRAST) return null;
  }
  const dark = black.samples.filter(({ u, v, value }) => value < level(u, v)).length;
  const light = white.samples.filter(({ u, v, value }) => value > level(u, v)).length;
  if (dark < CLEAR * black.samples.length || light < CLEAR * white.samples.length) return null;
  const cells = new Uint8Array(CELLS * CELLS);
  for (let cell = 0; cell < cells.length; cell += 1) {
    const u = 1.5 + cell % CELLS;
    const v = 1.5 + Math.floor(cell / CELLS);
    let sum = 0;
    for (const dv of SPREAD) for (const du of SPREAD) sum += at(u + du, v + dv);
    cells[cell] = Number(sum / SPREAD.length ** 2 > level(u, v));
  }
  return cells;
}

/**
 * Look along the four sides, so far inside the outline; null when that is outside the picture.
 *
 * @param {(u: number, v: number) => number} at
 * @param {number} inside
 */
function border(at, inside) {
  const samples = [];
  const means = [];
  const far = MODULES - inside;
  /** @type {((t: number) => import('./quad.js').Point)[]} */
  const ways = [(t) => [t, inside], (t) => [far, t], (t) => [t, far], (t) => [inside, t]];
  for (const way of ways) {
    let sum = 0;
    for (let step = 0; step < MODULES; step += 1) {
      const [u, v] = way(step + 0.5);
      const value = at(u, v);
      if (Number.isNaN(value)) return null;
      samples.push({ u, v, value });
      sum += value;
    }
    means.push(sum / MODULES);
  }
  return { samples, means };
}

/**
 * Return what is to be expected at a place, from the means along the four sides.
 *
 * @param {number[]} means
 * @param {number} u
 * @param {number} v
 */
function blend([top, right, bottom, left], u, v) {
  const x = u / MODULES;
  const y = v / MODULES;
  return (left * (1 - x) + right * x + top * (1 - y) + bottom * y) / 2;
}

/**
 * Return the grey between four pixels; NaN outside the picture.
 *
 * @param {import('./dark_pixels.js').GreyPicture} grey
 * @param {import('./quad.js').Point} place
 */
function sample({ data, width, height }, [x, y]) {
  const left = Math.floor(x);
  const top = Math.floor(y);
  if (left < 0 || top < 0 || left >= width - 1 || top >= height - 1) return NaN;
  const at = top * width + left;
  const [dx, dy] = [x - left, y - top];
  return (data[at] * (1 - dx) + data[at + 1] * dx) * (1 - dy)
    + (data[at + width] * (1 - dx) + data[at + width + 1] * dx) * dy;
}

/**
 * Return the function from modules to pixels for the corners of a tile: the projective map of a
 * square to a quadrilateral (P. Heckbert, Fundamentals of Texture Mapping, 1989, section 2.2.3).
 *
 * @param {import('./quad.js').Quad} corners
 * @returns {(moduleU: number, moduleV: number) => import('./quad.js').Point}
 */
function homography([[x0, y0], [x1, y1], [x2, y2], [x3, y3]]) {
  const [ax, ay] = [x1 - x2, y1 - y2];
  const [bx, by] = [x3 - x2, y3 - y2];
  const [sx, sy] = [x0 - x1 + x2 - x3, y0 - y1 + y2 - y3];
  const across = ax * by - bx * ay;
  const g = (sx * by - bx * sy) / across;
  const h = (ax * sy - sx * ay) / across;
  return (moduleU, moduleV) => {
    const [u, v] = [moduleU / MODULES, moduleV / MODULES];
    const w = g * u + h * v + 1;
    return [((x1 - x0 + g * x1) * u + (x3 - x0 + h * x3) * v + x0) / w,
      ((y1 - y0 + g * y1) * u + (y3 - y0 + h * y3) * v + y0) / w];
  };
}
