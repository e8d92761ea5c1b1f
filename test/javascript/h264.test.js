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

import { readParameterSet } from '../../pi_camera_stream/web/static/shared/h264.js';

const DELIMITER = [0, 0, 0, 1, 0x09, 0xF0];
const SPS = [0, 0, 0, 1, 0x67, 0x64, 0x00, 0x1F, 0xAC, 0xD9];
const PPS = [0, 0, 1, 0x68, 0xEB, 0xE3];
const IDR = [0, 0, 1, 0x65, 0x88, 0x84, 0x00];
const SLICE = [0, 0, 0, 1, 0x41, 0x9A];

/** Return what the parameter set of these bytes says. */
function read(...parts) {
  return readParameterSet(new Uint8Array(parts.flat()));
}

test('the codec of a key frame is in its parameter set', () => {
  assert.equal(read(SPS, PPS, IDR).codec, 'avc1.64001f');
  assert.equal(read(DELIMITER, SPS, PPS, IDR).codec, 'avc1.64001f');
  assert.equal(read([0, 0, 1, 0x27, 0x42, 0xC0, 0x0A, 1], PPS, IDR).codec, 'avc1.42c00a');
});

test('two parameter sets are the same when all of their bytes are', () => {
  const { words } = read(SPS, PPS, IDR);
  assert.equal(read(DELIMITER, SPS, [0, 0], PPS, IDR).words, words); // zeros may stand behind it
  assert.equal(read(SPS).words, words);
  assert.notEqual(read(SPS, [0x40], PPS, IDR).words, words);
});

test('a frame without a parameter set has none, and one that is cut off neither', () => {
  assert.equal(read(), null);
  assert.equal(read(SLICE), null);
  assert.equal(read(PPS, IDR), null);
  assert.equal(read(IDR, SPS), null); // it belongs in front
  assert.equal(read(SPS.slice(0, 7)), null);
  assert.equal(read([0, 0, 1]), null);
  assert.equal(read([0xFF, 0xD8, 0xFF]), null);
});
