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

// Runs in the browser's thread for sound: plays what comes, and tells how loud and how old it is.

import { SoundRing } from './sound_ring.js';

const REPORT_S = 0.1;

/**
 * @typedef {object} SoundReport
 * @property {number} peak of the samples since the last one, 0 to 1
 * @property {number | null} stampMs when what is played at `atS` was taken; null in silence
 * @property {number} atS of the audio context's clock
 * @property {number} gaps how often nothing was there to be played
 * @property {number} leftOut samples that came too late
 */

const scope = /** @type {any} */ (globalThis); // TypeScript's own lib has nothing of it

class SoundOutput extends scope.AudioWorkletProcessor {
  #ring = new SoundRing(scope.sampleRate);
  #peak = 0;
  #reportS = 0;

  constructor() {
    super();
    this.port.onmessage = (
      /** @type {MessageEvent<{ samples: Float32Array, stampMs: number }>} */ { data },
    ) => this.#ring.put(data.samples, data.stampMs);
  }

  /**
   * @param {unknown} _
   * @param {Float32Array[][]} outputs
   */
  process(_, [[block]]) {
    const stampMs = this.#ring.fill(block);
    for (const sample of block) this.#peak = Math.max(this.#peak, Math.abs(sample));
    if (scope.currentTime >= this.#reportS) {
      this.#reportS = scope.currentTime + REPORT_S;
      const { gaps, leftOut } = this.#ring;
      this.port.postMessage(
        { peak: this.#peak, stampMs, atS: scope.currentTime, gaps, leftOut });
      this.#peak = 0;
    }
    return true;
  }
}

scope.registerProcessor('sound-output', SoundOutput);
