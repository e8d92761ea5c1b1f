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

import { LossWatch } from '../../pi_camera_stream/web/static/shared/loss_watch.js';
import { RtpStamps } from '../../pi_camera_stream/web/static/shared/rtp_stamps.js';
import { StillWatch } from '../../pi_camera_stream/web/static/shared/still_watch.js';
import { WebRtcChoice } from '../../pi_camera_stream/web/static/shared/webrtc_choice.js';

const SECURE = { tier: 'auto', transport: 'auto', decodes: true, drives: false };
const PLAIN = { ...SECURE, decodes: false };
const MINUTE_MS = 60_000;

test('WebRTC is for pages that cannot decode by themselves, and for ways that lose something', () => {
  const choice = new WebRtcChoice();
  assert.equal(choice.wants(PLAIN, 0), true);
  assert.equal(choice.wants(SECURE, 0), false);
  choice.lost(1000);
  assert.equal(choice.wants(SECURE, 1000), true);
  assert.equal(choice.wants({ ...SECURE, tier: 'h264_small' }, 1000), true);
});

test('what a person has chosen is respected', () => {
  const choice = new WebRtcChoice();
  choice.lost(0);
  for (const tier of ['jpeg', 'full', 'lowest']) {
    assert.equal(choice.wants({ ...PLAIN, tier }, 0), false);
  }
  assert.equal(choice.wants({ ...PLAIN, transport: 'websocket' }, 0), false);
  assert.equal(new WebRtcChoice().wants({ ...SECURE, transport: 'webrtc' }, 0), true);
});

test('nobody drives by it, whatever was chosen', () => {
  for (const transport of ['auto', 'webrtc']) {
    assert.equal(new WebRtcChoice().wants({ ...PLAIN, transport, drives: true }, 0), false);
  }
});

test('it does not come back in the moment before somebody gets the wheel', () => {
  const choice = new WebRtcChoice();
  choice.rest(0);
  assert.equal(choice.wants(PLAIN, 1000), false);
  assert.equal(choice.wants(PLAIN, 2000), true);
});

test('after each failure it waits twice as long, at most five minutes', () => {
  const choice = new WebRtcChoice();
  let now = 0;
  const waits = [];
  for (let attempt = 0; attempt < 7; attempt += 1) {
    choice.failed(now);
    const failedMs = now;
    while (!choice.wants(PLAIN, now)) now += 1000;
    waits.push((now - failedMs) / 1000);
  }
  assert.deepEqual(waits, [10, 20, 40, 80, 160, 300, 300]);
});

test('what was shown for long has not failed, and the robot may ask for more time', () => {
  const choice = new WebRtcChoice();
  for (let attempt = 0; attempt < 5; attempt += 1) choice.failed(0);
  choice.failed(0, { shownMs: MINUTE_MS });
  assert.equal(choice.wants(PLAIN, 10_000), true);
  choice.failed(20_000, { retryS: 60 });
  assert.equal(choice.wants(PLAIN, 79_000), false);
  assert.equal(choice.wants(PLAIN, 80_000), true);
});

test('who chooses it does not wait for an earlier failure', () => {
  const choice = new WebRtcChoice();
  choice.failed(0);
  choice.forgive();
  assert.equal(choice.wants(PLAIN, 1), true);
});

test('a loss is over after a minute without one, and later each time that was wrong', () => {
  const choice = new WebRtcChoice();
  let now = 0;
  const holds = [];
  for (let loss = 0; loss < 6; loss += 1) {
    choice.lost(now);
    choice.lost(now + 1000); // it goes on: that is no other one
    now += 1000;
    const lostMs = now;
    while (choice.wants(SECURE, now)) now += 1000;
    holds.push((now - lostMs) / MINUTE_MS);
  }
  assert.deepEqual(holds, [1, 2, 4, 8, 16, 16]);
  now += 11 * MINUTE_MS;
  choice.lost(now);
  assert.equal(choice.wants(SECURE, now + MINUTE_MS), false); // forgotten by then
});

test('three losses within seconds are no accident', () => {
  const watch = new LossWatch();
  const seen = [[0, 0], [2, 1], [4, 1], [6, 4], [8, 5], [10, 5]].map(
    ([second, count]) => watch.note(count, 1000 * second));
  assert.deepEqual(seen, [false, false, false, false, true, true]);
  assert.equal(watch.note(5, 14_500), false); // the first was forgotten
});

test('what is lost at once is one loss, as when a link becomes narrow', () => {
  const watch = new LossWatch();
  const seen = [0, 5, 9, 12, 13, 20].map((count, index) => watch.note(count, 100 * index));
  assert.ok(seen.every((lossy) => !lossy));
});

test('a new connection counts from what it has at first', () => {
  const watch = new LossWatch();
  for (const [second, count] of [[0, 9], [2, 10], [4, 11]]) watch.note(count, 1000 * second);
  watch.restart();
  assert.equal(watch.note(3, 6000), false);
  assert.equal(watch.note(4, 8000), true);
});

test('a stamp follows from the RTP time, also where that begins anew', () => {
  const stamps = new RtpStamps();
  assert.equal(stamps.stampMs(5), null);
  stamps.note({ rtp_timestamp: null, stamp_ms: 1000 });
  assert.equal(stamps.known, false);
  stamps.note({ rtp_timestamp: 900, stamp_ms: 1000 });
  assert.equal(stamps.stampMs(900), 1000);
  assert.equal(stamps.stampMs(0), 990);
  assert.equal(stamps.stampMs(1800), 1010); // sent since
  assert.equal(stamps.stampMs(2 ** 32 - 900), 980);
  assert.equal(stamps.stampMs(undefined), null);
});

/** Return a watch of a video that was painted so often, and when that ends. */
function painted(intervalMs, count = 30) {
  const watch = new StillWatch(0);
  for (let picture = 1; picture < count; picture += 1) watch.painted(picture * intervalMs);
  return { watch, endMs: (count - 1) * intervalMs };
}

test('a video stands still when the robot sends, and nothing is painted', () => {
  const { watch, endMs } = painted(33);
  assert.equal(watch.gapes(endMs + 900), false);
  assert.equal(watch.gapes(endMs + 1100), true);
  assert.equal(watch.answered(1, endMs + 1100), false);
  assert.equal(watch.answered(2, endMs + 1500), true);
});

test('a camera that stops is no fault of the way, nor is a slow one', () => {
  const { watch, endMs } = painted(33);
  for (const ms of [1100, 1500, 1900]) assert.equal(watch.answered(1, endMs + ms), false);
  const slow = painted(1000);
  assert.equal(slow.watch.gapes(slow.endMs + 3900), false);
  assert.equal(slow.watch.gapes(slow.endMs + 4100), true);
});

test('what was said before a gap says nothing of it', () => {
  const { watch, endMs } = painted(33);
  watch.answered(1, endMs + 1100);
  watch.painted(endMs + 1200);
  assert.equal(watch.answered(2, endMs + 2300), false);
  assert.equal(watch.answered(3, endMs + 2700), true);
});

test('a robot that cannot be asked while nothing is painted has gone', () => {
  const { watch, endMs } = painted(33);
  assert.equal(watch.answered(null, endMs + 500), false);
  assert.equal(watch.answered(null, endMs + 1100), true);
});
