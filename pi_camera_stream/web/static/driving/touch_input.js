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

// Thumbs on the picture: one for throttle and one for steering, or one for both.

const TRAVEL_PX = 64;
const DEAD = 0.08;
const REMEMBERED = 'pi_camera_stream.touch';
const MODES = ['two', 'one', 'off'];

/** A zone of the screen; the thumb moves from wherever it was put down. */
class Thumb {
  /** @type {number | null} */
  pointer = null;
  x = 0; // -1 to 1, to the right
  y = 0; // upwards
  #zone;
  #from = { x: 0, y: 0 };

  /** @param {HTMLElement} zone */
  constructor(zone) {
    this.#zone = zone;
  }

  /** @param {PointerEvent} event */
  press({ pointerId, clientX, clientY }) {
    this.#zone.setPointerCapture(pointerId);
    this.pointer = pointerId;
    this.#from = { x: clientX, y: clientY };
    const box = this.#zone.getBoundingClientRect();
    this.#style('--from-x', `${clientX - box.left}px`);
    this.#style('--from-y', `${clientY - box.top}px`);
    this.#zone.classList.add('held');
  }

  /** @param {PointerEvent} event */
  move({ clientX, clientY }) {
    const right = (clientX - this.#from.x) / TRAVEL_PX;
    const up = (this.#from.y - clientY) / TRAVEL_PX;
    const { axes } = this.#zone.dataset;
    this.x = axes === 'y' ? 0 : right;
    this.y = axes === 'x' ? 0 : up;
    const far = Math.hypot(this.x, this.y);
    const scale = far <= DEAD ? 0 : (Math.min(1, far) - DEAD) / (1 - DEAD) / far;
    this.#style('--move-x', String(this.x / Math.max(1, far)));
    this.#style('--move-y', String(this.y / Math.max(1, far)));
    this.x *= scale;
    this.y *= scale;
  }

  release() {
    this.pointer = null;
    this.x = 0;
    this.y = 0;
    this.#zone.classList.remove('held');
    for (const name of ['--from-x', '--from-y', '--move-x', '--move-y']) this.#style(name, null);
  }

  /**
   * @param {string} name
   * @param {string | null} value
   */
  #style(name, value) {
    this.#zone.style.setProperty(name, value);
  }
}

/** An input for DriveInput, in the `.zone`s of `root`; `lost()` is called when a thumb is. */
export class TouchInput {
  #root;
  #input;
  #lost;
  /** @type {Thumb[]} */
  #thumbs = [];

  /**
   * @param {HTMLElement} root
   * @param {import('./drive_input.js').DriveInput} input
   * @param {() => void} lost
   */
  constructor(root, input, lost) {
    this.#root = root;
    this.#input = input;
    this.#lost = lost;
    for (const zone of root.querySelectorAll('.zone')) {
      if (zone instanceof HTMLElement) this.#watch(zone);
    }
    root.addEventListener('contextmenu', (event) => event.preventDefault());
    root.dataset.mode = remembered() ?? (matchMedia('(any-pointer: coarse)').matches
      ? 'two' : 'off');
  }

  get mode() {
    return this.#root.dataset.mode ?? 'off';
  }

  /** `two` thumbs, `one`, or `off`. */
  set mode(mode) {
    this.#input.letGo();
    this.#root.dataset.mode = mode;
    try {
      localStorage.setItem(REMEMBERED, mode);
    } catch {
      // It is not remembered, then.
    }
  }

  get held() {
    return this.#thumbs.some(({ pointer }) => pointer !== null);
  }

  get throttle() {
    return this.#thumbs.reduce((sum, { y }) => sum + y, 0);
  }

  get steering() {
    return this.#thumbs.reduce((sum, { x }) => sum - x, 0);
  }

  letGo() {
    for (const thumb of this.#thumbs) thumb.release();
  }

  /** @param {HTMLElement} zone */
  #watch(zone) {
    const thumb = new Thumb(zone);
    this.#thumbs.push(thumb);
    /**
     * @param {'pointermove' | 'pointerup' | 'pointercancel' | 'lostpointercapture'} kind
     * @param {(event: PointerEvent) => void} act
     */
    const listen = (kind, act) => zone.addEventListener(kind, (event) => {
      if (event.pointerId === thumb.pointer) act(event);
    });
    zone.addEventListener('pointerdown', (event) => {
      if (thumb.pointer !== null || !this.#input.ready || event.button !== 0) return;
      thumb.press(event);
      this.#input.changed();
    });
    listen('pointermove', (event) => {
      thumb.move(event);
      this.#input.changed();
    });
    listen('pointerup', () => {
      thumb.release();
      this.#input.changed();
    });
    listen('pointercancel', this.#lost);
    listen('lostpointercapture', this.#lost); // after a pointerup the thumb is no more there
  }
}

function remembered() {
  try {
    return MODES.find((mode) => mode === localStorage.getItem(REMEMBERED));
  } catch {
    return undefined;
  }
}
