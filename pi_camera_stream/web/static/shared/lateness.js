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

// What has come so late that it is worth nothing any more.

const LATE_MS = 150; // more than what comes soonest
const DRIFT = 1e-3; // by which the two clocks may move against each other
const ANEW = 100; // in a row: a clock was set, or the way is another one

/** Knows how long things take from another clock's stamp to here, at the least. */
export class Lateness {
  #leastMs = Infinity;
  #beforeMs = 0;
  #late = 0;

  /**
   * Return whether what has that stamp comes too late.
   *
   * @param {number} stampMs of the other clock
   * @param {number} nowMs of ours
   */
  isLate(stampMs, nowMs) {
    const tookMs = nowMs - stampMs;
    this.#leastMs = Math.min(tookMs, this.#leastMs + DRIFT * (nowMs - this.#beforeMs));
    this.#beforeMs = nowMs;
    this.#late = tookMs - this.#leastMs > LATE_MS ? this.#late + 1 : 0;
    if (this.#late < ANEW) return this.#late > 0;
    this.#leastMs = tookMs;
    this.#late = 0;
    return false;
  }
}
