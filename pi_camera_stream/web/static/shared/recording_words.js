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

// What is said of recordings, in words.

/**
 * What `/state` says of recording.
 *
 * @typedef {object} RecordingState
 * @property {string} mode
 * @property {boolean} recording
 * @property {boolean} waiting
 * @property {string[]} topics
 * @property {number} since_s
 * @property {number} bytes
 * @property {number} free_bytes
 * @property {number} left_out
 * @property {string} fault
 * @property {{ see: boolean, record: boolean, why_not: string }} you_may
 */

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/**
 * Return a duration as players show it, such as 1:15 and 1:01:15.
 *
 * @param {number} seconds
 */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (/** @type {number} */ number) => String(number).padStart(2, '0');
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes}:${two(whole % 60)}`
    : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
}

/**
 * Return a number of bytes with three digits that count, such as 5.40 GB.
 *
 * @param {number} count
 */
export function bytes(count) {
  let unit = 0;
  let value = count;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit ? value.toPrecision(3) : value} ${UNITS[unit]}`;
}

/**
 * Return what is said to who may record.
 *
 * @param {RecordingState} state
 */
export function describe({ recording, waiting, topics, bytes: size, free_bytes: free,
  left_out: leftOut, fault }) {
  if (fault) return sentence(fault);
  const what = recording ? `Recording ${topics.join(', ')}: ${bytes(size)}.`
    : waiting ? 'Waiting for motion.' : 'Not recording.';
  const lost = recording && leftOut
    ? ` The card is too slow: ${leftOut} pictures were left out.` : '';
  return `${what} ${bytes(free)} free.${lost}`;
}

/**
 * Return what stands on the button that records, or ends that.
 *
 * @param {RecordingState} state
 */
export function switchWords({ recording, waiting }) {
  return recording ? 'Stop recording' : waiting ? 'Record now' : 'Record';
}

/** @param {string} text */
function sentence(text) {
  return `${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;
}
