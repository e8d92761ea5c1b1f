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

import { DriveInput } from '../../pi_camera_stream/web/static/driving/drive_input.js';
import { driveWords, figureTexts } from '../../pi_camera_stream/web/static/driving/drive_words.js';
import { KeyboardInput } from '../../pi_camera_stream/web/static/driving/keyboard_input.js';

let moves; // whether each of them was one to be sent at once
let input;
let keyboard;

beforeEach(() => {
  const page = new EventTarget();
  globalThis.Element = class {};
  globalThis.addEventListener = page.addEventListener.bind(page);
  globalThis.dispatchEvent = page.dispatchEvent.bind(page);
  moves = [];
  input = new DriveInput((atOnce) => moves.push(atOnce));
  keyboard = new KeyboardInput(input, new AbortController().signal);
  input.add(keyboard);
  input.ready = true;
  keyboard.active = true;
});

afterEach(() => {
  for (const name of ['Element', 'addEventListener', 'dispatchEvent']) delete globalThis[name];
});

/** Press or release a key; return whether it means nothing else any more. */
function key(kind, code, more = {}) {
  const event = Object.assign(new Event(`key${kind}`, { cancelable: true }), { code, ...more });
  return !globalThis.dispatchEvent(event);
}

test('each driving key has its direction', () => {
  for (const [code, throttle, steering] of [['KeyW', 1, 0], ['ArrowUp', 1, 0], ['KeyS', -1, 0],
    ['ArrowDown', -1, 0], ['KeyA', 0, 1], ['ArrowLeft', 0, 1], ['KeyD', 0, -1],
    ['ArrowRight', 0, -1]]) {
    assert.ok(key('down', code));
    assert.deepEqual(input.read(), { throttle, steering }, code);
    key('up', code);
    assert.deepEqual(input.read(), { throttle: null, steering: null }, code);
  }
});

test('keys together are one motion, of full speed at most', () => {
  for (const code of ['KeyW', 'ArrowUp', 'KeyD']) key('down', code);
  assert.deepEqual(input.read(), { throttle: 1, steering: -1 });
  assert.equal(keyboard.throttle, 1);
  key('down', 'KeyS');
  key('down', 'ArrowDown');
  assert.equal(input.read().throttle, 0);
});

test('a key of another meaning, or held before, does not drive', () => {
  assert.equal(key('down', 'KeyQ'), false);
  assert.ok(key('down', 'KeyW', { repeat: true }));
  assert.equal(input.held, false);
  assert.equal(key('down', 'KeyW', { ctrlKey: true }), false);
  keyboard.active = false;
  assert.equal(key('down', 'KeyW'), false);
  assert.equal(input.held, false);
});

test('a key with Ctrl lets go of all others', () => {
  key('down', 'KeyW');
  key('down', 'KeyT', { ctrlKey: true });
  assert.equal(input.held, false);
});

test('what is not ready takes no touch and lets go; then it has to be pressed again', () => {
  key('down', 'KeyW');
  input.ready = false;
  assert.equal(input.held, false);
  key('down', 'KeyW');
  input.ready = true;
  assert.equal(input.held, false);
  key('down', 'KeyW');
  assert.equal(input.held, true);
});

test('a press, a release and another direction are sent at once, more of the same is not', () => {
  key('down', 'KeyW');
  key('down', 'ArrowUp');
  key('down', 'KeyA');
  key('up', 'ArrowUp');
  key('up', 'KeyW');
  key('up', 'KeyA');
  assert.deepEqual(moves, [true, false, true, false, true, true]);
});

test('what all controls want is summed up, within full speed', () => {
  const stick = { held: true, throttle: 0.75, steering: -0.5, letGo() {} };
  input.add(stick);
  assert.deepEqual(input.read(), { throttle: 0.75, steering: -0.5 });
  key('down', 'KeyW');
  assert.deepEqual(input.read(), { throttle: 1, steering: -0.5 });
  assert.equal(input.stale, false);
  stick.stale = true;
  assert.equal(input.stale, true);
});

const PAGE = { sentence: '', drives: false, held: false, stopping: false, late: false, letGo: '',
  tripMs: null, ageMs: null };
const STATE = { type: 'state', you: false, driver: null, asking: null, latched: false,
  latched_by: '', reason: '', limit: 1, linear: 0, angular: 0, max_linear: 1, battery: null };

/** Return what is shown of a robot that is reached. */
function view(changes = {}) {
  return { ...STATE, ...PAGE, reached: true, ...changes };
}

