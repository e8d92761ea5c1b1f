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
  RecentPictures,
} from '../../pi_camera_stream/web/static/shared/recent_pictures.js';

/** Return pictures, ten a second, with these numbers; a second is over after the last one. */
function pictures(...sequences) {
  const recent = new RecentPictures();
  sequences.forEach((sequence, index) => {
    recent.addBytes(1000, 100 * index);
    recent.add({ ms: 100 * index, ageMs: index, leadMs: null }, sequence);
  });
  return recent;
}

test('the figures follow from what came and was painted', () => {
  const figures = pictures(1, 2, 3, 4, 5).figures(400);
  assert.equal(figures.rate, 10);
  assert.equal(figures.ageMs, 2);
  assert.equal(figures.leadMs, null);
  assert.equal(figures.bitsPerS, 80_000);
  assert.equal(figures.leftOutPerS, 0);
});

test('pictures between two that were painted were left out', () => {
  assert.equal(pictures(1, 4, 5, 6, 7).figures(400).leftOutPerS, 5);
  assert.equal(pictures(0xFFFFFFFE, 0xFFFFFFFF, 0, 2, 3).figures(400).leftOutPerS, 2.5);
});

test('nothing was left out where the pictures are counted anew', () => {
  assert.equal(pictures(5000, 5001, 1, 2, 3).figures(400).leftOutPerS, 0);
  const recent = pictures(1, 2);
  recent.clear();
  recent.add({ ms: 300, ageMs: 0, leadMs: null }, 50);
  recent.add({ ms: 400, ageMs: 0, leadMs: null }, 51);
  assert.equal(recent.figures(400).leftOutPerS, 0);
});

test('nobody knows what was left out while pictures come that are not counted', () => {
  assert.equal(pictures(1, null, null, 40, 41).figures(400).leftOutPerS, 0);
});

test('what is two seconds old is forgotten', () => {
  const recent = pictures(1, 2, 3);
  assert.equal(recent.figures(2150).rate, 0);
  assert.deepEqual(recent.figures(9000),
    { rate: 0, ageMs: null, leadMs: null, bitsPerS: null, leftOutPerS: 0 });
});
