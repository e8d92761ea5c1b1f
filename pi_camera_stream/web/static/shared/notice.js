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

// What is said over a picture: why it does not move.

import { find, setText } from './dom.js';

const BACK_MS = 4000;

/**
 * Says one thing at a time, in an element with role `status`. A screen reader says the sentence
 * once; the seconds behind it run for the eye alone. The end of a loss is for the ear alone, the
 * picture shows it.
 */
export class Notice {
  #sentence;
  #since;
  #detail;
  #back;
  #kind = '';
  #timer = 0;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.#sentence = find(root, '.sentence');
    this.#since = find(root, '.since');
    this.#detail = find(root, '.detail');
    this.#back = find(root, '.back');
  }

  /** Which one is shown: '' is none. */
  get kind() {
    return this.#kind;
  }

  /**
   * @param {string} kind
   * @param {string} sentence
   * @param {{ since?: string, detail?: string }} [more]
   */
  show(kind, sentence, { since = '', detail = '' } = {}) {
    clearTimeout(this.#timer);
    this.#kind = kind;
    this.root.dataset.kind = kind;
    setText(this.#back, '');
    setText(this.#sentence, sentence);
    setText(this.#since, since);
    setText(this.#detail, detail);
  }

  /**
   * There is nothing to say any more; `back` is for those who heard of a loss.
   *
   * @param {string} back
   */
  clear(back) {
    if (!this.#kind) return;
    this.show('', '');
    setText(this.#back, back);
    this.#timer = setTimeout(() => setText(this.#back, ''), BACK_MS);
  }
}
