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

// WASD (where these keys are on an English keyboard) and the arrows.

import { targetOf } from '../shared/dom.js';
import { isText } from '../shared/keys.js';

/** @type {Record<string, number>} */
const THROTTLE = { KeyW: 1, ArrowUp: 1, KeyS: -1, ArrowDown: -1 };
/** @type {Record<string, number>} */
const STEERING = { KeyA: 1, ArrowLeft: 1, KeyD: -1, ArrowRight: -1 };
const WITH_ARROWS = 'input, select';

/** An input for DriveInput. As long as it is `active`, its keys mean nothing else. */
export class KeyboardInput {
  active = false;
  #input;
  #pressed = new Set();

  /**
   * @param {import('./drive_input.js').DriveInput} input
   * @param {AbortSignal} signal
   */
  constructor(input, signal) {
    this.#input = input;
    // Before all others, for which s is a snapshot.
    addEventListener('keydown', (event) => this.#down(event), { capture: true, signal });
    addEventListener('keyup', (event) => this.#up(event), { capture: true, signal });
  }

  get held() {
    return this.#pressed.size > 0;
  }

  get throttle() {
    return this.#sum(THROTTLE);
  }

  get steering() {
    return this.#sum(STEERING);
  }

  letGo() {
    this.#pressed.clear();
  }

  /** @param {KeyboardEvent} event */
  #down(event) {
    if (!this.active) return;
    if (event.ctrlKey || event.metaKey || event.altKey) {
      // A browser may keep the release of other keys to itself meanwhile.
      if (this.held) this.#input.letGo();
      return;
    }
    if (!this.#isOurs(event)) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.repeat || !this.#input.ready) return;
    this.#pressed.add(event.code);
    this.#input.changed();
  }

  /** @param {KeyboardEvent} event */
  #up({ code }) {
    if (this.#pressed.delete(code)) this.#input.changed();
  }

  /** @param {KeyboardEvent} event */
  #isOurs(event) {
    const { code, target } = event;
    if (!(code in THROTTLE || code in STEERING) || isText(target)) return false;
    return !(code.startsWith('Arrow') && targetOf(event)?.closest(WITH_ARROWS));
  }

  /** @param {Record<string, number>} values */
  #sum(values) {
    const sum = [...this.#pressed].reduce((total, code) => total + (values[code] ?? 0), 0);
    return Math.sign(sum);
  }
}
