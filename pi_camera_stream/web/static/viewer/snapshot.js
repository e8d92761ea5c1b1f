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

// One picture of a camera, saved as a file.

import { address, ApiError, get } from '../shared/api.js';

const KEPT_MS = 60_000; // the browser may ask where to save it

/**
 * Save a picture of `topic`. Throws, with a sentence, when there is none to be had.
 *
 * @param {string} topic
 */
export async function saveSnapshot(topic) {
  const response = await get(address('snapshot.jpg', { topic })).catch((error) => {
    throw error instanceof ApiError ? error
      : new Error('No connection to the robot: no snapshot was taken');
  });
  const seconds = Number(response.headers.get('X-Timestamp'));
  const url = URL.createObjectURL(await response.blob());
  const link = document.createElement('a');
  link.href = url;
  link.download = fileName(topic, seconds ? new Date(1000 * seconds) : new Date());
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), KEPT_MS);
}

/**
 * Return a name of the topic and the time of the picture, such as cam-raw_2026-01-31_23-59-59.
 *
 * @param {string} topic
 * @param {Date} date
 */
function fileName(topic, date) {
  const two = (/** @type {number} */ number) => String(number).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join('-');
  const name = topic.replace(/^\/|\/$/g, '').replaceAll('/', '-') || 'camera';
  return `${name}_${day}_${time}.jpg`;
}
