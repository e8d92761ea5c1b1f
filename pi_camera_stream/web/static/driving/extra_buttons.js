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

// Horn, lights, and what else the robot has.

const MOST = 4;

/** Buttons in `root`; `press(name, pressed)` is called for both. */
export class ExtraButtons {
  #root;
  #press;
  #names = '';
  #pressed = new Set();

  /**
   * @param {HTMLElement} root
   * @param {(name: string, pressed: boolean) => void} press
   */
  constructor(root, press) {
    this.#root = root;
    this.#press = press;
  }

  /** @param {string[]} names */
  show(names) {
    const known = JSON.stringify(names);
    if (known === this.#names) return;
    this.letGo();
    this.#names = known;
    this.#root.hidden = !names.length;
    this.#root.replaceChildren(...names.slice(0, MOST).map((name) => this.#build(name)));
  }

  letGo() {
    for (const name of [...this.#pressed]) this.#set(name, false);
  }

  /** @param {string} name */
  #build(name) {
    const button = document.createElement('button');
    button.type = 'button';
    button.value = name;
    button.textContent = name.replaceAll('_', ' ');
    button.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      button.setPointerCapture(event.pointerId);
      this.#set(name, true);
    });
    for (const kind of ['lostpointercapture', 'pointercancel', 'blur', 'keyup']) {
      button.addEventListener(kind, () => this.#set(name, false));
    }
    button.addEventListener('keydown', ({ key, repeat }) => {
      if (key === 'Enter' && !repeat) this.#set(name, true);
    });
    button.addEventListener('contextmenu', (event) => event.preventDefault());
    return button;
  }

  /**
   * @param {string} name
   * @param {boolean} pressed
   */
  #set(name, pressed) {
    if (this.#pressed.has(name) === pressed) return;
    if (pressed) this.#pressed.add(name);
    else this.#pressed.delete(name);
    this.#root.querySelector(`[value="${CSS.escape(name)}"]`)
      ?.classList.toggle('pressed', pressed);
    this.#press(name, pressed);
  }
}
