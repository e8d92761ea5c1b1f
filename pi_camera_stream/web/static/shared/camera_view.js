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
import { find, setText } from './dom.js';
import { MjpegFeed } from './mjpeg_feed.js';
import { Notice } from './notice.js';
import { StatsOverlay } from './stats_overlay.js';
import { WebSocketFeed } from './websocket_feed.js';

const UPDATE_MS = 500;
const NOTE_MS = 3000;
const SENTENCE_MS = 10_000; // of what is said once

/** @typedef {import('./feed.js').Feed} Feed */
/** @typedef {import('./feed.js').FeedOwner} FeedOwner */
/** @typedef {import('./feed.js').PaintedPicture} PaintedPicture */

/**
 * @typedef {object} CameraOwner
 * @property {(view: CameraView, tiers: string[] | null) => void} greeted
 * @property {() => void} reshaped
 * @property {() => void} unavailable
 * @property {() => void} [withoutH264] its reason has changed, or that for no WebRTC
 * @property {(picture: PaintedPicture) => void} [painted]
 */

/**
 * A cell of the grid with a <figure>.
 *
 * @implements {FeedOwner}
 */
export class CameraView {
  #wished; // topic as it was asked for; '' is the robot's default
  #tier;
  #transport;
  #drives = false;
  #owner;
  /** @type {Feed | undefined} */
  #feed;
  #overlay;
  #blocks = new BlockReader();
  #notice;
  #timer = 0;
  #notedUntilMs = 0;

  /**
   * @param {string} topic
   * @param {string} tier
   * @param {string} transport
   * @param {CameraOwner} owner
   */
  constructor(topic, tier, transport, owner) {
    this.#wished = topic;
    this.#tier = tier;
    this.#transport = transport;
    this.#owner = owner;
    this.topic = topic;
    /**
     * What the robot calls us, who look at this picture.
     *
     * @type {string | null}
     */
    this.viewer = null;
    /**
     * Of the picture on the screen, by the robot's clock; null where one may not drive by it.
     *
     * @type {number | null}
     */
    this.stampMs = null;
    /** Why this camera has no H.264; empty when it has, or when nobody knows yet. */
    this.h264Reason = '';
    /** The same for WebRTC. */
    this.webRtcReason = '';
    this.ratio = 16 / 9;
    this.element = cameraCell();
    this.figure = find(this.element, 'figure');
    this.#overlay = new StatsOverlay(find(this.element, '.figures'));
    this.#notice = new Notice(find(this.element, '.notice'));
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
    this.#feed?.start();
  }

