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

// What the driver does, on all controls together.

/**
 * What the driver wants; both are null when no control is held.
 *
 * @typedef {object} Motion
 * @property {number | null} throttle forwards, -1 to 1
 * @property {number | null} steering to the left, -1 to 1
 */

/**
 * A kind of control.
 *
 * @typedef {object} Input
 * @property {boolean} held
 * @property {number} throttle
 * @property {number} steering
 * @property {() => void} letGo after that it is not held before it is touched anew
 * @property {boolean} [stale] it does not know any more whether it is held
 */

/**
 * Puts the inputs together. While this is not `ready`, an input takes no touch. `moved(atOnce)` is
 * called, at once when the driver presses, releases or changes direction.
 */
export class DriveInput {
  #moved;
  /** @type {Input[]} */
  #inputs = [];
  #ready = false;
  #last = '';

  /** @param {(atOnce: boolean) => void} moved */
  constructor(moved) {
    this.#moved = moved;
  }

  /** @param {...Input} inputs */
  add(...inputs) {
    this.#inputs.push(...inputs);
  }

  /** Whether a touch counts. */
  get ready() {
    return this.#ready;
  }

  set ready(ready) {
    if (ready === this.#ready) return;
    this.#ready = ready;
    if (!ready) this.letGo();
  }

  get held() {
    return this.#inputs.some(({ held }) => held);
  }

  /** Whether a held input does not know any more what it says. */
  get stale() {
    return this.#inputs.some(({ held, stale }) => held && stale);
  }

  /**
   * Return throttle and steering, null when nothing is held.
   *
   * @returns {Motion}
   */
  read() {
    const held = this.#inputs.filter((input) => input.held);
    if (!held.length) return { throttle: null, steering: null };
    return {
      throttle: within(held.reduce((sum, { throttle }) => sum + throttle, 0)),
      steering: within(held.reduce((sum, { steering }) => sum + steering, 0)),
    };
  }

  /** Hold nothing any more; whoever wants to move has to press again. */
  letGo() {
    for (const input of this.#inputs) input.letGo();
    this.changed();
  }

  /** Called by the inputs. */
  changed() {
    const { throttle, steering } = this.read();
    const direction = throttle === null || steering === null ? ''
      : `${Math.sign(throttle)} ${Math.sign(steering)}`;
    const atOnce = direction !== this.#last;
    this.#last = direction;
    this.#moved(atOnce);
  }
}

/** @param {number} value */
function within(value) {
  return Math.max(-1, Math.min(1, value));
}
