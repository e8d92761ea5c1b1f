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

// The button that lets one hear the robot, with its level and a switch to mute it.

import { find, milliseconds, setText } from '../shared/dom.js';
import { SoundPlayer } from '../shared/sound_player.js';
import { Menu } from './menu.js';

const LEAST_DB = -60; // the lower end of the level
const FALL = 0.85; // of the level, from one look to the next
const TOUCH = 'Touch the page to hear the sound: browsers require that.';

/** @typedef {'off' | 'on' | 'muted'} SoundChoice */

/** Is on the page where the robot has a microphone. */
export class Sound {
  #room = find(document, '#sound-room');
  #listen = find(document, '#sound-listen', HTMLInputElement);
  #mute = find(document, '#sound-mute', HTMLInputElement);
  #note = find(document, '#sound-note');
  #age = find(document, '#sound-age');
  #levels = [...document.querySelectorAll('#sound-room meter')];
  #button;
  #menu;
  #chosen;
  /** @type {SoundChoice} */
  #choice;
  #level = 0;
  #allowed = true;
  #reason = '';
  /** @type {number | null} */
  #ageMs = null;
  #player = new SoundPlayer({
    heard: (peak, ageMs) => this.#heard(peak, ageMs),
    said: (sentence) => this.#said(sentence),
    allowed: (allowed) => {
      this.#allowed = allowed;
      this.#show();
    },
  });

  /**
   * `chosen(choice)` hears what somebody has chosen.
   *
   * @param {HTMLElement} button
   * @param {SoundChoice} choice
   * @param {(choice: SoundChoice) => void} chosen
   */
  constructor(button, choice, chosen) {
    this.#button = button;
    this.#choice = choice;
    this.#chosen = chosen;
    this.#menu = new Menu(button, { opened: () => this.#choice === 'off' && this.#choose('on') });
    this.#listen.addEventListener('change',
      () => this.#choose(this.#listen.checked ? 'on' : 'off'));
    this.#mute.addEventListener('change', () => this.#choose(this.#mute.checked ? 'muted' : 'on'));
    addEventListener('pagehide', () => this.#player.stop());
    addEventListener('pageshow', ({ persisted }) => persisted && this.#follow());
    addEventListener('online', () => this.#player.wake());
  }

  /**
   * Take in what the robot says of itself.
   *
   * @param {{ sound?: object }} state
   */
  stated({ sound }) {
    this.#room.hidden = !sound;
    if (!sound) {
      this.#menu.close();
      this.#player.stop();
    } else if (!this.#player.running) {
      this.#follow();
    }
  }

  /** Mute it, or let it be heard. */
  toggle() {
    if (this.#room.hidden) return;
    this.#choose(this.#choice === 'on' ? 'muted' : 'on');
  }

  /** @param {SoundChoice} choice */
  #choose(choice) {
    this.#choice = choice;
    this.#chosen(choice);
    this.#follow();
  }

  #follow() {
    this.#player.mute(this.#choice === 'muted');
    if (this.#choice === 'off') {
      this.#player.stop();
      this.#reason = '';
      this.#heard(0, null);
    } else {
      this.#player.start();
    }
    this.#show();
  }

  /**
   * @param {number} peak
   * @param {number | null} ageMs
   */
  #heard(peak, ageMs) {
    const level = peak > 0 ? Math.max(0, 1 - 20 * Math.log10(peak) / LEAST_DB) : 0;
    this.#level = peak > 0 ? Math.max(level, this.#level * FALL) : level;
    this.#ageMs = ageMs;
    for (const meter of this.#levels) /** @type {HTMLMeterElement} */ (meter).value = this.#level;
    this.#show();
  }

  /** @param {string} sentence */
  #said(sentence) {
    this.#reason = sentence && sentence[0].toUpperCase() + sentence.slice(1);
    if (sentence) this.#heard(0, null);
    this.#show();
  }

  #show() {
    const on = this.#choice !== 'off';
    this.#listen.checked = on;
    this.#mute.checked = this.#choice === 'muted';
    this.#mute.disabled = !on;
    this.#room.classList.toggle('listening', on);
    this.#room.classList.toggle('muted', this.#choice === 'muted');
    const waiting = on && !this.#allowed;
    setText(find(this.#button, '.value'), waiting ? 'touch to hear' : this.#choice);
    setText(this.#note, !on ? '' : waiting ? TOUCH : this.#reason);
    setText(this.#age, on && this.#ageMs !== null ? `${milliseconds(this.#ageMs)} old` : '');
  }
}
