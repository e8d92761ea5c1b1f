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
import { beforeEach, mock, test } from 'node:test';

import { ClockOffset, ClockSync } from '../../pi_camera_stream/web/static/shared/clock_offset.js';

const NOW_MS = 9000;

beforeEach(() => mock.method(performance, 'now', () => NOW_MS));

test('without any answer the time is not known', () => {
  const clock = new ClockOffset();
  assert.equal(clock.now(), null);
  assert.equal(clock.uncertaintyMs(), 0);
});

test('the shortest round trip says it', () => {
  const clock = new ClockOffset();
  clock.add(1000, 51_090, 1100); // nearly all of it on the way there
  clock.add(2000, 52_005, 2010);
  clock.add(3000, 53_010, 3100);
  assert.equal(clock.now(), NOW_MS + 50_000);
  assert.equal(clock.uncertaintyMs(), 5);
});

test('a clock that was set is believed', () => {
  const clock = new ClockOffset();
  clock.add(2000, 52_005, 2010);
  clock.add(4000, 94_030, 4060);
  assert.equal(clock.now(), NOW_MS + 90_000);
  assert.equal(clock.uncertaintyMs(), 30);
});

test('of the answers only the last eight count', () => {
  const clock = new ClockOffset();
  clock.add(0, 1001, 2);
  for (let at = 1; at <= 7; at += 1) clock.add(1000 * at, 1000 * at + 1010, 1000 * at + 20);
  assert.equal(clock.uncertaintyMs(), 1);
  clock.add(8000, 9010, 8020);
  assert.equal(clock.uncertaintyMs(), 10);
});

test('the robot is asked as soon as there is a connection, and each one begins anew', (context) => {
  const sent = [];
  const sync = new ClockSync((message) => sent.push(message));
  context.after(() => sync.stop()); // its timer would keep this process alive
  sync.start();
  assert.deepEqual(sent, [{ type: 'clock', client_ms: NOW_MS }]);
  sync.receive({ type: 'clock', client_ms: NOW_MS - 20, server_ms: NOW_MS + 6990 });
  assert.equal(sync.now(), NOW_MS + 7000);
  assert.equal(sync.uncertaintyMs(), 10);
  sync.start();
  assert.equal(sync.now(), null);
  assert.equal(sent.length, 2);
});

test('it is asked again until that is stopped', async (context) => {
  let count = 0;
  await new Promise((resolve) => {
    const sync = new ClockSync(() => {
      count += 1;
      if (count === 3) resolve();
    });
    context.after(() => sync.stop());
    sync.start();
  });
});
