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

// Plays a recording: H.264 as a video, JPEGs as an endless picture.

import { address, ApiError, get } from '../shared/api.js';
import { find, setText } from '../shared/dom.js';
import { clock } from '../shared/recording_words.js';
import { place } from './file_row.js';

const UPDATE_MS = 250;

/** @typedef {import('./file_row.js').File} File */

/** The robot sends it at its own pace from any moment on, so a move is another request. */
export class Player {
  #root;
  #screen;
  #position;
  #toggle;
  #why;
  /** @type {File | null} */
  #file = null;
  /** @type {HTMLVideoElement | HTMLImageElement | null} */
  #picture = null;
  #startS = 0;
  #beganMs = 0;
  #paused = true;
  #dragged = false;

  /** @param {HTMLElement} root */
  constructor(root) {
    this.#root = root;
    this.#screen = find(root, '.screen');
    this.#position = find(root, '.position', HTMLInputElement);
    this.#toggle = find(root, '.toggle', HTMLButtonElement);
    this.#why = find(root, '.why');
    this.#toggle.addEventListener('click', () => (this.#paused ? this.#resume() : this.#pause()));
    find(root, '.close').addEventListener('click', () => this.close());
    this.#position.addEventListener('input', () => {
      this.#dragged = true;
      this.#showTime(this.#position.valueAsNumber);
    });
    this.#position.addEventListener('change', () => {
      this.#dragged = false;
      this.#begin(this.#position.valueAsNumber);
    });
    setInterval(() => this.#update(), UPDATE_MS);
  }

  /** @param {File} file */
  play(file) {
    this.close();
    this.#file = file;
    this.#root.hidden = false;
    this.#root.scrollIntoView();
    this.#begin(0);
  }

  close() {
    this.#drop();
    this.#file = null;
    this.#root.hidden = true;
  }

  /** @param {File[]} files of which one may have grown, or gone */
  listed(files) {
    const file = files.find(({ name }) => name === this.#file?.name);
    if (file) this.#file = file;
    else if (this.#file) this.close();
  }

  /** @param {number} startS */
  #begin(startS) {
    const file = this.#file;
    if (!file) return;
    this.#drop();
    this.#startS = Math.min(startS, file.duration_s);
    const video = file.codec === 'h264';
    const picture = document.createElement(video ? 'video' : 'img');
    picture.className = 'picture';
    this.#picture = picture;
    picture.addEventListener('error', () => this.#failed(picture));
    picture.addEventListener('ended', () => this.#end());
    if (picture instanceof HTMLVideoElement) {
      picture.playsInline = true;
      picture.autoplay = true;
    }
    this.#screen.replaceChildren(picture);
    this.#beganMs = performance.now();
    this.#setPaused(false);
    setText(this.#why, '');
    picture.src = this.#source(this.#startS);
  }

  /** @param {number} startS */
  #source(startS) {
    return address(`${place(/** @type {File} */ (this.#file))}/play`, { from: startS.toFixed(1) });
  }

  /** The robot would go on sending. */
  #drop() {
    this.#picture?.removeAttribute('src');
    if (this.#picture instanceof HTMLVideoElement) this.#picture.load();
    this.#picture = null;
    this.#screen.replaceChildren();
    this.#setPaused(true);
  }

  get #nowS() {
    if (this.#picture instanceof HTMLVideoElement) return this.#startS + this.#picture.currentTime;
    return this.#paused ? this.#startS : this.#startS + (performance.now() - this.#beganMs) / 1000;
  }

  #pause() {
    if (this.#picture instanceof HTMLVideoElement) this.#picture.pause();
    else if (this.#picture) this.#freeze(this.#picture);
    this.#setPaused(true);
  }

  #resume() {
    const file = this.#file;
    if (file && this.#nowS >= file.duration_s - 0.1) {
      this.#begin(0);
    } else if (this.#picture instanceof HTMLVideoElement && !this.#picture.error) {
      this.#picture.play();
      this.#setPaused(false);
    } else {
      this.#begin(this.#nowS);
    }
  }

  /** @param {HTMLImageElement} picture */
  #freeze(picture) {
    const still = document.createElement('canvas');
    still.className = 'picture';
    still.width = picture.naturalWidth;
    still.height = picture.naturalHeight;
    still.getContext('2d')?.drawImage(picture, 0, 0);
    const nowS = this.#nowS;
    this.#drop();
    this.#startS = nowS;
    this.#screen.replaceChildren(still);
  }

  #end() {
    if (this.#picture instanceof HTMLImageElement) this.#freeze(this.#picture);
    this.#setPaused(true);
  }

  /**
   * The robot lets go of who takes nothing for a while, as a paused video does.
   *
   * @param {HTMLVideoElement | HTMLImageElement} picture
   */
  async #failed(picture) {
    if (picture !== this.#picture) return;
    if (picture instanceof HTMLVideoElement && picture.currentTime > 0) {
      if (!this.#paused) this.#begin(this.#nowS);
      return;
    }
    this.#setPaused(true);
    const file = this.#file;
    try {
      await (await get(this.#source(this.#startS))).body?.cancel();
      if (file === this.#file) setText(this.#why, 'This browser cannot play it: download it');
    } catch (error) {
      if (file !== this.#file) return;
      setText(this.#why, error instanceof ApiError ? error.message : 'The robot does not answer');
    }
  }

  /** @param {boolean} paused */
  #setPaused(paused) {
    this.#paused = paused;
    setText(this.#toggle, paused ? 'Play' : 'Pause');
  }

  #update() {
    if (!this.#file || this.#dragged) return;
    const durationS = this.#file.duration_s;
    const nowS = Math.min(this.#nowS, durationS);
    if (!this.#paused && this.#picture instanceof HTMLImageElement && nowS >= durationS) {
      this.#startS = durationS;
      this.#end();
    }
    this.#position.max = durationS.toFixed(1);
    this.#position.valueAsNumber = nowS;
    this.#showTime(nowS);
  }

  /** @param {number} seconds */
  #showTime(seconds) {
    const text = `${clock(seconds)} / ${clock(this.#file?.duration_s ?? 0)}`;
    setText(find(this.#root, '.time'), text);
    this.#position.setAttribute('aria-valuetext', text);
  }
}
