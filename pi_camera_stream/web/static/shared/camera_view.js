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

// One camera: its picture, the figures over it, and what is said when there is none.

import { BlockReader } from './block_code.js';
import { cameraCell } from './camera_cell.js';
import { MjpegFeed } from './mjpeg_feed.js';
import { Notice } from './notice.js';
import { StatsOverlay } from './stats_overlay.js';
import { WebSocketFeed } from './websocket_feed.js';

const UPDATE_MS = 500;

/**
 * A cell of the grid with a <figure>. Its feed calls:
 *   greeted(topic, tiers, viewer)  the stream's full name, and the names of the quality tiers (or
 *                          null), and what the robot calls this viewer of it (or nothing)
 *   painted(picture)       a picture is on the screen: ageMs (or null), stampMs, tier, width,
 *                          height, paintedMs (of performance.now()), and its bitmap meanwhile
 *   reported(stats)        the same from a feed that does not paint: also rate
 *   silent(silence)        the camera sends nothing: seen, sinceS, detail
 *   lost()                 the robot cannot be reached
 *   refused(sentence)      the robot does not want to
 *   unavailable()          this kind of feed does not get through here
 * A feed has an `element` for the picture, `start()`, `stop()`, `wake()` and `setTier(name)`.
 */
export class CameraView {
  #wished; // topic as it was asked for; '' is the robot's default
  #tier;
  #owner;
  #feed;
  #overlay;
  #blocks = new BlockReader();
  #notice;
  #timer = 0;

  /**
   * It calls its owner: `greeted(view, tiers)`, `reshaped()` and `unavailable()`; and of
   * `painted(picture)`, as above, if it wants to.
   */
  constructor(topic, tier, transport, owner) {
    this.#wished = topic;
    this.#tier = tier;
    this.#owner = owner;
    this.topic = topic;
    this.viewer = null; // what the robot calls us, who look at this picture
    this.stampMs = null; // of the picture on the screen, by the robot's clock
    this.ratio = 16 / 9;
    this.element = cameraCell();
    this.figure = this.element.querySelector('figure');
    this.#overlay = new StatsOverlay(this.element.querySelector('.figures'));
    this.#notice = new Notice(this.element.querySelector('.notice'));
    this.useTransport(transport);
  }

  /** The age of the pictures of the last second, or null. */
  get ageMs() {
    return this.#overlay.ageMs;
  }

  /** Begin, unless that was done already. */
  start() {
    this.#timer ||= setInterval(() => this.#update(), UPDATE_MS);
    if (!this.#notice.kind && !this.figure.classList.contains('seen')) this.#wait();
    this.#feed.start();
  }

  /** Let go of the camera; the picture stays, but is marked as an old one. */
  stop() {
    clearInterval(this.#timer);
    this.#timer = 0;
    this.#feed.stop();
    this.#stale();
  }

  /** Try at once what was to be tried later. */
  wake() {
    this.#feed.wake();
  }

  /** Whether this is the view of a topic, by its full name or as it was asked for. */
  shows(topic) {
    return topic === this.topic || topic === this.#wished;
  }

  setTier(tier) {
    this.#tier = tier;
    this.#feed.setTier(tier);
  }

  /** Show the pictures over `mjpeg`, or over whatever is best. */
  useTransport(transport) {
    const Feed = transport === 'mjpeg' || !WebSocketFeed.available ? MjpegFeed : WebSocketFeed;
    if (this.#feed instanceof Feed) return;
    const running = this.#timer;
    if (running) this.stop();
    this.#feed?.element.remove();
    this.#feed = new Feed(this.#wished, this.#tier, this);
    this.#feed.element.className = 'picture';
    this.figure.prepend(this.#feed.element);
    this.#name();
    if (running) this.start();
  }

  greeted(topic, tiers, viewer = null) {
    this.viewer = viewer;
    if (this.topic !== topic) {
      this.topic = topic;
      this.#name();
      if (this.#notice.kind === 'waiting') this.#wait();
    }
    this.#owner.greeted(this, tiers);
  }

  painted(picture) {
    this.stampMs = picture.stampMs;
    const code = this.#blocks.read(picture.bitmap);
    this.#overlay.add(picture, code && picture.stampMs - code.timeMs);
    this.#shown(picture);
    this.#owner.painted?.(picture);
  }

  reported(stats) {
    this.#overlay.show({ ...stats, atRobot: true });
    if (stats.width) this.#shown(stats);
  }

  silent({ seen, sinceS, detail }) {
    this.#stale();
    if (!seen) this.#wait(detail);
    else if (sinceS === null) this.#notice.show('silent', detail);
    else this.#notice.show('silent', 'No signal', { since: ` since ${sinceS} s`, detail });
  }

  lost() {
    this.#stale();
    this.#notice.show('lost', 'No connection to the robot, trying again');
  }

  refused(sentence) {
    this.#stale();
    this.#notice.show('refused', sentence);
  }

  unavailable() {
    this.#owner.unavailable();
  }

  #shown({ width, height }) {
    this.#notice.clear(`Live picture of ${this.topic}`);
    this.figure.classList.add('live', 'seen');
    if (this.ratio !== width / height) {
      this.ratio = width / height;
      this.figure.style.setProperty('--ratio', this.ratio);
      this.#owner.reshaped();
    }
  }

  #stale() {
    this.#overlay.clear();
    this.figure.classList.remove('live');
  }

  #wait(detail = '') {
    const where = this.topic ? ` on ${this.topic}` : '';
    this.#notice.show('waiting', `Waiting for a picture${where}`, { detail });
  }

  #name() {
    const name = this.topic || 'the robot’s camera';
    this.element.querySelector('.topic').textContent = this.topic;
    this.figure.setAttribute('aria-label', this.topic || 'Camera');
    const picture = this.#feed.element;
    if (picture instanceof HTMLImageElement) {
      picture.alt = `Live picture of ${name}`;
    } else {
      picture.setAttribute('role', 'img');
      picture.setAttribute('aria-label', `Live picture of ${name}`);
    }
  }

  #update() {
    if (this.#feed instanceof WebSocketFeed) this.#overlay.update();
  }
}
