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
import { isH264 } from '../shared/ws_messages.js';
import { Menu } from './menu.js';

const TIERS = ['full', 'high', 'medium', 'low', 'lowest']; // until the robot names its own
const CHOSEN_BY_THE_ROBOT = ['auto', 'jpeg', 'h264', 'h264_small', 'webrtc'];
/** @type {Record<string, string>} */
const NAMES = { jpeg: 'JPEG', h264: 'H.264', h264_small: 'H.264 small', webrtc: 'WebRTC' };
/** @type {Record<string, string>} */
const EXPLAINED = {
  auto: 'the best that the network carries',
  jpeg: 'the best JPEG that the network carries',
  h264: 'full size on a narrow link',
  h264_small: 'for a very narrow link',
  webrtc: 'H.264 that waits for nothing that is lost on the way',
  full: 'JPEG as the camera sends it',
};

/** `choose(tier)` hears of a choice; `webrtc` is one, too. */
export class QualityMenu {
  #list;
  #shown;
  /** @type {string[]} */
  #tiers = [];
  #tier;
  #reasons = { h264: '', webrtc: '' }; // why there is none

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
   * @param {string[]} names
   */
  name(names) {
    const tiers = names.filter((tier) => !isH264(tier)); // these are there anyway
    if (this.#tiers.join() === tiers.join()) return;
    this.#tiers = tiers;
    this.#list.replaceChildren(...[...CHOSEN_BY_THE_ROBOT, ...tiers].map((tier) => {
      const row = copyTemplate('#quality-row');
      find(row, 'input', HTMLInputElement).value = tier;
      setText(find(row, '.name'), NAMES[tier] ?? tier);
      return row;
    }));
    this.#mark();
  }

  /**
   * Say why there is no H.264, or no WebRTC; with an empty reason, offer it.
   *
   * @param {{ h264: string, webrtc: string }} reasons
   */
  without(reasons) {
    this.#reasons = reasons;
    this.#mark();
  }

  #mark() {
    this.#shown.textContent = NAMES[this.#tier] ?? this.#tier;
    for (const row of this.#list.children) {
      const box = find(row, 'input', HTMLInputElement);
      box.checked = box.value === this.#tier;
      box.disabled = this.#reason(box.value) !== '';
      setText(find(row, '.type'), this.#explain(box));
    }
  }

  /** @param {string} value */
  #reason(value) {
    if (value === 'webrtc') return this.#reasons.webrtc;
    return isH264(value) ? this.#reasons.h264 : '';
  }

  /** @param {HTMLInputElement} box */
  #explain({ disabled, value }) {
    if (!disabled) return EXPLAINED[value] ?? '';
    return value === 'h264_small' ? '' : this.#reason(value); // once is enough
  }
}
