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

// The controls of the camera that is shown, for those who may change it.

import { address, ApiError, get, post } from '../shared/api.js';
import { find, setText, targetOf } from '../shared/dom.js';
import { ControlRow } from './control_row.js';
import { Menu } from './menu.js';

const REFRESH_MS = 2000; // a camera may take back what it has accepted

/** @typedef {import('./control_row.js').Control} Control */

/** `topic()` returns the topic of the camera that is meant. */
export class CameraControls {
  #room;
  #menu;
  #list;
  #note;
  #name;
  #topic;
  #shown = ''; // the full name of the topic of which the rows are
  #shape = '';
  /** @type {ControlRow[]} */
  #rows = [];
  #timer = 0;
  #asked = 0;

  /**
   * @param {HTMLElement} button
   * @param {{ topic: () => string }} owner
   */
  constructor(button, { topic }) {
    this.#topic = topic;
    this.#room = find(document, '#controls-room');
    this.#list = find(document, '#controls-list');
    this.#note = find(document, '#controls-note');
    this.#name = find(document, '#controls-topic');
    this.#list.addEventListener('change', (event) => {
      // The keys are for driving again.
      const input = targetOf(event);
      if (input instanceof HTMLElement && document.body.classList.contains('drives')) input.blur();
    });
    this.#menu = new Menu(button, {
      opened: () => {
        this.#load();
        this.#timer = setInterval(() => this.#load(), REFRESH_MS);
      },
      closed: () => clearInterval(this.#timer),
    });
  }

  /**
   * Take in what the robot says of itself: whether it lets its cameras be changed.
   *
   * @param {{ camera_controls?: boolean }} state
   */
  stated({ camera_controls: allowed = false }) {
    if (!allowed) this.#menu.close();
    this.#room.hidden = !allowed;
  }

  async #load() {
    this.#asked += 1;
    const number = this.#asked;
    const topic = this.#topic();
    try {
      const answer = await (await get(address('camera', topic ? { topic } : {}))).json();
      if (number === this.#asked) this.#show(answer.topic, answer.controls);
    } catch (error) {
      if (number !== this.#asked || (error instanceof ApiError && error.status === 429)) return;
      this.#show('', []);
      setText(this.#note, error instanceof ApiError ? error.message
        : 'The robot does not answer');
    }
  }

  /**
   * @param {string} topic
   * @param {Control[]} controls
   */
  #show(topic, controls) {
    const shape = JSON.stringify([topic, controls.map((control) => (
      { ...control, value: null, read_only: false, inactive: false }))]);
    setText(this.#note, controls.length ? ''
      : 'This camera has no controls that can be changed from here');
    setText(this.#name, topic);
    if (shape === this.#shape) {
      this.#rows.forEach((row, index) => row.show(controls[index]));
      return;
    }
    this.#shown = topic;
    this.#shape = shape;
    this.#build(controls);
  }

  /** @param {Control[]} controls */
  #build(controls) {
    this.#rows = controls.map((control) => new ControlRow(
      control, (name, value) => post('camera', { topic: this.#shown, name, value }),
      () => this.#load()));
    /** @type {Map<string, Element[]>} */
    const groups = new Map();
    controls.forEach(({ group }, index) => {
      groups.set(group, [...groups.get(group) ?? [], this.#rows[index].element]);
    });
    this.#list.replaceChildren(...[...groups].flatMap(([group, elements]) => {
      const heading = document.createElement('h2');
      const list = document.createElement('ul');
      heading.textContent = group;
      list.append(...elements);
      return [heading, list];
    }));
  }
}
