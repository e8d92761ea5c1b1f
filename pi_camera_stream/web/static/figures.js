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

// The figures over a picture: rate, age, quality and size.

const RATE_WINDOW_MS = 2000;
const AGE_WINDOW_MS = 1000;
const NOTHING = '–';
// Beyond these the camera's clock and the robot's disagree: no age can be told.
const LEAST_AGE_MS = -20;
const MOST_AGE_MS = 600_000;

/** Fills in the elements `.rate`, `.age`, `.tier` and `.size` below `root`. */
export class Figures {
  #root;
  #painted = []; // { ms, ageMs } of the last two seconds
  #last = null;

  constructor(root) {
    this.#root = root;
  }

  /** Note that a picture was painted. */
  add(picture) {
    this.#painted.push({ ms: performance.now(), ageMs: picture.ageMs });
    this.#last = picture;
  }

  /** Nothing comes any more. */
  clear() {
    this.#painted = [];
    if (this.#last) this.show({ ...this.#last, rate: 0, ageMs: null });
  }

  /** Show what follows from the pictures that were painted. */
  update() {
    const now = performance.now();
    this.#painted = this.#painted.filter(({ ms }) => ms > now - RATE_WINDOW_MS);
    if (!this.#last) return;
    const ages = this.#painted.filter(({ ms, ageMs }) => ms > now - AGE_WINDOW_MS
      && ageMs !== null).map(({ ageMs }) => ageMs);
    this.show({ ...this.#last, rate: this.#rate(now), ageMs: median(ages) });
  }

  /** Show these ones; `atRobot` says that the age was not measured at paint, but there. */
  show({ rate, ageMs, tier, width, height, atRobot = false }) {
    this.#last = { tier, width, height, atRobot };
    this.#write('.rate', `${rate.toFixed(1)} /s`);
    this.#write('.age', `${ageText(ageMs)}${atRobot ? ' at the robot' : ''}`);
    this.#write('.tier', tier);
    this.#write('.size', width ? `${width}×${height}` : NOTHING);
  }

  #rate(now) {
    const count = this.#painted.length;
    if (count < 2) return 0;
    const first = this.#painted[0].ms;
    const last = this.#painted[count - 1].ms;
    const interval = (last - first) / (count - 1);
    return 1000 * (count - 1) / Math.max(last - first, now - first - interval);
  }

  #write(selector, text) {
    const element = this.#root.querySelector(selector);
    if (element.textContent !== text) element.textContent = text;
  }
}

function ageText(ageMs) {
  if (ageMs === null) return NOTHING;
  if (ageMs < LEAST_AGE_MS || ageMs > MOST_AGE_MS) return 'clock?';
  return `${Math.max(0, ageMs).toFixed(0)} ms`;
}

function median(values) {
  if (!values.length) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
