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

// Dark pixels that hang together.

const LEAST_PX = 18; // of a region's width and height: two pixels a module
const FULL = 0.2; // of its box at least; a turned square with white cells has more

/**
 * @typedef {object} Region
 * @property {number} left
 * @property {number} right
 * @property {number} top
 * @property {number} bottom
 * @property {number} area
 * @property {[y: number, first: number, last: number][]} runs of dark pixels side by side
 */

/**
 * @typedef {object} Runs
 * @property {number} count
 * @property {Uint16Array} y
 * @property {Uint16Array} first
 * @property {Uint16Array} last
 * @property {Uint32Array} parent
 */

/**
 * Return the regions that may be tiles, the largest first. What touches the picture's edge is left
 * out.
 *
 * @param {Uint8Array} dark
 * @param {number} width
 * @param {number} height
 */
export function findRegions(dark, width, height) {
  const runs = findRuns(dark, width, height);
  const areas = new Uint32Array(runs.count);
  for (let at = 0; at < runs.count; at += 1) {
    areas[rootOf(runs.parent, at)] += runs.last[at] - runs.first[at] + 1;
  }
  /** @type {Map<number, Region>} */
  const regions = new Map();
  for (let at = 0; at < runs.count; at += 1) {
    const root = rootOf(runs.parent, at);
    if (areas[root] < FULL * LEAST_PX ** 2) continue; // mere specks
    let region = regions.get(root);
    if (!region) {
      region = { left: width, right: 0, top: runs.y[at], bottom: 0, area: areas[root], runs: [] };
      regions.set(root, region);
    }
    region.left = Math.min(region.left, runs.first[at]);
    region.right = Math.max(region.right, runs.last[at]);
    region.bottom = runs.y[at];
    region.runs.push([runs.y[at], runs.first[at], runs.last[at]]);
  }
  return [...regions.values()].filter((region) => mayBeTile(region, width, height))
    .sort((a, b) => b.area - a.area);
}

/**
 * @param {Region} region
 * @param {number} width
 * @param {number} height
 */
function mayBeTile({ left, right, top, bottom, area }, width, height) {
  const across = right - left + 1;
  const down = bottom - top + 1;
  return left > 0 && top > 0 && right < width - 1 && bottom < height - 1
    && across >= LEAST_PX && down >= LEAST_PX && area > FULL * across * down;
}

/**
 * Return all runs, row by row, those that touch joined below one of them (`parent`).
 *
 * @param {Uint8Array} dark
 * @param {number} width
 * @param {number} height
 * @returns {Runs}
 */
function findRuns(dark, width, height) {
  const most = Math.ceil(width / 2) * height;
  const runs = {
    count: 0,
    y: new Uint16Array(most),
    first: new Uint16Array(most),
    last: new Uint16Array(most),
    parent: new Uint32Array(most),
  };
  let above = 0; // the first run of the row above
  for (let y = 0; y < height; y += 1) {
    const begin = runs.count;
    addRow(dark, width, y, runs);
    joinRows(runs, above, begin);
    above = begin;
  }
  return runs;
}

/**
 * @param {Uint8Array} dark
 * @param {number} width
 * @param {number} y
 * @param {Runs} runs
 */
function addRow(dark, width, y, runs) {
  const row = y * width;
  for (let x = 0; x < width; x += 1) {
    if (!dark[row + x]) continue;
    const at = runs.count;
    runs.y[at] = y;
    runs.first[at] = x;
    while (x + 1 < width && dark[row + x + 1]) x += 1;
    runs.last[at] = x;
    runs.parent[at] = at;
    runs.count += 1;
  }
}

/**
 * Join the runs from `begin` on with those that they touch in the row above.
 *
 * @param {Runs} runs
 * @param {number} above
 * @param {number} begin
 */
function joinRows(runs, above, begin) {
  let over = above;
  let at = begin;
  while (over < begin && at < runs.count) {
    if (runs.first[at] <= runs.last[over] && runs.first[over] <= runs.last[at]) {
      join(runs.parent, over, at);
    }
    if (runs.last[over] < runs.last[at]) over += 1;
    else at += 1;
  }
}

/**
 * @param {Uint32Array} parent
 * @param {number} one
 * @param {number} other
 */
function join(parent, one, other) {
  const a = rootOf(parent, one);
  const b = rootOf(parent, other);
  parent[Math.max(a, b)] = Math.min(a, b);
}

/**
 * @param {Uint32Array} parent
 * @param {number} at
 */
function rootOf(parent, at) {
  let root = at;
  while (parent[root] !== root) {
    parent[root] = parent[parent[root]];
    root = parent[root];
  }
  return root;
}
