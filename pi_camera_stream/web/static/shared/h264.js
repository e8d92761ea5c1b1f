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

// What can be told of H.264 without decoding it: codecs/h264.py.

const SPS = 7;
const SLICES = [1, 5]; // nal_unit_type: what stands behind the parameter sets
const LEAST_BYTES = 4; // of an SPS: its type, profile, constraints and level

/**
 * What a sequence parameter set says.
 *
 * @typedef {object} ParameterSet
 * @property {string} codec as browsers call it (RFC 6381): profile, constraints and level
 * @property {string} words all of it, to be compared
 */

/**
 * Return the first sequence parameter set of an access unit (Annex B), null when it has none.
 *
 * @param {Uint8Array} data
 * @returns {ParameterSet | null}
 */
export function readParameterSet(data) {
  for (let start = nextUnit(data, 0); start < data.length; start = nextUnit(data, start)) {
    const type = data[start] & 0x1F;
    if (SLICES.includes(type)) return null;
    if (type !== SPS) continue;
    const bytes = data.subarray(start, endOfUnit(data, start));
    if (bytes.length < LEAST_BYTES) return null;
    const words = [...bytes].map((byte) => byte.toString(16).padStart(2, '0'));
    return { codec: `avc1.${words.slice(1, 4).join('')}`, words: words.join('') };
  }
  return null;
}

/**
 * Return where the next unit begins, behind its start code; the end of the data without any.
 *
 * @param {Uint8Array} data
 * @param {number} at
 */
function nextUnit(data, at) {
  for (let index = at; index + 3 < data.length; index += 1) {
    if (isStart(data, index)) return index + 3;
  }
  return data.length;
}

/**
 * @param {Uint8Array} data
 * @param {number} start
 */
function endOfUnit(data, start) {
  let end = start;
  while (end < data.length && !isStart(data, end)) end += 1;
  while (end > start && !data[end - 1]) end -= 1; // of the next start code, or trailing zeros
  return end;
}

/**
 * @param {Uint8Array} data
 * @param {number} at
 */
function isStart(data, at) {
  return data[at] === 0 && data[at + 1] === 0 && data[at + 2] === 1;
}
