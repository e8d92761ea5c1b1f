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

// A button for what must not happen by mistake.

const HOLD_MS = 1000;

/**
 * Call `act()` when `button` was held for a second, by a finger or by Enter.
 *
 * @param {HTMLElement} button
 * @param {() => void} act
 */
export function onHold(button, act) {
  let timer = 0;

  function begin() {
    if (timer) return;
    button.classList.add('holding');
    timer = setTimeout(() => {
      end();
      act();
    }, HOLD_MS);
  }

  function end() {
    clearTimeout(timer);
    timer = 0;
    button.classList.remove('holding');
  }

  button.addEventListener('pointerdown', (event) => {
    if (event.button === 0) begin();
  });
  for (const kind of ['pointerup', 'pointercancel', 'pointerleave', 'blur', 'keyup']) {
    button.addEventListener(kind, end);
  }
  button.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && !event.repeat) begin();
  });
  button.addEventListener('contextmenu', (event) => event.preventDefault());
}
