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

// Whether the robot records, for everyone to see; and the button, for those who may.

import { get, post } from '../shared/api.js';
import { find, setText } from '../shared/dom.js';
import { clock, describe, switchWords } from '../shared/recording_words.js';
import { Menu } from './menu.js';

const PERIOD_MS = 5000;
const SECOND_MS = 1000;

/** @typedef {import('../shared/recording_words.js').RecordingState} RecordingState */

/** Is on the page where the robot can record. */
export class Recording {
  #mark = find(document, '#recording');
  #room = find(document, '#record-room');
  #words = find(document, '#record-words');
  #switch = find(document, '#record-switch', HTMLButtonElement);
  #rest = find(document, '#record-rest', HTMLButtonElement);
  #button;
  #menu;
  /** @type {RecordingState | undefined} */
  #state;
  #beganMs = 0; // by performance.now()
  #running = false;
  #timer = 0;
  #ticking = 0;

  /** @param {HTMLElement} button */
  constructor(button) {
    this.#button = button;
    this.#menu = new Menu(button);
    this.#switch.addEventListener('click', () => this.#turn(!this.#state?.recording));
    this.#rest.addEventListener('click', () => this.#turn(false));
  }

  /** Look, now and then, from now on. */
  start() {
    this.#running = true;
    if (this.#state) this.#look();
  }

  stop() {
    this.#running = false;
    clearTimeout(this.#timer);
    clearInterval(this.#ticking);
  }

  /**
   * Take in what the robot says of itself.
   *
   * @param {{ recording?: RecordingState }} state
   */
  stated({ recording }) {
    this.#state = recording;
    this.#show();
    clearTimeout(this.#timer);
    if (recording && this.#running) this.#timer = setTimeout(() => this.#look(), PERIOD_MS);
  }

  async #look() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), PERIOD_MS);
    try {
      this.stated(await (await get('state')).json());
    } catch {
      // That the robot does not answer is said elsewhere.
    }
  }

  /** @param {boolean} on */
  async #turn(on) {
    this.#switch.disabled = this.#rest.disabled = true;
    try {
      await post('record', { on });
      await this.#look();
    } catch (error) {
      setText(this.#words, error instanceof Error ? error.message : String(error));
    }
    this.#switch.disabled = this.#rest.disabled = false;
  }

  #show() {
    const state = this.#state;
    const { recording = false, waiting = false, fault = '', since_s: sinceS = 0 } = state ?? {};
    this.#beganMs = performance.now() - 1000 * sinceS;
    this.#mark.dataset.state = fault ? 'fault' : recording ? 'on' : waiting ? 'waiting' : '';
    setText(find(this.#mark, '.what'), fault ? `Recording: ${fault}` : recording
      ? state?.topics.join(', ') ?? '' : waiting ? 'Recording starts on motion' : '');
    clearInterval(this.#ticking);
    if (recording && this.#running) this.#ticking = setInterval(() => this.#tick(), SECOND_MS);
    this.#tick();
    this.#showButton();
  }

  #tick() {
    setText(find(this.#mark, '.time'), this.#state?.recording
      ? clock((performance.now() - this.#beganMs) / 1000) : '');
  }

  #showButton() {
    const state = this.#state;
    if (!state?.you_may.see) this.#menu.close();
    this.#room.hidden = !state?.you_may.see;
    if (!state) return;
    this.#button.classList.toggle('recording', state.recording);
    setText(this.#words, describe(state));
    this.#switch.hidden = !state.you_may.record;
    this.#rest.hidden = !state.you_may.record || !state.waiting;
    setText(this.#switch, switchWords(state));
  }
}
