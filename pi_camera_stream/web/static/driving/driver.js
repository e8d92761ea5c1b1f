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

// What the page does while it drives: sends what the inputs say, and lets go for them.

import { DriveInput } from './drive_input.js';
import { watchFocus, WakeLock } from './focus_guard.js';
import { GamepadInput } from './gamepad_input.js';
import { KeyboardInput } from './keyboard_input.js';
import { TouchInput } from './touch_input.js';

const PERIOD_MS = 33;
const LIFE_MS = 500; // a sign of it, with no control held
const LATE_MS = 300;

/**
 * @typedef {object} DriverOwner
 * @property {import('./drive_connection.js').DriveConnection} connection
 * @property {() => number | null} seenMs when the oldest picture on the page was taken
 * @property {import('./tuning.js').Tuning} tuning
 * @property {() => import('./tuning.js').Vehicle} vehicle
 * @property {() => void} stop
 * @property {() => void} dropped all was let go
 * @property {() => void} changed
 */

/** Watches the controls, and sends what they say as long as the page drives. */
export class Driver {
  #owner;
  #input = new DriveInput((atOnce) => this.#moved(atOnce));
  #keyboard;
  #gamepad;
  #touch;
  #wakeLock;
  #timer = 0;
  #sentMs = 0;
  #blocked = false;
  #late = false;
  #reason = '';

  /**
   * @param {DriverOwner} owner
   * @param {HTMLElement} zones
   * @param {AbortSignal} signal
   */
  constructor(owner, zones, signal) {
    this.#owner = owner;
    this.#keyboard = new KeyboardInput(this.#input, signal);
    this.#gamepad = new GamepadInput(this.#input, () => owner.stop());
    this.#touch = new TouchInput(zones, this.#input, () => this.letGo('the touch was lost'));
    this.#input.add(this.#keyboard, this.#gamepad, this.#touch);
    this.#wakeLock = new WakeLock(signal);
    watchFocus((why) => this.letGo(why), signal);
  }

  get held() {
    return this.#input.held;
  }

  /** Whether the connection is too late to drive. */
  get late() {
    return this.#late;
  }

  /** Why the page has let go, until a control is held again. */
  get reason() {
    return this.#reason;
  }

  get touch() {
    return this.#touch.mode;
  }

  set touch(mode) {
    this.#touch.mode = mode;
  }

  /**
   * Drive or not; `blocked` by an emergency stop, say.
   *
   * @param {boolean} drives
   * @param {boolean} blocked
   */
  set(drives, blocked) {
    this.#blocked = blocked;
    if (drives && !this.#timer) this.#begin();
    else if (!drives && this.#timer) this.#end();
    this.#check();
  }

  /** Let go of everything: it has to be pressed again. */
  letGo(why = '') {
    const { held } = this.#input;
    this.#input.letGo();
    if (held) this.#reason = why;
    this.#owner.dropped();
    this.#owner.changed();
  }

  #begin() {
    this.#reason = '';
    this.#sentMs = performance.now();
    this.#owner.connection.forget();
    this.#timer = setInterval(() => this.#tick(), PERIOD_MS);
    this.#keyboard.active = true;
    this.#gamepad.start();
    this.#wakeLock.wanted = true;
  }

  #end() {
    clearInterval(this.#timer);
    this.#timer = 0;
    this.letGo('the wheel was lost');
    this.#keyboard.active = false;
    this.#gamepad.end();
    this.#wakeLock.wanted = false;
  }

  #tick() {
    this.#check();
    if (document.hidden) return; // who does not come back in time loses the wheel
    if (this.#input.held || performance.now() - this.#sentMs >= LIFE_MS) this.#send();
  }

  /** Find out whether the inputs may move anything, and let go if not. */
  #check() {
    const late = this.#timer > 0 && this.#owner.connection.lateMs() > LATE_MS;
    const turned = late !== this.#late;
    this.#late = late;
    if (late && turned) this.letGo('the connection was more than 300 ms late');
    if (this.#input.stale) this.letGo('the page could not read the gamepad in time');
    this.#input.ready = this.#timer > 0 && !late && !document.hidden
      && document.hasFocus() && !this.#blocked;
    if (turned) this.#owner.changed();
  }

  /** @param {boolean} atOnce */
  #moved(atOnce) {
    if (!atOnce || !this.#timer) return;
    if (this.#input.held) this.#reason = '';
    this.#send();
    this.#owner.changed();
  }

  #send() {
    this.#sentMs = performance.now();
    const seenMs = this.#owner.seenMs();
    const { connection, tuning, vehicle } = this.#owner;
    connection.drive(tuning.apply(this.#input.read(), vehicle()), seenMs, tuning.speed);
  }
}