  /** Let go of the camera; the picture stays, but is marked as an old one. */
  stop() {
    clearInterval(this.#timer);
    this.#timer = 0;
    this.#feed?.stop();
    this.#stale();
  }

  /** Try at once what was to be tried later. */
  wake() {
    this.#feed?.wake();
  }

  /**
   * Whether this is the view of a topic, by its full name or as it was asked for.
   *
   * @param {string} topic
   */
  shows(topic) {
    return topic === this.topic || topic === this.#wished;
  }

  /** @param {string} tier */
  setTier(tier) {
    this.#tier = tier;
    this.#feed?.setTier(tier);
  }

  /**
   * Somebody drives by this picture, or does not any more.
   *
   * @param {boolean} drives
   */
  setDriving(drives) {
    if (this.#drives === drives) return;
    this.#drives = drives;
    this.#feed?.set({ drives });
  }

  /**
   * Show the pictures over `mjpeg`, `websocket` or `webrtc`, or over whatever is best.
   *
   * @param {string} transport
   */
  useTransport(transport) {
    this.#transport = transport;
    const Feed = transport === 'mjpeg' || !WebSocketFeed.available ? MjpegFeed : WebSocketFeed;
    if (this.#feed instanceof Feed) {
      this.#feed.set({ transport });
      return;
    }
    const running = this.#timer;
    if (running) this.stop();
    this.#feed?.element.remove();
    const feed = new Feed(this.#wished, this.#tier, this, this.#transport);
    feed.element.className = 'picture';
    this.figure.prepend(feed.element);
    feed.set({ drives: this.#drives });
    this.#feed = feed;
    this.#name();
    if (running) this.start();
  }

  /** @type {FeedOwner['greeted']} */
  greeted(topic, tiers, viewer = null) {
    this.viewer = viewer;
    if (this.topic !== topic) {
      this.topic = topic;
      this.#name();
      if (this.#notice.kind === 'waiting') this.#wait();
    }
    this.#owner.greeted(this, tiers);
  }

  /** @type {FeedOwner['received']} */
  received(byteCount) {
    this.#overlay.addBytes(byteCount);
  }

  /** @type {FeedOwner['painted']} */
  painted(picture) {
    const { stampMs, transport } = picture;
    this.stampMs = transport === 'websocket' ? stampMs : null;
    const code = this.#blocks.read(picture);
    this.#overlay.add(picture, code && stampMs !== null ? stampMs - code.timeMs : null);
    this.#shown(picture);
    this.#owner.painted?.(picture);
  }

  /** @type {FeedOwner['reported']} */
  reported(stats) {
    this.#overlay.show({ ...stats, atRobot: true });
    if (stats.width) this.#shown(stats);
  }

  /** @type {FeedOwner['signalled']} */
  signalled({ state, silent_s: silentS, reason }) {
    this.#note(state === 'shown' ? reason : '');
    if (state === 'shown') return;
    this.#stale();
    const more = { since: ` for ${Math.round(silentS)}\u00a0s`, detail: reason };
    if (state === 'waiting') this.#wait(reason);
    else if (state === 'broken') this.#notice.show('silent', 'Pictures cannot be shown', more);
    else this.#notice.show('silent', 'No signal', more);
  }

  /** @type {FeedOwner['withoutH264']} */
  withoutH264(sentence) {
    if (this.h264Reason === sentence) return;
    this.h264Reason = sentence;
    this.#owner.withoutH264?.();
  }

  /** @type {FeedOwner['withoutWebRtc']} */
  withoutWebRtc(sentence) {
    if (this.webRtcReason === sentence) return;
    this.webRtcReason = sentence;
    this.#owner.withoutH264?.();
  }

  /** @type {FeedOwner['noted']} */
  noted(sentence) {
    this.#note(sentence, SENTENCE_MS);
  }

  lost() {
    this.#stale();
    this.#notice.show('lost', 'No connection to the robot, trying again');
  }

  /** @type {FeedOwner['refused']} */
  refused(sentence) {
    this.#stale();
    this.#notice.show('refused', sentence);
  }

  unavailable() {
    this.#owner.unavailable();
  }

  /** @param {{ width: number, height: number }} size */
  #shown({ width, height }) {
    this.#notice.clear(`Live picture of ${this.topic}`);
    this.figure.classList.add('live', 'seen');
    if (this.ratio !== width / height) {
      this.ratio = width / height;
      this.figure.style.setProperty('--ratio', String(this.ratio));
      this.#owner.reshaped();
    }
  }

  #stale() {
    this.#overlay.clear();
    this.figure.classList.remove('live');
  }

  /**
   * Say what is wrong though pictures come; what the robot says, it repeats.
   *
   * @param {string} text
   */
  #note(text, durationMs = NOTE_MS) {
    setText(find(this.element, '.note'), text);
    this.#notedUntilMs = performance.now() + durationMs;
  }

  #wait(detail = '') {
    const where = this.topic ? ` on ${this.topic}` : '';
    this.#notice.show('waiting', `Waiting for a picture${where}`, { detail });
  }

  #name() {
    const name = this.topic || 'the robot’s camera';
    setText(find(this.element, '.topic'), this.topic);
    this.figure.setAttribute('aria-label', this.topic || 'Camera');
    const picture = this.#feed?.element;
    if (picture instanceof HTMLImageElement) {
      picture.alt = `Live picture of ${name}`;
    } else {
      picture?.setAttribute('role', 'img');
      picture?.setAttribute('aria-label', `Live picture of ${name}`);
    }
  }

  #update() {
    if (this.#feed instanceof WebSocketFeed) this.#overlay.update();
    if (performance.now() > this.#notedUntilMs) this.#note('');
  }
}
