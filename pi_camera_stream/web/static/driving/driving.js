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

// Driving: nothing moves but while the driver holds a control, sees, and is heard.

import { logInAddress } from '../shared/api.js';
import { onStopKeys } from '../shared/keys.js';
import { DriveConnection } from './drive_connection.js';
import { DrivePanel } from './drive_panel.js';
import { Driver } from './driver.js';
import { Tuning } from './tuning.js';

const HIDDEN_MS = 5000; // until a page that nobody sees goes

/** The controls, for a robot that may be driven; they are on the page until `close()`. */
export class Driving {
  #views;
  #connection;
  #driver;
  #panel;
  #listening = new AbortController();
  /** @type {import('./drive_connection.js').DriveState | null} */
  #state = null; // the last one of this connection
  #sentence = ''; // of a robot that cannot be reached
  #taken = false; // whether the wheel was asked for in this connection
  /** @type {string | null} */
  #viewer = null; // as which viewer we are known to the robot
  #tab = secret(); // by which the robot knows us when the connection was lost
  #stopping = false; // whether there is a stop that the robot has not confirmed
  #hiddenTimer = 0;

  /**
   * `views()` returns the camera views that are shown, of which the first one has priority;
   * `doubt()` is called when the robot refuses.
   *
   * @param {() => import('../shared/camera_view.js').CameraView[]} views
   * @param {() => void} doubt
   */
  constructor(views, doubt) {
    const { signal } = this.#listening;
    this.#views = views;
    this.#connection = new DriveConnection({
      opened: () => this.#opened(),
      stated: (state) => this.#stated(state),
      lost: () => this.#lost('No connection to the robot, trying again'),
      refused: (sentence) => {
        this.#lost(sentence);
        doubt();
      },
      unavailable: () => this.#lost('Driving is not possible: WebSockets cannot reach the robot'),
    });
    const tuning = new Tuning();
    this.#panel = new DrivePanel({
      take: () => this.#take(),
      leave: () => this.#leave(),
      logIn: () => location.assign(logInAddress()),
      stop: () => this.stop(),
      release: () => this.#release(),
      mute: (name) => this.#connection.send({ type: 'mute', name }),
      press: (name, pressed) => this.#connection.send({ type: 'button', name, pressed }),
      touch: (mode) => {
        this.#driver.touch = mode;
      },
    }, tuning);
    this.#driver = new Driver({
      connection: this.#connection,
      seenMs: () => oldest(views()),
      tuning,
      vehicle: () => this.#state ?? {},
      stop: () => this.stop(),
      dropped: () => this.#panel.letGo(),
      changed: () => this.#show(),
    }, this.#panel.zones, signal);
    this.#panel.touch = this.#driver.touch;
    onStopKeys(() => this.stop(), signal);
    document.addEventListener('visibilitychange', () => this.#seen(), { signal });
    addEventListener('pagehide', () => this.#connection.stop(), { signal });
    addEventListener('pageshow', ({ persisted }) => persisted && this.#seen(), { signal });
    this.#seen();
  }

  close() {
    this.#taken = false;
    this.#update();
    clearTimeout(this.#hiddenTimer);
    this.#listening.abort();
    this.#connection.stop();
    this.#panel.remove();
  }

  /** The emergency stop, of whoever looks; it is said again until the robot confirms it. */
  stop() {
    if (this.#state?.muted) return;
    this.#stopping = true;
    this.#connection.send({ type: 'stop' });
    this.#driver.letGo();
    this.#update();
  }

  /** Full screen was left by Esc, which the browser keeps to itself. */
  escaped() {
    if (this.#drives) this.stop();
  }

  wake() {
    this.#connection.wake();
  }

  /** Whether this page has the wheel. */
  get #drives() {
    return Boolean(this.#taken && this.#state?.you);
  }

  get #mainView() {
    return this.#views()[0];
  }

  #take() {
    this.#taken = true;
    this.#showHowOld(true);
    this.#viewer = this.#mainView?.viewer ?? null;
    this.#connection.send({
      type: 'take',
      tab: this.#tab,
      ...(this.#viewer !== null && { viewer: this.#viewer }),
    });
  }

  #leave() {
    this.#driver.letGo();
    this.#taken = false;
    this.#connection.send({ type: 'leave' });
    this.#update();
  }

  #release() {
    this.#stopping = false;
    this.#connection.send({ type: 'release' });
    this.#update();
  }

  #opened() {
    this.#state = null;
    this.#taken = false;
    if (this.#stopping) this.#connection.send({ type: 'stop' });
    this.#update();
  }

  /** @param {import('./drive_connection.js').DriveState} state */
  #stated(state) {
    this.#state = state;
    this.#sentence = '';
    if (state.latched || state.muted) this.#stopping = false;
    // The robot sends the driver its best pictures, if it knows which are the driver's.
    if (this.#drives && (this.#mainView?.viewer ?? null) !== this.#viewer) this.#take();
    this.#update();
  }

  /** @param {string} sentence */
  #lost(sentence) {
    this.#state = null;
    this.#sentence = sentence;
    this.#update();
  }

  /** The page was shown or hidden. */
  #seen() {
    clearTimeout(this.#hiddenTimer);
    if (document.hidden) {
      this.#hiddenTimer = setTimeout(() => this.#connection.stop(), HIDDEN_MS);
    } else {
      this.#connection.start();
    }
    this.#update();
  }

  #update() {
    this.#driver.set(this.#drives, this.#stopping || Boolean(this.#state?.latched));
    this.#showHowOld(this.#drives);
    this.#show();
  }

  /**
   * Let pictures come in a way that tells when each was taken: one may drive by no others.
   *
   * @param {boolean} needed
   */
  #showHowOld(needed) {
    for (const view of this.#views()) view.setDriving(needed);
  }

  #show() {
    const page = {
      sentence: this.#sentence,
      drives: this.#drives,
      held: this.#driver.held,
      stopping: this.#stopping,
      late: this.#driver.late,
      letGo: this.#driver.reason,
      tripMs: this.#connection.tripMs(),
      ageMs: this.#mainView?.ageMs ?? null,
    };
    this.#panel.show(this.#state ? { ...this.#state, ...page, reached: true }
      : { ...page, reached: false });
  }
}

function secret() {
  return [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * Return when the oldest picture on the page was taken: the driver may go by any of them.
 *
 * @param {import('../shared/camera_view.js').CameraView[]} views
 */
function oldest(views) {
  const stamps = views.map(({ stampMs }) => stampMs);
  return stamps.length && stamps.every((stampMs) => stampMs !== null) ? Math.min(...stamps) : null;
}
