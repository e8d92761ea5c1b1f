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

// The whole screen for the pictures; the bar comes when somebody moves.

const IDLE_MS = 3000;

/** Lets `button` switch; hides it where the browser cannot. Calls `escaped()` when Esc ends it. */
export class FullScreen {
  #button;
  #escaped;
  #timer = 0;
  #ending = 0; // how often the button, or its key, is about to end it

  /**
   * @param {HTMLElement} button
   * @param {() => void} [escaped]
   */
  constructor(button, escaped = () => {}) {
    this.#button = button;
    this.#escaped = escaped;
    button.hidden = !document.fullscreenEnabled;
    button.addEventListener('click', () => this.toggle());
    document.addEventListener('fullscreenchange', () => this.#changed());
    for (const kind of ['pointermove', 'pointerdown', 'keydown', 'focusin']) {
      document.addEventListener(kind, () => this.#stir());
    }
  }

  async toggle() {
    if (!document.fullscreenEnabled) return;
    try {
      if (document.fullscreenElement) await this.#end();
      else await document.documentElement.requestFullscreen({ navigationUI: 'hide' });
    } catch {
      // The browser does not want to now; the page goes on as it is.
    }
  }

  async #end() {
    this.#ending += 1;
    try {
      await document.exitFullscreen();
    } finally {
      requestAnimationFrame(() => { this.#ending -= 1; }); // by then #changed() was called
    }
  }

  #changed() {
    const full = Boolean(document.fullscreenElement);
    if (!full && !this.#ending) this.#escaped(); // a browser tells nobody of that key
    document.body.classList.toggle('full-screen', full);
    this.#button.setAttribute('aria-pressed', String(full));
    this.#stir();
  }

  #stir() {
    clearTimeout(this.#timer);
    document.body.classList.remove('idle');
    if (document.fullscreenElement) this.#timer = setTimeout(() => this.#rest(), IDLE_MS);
  }

  #rest() {
    if (document.querySelector('#bar [aria-expanded="true"], #bar :focus-visible')) this.#stir();
    else document.body.classList.add('idle');
  }
}
