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

// Space and Esc: the emergency stop, whatever has the focus.

import { isText } from './keyboard_hands.js';

/** Call `stop()` for them. Space does nothing else then; Esc goes on to whom it closes, too. */
export function listenToStopKeys(stop, signal) {
  addEventListener('keydown', (event) => {
    if (event.code === 'Space' && !isText(event.target)) {
      event.preventDefault();
      event.stopPropagation();
      if (!event.repeat) stop();
    } else if (event.key === 'Escape' && !event.repeat) {
      stop();
    } else if (event.key === 'Enter' && event.target.matches?.('[type="checkbox"]')) {
      event.target.click(); // as Space did
    }
  }, { capture: true, signal });
  // Some browsers click a button when the key comes up.
  addEventListener('keyup', (event) => {
    if (event.code === 'Space' && !isText(event.target)) event.preventDefault();
  }, { capture: true, signal });
}
