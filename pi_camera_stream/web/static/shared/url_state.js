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

// What the viewer has chosen; it lives in the page's address, so that it can be bookmarked.

import { address } from './api.js';

/**
 * @typedef {object} Choice
 * @property {string[]} topics side by side; none is the robot's default
 * @property {string} tier name of a quality tier, or `auto`
 * @property {boolean} figures whether they are shown over the pictures
 * @property {string} transport `webrtc`, `websocket` for no WebRTC, `mjpeg` for neither, or `auto`
 * @property {'off' | 'on' | 'muted'} sound
 */

/**
 * The choice that an address holds.
 *
 * @implements {Choice}
 */
export class UrlState {
  /** `search` is the query of the address. */
  constructor(search = location.search) {
    const query = new URLSearchParams(search);
    this.topics = [...new Set(query.getAll('topic'))];
    this.tier = query.get('tier') ?? 'auto';
    this.figures = query.get('figures') !== 'off';
    this.transport = query.get('transport') ?? 'auto';
    const sound = query.get('sound');
    /** @type {'off' | 'on' | 'muted'} */
    this.sound = sound === 'on' || sound === 'muted' ? sound : 'off';
  }

  /**
   * Change something of it, and the page's address with it.
   *
   * @param {Partial<Choice>} change
   */
  update(change) {
    Object.assign(this, change);
    history.replaceState(null, '', this.address(location.pathname));
  }

  /**
   * Return the address of a page with this choice, in which the usual one is left out.
   *
   * @param {string} path
   */
  address(path) {
    const words = this.topics.map((topic) => ['topic', topic]);
    if (this.tier !== 'auto') words.push(['tier', this.tier]);
    if (!this.figures) words.push(['figures', 'off']);
    if (this.transport !== 'auto') words.push(['transport', this.transport]);
    if (this.sound !== 'off') words.push(['sound', this.sound]);
    return address(path, words);
  }
}
