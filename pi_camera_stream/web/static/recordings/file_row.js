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

// A recording on the page: what it is, and what can be done with it.

import { remove } from '../shared/api.js';
import { copyTemplate, find, setText } from '../shared/dom.js';
import { bytes, clock } from '../shared/recording_words.js';

const SURE_MS = 4000; // to press a second time
const CODECS = new Map([['jpeg', 'JPEG'], ['h264', 'H.264']]);

/**
 * One file, as the robot lists it.
 *
 * @typedef {object} File
 * @property {string} name
 * @property {string} topic
 * @property {number} began seconds since 1970
 * @property {number} duration_s
 * @property {number} size
 * @property {string} codec
 * @property {boolean} running
 */

/**
 * Return where a file is.
 *
 * @param {{ name: string }} file
 */
export function place({ name }) {
  return `recordings/${encodeURIComponent(name)}`;
}

/** A row of the list. */
export class FileRow {
  #file;
  #delete;
  #deleted;
  #timer = 0;

  /**
   * `play(file)` and `deleted()` are called.
   *
   * @param {File} file
   * @param {{ play: (file: File) => void, deleted: () => void }} owner
   */
  constructor(file, { play, deleted }) {
    this.#file = file;
    this.#deleted = deleted;
    this.element = copyTemplate('#file');
    this.#delete = find(this.element, '.delete', HTMLButtonElement);
    this.#delete.addEventListener('click', () => this.#press());
    find(this.element, '.play').addEventListener('click', () => play(this.#file));
    const link = find(this.element, '.download', HTMLAnchorElement);
    link.href = place(file);
    link.download = file.name;
  }

  /**
   * @param {File} file
   * @param {boolean} mayDelete
   */
  show(file, mayDelete) {
    this.#file = file;
    const { topic, began, duration_s: durationS, size, codec, running } = file;
    setText(find(this.element, 'h2'), new Date(1000 * began).toLocaleString());
    setText(find(this.element, '.facts'), [
      topic, clock(durationS), bytes(size), CODECS.get(codec) ?? codec,
      ...(running ? ['recording now'] : [])].join(' · '));
    this.element.classList.toggle('running', running);
    this.#delete.hidden = !mayDelete || running;
  }

  /** A second press deletes. */
  async #press() {
    clearTimeout(this.#timer);
    if (!this.#delete.classList.contains('sure')) {
      this.#ask(true);
      this.#timer = setTimeout(() => this.#ask(false), SURE_MS);
      return;
    }
    this.#ask(false);
    this.#delete.disabled = true;
    try {
      await remove(place(this.#file));
      this.#deleted();
    } catch (error) {
      setText(find(this.element, '.refused'),
        error instanceof Error ? error.message : String(error));
    }
    this.#delete.disabled = false;
  }

  /** @param {boolean} sure */
  #ask(sure) {
    this.#delete.classList.toggle('sure', sure);
    setText(this.#delete, sure ? 'Sure?' : 'Delete');
  }
}
