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

// The messages of `/sound`, as web/sound/websocket.py describes them.

const VERSION = 1;
const HEAD_BYTES = 16;
const OPUS = 0;

/**
 * @typedef {object} WireSound
 * @property {number} sequence counts packets; what it leaves out is missing
 * @property {number} stampMs of the first sample, of the robot's clock
 * @property {Uint8Array<ArrayBuffer>} data a packet of Opus
 */

/** @typedef {{ type: 'hello', rate: number, channels: number, packet_ms: number }} SoundHello */
/** @typedef {{ type: 'signal', reason: string }} SoundSignal empty when there is sound again */
/** @typedef {SoundHello | SoundSignal | import('./ws_messages.js').ClockAnswer} SoundMessage */

/**
 * Take a packet apart.
 *
 * @param {ArrayBuffer} buffer
 * @returns {WireSound}
 */
export function readSound(buffer) {
  const head = new DataView(buffer, 0, HEAD_BYTES);
  if (head.getUint8(0) !== VERSION || head.getUint8(1) !== OPUS) {
    throw new RangeError('sound of another protocol version');
  }
  return {
    sequence: head.getUint32(4),
    stampMs: Number(head.getBigInt64(8)) / 1e6,
    data: new Uint8Array(buffer, HEAD_BYTES),
  };
}
