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

import { Lateness } from '../../pi_camera_stream/web/static/shared/lateness.js';
import { readSound } from '../../pi_camera_stream/web/static/shared/sound_messages.js';
import { SoundRing } from '../../pi_camera_stream/web/static/shared/sound_ring.js';

const RATE = 48_000;
const PACKET = 480;
const BLOCK = 128;

/**
 * Let packets come and be played for some seconds. Sample n is n mod 1000; `lateMs(k)` is by how
 * much packet k comes after it was taken, null for never; `fast` by what share they come too fast.
 */
function play(ring, seconds, { lateMs = () => 5, fast = 0 } = {}) {
  const coming = [];
  for (let k = 0; k * 10 < seconds * 1000; k += 1) {
    const late = lateMs(k);
    const takenMs = k * 10 / (1 + fast);
    if (late === null) continue;
    const atMs = Math.max(takenMs + 10 + late, coming.at(-1)?.atMs ?? 0); // in their order
    coming.push({ k, takenMs, atMs });
  }
  const heard = [];
  for (let n = 0; n * BLOCK < seconds * RATE; n += 1) {
    const nowMs = n * BLOCK / RATE * 1000;
    while (coming.length && coming[0].atMs <= nowMs) {
      const { k, takenMs } = coming.shift();
      ring.put(Float32Array.from({ length: PACKET }, (_, i) => (k * PACKET + i) % 1000), takenMs);
    }
    const block = new Float32Array(BLOCK);
    const stampMs = ring.fill(block);
    heard.push({ nowMs, stampMs, block, ageMs: stampMs === null ? null : nowMs - stampMs });
  }
  return heard;
}

const ages = (heard) => heard.map(({ ageMs }) => ageMs).filter((age) => age !== null);

test('what comes evenly is played whole, and soon', () => {
  const ring = new SoundRing();
  const heard = play(ring, 15).slice(20);
  assert.ok(heard.every(({ stampMs }) => stampMs !== null));
  assert.ok(Math.max(...ages(heard)) <= 32, `${Math.max(...ages(heard))}`);
  const samples = heard.slice(-2000).flatMap(({ block }) => [...block]);
  const steps = samples.slice(1).map((sample, k) => (sample - samples[k] + 1000) % 1000);
  assert.ok(steps.filter((step) => Math.abs(step - 1) < 1e-3).length > 0.99 * steps.length);
  assert.deepEqual([ring.gaps, ring.leftOut], [0, 0]);
});

for (const fast of [5e-4, -5e-4]) {
  test(`a clock that differs by ${fast} neither fills it nor lets it fall silent`, () => {
    const ring = new SoundRing();
    const heard = play(ring, 120, { fast });
    assert.ok(ring.gaps <= 1, `${ring.gaps}`);
    assert.equal(ring.leftOut, 0);
    assert.ok(Math.max(...ages(heard.slice(-2000))) <= 40);
  });
}

test('an uneven way costs a margin, which goes away again', () => {
  const ring = new SoundRing();
  const uneven = (k) => (k < 500 && k % 50 === 0 ? 35 : 5);
  const heard = play(ring, 40, { lateMs: uneven });
  assert.ok(ring.gaps >= 1 && ring.gaps <= 6, `${ring.gaps}`);
  assert.ok(Math.max(...ages(heard.slice(700, 1900))) > 40);
  assert.ok(Math.max(...ages(heard.slice(-1000))) <= 40);
});

test('what was held up is left out, and the newest is played', () => {
  const ring = new SoundRing();
  const heldUp = (k) => (k >= 100 && k < 200 ? 5 + (200 - k) * 10 : 5);
  const heard = play(ring, 4, { lateMs: heldUp });
  assert.ok(ring.leftOut > 30_000);
  assert.ok(Math.max(...ages(heard.slice(-100))) <= 90);
});

test('silence is silent, and what comes behind it has its own time', () => {
  const ring = new SoundRing();
  const heard = play(ring, 3, { lateMs: (k) => (k >= 100 && k < 150 ? null : 5) });
  const silent = heard.filter(({ nowMs, stampMs }) => nowMs > 1060 && nowMs < 1500 && stampMs === null);
  assert.ok(silent.length > 100);
  assert.ok(silent.every(({ block }) => block.every((sample) => sample === 0)));
  assert.ok(Math.max(...ages(heard.slice(-100))) <= 60);
});

test('a packet is read from its message', () => {
  const view = new DataView(new ArrayBuffer(19));
  view.setUint8(0, 1);
  view.setUint32(4, 0xFFFFFFFE);
  view.setBigInt64(8, 1_795_255_708_930_755_282n);
  view.setUint8(16, 7);
  const { sequence, stampMs, data } = readSound(view.buffer);
  assert.equal(sequence, 4_294_967_294);
  assert.ok(Math.abs(stampMs - 1_795_255_708_930.755) < 0.001);
  assert.deepEqual([...data], [7, 0, 0]);
  view.setUint8(1, 3); // of another codec
  assert.throws(() => readSound(view.buffer), RangeError);
});

test('what has waited is late, until everything is', () => {
  const lateness = new Lateness();
  assert.equal(lateness.isLate(1000, 5000), false);
  assert.equal(lateness.isLate(1010, 5100), false);
  assert.equal(lateness.isLate(1020, 5300), true);
  assert.equal(lateness.isLate(1310, 5320), false);
  let late = 0;
  for (let k = 0; k < 200; k += 1) { // the other clock was set back by a minute
    if (lateness.isLate(1320 + k * 10 - 60_000, 5330 + k * 10)) late += 1;
  }
  assert.equal(late, 99);
});
