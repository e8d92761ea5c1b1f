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
import { after, beforeEach, test } from 'node:test';

import { H264Decoder } from '../../pi_camera_stream/web/static/shared/h264_decoder.js';

const KEY = new Uint8Array([
  0, 0, 1, 0x67, 0x64, 0, 0x1F, 0xAC, 0xD9, 0, 0, 1, 0x68, 0xEB, 0, 0, 1, 0x65, 0x88]);
const DELTA = new Uint8Array([0, 0, 1, 0x41, 0x9A]);

/** A browser's decoder which gives out pictures, and errors, when the test says so. */
class ScriptedDecoder {
  static made = [];
  decodeQueueSize = 0;
  state = 'unconfigured';
  configs = [];
  chunks = [];

  constructor(callbacks) {
    Object.assign(this, callbacks);
    ScriptedDecoder.made.push(this);
  }

  configure(config) {
    this.configs.push(config);
    this.state = 'configured';
  }

  decode(chunk) {
    this.chunks.push(chunk);
  }

  close() {
    this.state = 'closed';
  }

  give(index) {
    const frame = { timestamp: this.chunks[index].timestamp, open: true };
    frame.close = () => {
      frame.open = false;
    };
    this.output(frame);
    return frame;
  }

  fail(name) {
    this.state = 'closed';
    this.error(Object.assign(new Error(), { name }));
  }
}

/** Timers, and a clock that shows what the test wants. */
class Clock {
  nowMs = 0;
  #timers = [];

  set(call, ms, again = false) {
    this.#timers.push({ call, dueMs: this.nowMs + ms, ms: again ? ms : Infinity });
    return this.#timers.at(-1);
  }

  clear(timer) {
    this.#timers = this.#timers.filter((other) => other !== timer);
  }

