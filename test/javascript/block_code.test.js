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

import { readBlocks } from '../../pi_camera_stream/web/static/shared/block_code.js';

const CELL_PX = 4;
const COLUMNS = 16;
// As core/block_code.py writes them: the number, the time in microseconds and the check sum.
const WRITTEN = '00000001000462d53c8abac0d93b';

/** Return the band with the blocks of these bytes, in `white` on `black`. */
function band(hex, { black = 0, white = 255 } = {}) {
  const bytes = Buffer.from(hex, 'hex');
  const width = COLUMNS * CELL_PX;
  const height = bytes.length * 8 / COLUMNS * CELL_PX;
  const data = new Uint8ClampedArray(4 * width * height);
  for (let at = 0; at < width * height; at += 1) {
    const x = Math.floor((at % width) / CELL_PX);
    const y = Math.floor(at / width / CELL_PX);
    const bit = y * COLUMNS + x;
    const value = bytes[bit >> 3] >> (7 - bit % 8) & 1 ? white : black;
    data.set([value, value, value, 255], 4 * at);
  }
  return { data, width, height };
}

test('blocks are read as they were written', () => {
  assert.deepEqual(readBlocks(band(WRITTEN)), { number: 1, timeMs: 1_234_567_890_123.456 });
  assert.deepEqual(readBlocks(band('ffffffff0000000000000000e139')),
    { number: 0xFFFFFFFF, timeMs: 0 });
});

test('little contrast is enough', () => {
  assert.equal(readBlocks(band(WRITTEN, { black: 100, white: 150 }))?.number, 1);
});

test('one wrong block, and nothing is read', () => {
  for (let bit = 0; bit < 112; bit += 1) {
    const bytes = Buffer.from(WRITTEN, 'hex');
    bytes[bit >> 3] ^= 128 >> (bit % 8);
    assert.equal(readBlocks(band(bytes.toString('hex'))), null, `bit ${bit}`);
  }
});

test('a picture without blocks says nothing', () => {
  assert.equal(readBlocks(band('00'.repeat(14))), null);
  assert.equal(readBlocks(band('ff'.repeat(14))), null);
});
