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

import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  CELLS, decodeTile, encodeTile, MODULES, randomKey, ROUND_MS,
} from '../../pi_camera_stream/web/static/latency/tile_code.js';
import { findTiles } from '../../pi_camera_stream/web/static/latency/tile_finder.js';

const KEY = 12_345;

/** Return cells that are turned by a quarter. */
function turned(cells) {
  return cells.map((_, at) => cells[(CELLS - 1 - at % CELLS) * CELLS + Math.floor(at / CELLS)]);
}

/** Return cells that are seen in a mirror. */
function mirrored(cells) {
  return cells.map((_, at) => cells[Math.floor(at / CELLS) * CELLS + CELLS - 1 - at % CELLS]);
}

/** Return a grey picture of a tile, `size` pixels a module. */
function drawn(cells, size, quiet = 20) {
  const width = MODULES * size + 2 * quiet;
  const data = new Uint8Array(width * width).fill(255);
  for (let at = 0; at < data.length; at += 1) {
    const column = Math.floor((at % width - quiet) / size);
    const row = Math.floor((Math.floor(at / width) - quiet) / size);
    if (Math.min(row, column) < 0 || Math.max(row, column) >= MODULES) continue;
    const inside = Math.min(row, column) > 0 && Math.max(row, column) <= CELLS;
    data[at] = inside && cells[(row - 1) * CELLS + column - 1] ? 255 : 0;
  }
  return { data, width, height: width };
}

test('a tile is read whichever way it is turned or mirrored', () => {
  for (const written of [{ tile: 0, timeMs: 0 }, { tile: 3, timeMs: ROUND_MS - 1 },
    { tile: 2, timeMs: 1_234_567 }]) {
    let cells = encodeTile(written, KEY);
    for (let way = 0; way < 4; way += 1) {
      assert.deepEqual(decodeTile(cells, KEY), written);
      assert.deepEqual(decodeTile(mirrored(cells), KEY), written);
      cells = turned(cells);
    }
  }
});

test('its time is rounded, and begins again', () => {
  assert.equal(decodeTile(encodeTile({ tile: 1, timeMs: 99.6 }, KEY), KEY).timeMs, 100);
  assert.equal(decodeTile(encodeTile({ tile: 1, timeMs: ROUND_MS + 7 }, KEY), KEY).timeMs, 7);
});

test('a tile of another page is not read, nor one with a wrong cell', () => {
  const cells = encodeTile({ tile: 1, timeMs: 100 }, KEY);
  assert.equal(decodeTile(cells, KEY + 1), null);
  for (let at = 0; at < cells.length; at += 1) {
    const wrong = cells.map((cell, place) => (place === at ? 1 - cell : cell));
    assert.equal(decodeTile(wrong, KEY), null, `cell ${at}`);
  }
});

test('a key is one that the check sum can begin with', () => {
  for (let time = 0; time < 100; time += 1) {
    const key = randomKey();
    assert.ok(Number.isInteger(key) && key >= 0 && key < 2 ** 21);
  }
});

test('a tile is found in a picture of grey, and in one of colours', () => {
  const grey = drawn(encodeTile({ tile: 2, timeMs: 4711 }, KEY), 8);
  const [found] = findTiles(grey, KEY);
  assert.deepEqual([found.tile, found.timeMs], [2, 4711]);
  const edge = 20 + 8 * MODULES;
  for (const corner of [[20, 20], [edge, 20], [edge, edge], [20, edge]]) {
    assert.ok(found.corners.some(([x, y]) => Math.hypot(x - corner[0], y - corner[1]) < 2), corner);
  }
  const data = new Uint8ClampedArray([...grey.data].flatMap((value) => [value, value, value, 255]));
  assert.equal(findTiles({ ...grey, data }, KEY)[0].timeMs, 4711);
  assert.deepEqual(findTiles({ ...grey, data: new Uint8Array(grey.data.length).fill(255) }, KEY), []);
});