  pass(ms) {
    const endMs = this.nowMs + ms;
    for (;;) {
      const [next] = [...this.#timers].sort((a, b) => a.dueMs - b.dueMs);
      if (!next || next.dueMs > endMs) break;
      this.nowMs = next.dueMs;
      next.dueMs += next.ms;
      if (next.ms === Infinity) this.clear(next);
      next.call();
    }
    this.nowMs = endMs;
  }
}

const real = { clearInterval, clearTimeout, setInterval, setTimeout };
const now = performance.now;
let log;
let decoder;
let clock;

beforeEach(() => {
  clock = new Clock();
  Object.assign(globalThis, {
    VideoDecoder: ScriptedDecoder,
    EncodedVideoChunk: function EncodedVideoChunk(fields) {
      Object.assign(this, fields);
    },
    setTimeout: (call, ms) => clock.set(call, ms),
    setInterval: (call, ms) => clock.set(call, ms, true),
    clearTimeout: (timer) => clock.clear(timer),
    clearInterval: (timer) => clock.clear(timer),
  });
  performance.now = () => clock.nowMs;
  ScriptedDecoder.made = [];
  log = [];
  decoder = new H264Decoder({
    keyFrameWanted: () => log.push('key wanted'),
    waiting: (sentence) => log.push(sentence ? 'waits' : 'waits no more'),
    failed: (sentence) => log.push(`failed: ${sentence}`),
  });
});

after(() => {
  Object.assign(globalThis, real);
  performance.now = now;
});

/** Offer a unit with a name. */
function offer(name, data = DELTA) {
  decoder.offer({
    data,
    key: data !== DELTA,
    decoded: (frame) => {
      log.push(`decoded ${name}`);
      frame.close();
    },
    leftOut: () => log.push(`left out ${name}`),
  });
}

function made() {
  return ScriptedDecoder.made.at(-1);
}

test('what comes before a key frame is left out, and one is asked for, once', () => {
  offer('a');
  offer('b');
  assert.deepEqual(log, ['key wanted', 'left out a', 'left out b']);
  assert.equal(ScriptedDecoder.made.length, 0);
  offer('c', KEY);
  made().give(0);
  assert.deepEqual(log.slice(3), ['waits no more', 'decoded c']);
  assert.deepEqual(made().configs, [{ codec: 'avc1.64001f', optimizeForLatency: true }]);
});

test('who waits for a key frame says so, asks again, and gives up in the end', () => {
  offer('a');
  log = [];
  clock.pass(1000);
  assert.deepEqual(log, ['waits']);
  clock.pass(1000);
  assert.deepEqual(log, ['waits', 'waits', 'key wanted']);
  clock.pass(13_000);
  assert.match(log.at(-1), /^failed: .*no key frame/);
  clock.pass(60_000);
  offer('b', KEY);
  assert.equal(log.at(-1), 'left out b');
});

test('a picture that the decoder never gives out is left out with the next one', () => {
  offer('a', KEY);
  offer('b');
  offer('c');
  made().give(0);
  made().give(2);
  assert.deepEqual(log, ['decoded a', 'left out b', 'decoded c']);
});

test('a picture that others come out before is shown after them', () => {
  offer('a', KEY);
  offer('p');
  offer('b');
  made().give(0);
  made().give(2);
  made().give(1);
  assert.deepEqual(log, ['decoded a', 'left out p', 'decoded b', 'decoded p']);
});

test('units without a picture are not counted for ever', () => {
  offer('a', KEY);
  for (let count = 1; count < 200; count += 1) {
    offer(String(count));
    if (count % 2) made().give(count);
  }
  assert.equal(ScriptedDecoder.made.length, 1);
  assert.equal(made().state, 'configured');
  assert.equal(log.at(-1), 'decoded 199');
});

test('after an error it begins anew with a key frame, and nothing is left inside', () => {
  offer('a', KEY);
  offer('b');
  const [first] = ScriptedDecoder.made;
  first.fail('EncodingError');
  assert.deepEqual(log, ['left out a', 'left out b', 'key wanted']);
  assert.equal(first.give(0).open, false); // of a decoder that is no more
  offer('c', KEY);
  made().give(0);
  assert.notEqual(made(), first);
  assert.equal(log.at(-1), 'decoded c');
});

test('after four errors in half a minute it gives up, and not when they are rare', () => {
  for (let count = 0; count < 6; count += 1) {
    offer('a', KEY);
    made().fail('EncodingError');
    clock.pass(11_000);
  }
  assert.ok(!log.some((line) => line.startsWith('failed')));
  for (let count = 0; count < 4; count += 1) {
    offer('a', KEY);
    made().fail('EncodingError');
  }
  const [said, ...more] = log.filter((line) => line.startsWith('failed'));
  assert.match(said, /showing JPEG/);
  assert.deepEqual(more, []);
});

test('a kind of H.264 that the browser does not know is given up at once', () => {
  offer('a', KEY);
  made().fail('NotSupportedError');
  assert.match(log.at(-1), /^failed: .*avc1\.64001f/);
});

test('a decoder that the browser has taken away is no failure', () => {
  for (let count = 0; count < 10; count += 1) {
    offer('a', KEY);
    made().give(0);
    made().fail('QuotaExceededError');
  }
  assert.ok(log.every((line) => line === 'decoded a'));
});

test('a new parameter set is a new configuration, the same one is none', () => {
  const other = KEY.slice();
  other[6] = 0x28;
  offer('a', KEY);
  offer('b', KEY);
  assert.equal(made().configs.length, 1);
  offer('c', other);
  assert.deepEqual(made().configs.map(({ codec }) => codec), ['avc1.64001f', 'avc1.640028']);
});

test('a key frame without parameter sets begins nothing', () => {
  offer('a', new Uint8Array([0, 0, 1, 0x65, 0x88]));
  assert.ok(log.includes('left out a'));
  assert.ok(log.includes('key wanted'));
  assert.equal(ScriptedDecoder.made.length, 0);
});

test('no more than 24 are inside; then it begins anew', () => {
  offer('a', KEY);
  made().decodeQueueSize = 1; // it is slow
  for (let count = 0; count < 100; count += 1) offer('b');
  assert.equal(ScriptedDecoder.made.length, 1);
  assert.equal(made().chunks.length, 24);
  assert.equal(made().state, 'closed');
  assert.equal(log.filter((line) => line.startsWith('left out')).length, 101);
  assert.equal(log.filter((line) => line === 'key wanted').length, 1);
});

test('what a decoder holds back until the next one is answered for, at once in the end', () => {
  offer('a', KEY);
  clock.pass(150);
  assert.deepEqual(log, ['left out a']);
  offer('b');
  made().give(0);
  assert.deepEqual(log, ['left out a', 'decoded a']);
  offer('c');
  assert.deepEqual(log.slice(2), ['left out c']);
});

test('what a slow decoder still works on is not answered for', () => {
  offer('a', KEY);
  made().decodeQueueSize = 1;
  clock.pass(1000);
  assert.deepEqual(log, []);
  made().give(0);
  assert.deepEqual(log, ['decoded a']);
});
