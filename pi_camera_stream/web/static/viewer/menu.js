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

// A button that opens a panel.

import { find } from '../shared/dom.js';

/** The panel closes by Escape, by a click beside it, and when the focus leaves it. */
export class Menu {
  #button;
  #panel;
  #opened;
  #closed;

  /**
   * The button's `aria-controls` names the panel; `opened()` and `closed()` are called.
   *
   * @param {HTMLElement} button
   * @param {{ opened?: () => void, closed?: () => void }} [owner]
   */
  constructor(button, { opened = () => {}, closed = () => {} } = {}) {
    this.#button = button;
    this.#panel = find(document, `#${button.getAttribute('aria-controls')}`);
    this.#opened = opened;
    this.#closed = closed;
    button.addEventListener('click', () => (this.open ? this.close() : this.#show()));
    document.addEventListener('pointerdown', ({ target }) => {
      if (this.open && !this.#holds(target)) this.close();
    });
    document.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || !this.open) return;
      if (this.#panel.contains(document.activeElement)) button.focus();
      this.close();
    });
    this.#panel.addEventListener('focusout', ({ relatedTarget }) => {
      if (relatedTarget && !this.#holds(relatedTarget)) this.close();
    });
  }

  get open() {
    return !this.#panel.hidden;
  }

  close() {
    if (!this.open) return;
    this.#panel.hidden = true;
    this.#button.setAttribute('aria-expanded', 'false');
    this.#closed();
  }

  #show() {
    this.#panel.hidden = false;
    this.#button.setAttribute('aria-expanded', 'true');
    this.#opened();
  }

  /** @param {EventTarget | null} element */
  #holds(element) {
    return element instanceof Node
      && (this.#panel.contains(element) || this.#button.contains(element));
  }
}
