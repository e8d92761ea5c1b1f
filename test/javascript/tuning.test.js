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
import { afterEach, beforeEach, test } from 'node:test';

import { adjustTexts } from '../../pi_camera_stream/web/static/driving/drive_words.js';
import { SLIDERS, Tuning } from '../../pi_camera_stream/web/static/driving/tuning.js';

const KEY = 'pi_camera_stream.tuning';
const CAR = { car: true };

let kept; // what the browser remembers

beforeEach(() => {
  kept = {};
  globalThis.localStorage = {
    getItem: (key) => kept[key] ?? null,
    setItem: (key, value) => {
      kept[key] = value;
    },
  };
});

afterEach(() => {
  delete globalThis.localStorage;
});

/** Return what comes of hands when that is adjusted. */
function motion(change, throttle, steering, vehicle = {}) {
  const tuning = new Tuning();
  tuning.reset();
  tuning.update(change);
  const given = tuning.apply({ throttle, steering }, vehicle);
  return [given.throttle, given.steering];
}

test('nothing is adjusted until somebody does', () => {
  const tuning = new Tuning();
  assert.equal(tuning.adjusted, false);
  assert.equal(tuning.speed, 0.5);
  for (const hands of [{ throttle: 1, steering: -1 }, { throttle: 0.3, steering: 0.4 },
    { throttle: 0, steering: 0 }, { throttle: null, steering: null }]) {
    assert.deepEqual(tuning.apply(hands, {}), hands);
  }
});

test('hands off stay hands off, and hands in the middle are exactly zero', () => {
  for (const vehicle of [{}, CAR, { reverse: false }]) {
    const all = { trim: 0.25, soft: 0.5, swapped: true };
    assert.deepEqual(motion(all, null, null, vehicle), [null, null]);
    assert.deepEqual(motion(all, 0, 0, vehicle), [0, 0]);
  }
});

test('trim goes with the throttle of what turns on the spot, so that its curve is the same', () => {
  assert.deepEqual(motion({ trim: 0.2 }, 1, 0), [1, -0.2]);
  assert.deepEqual(motion({ trim: 0.2 }, 0.5, 0), [0.5, -0.1]);
  assert.deepEqual(motion({ trim: 0.2 }, -1, 0), [-1, 0.2]);
  assert.deepEqual(motion({ trim: 0.2 }, 0, 0.5), [0, 0.5]);
  assert.deepEqual(motion({ trim: -0.2 }, 0.5, 0.5), [0.5, 0.6]);
});

test('trim turns nothing that stands because it may not go backwards', () => {
  assert.deepEqual(motion({ trim: 0.2 }, -1, 0, { reverse: false }), [-1, 0]);
  assert.deepEqual(motion({ trim: 0.2 }, -1, 0, { ...CAR, reverse: false }), [-1, 0]);
});

test("the trim of a car is its wheels', whatever its speed", () => {
  for (const throttle of [0.1, 1, -1]) {
    assert.deepEqual(motion({ trim: 0.2 }, throttle, 0, CAR), [throttle, -0.2]);
  }
  assert.deepEqual(motion({ trim: 0.2 }, 0, 1, CAR), [0, 1]);
});

test('what comes of it is never more than all', () => {
  assert.deepEqual(motion({ trim: -0.25 }, 1, 1), [1, 1]);
  assert.deepEqual(motion({ trim: -0.25, swapped: true }, 1, 1), [1, -1]);
  assert.deepEqual(motion({ soft: 1, trim: 0.25 }, -1, 1), [-1, 1]);
});

test('a soft middle takes from small moves, and nothing from full ones', () => {
  assert.deepEqual(motion({ soft: 1 }, 0.5, -0.5), [0.125, -0.125]);
  assert.deepEqual(motion({ soft: 0.4 }, 0.5, 0), [0.6 * 0.5 + 0.4 * 0.125, 0]);
  assert.deepEqual(motion({ soft: 1 }, 1, -1), [1, -1]);
});

test('reversed, left is right; and trim is still to the side that it says', () => {
  assert.deepEqual(motion({ swapped: true }, 0.5, 0.75), [0.5, -0.75]);
  // Its left is our right, and so is that of the trim.
  assert.deepEqual(motion({ swapped: true, trim: 0.2 }, 1, 0), [1, 0.2]);
});

test('what was adjusted is there again, but for what was never possible', () => {
  new Tuning().update({ speed: 0.7, trim: -0.1, soft: 0.3, swapped: true });
  const { speed, trim, soft, swapped } = new Tuning();
  assert.deepEqual({ speed, trim, soft, swapped },
    { speed: 0.7, trim: -0.1, soft: 0.3, swapped: true });
  for (const text of ['', '{', 'null', '7', '[]',
    '{"speed": 1.1, "trim": 0.3, "soft": -1, "swapped": 1}',
    '{"speed": "1", "trim": null, "soft": [0.5]}']) {
    kept[KEY] = text;
    const tuning = new Tuning();
    assert.equal(tuning.adjusted, false, text);
    assert.equal(tuning.speed, SLIDERS.speed.usual, text);
  }
});

test('a reset is remembered, and leaves the speed', () => {
  const tuning = new Tuning();
  tuning.update({ speed: 0.3, trim: 0.1, soft: 0.5, swapped: true });
  assert.equal(tuning.adjusted, true);
  tuning.reset();
  assert.equal(tuning.adjusted, false);
  assert.equal(new Tuning().adjusted, false);
  assert.equal(new Tuning().speed, 0.3);
});

test('a browser that remembers nothing adjusts all the same', () => {
  globalThis.localStorage = {
    getItem() {
      throw new Error('not allowed');
    },
    setItem() {
      throw new Error('not allowed');
    },
  };
  assert.deepEqual(motion({ swapped: true }, 0, 1), [0, -1]);
});

test('the sliders say what they are at', () => {
  assert.deepEqual(adjustTexts({ trim: 0, soft: 0 }), { trim: 'none', soft: 'none' });
  assert.deepEqual(adjustTexts({ trim: 0.05, soft: 0.4 }), { trim: '5 % right', soft: '40 %' });
  assert.equal(adjustTexts({ trim: -0.12, soft: 0 }).trim, '12 % left');
});
