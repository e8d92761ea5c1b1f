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

// What is seen of driving: who drives, why nothing moves, and the buttons.

import { find, setText } from '../shared/dom.js';
import { AdjustPanel, setUpSlider } from './adjust_panel.js';
import { driveWords, figureTexts, percent } from './drive_words.js';
import { ExtraButtons } from './extra_buttons.js';
import { onHold } from './hold_button.js';

/**
 * What the driver wants.
 *
 * @typedef {object} PanelOwner
 * @property {() => void} take the wheel, or ask for it
 * @property {() => void} leave it
 * @property {() => void} logIn as somebody who may take it
 * @property {() => void} stop
 * @property {() => void} release the emergency stop
 * @property {(name: string) => void} mute the emergency stop of somebody
 * @property {(name: string, pressed: boolean) => void} press a button of the robot
 * @property {(mode: string) => void} touch how thumbs drive
 */

/** Puts itself into the page, until `remove()`. */
export class DrivePanel {
  #owner;
  #tuning;
  #panel;
  #adjust;
  #latch;
  #extras;
  #wheel;
  #stop;
  #speed;
  #muted = ''; // whom the button mutes
  /** @type {Partial<import('./drive_words.js').DriveView>} */
  #view = {};
  #watcher = new ResizeObserver(() => document.body.style.setProperty(
    '--strip', `${this.#panel.offsetHeight}px`)); // which menus do not cover

  /**
   * @param {PanelOwner} owner
   * @param {import('./tuning.js').Tuning} tuning
   */
  constructor(owner, tuning) {
    this.#owner = owner;
    this.#tuning = tuning;
    const { content } = find(document, '#driving', HTMLTemplateElement);
    const parts = /** @type {DocumentFragment} */ (content.cloneNode(true));
    this.#panel = find(parts, '.driving');
    this.#adjust = find(parts, '.adjustments');
    this.#latch = find(parts, '.latch');
    /** Where thumbs may be put. */
    this.zones = find(parts, '.touch-zones');
    this.#wheel = find(this.#panel, '.wheel', HTMLButtonElement);
    this.#stop = find(this.#panel, '.stop', HTMLButtonElement);
    this.#speed = find(this.#panel, '.speed input', HTMLInputElement);
    this.#extras = new ExtraButtons(find(this.#panel, '.extras'), owner.press);
    new AdjustPanel(this.#adjust, find(this.#panel, '.adjust'), tuning);
    this.#listen();
    find(document, '#stage').append(this.zones, this.#latch);
    find(document, '#bar').before(this.#adjust, this.#panel);
    document.body.classList.add('drivable');
    this.#watcher.observe(this.#panel);
  }

  remove() {
    this.#watcher.disconnect();
    for (const part of [this.#adjust, this.#panel, this.#latch, this.zones]) part.remove();
    document.body.classList.remove('drivable', 'drives', 'latched');
  }

  /** @param {string} mode */
  set touch(mode) {
    find(this.#panel, '.touch select', HTMLSelectElement).value = mode;
  }

  /** Hold no button any more. */
  letGo() {
    this.#extras.letGo();
  }

  /**
   * Show the robot's `state` message with what the page knows itself; see driving.js.
   *
   * @param {import('./drive_words.js').DriveView} view
   */
  show(view) {
    this.#view = view;
    const latched = Boolean(view.latched || view.stopping);
    document.body.classList.toggle('drives', view.drives);
    document.body.classList.toggle('latched', latched);
    this.#panel.classList.toggle('held', view.held);
    this.#stop.setAttribute('aria-pressed', String(latched));
    const words = driveWords(view);
    setText(find(this.#panel, '.who'), words.who);
    setText(find(this.#panel, '.why'), words.why);
    setText(find(this.#latch, 'p'), latched ? words.latch : '');
    find(this.#latch, '.release').hidden = Boolean(view.latched) && view.may_release === false;
    find(this.#latch, '.presser').hidden = !words.again;
    setText(find(this.#latch, '.again'), words.again);
    this.#muted = words.mute;
    find(this.#latch, '.mute').hidden = !words.mute;
    this.#stop.disabled = Boolean(view.reached && view.muted);
    this.#panel.classList.toggle('warns', words.warns);
    setText(this.#wheel, words.wheel);
    this.#wheel.setAttribute('aria-label', words.wheelInFull);
    this.#wheel.disabled = !view.reached || Boolean(view.refusal && !view.drives);
    this.#panel.classList.toggle('asked', Boolean(view.drives && view.asking));
    this.#extras.show(view.drives ? view.buttons ?? [] : []);
    this.#showSpeed();
    for (const [name, text] of Object.entries(figureTexts(view))) {
      const figure = find(this.#panel, `.${name}`);
      setText(figure, text);
      if (figure.parentElement) figure.parentElement.hidden = !text;
    }
  }

  #listen() {
    this.#wheel.addEventListener('click', ({ detail }) => {
      if (detail > 1) return; // the second half of a double click is for no other button
      if (detail) this.#wheel.blur(); // nor is the next Enter
      if (this.#view.may_drive === false) this.#owner.logIn();
      else if (this.#view.drives) this.#owner.leave();
      else this.#owner.take();
    });
    // When it goes down, not when it comes up again.
    this.#stop.addEventListener('pointerdown', () => this.#owner.stop());
    this.#stop.addEventListener('click', ({ detail }) => detail || this.#owner.stop());
    onHold(find(this.#latch, '.release'), this.#owner.release);
    find(this.#latch, '.mute').addEventListener('click', () => this.#owner.mute(this.#muted));
    setUpSlider(this.#speed, 'speed', this.#tuning, () => this.#showSpeed());
    const touch = find(this.#panel, '.touch select', HTMLSelectElement);
    touch.addEventListener('change', () => {
      this.#owner.touch(touch.value);
      touch.blur();
    });
  }

  #showSpeed() {
    const { max_linear: most } = this.#view;
    const { speed } = this.#tuning;
    const text = percent(speed);
    setText(find(this.#panel, '.percent'), text);
    setText(find(this.#panel, '.most'), most ? `, ${(most * speed).toFixed(2)} m/s` : '');
    this.#speed.setAttribute('aria-valuetext', text);
  }
}
