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

// When pictures were taken that came by RTP, from what the robot says of the last one it has sent.

const TICKS_PER_MS = 90; // of video (RFC 6184)

/** Turns RTP times into stamps, by the robot's clock. */
export class RtpStamps {
  /** @type {{ rtp: number, stampMs: number } | null} */
  #sent = null;

  /** Whether any can be told. */
  get known() {
    return this.#sent !== null;
  }

  /**
   * Take in what the robot says.
   *
   * @param {Pick<import('./whep_session.js').WhepState, 'rtp_timestamp' | 'stamp_ms'>} state
   */
  note({ rtp_timestamp: rtp, stamp_ms: stampMs }) {
    if (rtp !== null && stampMs !== null) this.#sent = { rtp, stampMs };
  }

  /**
   * Return the stamp in ms of the picture with this RTP time, which counts modulo 2³²; null
   * where nobody knows.
   *
   * @param {number | null | undefined} rtp
   */
  stampMs(rtp) {
    if (!this.#sent || rtp === null || rtp === undefined) return null;
    return this.#sent.stampMs - ((this.#sent.rtp - rtp) | 0) / TICKS_PER_MS;
  }
}
