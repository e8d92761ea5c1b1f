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

// Words on the page.

/** What stands where nothing is known. */
export const NOTHING = '–';

/** Let `element` have that text; what stays the same is not said again to a screen reader. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Return a duration as it is shown. */
export function milliseconds(durationMs) {
  return durationMs === null ? NOTHING : `${durationMs.toFixed(0)} ms`;
}
