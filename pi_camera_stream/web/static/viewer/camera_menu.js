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

// The choice of cameras, from what the robot has at present.

import { ApiError, get } from '../shared/api.js';
import { copyTemplate, find, setText, targetOf } from '../shared/dom.js';
import { Menu } from './menu.js';

const REFRESH_MS = 5000;

/**
 * @typedef {object} StreamName
 * @property {string} topic
 * @property {string} type '' when it is not published now
 */

/** `shown()` returns the topics that are on the screen, `choose(topics)` shows others. */
export class CameraMenu {
  #menu;
  #list;
  #note;
  #shown;
  #choose;
  /** @type {StreamName[]} */
  #streams = [];
  #timer = 0;

  /**
   * @param {HTMLElement} button
   * @param {{ shown: () => string[], choose: (topics: string[]) => void }} owner
   */
  constructor(button, { shown, choose }) {
    this.#shown = shown;
    this.#choose = choose;
    this.#list = find(document, '#camera-list');
    this.#note = find(document, '#camera-note');
    this.#menu = new Menu(button, {
      opened: () => {
        this.refresh();
        this.#timer = setInterval(() => this.refresh(), REFRESH_MS);
      },
      closed: () => clearInterval(this.#timer),
    });
    this.#list.addEventListener('change', (event) => {
      const box = targetOf(event);
      if (box instanceof HTMLInputElement) this.#toggle(box);
    });
    this.#list.addEventListener('click', (event) => {
      const only = targetOf(event)?.closest('button');
      if (only) this.#choose([only.value]);
    });
  }

  /** Ask the robot again, if somebody looks. */
  async refresh() {
    if (this.#menu.open) await this.#load();
  }

  /** Mark the topics that are on the screen now. */
  mark() {
    const shown = this.#shown();
    for (const box of this.#list.querySelectorAll('input')) {
      box.checked = shown.includes(box.value);
    }
    const several = this.#list.children.length > 1;
    for (const only of this.#list.querySelectorAll('button')) {
      only.hidden = !several || (shown.length === 1 && shown[0] === only.value);
    }
  }

  /**
   * Show the camera with that number alone, counted from 1.
   *
   * @param {number} number
   */
  async chooseNumber(number) {
    if (!this.#streams[number - 1]) await this.#load();
    const stream = this.#streams[number - 1];
    if (stream) this.#choose([stream.topic]);
  }

  async #load() {
    try {
      const { streams } = await (await get('streams')).json();
      this.#show(streams);
    } catch (error) {
      setText(this.#note, error instanceof ApiError ? error.message
        : 'The robot does not answer');
    }
  }

  /** @param {StreamName[]} streams */
  #show(streams) {
    const gone = this.#shown().filter((name) => name
      && !streams.some(({ topic }) => topic === name));
    const rows = [...streams, ...gone.map((topic) => ({ topic, type: '' }))];
    setText(this.#note, '');
    if (JSON.stringify(rows) !== JSON.stringify(this.#streams)) {
      this.#streams = rows;
      this.#build();
    }
    this.mark();
  }

  #build() {
    const { activeElement } = document;
    const focused = activeElement instanceof HTMLInputElement ? activeElement.value : null;
    this.#list.replaceChildren(...this.#streams.map(({ topic, type }, index) => {
      const row = copyTemplate('#camera-row');
      find(row, 'input', HTMLInputElement).value = topic;
      find(row, '.name').append(...breakable(topic));
      setText(find(row, '.type'), type.split('/').at(-1) || 'not published now');
      setText(find(row, 'kbd'), index < 9 ? String(index + 1) : '');
      const only = find(row, 'button', HTMLButtonElement);
      only.value = topic;
      only.setAttribute('aria-label', `Only ${topic}`);
      return row;
    }));
    const again = [...this.#list.querySelectorAll('input')].find(({ value }) => value === focused);
    again?.focus();
  }

  /** @param {HTMLInputElement} box */
  #toggle(box) {
    const shown = this.#shown().filter((topic) => topic !== box.value);
    if (box.checked) shown.push(box.value);
    if (shown.length) this.#choose(shown);
    this.mark(); // the last one stays
  }
}

/**
 * Return the parts of a name, with places where a line may end.
 *
 * @param {string} name
 */
function breakable(name) {
  return name.split(/(?<=.)(?=\/)/).flatMap((part) => [document.createElement('wbr'), part]);
}
