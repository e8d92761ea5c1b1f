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

// Whether the way from the robot loses packets, from how many it had to send again by TCP.

const APART_MS = 1500; // what is lost at once, is one loss
const WINDOW_MS = 12_000;
const LOSSES = 3; // so many within that are no accident: each of them has held pictures up

/**
 * Counts the losses of one connection after the other. A link that becomes narrow loses some, too,
 * until pictures are smaller; that is over soon. Times are of performance.now().
 */
export class LossWatch {
  /** @type {number | null} */
  #lost = null;
  /** @type {number[]} */
  #lostMs = [];

  /** A new connection, which counts anew. */
  restart() {
    this.#lost = null;
  }

  /**
   * Take in how many segments of this connection were lost; return whether the way is lossy.
   *
   * @param {number} lost
   * @param {number} now
   */
  note(lost, now) {
    const before = this.#lost ?? lost; // opening it may have taken two attempts
    this.#lost = lost;
    this.#lostMs = this.#lostMs.filter((ms) => ms > now - WINDOW_MS);
    const fresh = now - (this.#lostMs.at(-1) ?? -Infinity) > APART_MS;
    if (lost > before && fresh) this.#lostMs.push(now);
    return this.#lostMs.length >= LOSSES;
  }
}
