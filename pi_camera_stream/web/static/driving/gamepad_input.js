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

// A gamepad with the standard mapping (https://w3c.github.io/gamepad/#remapping).

const DEAD = 0.1;
const STALE_MS = 250;
const LEFT_X = 0;
const LEFT_Y = 1;
const RIGHT_Y = 3;
const LEFT_TRIGGER = 6;
const RIGHT_TRIGGER = 7;
const STOPS = [1, 9]; // B or circle, and start

/**
 * An input for DriveInput, and the stop button of the gamepad. The left stick steers; the
 * triggers, the right stick or the left one give throttle. It is polled from `start()` to `end()`.
 */
export class GamepadInput {
  held = false;
  throttle = 0;
  steering = 0;
  #input;
  #stop;
  #frame = 0;
  #polledMs = 0;
  #rested = false; // since it was let go
  #triggers = false; // whether the driver drives by them
  #stopping = true;

  /**
   * @param {import('./drive_input.js').DriveInput} input
   * @param {() => void} stop
   */
  constructor(input, stop) {
    this.#input = input;
    this.#stop = stop;
  }

  start() {
    this.#triggers = false;
    this.#stopping = true; // a button that is down already does not count
    this.letGo();
    this.#frame ||= requestAnimationFrame(() => this.#poll());
  }

  end() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.letGo();
  }

  letGo() {
    this.#put(0, 0);
    this.#rested = false;
  }

  /** A page whose frames do not come does not know where the sticks are. */
  get stale() {
    return performance.now() - this.#polledMs > STALE_MS;
  }

  #poll() {
    this.#frame = requestAnimationFrame(() => this.#poll());
    this.#polledMs = performance.now();
    const pad = [...navigator.getGamepads?.() ?? []].find((one) => one?.mapping === 'standard');
    const stopping = STOPS.some((index) => pad?.buttons[index]?.pressed);
    if (stopping && !this.#stopping) this.#stop();
    this.#stopping = stopping;
    const { throttle, steering } = this.#read(pad);
    if (!throttle && !steering) this.#rested = true;
    if (!this.#rested || !this.#input.ready) return;
    if (throttle === this.throttle && steering === this.steering) return;
    this.#put(throttle, steering);
    this.#input.changed();
  }

  /**
   * @param {number} throttle
   * @param {number} steering
   */
  #put(throttle, steering) {
    this.held = throttle !== 0 || steering !== 0;
    this.throttle = throttle;
    this.steering = steering;
  }

  /** @param {Gamepad | null | undefined} pad */
  #read(pad) {
    if (!pad) return { throttle: 0, steering: 0 };
    /** @param {number} index */
    const axis = (index) => live(pad.axes[index] ?? 0);
    /** @param {number} index */
    const trigger = (index) => live(pad.buttons[index]?.value ?? 0);
    const triggers = trigger(RIGHT_TRIGGER) - trigger(LEFT_TRIGGER);
    this.#triggers ||= triggers !== 0;
    // A stick that only steers is not always quite level.
    const stick = this.#triggers ? 0 : axis(LEFT_Y);
    const throttle = [triggers, -axis(RIGHT_Y), -stick].reduce(
      (most, value) => (Math.abs(value) > Math.abs(most) ? value : most));
    return { throttle: throttle || 0, steering: -axis(LEFT_X) || 0 };
  }
}

/**
 * Return what is beyond the dead zone, from 0 on.
 *
 * @param {number} value
 */
function live(value) {
  const size = Math.min(1, Math.abs(value));
  return size <= DEAD ? 0 : Math.sign(value) * (size - DEAD) / (1 - DEAD);
}
