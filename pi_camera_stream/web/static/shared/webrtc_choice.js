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

// Whether video is to come by WebRTC, or by the WebSocket.

import { isH264 } from './ws_messages.js';

const FIRST_RETRY_MS = 10_000;
const LONGEST_RETRY_MS = 300_000;
const PROVEN_MS = 60_000; // what was shown for so long has not failed
const FIRST_HOLD_MS = 60_000; // without a loss, until it is believed to be over
const LONGEST_HOLD_MS = 960_000;
const FORGOTTEN_MS = 600_000;
const REST_MS = 2000; // somebody who has asked for the wheel may be about to get it

/**
 * What the choice goes by.
 *
 * @typedef {object} Circumstances
 * @property {string} tier
 * @property {string} transport `webrtc` and `websocket` were chosen, `auto` leaves it to us
 * @property {boolean} decodes whether the page can show H.264 that comes by the WebSocket
 * @property {boolean} drives
 */

/**
 * Remembers what was tried and what was lost, so that nothing flaps: after an attempt that failed,
 * it waits twice as long before the next, and so it does where losses were believed to be over,
 * and were not. Times are of performance.now().
 */
export class WebRtcChoice {
  #retryMs = FIRST_RETRY_MS;
  #notBeforeMs = -Infinity;
  #holdMs = FIRST_HOLD_MS;
  #lossyUntilMs = -Infinity;

  /**
   * Return whether it is to be tried, or gone on with.
   *
   * @param {Circumstances} circumstances
   * @param {number} now
   */
  wants({ tier, transport, decodes, drives }, now) {
    // A driver goes by pictures that tell when they were taken.
    if (drives || transport === 'websocket' || now < this.#notBeforeMs) return false;
    if (transport === 'webrtc') return true;
    return (tier === 'auto' || isH264(tier)) && (!decodes || now < this.#lossyUntilMs);
  }

  /**
   * The way loses packets.
   *
   * @param {number} now
   */
  lost(now) {
    if (now >= this.#lossyUntilMs) {
      const again = now - this.#lossyUntilMs < FORGOTTEN_MS;
      this.#holdMs = again ? Math.min(2 * this.#holdMs, LONGEST_HOLD_MS) : FIRST_HOLD_MS;
    }
    this.#lossyUntilMs = now + this.#holdMs;
  }

  /**
   * An attempt has failed, or what was shown has ended.
   *
   * @param {number} now
   * @param {{ shownMs?: number, retryS?: number }} [how] for how long it was shown; when the robot
   *   says that it may be tried again
   */
  failed(now, { shownMs = 0, retryS = 0 } = {}) {
    if (shownMs >= PROVEN_MS) this.#retryMs = FIRST_RETRY_MS;
    this.#notBeforeMs = now + Math.max(this.#retryMs, 1000 * retryS);
    this.#retryMs = Math.min(2 * this.#retryMs, LONGEST_RETRY_MS);
  }

  /**
   * Nobody drives any more, or not yet.
   *
   * @param {number} now
   */
  rest(now) {
    this.#notBeforeMs = Math.max(this.#notBeforeMs, now + REST_MS);
  }

  /** Try at once: somebody has chosen it, or the program on the robot is another one. */
  forgive() {
    this.#retryMs = FIRST_RETRY_MS;
    this.#notBeforeMs = -Infinity;
  }
}
