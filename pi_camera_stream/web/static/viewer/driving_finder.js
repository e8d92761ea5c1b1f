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

// Finds out whether this robot may be driven: where not, nothing of driving is loaded.

import { get } from '../shared/api.js';

const RETRY_MS = 1000;
const RELOADS = 3; // of the page, until its modules have come
const COUNTED = 'pi_camera_stream.reloads';

/** Has the controls on the page as long as the robot has `driving` in its `/state`. */
export class DrivingFinder {
  #views;
  #stated;
  /** @type {import('../driving/driving.js').Driving | null} */
  #driving = null;
  #answered = false;
  #lost = false; // whether a module was, when they were fetched last
  #asking = false;
  #timer = 0;

  /**
   * `views()` returns the camera views that are shown; `stated(state)` hears what the robot says
   * of itself.
   *
   * @param {() => import('../shared/camera_view.js').CameraView[]} views
   * @param {(state: { camera_controls?: boolean, you?: import('./account.js').Identity,
   *   recording?: import('./recording.js').RecordingState, sound?: object }) => void} stated
   */
  constructor(views, stated) {
    this.#views = views;
    this.#stated = stated;
  }

  /**
   * A camera has greeted; `anew` when that is by a new connection: maybe of another program.
   *
   * @param {boolean} anew
   */
  greeted(anew) {
    if (anew || !this.#answered) this.check();
  }

  async check() {
    if (this.#asking) return;
    this.#asking = true;
    try {
      const state = await (await get('state')).json();
      this.#answered = true;
      this.#stated(state);
      if (!state.driving) this.#end();
      else if (!this.#driving) await this.#begin();
    } catch {
      this.#answered = false;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.check(), RETRY_MS);
    }
    this.#asking = false;
  }

  /** Full screen was left by Esc. */
  escaped() {
    this.#driving?.escaped();
  }

  wake() {
    this.#driving?.wake();
  }

  /** A link that changes while the modules come loses one of them. */
  async #begin() {
    try {
      const { Driving } = await import('../driving/driving.js');
      this.#driving = new Driving(this.#views, () => this.check());
      sessionStorage.removeItem(COUNTED);
    } catch (error) {
      // Firefox does not ask again for a module that was lost, as long as the page lives.
      if (this.#lost) reload();
      this.#lost = true;
      throw error;
    }
  }

  #end() {
    this.#driving?.close();
    this.#driving = null;
  }
}

/** Load the page again, but not for ever: pictures are worth more than a page that flickers. */
function reload() {
  const count = Number(sessionStorage.getItem(COUNTED));
  if (count >= RELOADS) return;
  sessionStorage.setItem(COUNTED, String(count + 1));
  location.reload();
}
