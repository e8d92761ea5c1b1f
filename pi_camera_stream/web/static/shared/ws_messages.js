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

// The messages of `/ws`, as web/websocket.py describes them.

const VERSION = 1;
const HEAD_BYTES = 16;
const CUSTOM_TIER = 255; // a rendition of the viewer's own, in no tier
/** @type {('jpeg' | 'h264')[]} */
const CODECS = ['jpeg', 'h264']; // by their number
const KEY_FRAME = 1; // the flag

/**
 * @typedef {object} Hello the first message on a connection
 * @property {'hello'} type
 * @property {string} topic the full name
 * @property {string[]} tiers their names, from the best one on
 * @property {string} [viewer] what the robot calls this viewer of it
 * @property {string} [h264] why there is no H.264 of it, a sentence; empty when there is
 * @property {string} [webrtc] the same for WebRTC
 */

/**
 * Whether pictures come, and why none is shown.
 *
 * @typedef {object} Signal
 * @property {'shown' | 'waiting' | 'silent' | 'broken'} state nothing has come yet, nothing comes
 *   any more, or what comes cannot be shown
 * @property {number} silent_s seconds since the last picture
 * @property {string} reason a sentence, also of what is wrong though pictures come; may be empty
 */

/** @typedef {Signal & { type: 'signal' }} SignalMessage no picture is shown, or else is wrong */

/**
 * @typedef {object} H264Message whether there is H.264 has changed
 * @property {'h264'} type
 * @property {string} reason as in the greeting
 */

/**
 * @typedef {object} ClockRequest
 * @property {'clock'} type
 * @property {number} client_ms
 */

/**
 * @typedef {object} ClockAnswer
 * @property {'clock'} type
 * @property {number} client_ms as it was asked
 * @property {number} server_ms
 * @property {number | null} [lost] segments of this connection
 */

/** @typedef {Hello | SignalMessage | H264Message | ClockAnswer} ServerMessage */

/**
 * @typedef {object} WirePicture
 * @property {number} tier its index
 * @property {'jpeg' | 'h264'} codec
 * @property {boolean} key whether it can be decoded without the ones before
 * @property {number} sequence
 * @property {number} stampMs of the robot's clock
 * @property {Uint8Array<ArrayBuffer>} data a JPEG, or an access unit (Annex B)
 */

/**
 * Take a picture apart. A stamp in ns has more digits than a number can hold; in ms it is exact
 * to a quarter of a µs.
 *
 * @param {ArrayBuffer} buffer
 * @returns {WirePicture}
 */
export function readPicture(buffer) {
  const head = new DataView(buffer, 0, HEAD_BYTES);
  if (head.getUint8(0) !== VERSION) throw new RangeError('a picture of another protocol version');
  const codec = CODECS[head.getUint8(2)];
  if (!codec) throw new RangeError('a picture of an unknown codec');
  return {
    tier: head.getUint8(1),
    codec,
    key: codec === 'jpeg' || Boolean(head.getUint8(3) & KEY_FRAME),
    sequence: head.getUint32(4),
    stampMs: Number(head.getBigInt64(8)) / 1e6,
    data: new Uint8Array(buffer, HEAD_BYTES),
  };
}

/**
 * Return the name of a picture's tier, as `/state` has it; `tiers` are those of the greeting.
 *
 * @param {number} tier
 * @param {string[]} tiers
 */
export function tierName(tier, tiers) {
  return tier === CUSTOM_TIER ? 'custom' : tiers[tier] ?? '';
}

/**
 * Return whether that is a tier of H.264, `h264` itself leaves it to the robot which.
 *
 * @param {string} tier
 */
export function isH264(tier) {
  return tier.startsWith('h264');
}
