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

// Sends values one after the other.

const PAUSE_MS = 150;

/** While one is sent, the newest of the others waits, and the older ones are left out. */
export class NewestValue {
  #send;
  #settled;
  /** @type {{ value: unknown } | null} */
  #waiting = null;
  #sending = false;

  /**
   * `settled(error)` is called when none is left; the error is that of the last one, or null.
   *
   * @param {(value: unknown) => Promise<unknown>} send
   * @param {(error: unknown) => void} settled
   */
  constructor(send, settled) {
    this.#send = send;
    this.#settled = settled;
  }

  /** Whether there is one that has not arrived. */
  get busy() {
    return this.#sending;
  }

  /** @param {unknown} value */
  async put(value) {
    this.#waiting = { value };
    if (this.#sending) return;
    this.#sending = true;
    /** @type {unknown} */
    let error = null;
    while (this.#waiting) {
      const { value: newest } = this.#waiting;
      this.#waiting = null;
      try {
        await this.#send(newest);
        error = null;
      } catch (refusal) {
        error = refusal;
      }
      await new Promise((resume) => setTimeout(resume, PAUSE_MS));
    }
    this.#sending = false;
    this.#settled(error);
  }
}
