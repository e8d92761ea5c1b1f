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

// Whether a video stands still though the robot sends pictures.

const LEAST_GAP_MS = 1000;
const GAP_INTERVALS = 4;
const WEIGHT = 0.1; // of a new interval

/**
 * A camera that stops is no fault of the way. So a gap alone says nothing: the robot is asked
 * twice in it, and if it has sent something in between, that should have been painted. Times are
 * of performance.now().
 */
export class StillWatch {
  #paintedMs = 0;
  #intervalMs = 0;
  #asked = false; // in this gap
  /** @type {number | null} */
  #sent = null; // what the robot has sent last, as it said in this gap

  /** @param {number} now when the first picture was painted */
  constructor(now) {
    this.#paintedMs = now;
  }

  /** @param {number} now */
  painted(now) {
    const intervalMs = now - this.#paintedMs;
    this.#intervalMs += (this.#intervalMs ? WEIGHT : 1) * (intervalMs - this.#intervalMs);
    this.#paintedMs = now;
    this.#asked = false;
  }

  /**
   * Return whether nothing has been painted for a while, so that the robot is to be asked.
   *
   * @param {number} now
   */
  gapes(now) {
    return now - this.#paintedMs
      > Math.max(LEAST_GAP_MS, GAP_INTERVALS * this.#intervalMs);
  }

  /**
   * Take in what the robot has answered, null for nothing; return whether the video stands still.
   *
   * @param {number | null} sent tells the last frame from others
   * @param {number} now
   */
  answered(sent, now) {
    if (!this.gapes(now)) return false;
    const before = this.#sent;
    const again = this.#asked;
    this.#sent = sent;
    this.#asked = true;
    return sent === null || (again && sent !== before);
  }
}
