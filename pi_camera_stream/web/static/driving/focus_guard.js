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

// Whether somebody looks at the page, and holds it as before; and that the screen stays on.

/**
 * Call `lost(why)` when not.
 *
 * @param {(why: string) => void} lost
 * @param {AbortSignal} signal
 */
export function watchFocus(lost, signal) {
  /**
   * @param {EventTarget | undefined} target
   * @param {string} kind
   * @param {string} why
   */
  const watch = (target, kind, why) => target?.addEventListener(kind, () => lost(why), { signal });
  watch(window, 'blur', 'the page lost focus');
  watch(window, 'pagehide', 'the page was left');
  watch(document, 'freeze', 'the page was frozen');
  watch(window, 'orientationchange', 'the screen was turned');
  watch(screen.orientation, 'change', 'the screen was turned');
  watch(window, 'gamepaddisconnected', 'the gamepad was disconnected');
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) lost('the page was hidden');
  }, { signal });
}

/** Keeps the screen on while `wanted`, where the browser can: over HTTPS, or on the robot. */
export class WakeLock {
  #wanted = false;
  /** @type {WakeLockSentinel | null} */
  #lock = null;

  /** @param {AbortSignal} signal */
  constructor(signal) {
    // The browser takes it back from a page that is hidden.
    document.addEventListener('visibilitychange', () => this.#request(), { signal });
  }

  /** @param {boolean} wanted */
  set wanted(wanted) {
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    if (wanted) {
      this.#request();
    } else {
      this.#lock?.release();
      this.#lock = null;
    }
  }

  async #request() {
    if (!this.#wanted || document.hidden || !navigator.wakeLock) return;
    try {
      const lock = await navigator.wakeLock.request('screen');
      if (!this.#wanted) lock.release();
      else this.#lock = lock;
    } catch {
      // Not now, says the browser: of a low battery, say.
    }
  }
}
