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

// What is wrong with the robot's computer, if anything is.

import { get } from '../shared/api.js';
import { setText } from '../shared/dom.js';

const PERIOD_MS = 15_000;

/** Shows the first of the `problems` that `/state` tells of its machine. */
export class MachineNote {
  #element;
  #timer = 0;

  /** @param {HTMLElement} element */
  constructor(element) {
    this.#element = element;
  }

  /** Look now, and from now on. */
  start() {
    this.stop();
    this.#look();
  }

  stop() {
    clearTimeout(this.#timer);
  }

  async #look() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), PERIOD_MS);
    try {
      const { machine } = await (await get('state')).json();
      const [problem] = machine?.problems ?? [];
      setText(this.#element, problem ? `Robot: ${problem}` : '');
    } catch {
      // That the robot does not answer is said elsewhere.
    }
  }
}
