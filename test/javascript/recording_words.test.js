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
  bytes, clock, describe, switchWords,
} from '../../pi_camera_stream/web/static/shared/recording_words.js';

const STATE = {
  mode: 'manual',
  recording: false,
  waiting: false,
  topics: ['/camera/image_raw/compressed'],
  since_s: 0,
  bytes: 0,
  free_bytes: 5_400_000_000,
  left_out: 0,
  fault: '',
  you_may: { see: true, record: true, why_not: '' },
};

test('a duration is shown as players show it', () => {
  assert.deepEqual([0, 59.9, 75, 3600, 3675, -1].map(clock),
    ['0:00', '0:59', '1:15', '1:00:00', '1:01:15', '0:00']);
});

test('sizes have three digits that count', () => {
  assert.deepEqual([0, 999, 1000, 12_345_678, 5.4e9, 999_700].map(bytes),
    ['0 B', '999 B', '1.00 kB', '12.3 MB', '5.40 GB', '1.00 MB']);
});

test('what is going on is said, with the room there is', () => {
  assert.equal(describe(STATE), 'Not recording. 5.40 GB free.');
  assert.equal(describe({ ...STATE, waiting: true }),
    'Waiting for motion. 5.40 GB free.');
  assert.equal(describe({ ...STATE, recording: true, bytes: 1e6 }),
    'Recording /camera/image_raw/compressed: 1.00 MB. 5.40 GB free.');
});

test('a slow card and a fault are said', () => {
  assert.match(describe({ ...STATE, recording: true, left_out: 7 }), /7 pictures were left out/);
  assert.equal(describe({ ...STATE, recording: true, fault: 'the card is full: delete some' }),
    'The card is full: delete some.');
});

test('the button says what it does', () => {
  assert.equal(switchWords(STATE), 'Record');
  assert.equal(switchWords({ ...STATE, waiting: true }), 'Record now');
  assert.equal(switchWords({ ...STATE, recording: true }), 'Stop recording');
});
