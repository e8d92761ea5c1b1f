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

// Which pixels are dark, in light that differs from place to place.

const DARKER = 0.92; // than the mean around it, by this factor
const LEAST = 3; // and by so much: in what is black already there is only noise

/**
 * A picture with one byte a pixel.
 *
 * @typedef {object} GreyPicture
 * @property {Uint8Array} data
 * @property {number} width
 * @property {number} height
 */

/**
 * Return 1 for each pixel that is darker than what is around it, `reach` pixels each way.
 *
 * @param {GreyPicture} picture
 * @param {number} reach
 */
export function findDark({ data, width, height }, reach) {
  const sums = integrate(data, width, height);
  const dark = new Uint8Array(width * height);
  for (let y = 0; y < height; y += 1) {
    const top = Math.max(0, y - reach);
    const bottom = Math.min(height, y + reach + 1);
    const upper = top * (width + 1);
    const lower = bottom * (width + 1);
    for (let x = 0; x < width; x += 1) {
      const left = Math.max(0, x - reach);
      const right = Math.min(width, x + reach + 1);
      const sum = sums[lower + right] - sums[lower + left] - sums[upper + right]
        + sums[upper + left];
      const mean = sum / ((right - left) * (bottom - top));
      const at = y * width + x;
      if (data[at] < mean * DARKER - LEAST) dark[at] = 1;
    }
  }
  return dark;
}

/**
 * Return the sums of all pixels above and left of each place: the integral image.
 *
 * @param {Uint8Array} data
 * @param {number} width
 * @param {number} height
 */
function integrate(data, width, height) {
  const sums = new Uint32Array((width + 1) * (height + 1));
  for (let y = 0; y < height; y += 1) {
    let row = 0;
    for (let x = 0; x < width; x += 1) {
      row += data[y * width + x];
      sums[(y + 1) * (width + 1) + x + 1] = sums[y * (width + 1) + x + 1] + row;
    }
  }
  return sums;
}
