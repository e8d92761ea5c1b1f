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

// Where the driver adjusts the controls: trim, softness, and which side is left.

import { find, setText } from '../shared/dom.js';
import { adjustTexts } from './drive_words.js';
import { SLIDERS } from './tuning.js';

/** A panel that a button opens; it lies over nothing, and so makes the stage smaller. */
export class AdjustPanel {
  #panel;
  #button;
  #tuning;
  #swapped;

  /**
   * @param {HTMLElement} panel
   * @param {HTMLElement} button
   * @param {import('./tuning.js').Tuning} tuning
   */
  constructor(panel, button, tuning) {
    this.#panel = panel;
    this.#button = button;
    this.#tuning = tuning;
    this.#swapped = find(panel, '.swapped input', HTMLInputElement);
    for (const name of /** @type {const} */ (['trim', 'soft'])) {
      setUpSlider(this.#slider(name), name, tuning, () => this.#show());
    }
    this.#listen();
    this.#show();
  }

  #listen() {
    this.#button.addEventListener('click', ({ detail }) => {
      this.#panel.hidden = !this.#panel.hidden;
      this.#button.setAttribute('aria-expanded', String(!this.#panel.hidden));
      if (detail) this.#button.blur(); // the next Enter is not for it
      else if (!this.#panel.hidden) this.#slider('trim').focus(); // it stands before the button
    });
    this.#swapped.addEventListener('change', () => {
      this.#tuning.update({ swapped: this.#swapped.checked });
      this.#show();
    });
    this.#swapped.addEventListener('pointerup', () => this.#swapped.blur());
    const reset = find(this.#panel, '.reset');
    reset.addEventListener('click', ({ detail }) => {
      this.#tuning.reset();
      this.#show();
      if (detail) reset.blur();
    });
  }

  #show() {
    const texts = adjustTexts(this.#tuning);
    for (const name of /** @type {const} */ (['trim', 'soft'])) {
      const slider = this.#slider(name);
      slider.value = String(this.#tuning[name]);
      slider.setAttribute('aria-valuetext', texts[name]);
      setText(find(this.#panel, `.${name} output`), texts[name]);
    }
    this.#swapped.checked = this.#tuning.swapped;
    this.#button.classList.toggle('adjusted', this.#tuning.adjusted);
  }

  /** @param {string} name */
  #slider(name) {
    return find(this.#panel, `.${name} input`, HTMLInputElement);
  }
}

/**
 * Let an <input> adjust that; `changed()` is called afterwards.
 *
 * @param {HTMLInputElement} input
 * @param {import('./tuning.js').SliderName} name
 * @param {import('./tuning.js').Tuning} tuning
 * @param {() => void} changed
 */
export function setUpSlider(input, name, tuning, changed) {
  const { min, max, step } = SLIDERS[name];
  Object.assign(input, { min, max, step });
  input.value = String(tuning[name]); // not before, or it would be within other bounds
  input.addEventListener('input', () => {
    tuning.update({ [name]: Number(input.value) });
    changed();
  });
  // The arrows are for driving again.
  input.addEventListener('pointerup', () => input.blur());
}
