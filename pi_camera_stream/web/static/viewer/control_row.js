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

// One control of a camera: a switch, a menu, or sliders.

import { copyTemplate, find, setText } from '../shared/dom.js';
import { ControlScale } from './control_scale.js';
import { labelOf, unitOf } from './control_words.js';
import { NewestValue } from './newest_value.js';

/**
 * As the robot describes it.
 *
 * @typedef {object} Control
 * @property {string} name
 * @property {string} group
 * @property {string} kind bool, int, float or str, or int[] or float[]
 * @property {any} value null unknown
 * @property {number | null} minimum
 * @property {number | null} maximum
 * @property {number} step
 * @property {number} length of a list
 * @property {{ value: number | string, name: string }[]} choices
 * @property {boolean} read_only
 * @property {boolean} inactive without effect at present
 */

/** What shows a value, and lets it be changed. @typedef {(value: any) => void} Shower */

/** `element` is a list item; `show(control)` lets it be up to date. */
export class ControlRow {
  #control;
  #newest;
  /** @type {Shower} */
  #show;
  #state;
  #refused;

  /**
   * `change(name, value)` tells the robot, and throws what it refuses; `changed()` is called
   * when it has decided.
   *
   * @param {Control} control
   * @param {(name: string, value: unknown) => Promise<unknown>} change
   * @param {() => void} changed
   */
  constructor(control, change, changed) {
    this.#control = control;
    this.#newest = new NewestValue((value) => change(control.name, value), (error) => {
      setText(this.#refused, error instanceof Error ? error.message : error ? String(error) : '');
      changed();
    });
    this.element = copyTemplate('#control-row');
    this.#state = find(this.element, '.state');
    this.#refused = find(this.element, '.refused');
    this.#show = control.kind === 'bool' ? this.#addSwitch()
      : control.choices.length ? this.#addMenu() : this.#addNumbers();
    this.show(control);
  }

  /**
   * What it looks like must be as before; it says the value, and whether it can be changed.
   *
   * @param {Control} control
   */
  show(control) {
    if (this.#newest.busy) return; // what is said there is older than what is wanted
    this.#control = control;
    this.#show(control.value);
    for (const input of this.element.querySelectorAll('input, select')) {
      /** @type {HTMLInputElement} */ (input).disabled = control.read_only || control.inactive;
    }
    setText(this.#state, control.read_only ? 'set by the camera'
      : control.inactive ? 'no effect at present' : '');
  }

  /** @param {unknown} value */
  #put(value) {
    setText(this.#refused, '');
    this.#newest.put(value);
  }

  /** @returns {Shower} */
  #addSwitch() {
    const part = this.#add('#control-switch', labelOf(this.#control.name));
    const box = find(part, 'input', HTMLInputElement);
    box.addEventListener('change', () => this.#put(box.checked));
    return (value) => {
      box.checked = Boolean(value);
      box.indeterminate = value === null;
    };
  }

  /** @returns {Shower} */
  #addMenu() {
    const { name, choices } = this.#control;
    const part = this.#add('#control-menu', labelOf(name));
    const menu = find(part, 'select', HTMLSelectElement);
    menu.append(...choices.map((choice) => new Option(choice.name)));
    menu.addEventListener('change', () => this.#put(choices[menu.selectedIndex].value));
    return (value) => {
      menu.selectedIndex = choices.findIndex((choice) => choice.value === value);
    };
  }

  /** @returns {Shower} */
  #addNumbers() {
    const { name, kind, length } = this.#control;
    if (!kind.endsWith('[]')) return this.#addNumber(labelOf(name), (value) => this.#put(value));
    /** @type {number[]} */
    const values = Array(length).fill(Math.max(1, this.#control.minimum ?? 1));
    const showers = values.map((_, index) => this.#addNumber(labelOf(name, index), (value) => {
      values[index] = value;
      this.#put([...values]);
    }));
    return (shown) => showers.forEach((show, index) => {
      if (shown) values[index] = shown[index];
      show(shown?.[index] ?? null);
    });
  }

  /**
   * @param {string} label
   * @param {(value: number) => void} put
   * @returns {Shower}
   */
  #addNumber(label, put) {
    const part = this.#add('#control-number', label);
    const scale = new ControlScale(this.#control);
    const field = find(part, '[type="number"]', HTMLInputElement);
    const slider = find(part, '[type="range"]', HTMLInputElement);
    setText(find(part, '.unit'), unitOf(this.#control.name));
    field.step = String(scale.step);
    slider.max = String(scale.last);
    slider.hidden = !scale.last;
    slider.setAttribute('aria-label', label);
    /** @param {number | null} value */
    const showSlider = (value) => {
      slider.value = String(value === null ? 0 : scale.position(value));
      slider.setAttribute('aria-valuetext', value === null ? 'unknown' : scale.text(value));
    };
    slider.addEventListener('input', () => {
      const value = scale.value(Number(slider.value));
      field.value = scale.text(value);
      slider.setAttribute('aria-valuetext', field.value);
      put(value);
    });
    let writing = false;
    field.addEventListener('input', () => {
      writing = true;
    });
    field.addEventListener('blur', () => {
      writing = false;
    });
    field.addEventListener('change', () => {
      writing = false;
      if (Number.isNaN(field.valueAsNumber)) return;
      showSlider(field.valueAsNumber);
      put(field.valueAsNumber);
    });
    return (value) => {
      showSlider(value);
      if (!writing) field.value = value === null ? '' : scale.text(value);
    };
  }

  /**
   * @param {string} template
   * @param {string} label
   */
  #add(template, label) {
    const part = copyTemplate(template);
    setText(find(part, '.name'), label);
    this.#state.before(part);
    return part;
  }
}
