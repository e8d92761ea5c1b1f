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
  readPicture, tierName,
} from '../../pi_camera_stream/web/static/shared/ws_messages.js';

/** Return a message as web/websocket.py describes it. */
function message({
  version = 1, tier = 2, codec = 0, flags = 0, sequence = 0xFFFFFFFE, stampNs = 0n, data = [],
}) {
  const bytes = new Uint8Array(16 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, version);
  view.setUint8(1, tier);
  view.setUint8(2, codec);
  view.setUint8(3, flags);
  view.setUint32(4, sequence);
  view.setBigInt64(8, stampNs);
  bytes.set(data, 16);
  return bytes.buffer;
}

test('a picture is read from its message', () => {
  const picture = readPicture(message({ stampNs: 1_795_255_708_930_755_282n, data: [255, 216, 7] }));
  assert.equal(picture.tier, 2);
  assert.equal(picture.sequence, 4_294_967_294);
  assert.ok(Math.abs(picture.stampMs - 1_795_255_708_930.755) < 0.001);
  assert.deepEqual([...picture.data], [255, 216, 7]);
  assert.equal(picture.codec, 'jpeg');
  assert.ok(picture.key);
});

test('an access unit of H.264 says whether it is a key frame', () => {
  const codec = 1;
  assert.equal(readPicture(message({ codec })).codec, 'h264');
  assert.equal(readPicture(message({ codec })).key, false);
  assert.equal(readPicture(message({ codec, flags: 1 })).key, true);
  assert.equal(readPicture(message({ codec, flags: 2 })).key, false); // of a later version
});

test('a stamp may be before 1970', () => {
  assert.equal(readPicture(message({ stampNs: -1_500_000n })).stampMs, -1.5);
});

test('a picture of another version or codec is refused, and so is half a head', () => {
  assert.throws(() => readPicture(message({ codec: 2 })), RangeError);
  assert.throws(() => readPicture(message({ version: 2 })), RangeError);
  assert.throws(() => readPicture(message({}).slice(0, 15)), RangeError);
});

test('a tier has the name that the robot gave it, and a size of the viewer is `custom`', () => {
  assert.equal(tierName(1, ['full', 'high']), 'high');
  assert.equal(tierName(255, ['full', 'high']), 'custom');
  assert.equal(tierName(7, ['full', 'high']), '');
});
