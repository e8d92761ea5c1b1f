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

// All cameras side by side, as large as the window allows.

import { targetOf } from './dom.js';

// What the caption needs, to stand above its picture: see camera.css.
const LINE_PX = 26;
const NARROW_PX = 464; // the topic stands above the figures, which may take two lines

/** Keeps the views in `stage`; `create(topic)` makes one. One of them is selected. */
export class CameraGrid {
  #stage;
  #create;
  /** @type {import('./camera_view.js').CameraView[]} */
  #views = [];

  /**
   * @param {HTMLElement} stage
   * @param {(topic: string) => import('./camera_view.js').CameraView} create
   */
  constructor(stage, create) {
    this.#stage = stage;
    this.#create = create;
    new ResizeObserver(() => this.layOut()).observe(stage);
    for (const kind of ['pointerdown', 'focusin']) {
      stage.addEventListener(kind, (event) => this.#select(targetOf(event)));
    }
  }

  get views() {
    return this.#views;
  }

  /** The full names of the topics that are shown. */
  get topics() {
    return this.#views.map(({ topic }) => topic);
  }

  /** The view that snapshots are taken of. */
  get selected() {
    return this.#views.find(({ figure }) => figure.classList.contains('selected'))
      ?? this.#views[0];
  }

  /**
   * Show these topics in this order; views that are there already go on. Returns the new ones.
   *
   * @param {string[]} topics
   */
  show(topics) {
    const before = this.#views;
    this.#views = topics.map((topic) => before.find((view) => view.shows(topic))
      ?? this.#create(topic));
    for (const view of before) {
      if (this.#views.includes(view)) continue;
      view.stop();
      view.element.remove();
    }
    this.#views.forEach(({ element, figure }, index) => {
      if (this.#stage.children[index] !== element) {
        this.#stage.insertBefore(element, this.#stage.children[index] ?? null);
      }
      figure.tabIndex = topics.length > 1 ? 0 : -1;
    });
    this.#stage.classList.toggle('several', topics.length > 1);
    this.#select(this.selected?.figure ?? null);
    this.layOut();
    return this.#views.filter((view) => !before.includes(view));
  }

  /** Choose the number of columns that gives the pictures the most room. */
  layOut() {
    const count = this.#views.length;
    let best = { columns: 1, area: -1 };
    for (let columns = 1; columns <= count; columns += 1) {
      const area = this.#area(columns, Math.ceil(count / columns));
      if (area > best.area) best = { columns, area };
    }
    const rows = Math.ceil(count / best.columns);
    this.#stage.style.setProperty('--columns', String(best.columns));
    this.#stage.style.setProperty('--rows', String(rows));
    for (const { element, ratio } of this.#views) {
      const width = Math.min(element.clientWidth, element.clientHeight * ratio);
      const caption = width < NARROW_PX ? 3 * LINE_PX : LINE_PX;
      element.style.setProperty('--caption', `${caption}px`);
      element.classList.toggle('above', element.clientHeight - width / ratio >= caption);
    }
  }

  /**
   * @param {number} columns
   * @param {number} rows
   */
  #area(columns, rows) {
    const width = this.#stage.clientWidth / columns;
    const height = this.#stage.clientHeight / rows - LINE_PX;
    return this.#views.reduce(
      (sum, { ratio }) => sum + Math.min(width, height * ratio) ** 2 / ratio, 0);
  }

  /** @param {Element | null} target */
  #select(target) {
    const chosen = target?.closest('figure');
    if (!chosen) return;
    for (const { figure } of this.#views) figure.classList.toggle('selected', figure === chosen);
  }
}