test('it is said who has the wheel, and what its button does', () => {
  for (const [changes, who, wheel] of [
    [{}, 'Nobody drives', 'Take the wheel'],
    [{ driver: 'Ann' }, 'Ann drives', 'Ask for the wheel'],
    [{ driver: 'Ann', may_take: true }, 'Ann drives', 'Take the wheel'],
    [{ driver: 'Ann', may_drive: false }, 'Ann drives', 'Log in to drive'],
    [{ driver: 'Ann', asking: 'Bob' }, 'Ann drives – Bob asks for the wheel', 'Ask for the wheel'],
    [{ drives: true, you: true }, 'You drive', 'Leave the wheel'],
    [{ drives: true, asking: 'Bob' }, 'You drive – Bob asks for the wheel', 'Hand over to Bob'],
    [{ you: true, driver: 'Ann' }, 'Nobody drives', 'Take the wheel'], // of the connection before
  ]) {
    const words = driveWords(view(changes));
    assert.deepEqual([words.who, words.wheelInFull], [who, wheel]);
  }
});

test('it is said why nothing moves, the gravest reason first', () => {
  const drives = { drives: true, held: true };
  for (const [changes, why, warns] of [
    [{}, '', false],
    [drives, '', false],
    [{ drives: true }, 'Hold W A S D, the arrows, a stick or a thumb to drive', false],
    [{ ...drives, reason: 'a wall', limit: 0.4 }, 'At 40 % of the speed: a wall', true],
    [{ ...drives, reason: 'a wall', limit: 0 }, 'No motion: a wall', true],
    [{ reason: 'a wall', limit: 0 }, '', false], // nobody wants to move
    [{ drives: true, letGo: 'the page was hidden' },
      'Stopped: the page was hidden. Press again to drive', true],
    [{ letGo: 'the wheel was lost' },
      'Stopped: the wheel was lost. Take the wheel to drive', true],
    [{ ...drives, late: true, letGo: 'x' },
      'No motion: the connection is more than 300 ms late', true],
    [{ ...drives, late: true, latched: true }, 'No motion: the emergency stop holds', true],
    [{ latched: true, fault: 'its stop() raises' },
      'The vehicle has failed and is being stopped: its stop() raises', true],
    [{ letGo: 'the wheel was lost', refusal: 'others send' }, 'Nobody can drive: others send', true],
    [{ latched: true, refusal: 'others send' }, 'No motion: the emergency stop holds', true],
    [{ latched: true, others_move: true, others: '/nav2' },
      'Contested: /nav2 still moves the vehicle', true],
    [{ ...drives, stopping: true }, 'Stopping', true],
    [{ stopping: true, reached: false },
      'The stop will be sent as soon as the robot can be reached', true],
  ]) {
    const words = driveWords(view(changes));
    assert.deepEqual([words.why, words.warns], [why, warns]);
  }
});

test('who presses the stop most is named, and muted by who may', () => {
  const again = { Ann: 3, Bob: 5 };
  assert.deepEqual(['again', 'mute'].map((name) => driveWords(view({ again }))[name]),
    ['Bob has stopped it 5 times recently', '']);
  assert.equal(driveWords(view({ again, may_mute: true })).mute, 'Bob');
  assert.equal(driveWords(view({ may_mute: true })).again, '');
  assert.match(driveWords(view({ muted: true, latched: true })).why, /muted your stop/);
});

test('an emergency stop has a name, and is not said to hold before the robot says so', () => {
  assert.equal(driveWords(view({ stopping: true })).latch,
    'EMERGENCY STOP – not confirmed by the robot yet');
  assert.equal(driveWords(view({ latched: true, latched_by: 'Ann' })).latch,
    'EMERGENCY STOP by Ann');
  assert.equal(driveWords(view({ latched: true })).latch, 'EMERGENCY STOP');
  assert.equal(driveWords(view({ latched: true, latched_by: 'Ann', others_move: true,
    others: '/nav2' })).latch, 'EMERGENCY STOP by Ann – CONTESTED by /nav2');
});

test('without the robot only that is said', () => {
  const away = { ...PAGE, reached: false };
  assert.equal(driveWords(away).who, 'Connecting to the robot');
  assert.equal(driveWords({ ...away, sentence: 'Full' }).who, 'Full');
  assert.deepEqual(Object.values(figureTexts(away)), ['', '', '', '', '']);
});

test('the figures of whoever drives', () => {
  assert.deepEqual(figureTexts(view({ drives: true, tripMs: 12.4, ageMs: -3, linear: -0.001,
    angular: -0.5, battery: { percentage: 0.5, voltage: 12.04 } })), {
    trip: '12 ms', video: '0 ms', motion: '0.00 m/s', turn: 'right 0.50 rad/s',
    battery: '50 %, 12.0 V' });
  const { trip, video, turn, battery } = figureTexts(view({ driver: 'Ann', linear: -1, angular: 1,
    battery: { percentage: null, voltage: null } }));
  assert.deepEqual([trip, video, turn, battery], ['', '', 'left 1.00 rad/s', '']);
  assert.equal(figureTexts(view({ driver: 'Ann', linear: -1 })).motion, '−1.00 m/s');
  assert.equal(figureTexts(view({ linear: -1 })).motion, '');
});
