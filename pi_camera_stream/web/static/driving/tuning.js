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

// What drivers adjust to their vehicle and their hands; this browser keeps it.

const REMEMBERED = 'pi_camera_stream.tuning';

/**
 * From where to where a slider goes, and where it stands until somebody moves it. All are shares
 * of what the robot's parameters allow, beyond which nothing gets by these.
 */
export const SLIDERS = {
  speed: { min: 0.1, max: 1, step: 0.05, usual: 0.5 },
  trim: { min: -0.25, max: 0.25, step: 0.01, usual: 0 },
  soft: { min: 0, max: 1, step: 0.05, usual: 0 },
};

/** @typedef {keyof typeof SLIDERS} SliderName */

/**
 * What of the robot matters here.
 *
 * @typedef {object} Vehicle
 * @property {boolean} [reverse] whether it may go backwards
 * @property {boolean} [car] whether it steers with its wheels, and so turns only while it rolls
 */

/**
 * What was adjusted.
 *
 * @typedef {object} Adjusted
 * @property {number} speed the most that a control gives
 * @property {number} trim added to the steering, to the right
 * @property {number} soft how much less a control does round its middle; 0 is none
 * @property {boolean} swapped whether left is right
 */

/**
 * The adjustments, as they were in this browser.
 *
 * @implements {Adjusted}
 */
export class Tuning {
  speed = SLIDERS.speed.usual;
  trim = SLIDERS.trim.usual;
  soft = SLIDERS.soft.usual;
  swapped = false;

  constructor() {
    const found = remembered();
    for (const name of sliderNames) this[name] = fitting(name, found[name]);
    this.swapped = found.swapped === true;
  }

  /** @param {Partial<Adjusted>} change */
  update(change) {
    Object.assign(this, change);
    const { speed, trim, soft, swapped } = this;
    try {
      localStorage.setItem(REMEMBERED, JSON.stringify({ speed, trim, soft, swapped }));
    } catch {
      // It is not remembered, then.
    }
  }

  /** Adjust nothing but the speed, which may be needed as it is. */
  reset() {
    this.update({ trim: SLIDERS.trim.usual, soft: SLIDERS.soft.usual, swapped: false });
  }

  /** Whether steering and controls are not as they come. */
  get adjusted() {
    return this.trim !== 0 || this.soft !== 0 || this.swapped;
  }

  /**
   * Return the motion to ask for when the hands do that.
   *
   * @param {import('./drive_input.js').Motion} hands
   * @param {Vehicle} vehicle
   * @returns {import('./drive_input.js').Motion}
   */
  apply({ throttle, steering }, vehicle) {
    if (throttle === null || steering === null) return { throttle: null, steering: null };
    const given = this.#soften(throttle);
    const straight = this.#soften(steering) - this.#trimAt(given, vehicle);
    const turn = Math.max(-1, Math.min(1, straight));
    return { throttle: given, steering: (this.swapped ? -turn : turn) + 0 }; // no -0
  }

  /** @param {number} value */
  #soften(value) {
    return (1 - this.soft) * value + this.soft * value ** 3;
  }

  /**
   * Trim makes up for a vehicle that rolls in a curve, so none of it is there while it stands.
   * What turns on the spot turns as fast as it is told to: for the same curve at any speed, and
   * for the other direction backwards, the trim goes with the throttle. A car's wheels only have
   * to stand a little to the side; it is its speed that turns it.
   *
   * @param {number} throttle
   * @param {Vehicle} vehicle
   */
  #trimAt(throttle, { reverse = true, car = false }) {
    const rolling = reverse ? throttle : Math.max(0, throttle);
    if (!rolling) return 0;
    return this.trim * (car ? 1 : rolling);
  }
}

const sliderNames = /** @type {SliderName[]} */ (Object.keys(SLIDERS));

/**
 * Return a value that may have been remembered, or the usual one where that is none.
 *
 * @param {SliderName} name
 * @param {unknown} value
 */
function fitting(name, value) {
  const { min, max, usual } = SLIDERS[name];
  return typeof value === 'number' && value >= min && value <= max ? value : usual;
}

/** @returns {Partial<Record<keyof Adjusted, unknown>>} */
function remembered() {
  try {
    return Object(JSON.parse(localStorage.getItem(REMEMBERED) ?? '{}'));
  } catch {
    return {};
  }
}
