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

// A camera's video by WebRTC, in a <video> over the canvas with the other pictures.

import { RtpStamps } from './rtp_stamps.js';
import { StillWatch } from './still_watch.js';
import { WhepSession } from './whep_session.js';

const FIRST_MS = 15_000; // the robot waits so long for a connection, too
const TICK_MS = 250;
const ASK_MS = 1000;
const ASK_IN_GAP_MS = 400;
const SHOW_MS = 500; // it is shown then, though nobody knows whether it is the newer picture

const NEVER = 'Nothing has come within 15 s: UDP may not get through to the robot';
const STILL = 'The video stood still';

/**
 * @typedef {object} VideoOwner
 * @property {() => number | null} robotMs the robot's clock
 * @property {() => number} otherMs the stamp of the newest picture that came another way
 * @property {(paused: boolean) => void} covers whether it is about to be shown, so that pictures
 *   need not come another way
 * @property {(bytes: number) => void} received
 * @property {(picture: import('./feed.js').PaintedPicture) => void} painted
 * @property {(loss: number) => void} lossy part of the packets
 * @property {(reason: Error) => void} failed it has ended
 */

/** Is not seen before it has a picture that is not older than what is on the screen. */
export class WebRtcVideo {
  #owner;
  #session;
  #element = document.createElement('video');
  #stamps = new RtpStamps();
  /** @type {StillWatch | null} */
  #still = null;
  #openedMs = performance.now();
  #askedMs = 0;
  #asking = false;
  #coveringMs = 0; // since when pictures need not come another way
  #shownMs = 0; // since when; 0 before
  #tier = 'h264';
  #loss = 0;
  #bytes = 0;
  /** @type {number | null} */
  #stampMs = null; // of the picture on the screen
  /** @type {number | null} */
  #decoded = null; // RTP time of what was decoded when the last picture was painted
  #timer;

  /**
   * @param {HTMLElement} below
   * @param {Record<string, string>} query
   * @param {VideoOwner} owner
   */
  constructor(below, query, owner) {
    this.#owner = owner;
    Object.assign(this.#element, { className: 'webrtc', muted: true, playsInline: true });
    this.#element.disableRemotePlayback = true;
    this.#element.setAttribute('aria-hidden', 'true'); // the canvas has its name
    below.after(this.#element);
    this.#session = new WhepSession(query, {
      tracked: (stream) => this.#play(stream),
      failed: (reason) => this.#fail(reason),
    });
    this.#session.open();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Whether it is what is on the screen. */
  get shown() {
    return this.#shownMs > 0;
  }

  /** For how long it has been. */
  get shownMs() {
    return this.#shownMs && performance.now() - this.#shownMs;
  }

  /** What it shows, as long as it has not ended, and when that was taken. */
  get last() {
    return { element: this.#element, stampMs: this.#stampMs };
  }

  /** End it. What `last` returns is to be kept before. */
  stop() {
    clearInterval(this.#timer);
    this.#session.close();
    this.#element.srcObject = null;
    this.#element.remove();
  }

  /** @param {MediaStream} stream */
  #play(stream) {
    this.#element.srcObject = stream;
    // Muted video may play anywhere, but a phone that saves its battery does not let it.
    this.#element.play().catch((error) => error.name !== 'AbortError' && this.#fail(error));
    this.#watch();
  }

  #watch() {
    this.#element.requestVideoFrameCallback((_, metadata) => {
      if (!this.#element.isConnected) return;
      this.#painted(metadata);
      this.#watch();
    });
  }

  /** @param {VideoFrameCallbackMetadata} metadata */
  #painted({ height, presentationTime, rtpTimestamp, width }) {
    const now = performance.now();
    if (!this.#still) {
      this.#still = new StillWatch(now);
      this.#ask();
    }
    this.#still.painted(now);
    const { stampMs, bound } = this.#stamp(rtpTimestamp);
    this.#stampMs = stampMs;
    this.#show(now);
    if (!this.#shownMs) return;
    const paintedMs = Math.min(now, presentationTime);
    const robotMs = this.#owner.robotMs();
    const ageMs = robotMs === null || stampMs === null ? null
      : robotMs - (now - paintedMs) - stampMs;
    this.#owner.painted({
      ageMs,
      ageAtMost: bound,
      codec: 'h264',
      height,
      image: this.#element,
      loss: this.#loss,
      paintedMs,
      sequence: null,
      stampMs: bound ? null : stampMs,
      tier: this.#tier,
      transport: 'webrtc',
      width,
    });
  }

  /**
   * Return when the painted picture was taken. Where the browser does not say which one that is,
   * it is at least as new as what had been decoded when the one before was painted.
   *
   * @param {number | undefined} rtp
   */
  #stamp(rtp) {
    if (rtp !== undefined) return { stampMs: this.#stamps.stampMs(rtp), bound: false };
    const before = this.#decoded;
    this.#decoded = this.#session.decoded();
    return { stampMs: this.#stamps.stampMs(before), bound: true };
  }

  /**
   * Show it, when that does not go back in time.
   *
   * @param {number} now
   */
  #show(now) {
    if (this.#shownMs) return;
    const longMs = now - (this.#coveringMs || now);
    if (!this.#coveringMs && (this.#stamps.known || now - this.#askedMs > SHOW_MS)) {
      this.#coveringMs = now;
      this.#owner.covers(true);
    }
    const newer = this.#stampMs !== null && this.#stampMs >= this.#owner.otherMs();
    if (!this.#coveringMs || !(newer || longMs > SHOW_MS)) return;
    this.#shownMs = now;
    this.#element.classList.add('shown');
  }

  async #tick() {
    const now = performance.now();
    if (!this.#still) {
      if (now - this.#openedMs > FIRST_MS) this.#fail(new Error(NEVER));
      return;
    }
    const periodMs = this.#still.gapes(now) ? ASK_IN_GAP_MS : ASK_MS;
    if (now - this.#askedMs > periodMs) this.#ask();
    const bytes = await this.#session.bytes();
    if (this.#shownMs && bytes > this.#bytes) this.#owner.received(bytes - this.#bytes);
    this.#bytes = bytes;
  }

  async #ask() {
    if (this.#asking) return;
    this.#asking = true;
    this.#askedMs = performance.now();
    const state = await this.#session.state();
    this.#asking = false;
    if (!this.#element.isConnected) return;
    if (state) {
      this.#stamps.note(state);
      this.#tier = state.tier;
      this.#loss = state.loss;
      this.#owner.lossy(state.loss);
    }
    if (this.#still?.answered(state?.stamp_ms ?? null, performance.now())) {
      this.#fail(new Error(STILL));
    }
  }

  /** @param {Error} reason */
  #fail(reason) {
    if (this.#element.isConnected) this.#owner.failed(reason);
  }
}
