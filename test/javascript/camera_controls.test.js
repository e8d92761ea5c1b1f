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

import { ControlScale } from '../../pi_camera_stream/web/static/viewer/control_scale.js';
import { labelOf } from '../../pi_camera_stream/web/static/viewer/control_words.js';
import { NewestValue } from '../../pi_camera_stream/web/static/viewer/newest_value.js';

const RANGES = [
  { kind: 'int', minimum: 1, maximum: 66_666, step: 0 },
  { kind: 'int', minimum: 0, maximum: 670_000_000, step: 0 },
  { kind: 'int', minimum: -36_000, maximum: 36_000, step: 3600 },
  { kind: 'int', minimum: 2800, maximum: 6500, step: 1 },
  { kind: 'float', minimum: -1, maximum: 1, step: 0 },
  { kind: 'float', minimum: 0, maximum: 15.99, step: 0 },
  { kind: 'float[]', minimum: 0, maximum: 32, step: 0 },
];

test('a slider reaches both ends, only what may be, and comes back to where it was', () => {
  for (const range of RANGES) {
    const scale = new ControlScale(range);
    assert.equal(scale.value(0), range.minimum);
    assert.equal(scale.value(scale.last), range.maximum);
    let before = -Infinity;
    for (let position = 0; position <= scale.last; position += Math.ceil(scale.last / 50)) {
      const value = scale.value(position);
      assert.ok(value >= before && value <= range.maximum, `${value} after ${before}`);
      assert.ok(!range.kind.startsWith('int') || Number.isInteger(value), String(value));
      assert.equal((value - range.minimum) % (range.step || 1e-9) < 1e-3, true, String(value));
      assert.equal(scale.value(scale.position(value)), value);
      before = value;
    }
  }
});

test('half of a slider for a wide range is not half of the range', () => {
  const exposure = new ControlScale(RANGES[0]);
  assert.ok(exposure.value(exposure.last / 2) < 1000);
  assert.equal(exposure.text(8123), '8123');
  assert.equal(new ControlScale(RANGES[4]).text(0.123456), '0.1235');
});

test('without a range there is no slider', () => {
  assert.equal(new ControlScale({ kind: 'int', minimum: null, maximum: null, step: 0 }).last, 0);
});

test('of the values that wait only the newest is sent, and one at a time', async () => {
  /** @type {unknown[]} */
  const sent = [];
  let atOnce = 0;
  await new Promise((settled) => {
    const newest = new NewestValue(async (value) => {
      atOnce += 1;
      assert.equal(atOnce, 1);
      sent.push(value);
      await new Promise((resume) => setTimeout(resume, 5));
      atOnce -= 1;
    }, settled);
    for (const value of [1, 2, 3, 4]) newest.put(value);
    assert.ok(newest.busy);
  });
  assert.deepEqual(sent, [1, 4]);
});

test('a refusal is told, unless something newer was taken', async () => {
  const put = (/** @type {unknown[]} */ values) => new Promise((settled) => {
    const newest = new NewestValue(async (value) => {
      if (value === 'bad') throw new Error('no');
    }, settled);
    for (const value of values) newest.put(value);
  });
  assert.equal((await put(['bad'])).message, 'no');
  assert.equal(await put(['bad', 'good']), null);
});

test('controls have names for people', () => {
  assert.equal(labelOf('AeEnable'), 'Automatic exposure');
  assert.equal(labelOf('ColourGains', 1), 'Blue gain');
  assert.equal(labelOf('AfSomethingNew', 0), 'Af something new 1');
  assert.equal(labelOf('v4l2.power_line_frequency'), 'Power line frequency');
});
