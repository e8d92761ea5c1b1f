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

// The choice of quality.

import { copyTemplate, find, setText, targetOf } from '../shared/dom.js';
import { Menu } from './menu.js';

const TIERS = ['full', 'high', 'medium', 'low', 'lowest']; // until the robot names its own
/** @type {Record<string, string>} */
const EXPLAINED = { auto: 'the best that the network carries', full: 'as the camera sends it' };

/** `choose(tier)` hears of a choice. */
export class QualityMenu {
  #list;
  #shown;
  /** @type {string[]} */
  #tiers = [];
  #tier;

  /**
   * @param {HTMLElement} button
   * @param {string} tier
   * @param {(tier: string) => void} choose
   */
  constructor(button, tier, choose) {
    this.#list = find(document, '#quality-list');
    this.#shown = find(button, '.value');
    this.#tier = tier;
    const menu = new Menu(button);
    this.#list.addEventListener('change', (event) => {
      const box = targetOf(event);
      if (!(box instanceof HTMLInputElement)) return;
      this.#tier = box.value;
      this.#mark();
      choose(this.#tier);
    });
    // By a pointer: with the keyboard, one looks through them.
    this.#list.addEventListener('click', (event) => {
      if (event.detail && targetOf(event)?.closest('label')) setTimeout(() => menu.close());
    });
    this.name(TIERS);
  }

  /**
   * Offer tiers of these names.
   *
   * @param {string[]} tiers
   */
  name(tiers) {
    if (this.#tiers.join() === tiers.join()) return;
    this.#tiers = tiers;
    this.#list.replaceChildren(...['auto', ...tiers].map((tier) => {
      const row = copyTemplate('#quality-row');
      find(row, 'input', HTMLInputElement).value = tier;
      setText(find(row, '.name'), tier);
      setText(find(row, '.type'), EXPLAINED[tier] ?? '');
      return row;
    }));
    this.#mark();
  }

  #mark() {
    this.#shown.textContent = this.#tier;
    for (const box of this.#list.querySelectorAll('input')) {
      box.checked = box.value === this.#tier;
    }
  }
}
