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

// What keys do.

import { targetOf } from './dom.js';

const TEXT = 'textarea, [contenteditable], '
  + 'input:not([type="range"], [type="checkbox"], [type="radio"], [type="button"], '
  + '[type="number"])';

/**
 * Whether somebody writes something there; a number has neither spaces nor letters.
 *
 * @param {EventTarget | null} target
 */
export function isText(target) {
  return target instanceof Element && Boolean(target.closest(TEXT));
}

/**
 * Call `actions[key]`, or `digit(number)`, unless somebody fills in something.
 *
 * @param {Record<string, () => void>} actions
 * @param {(number: number) => void} digit
 */
export function onKeys(actions, digit) {
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (targetOf(event)?.closest('input, select, textarea, [contenteditable]')) return;
    const key = event.key.toLowerCase();
    if (/^[1-9]$/.test(key)) digit(Number(key));
    else if (Object.hasOwn(actions, key)) actions[key]();
  });
}

/**
 * Call `stop()`, the emergency stop, for Space and Esc, whatever has the focus. Space does
 * nothing else then; Esc goes on to whom it closes, too.
 *
 * @param {() => void} stop
 * @param {AbortSignal} signal
 */
export function onStopKeys(stop, signal) {
  addEventListener('keydown', (event) => {
    if (event.code === 'Space' && !isText(event.target)) {
      event.preventDefault();
      event.stopPropagation();
      if (!event.repeat) stop();
    } else if (event.key === 'Escape' && !event.repeat) {
      stop();
    } else if (event.key === 'Enter' && isCheckbox(event.target)) {
      event.target.click(); // as Space did
    }
  }, { capture: true, signal });
  // Some browsers click a button when the key comes up.
  addEventListener('keyup', (event) => {
    if (event.code === 'Space' && !isText(event.target)) event.preventDefault();
  }, { capture: true, signal });
}

/**
 * @param {EventTarget | null} target
 * @returns {target is HTMLElement}
 */
function isCheckbox(target) {
  return target instanceof HTMLElement && target.matches('[type="checkbox"]');
}
