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

import { setText } from '../shared/text.js';
import { driveWords, figureTexts } from './drive_words.js';
import { ExtraButtons } from './extra_buttons.js';
import { onHold } from './hold_button.js';

/**
 * Puts itself into the page, until `remove()`. The owner hears of `take()`, `leave()`, `stop()`,
 * `release()`, `press(name, pressed)` and `touch(mode)`.
 */
export class DrivePanel {
  #owner;
  #panel;
  #latch;
  #extras;
  #wheel;
  #stop;
  #speed;
  #view = {};
  #watcher = new ResizeObserver(() => document.body.style.setProperty(
    '--strip', `${this.#panel.offsetHeight}px`)); // which menus do not cover

  constructor(owner) {
    this.#owner = owner;
    const parts = document.getElementById('driving').content.cloneNode(true);
    this.#panel = parts.querySelector('.driving');
    this.#latch = parts.querySelector('.latch');
    /** Where thumbs may be put. */
    this.zones = parts.querySelector('.touch-zones');
    this.#wheel = this.#panel.querySelector('.wheel');
    this.#stop = this.#panel.querySelector('.stop');
    this.#speed = this.#panel.querySelector('.speed input');
    this.#extras = new ExtraButtons(this.#panel.querySelector('.extras'), owner.press);
    this.#listen();
    document.getElementById('stage').append(this.zones, this.#latch);
    document.getElementById('bar').before(this.#panel);
    document.body.classList.add('drivable');
    this.#watcher.observe(this.#panel);
  }

  remove() {
    this.#watcher.disconnect();
    for (const element of [this.#panel, this.#latch, this.zones]) element.remove();
    document.body.classList.remove('drivable', 'drives', 'latched');
  }

  /** Which share of the speed the driver wants. */
  get share() {
    return Number(this.#speed.value);
  }

  set touch(mode) {
    this.#panel.querySelector('.touch select').value = mode;
  }

  /** Hold no button any more. */
  letGo() {
    this.#extras.letGo();
  }

  /** Show the robot's `state` message with what the page knows itself; see driving.js. */
  show(view) {
    this.#view = view;
    const latched = Boolean(view.latched || view.stopping);
    document.body.classList.toggle('drives', view.drives);
    document.body.classList.toggle('latched', latched);
    this.#panel.classList.toggle('held', view.held);
    this.#stop.setAttribute('aria-pressed', latched);
    const words = driveWords(view);
    setText(this.#panel.querySelector('.who'), words.who);
    setText(this.#panel.querySelector('.why'), words.why);
    setText(this.#latch.querySelector('p'), latched ? words.latch : '');
    this.#latch.querySelector('button').hidden = view.latched && view.may_release === false;
    this.#panel.classList.toggle('warns', words.warns);
    setText(this.#wheel, words.wheel);
    this.#wheel.setAttribute('aria-label', words.wheelInFull);
    this.#wheel.disabled = !view.reached;
    this.#panel.classList.toggle('asked', Boolean(view.drives && view.asking));
    this.#extras.show(view.drives ? view.buttons ?? [] : []);
    this.#showSpeed();
    for (const [name, text] of Object.entries(figureTexts(view))) {
      const figure = this.#panel.querySelector(`.${name}`);
      setText(figure, text);
      figure.parentElement.hidden = !text;
    }
  }

  #listen() {
    this.#wheel.addEventListener('click', ({ detail }) => {
      if (detail > 1) return; // the second half of a double click is for no other button
      if (detail) this.#wheel.blur(); // nor is the next Enter
      if (this.#view.drives) this.#owner.leave();
      else this.#owner.take();
    });
    // When it goes down, not when it comes up again.
    this.#stop.addEventListener('pointerdown', () => this.#owner.stop());
    this.#stop.addEventListener('click', ({ detail }) => detail || this.#owner.stop());
    onHold(this.#latch.querySelector('button'), this.#owner.release);
    this.#speed.addEventListener('input', () => this.#showSpeed());
    // The arrows are for driving again.
    this.#speed.addEventListener('pointerup', () => this.#speed.blur());
    const touch = this.#panel.querySelector('.touch select');
    touch.addEventListener('change', () => {
      this.#owner.touch(touch.value);
      touch.blur();
    });
  }

  #showSpeed() {
    const { max_linear: most } = this.#view;
    const text = `${Math.round(100 * this.share)} %`;
    setText(this.#panel.querySelector('.percent'), text);
    setText(this.#panel.querySelector('.most'), most ? `, ${(most * this.share).toFixed(2)} m/s` : '');
    this.#speed.setAttribute('aria-valuetext', text);
  }
}
