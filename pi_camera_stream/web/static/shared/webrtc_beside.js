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

// WebRTC beside a WebSocket: begun where it is better, and left again, while pictures go on.

import { ApiError } from './api.js';
import { LossWatch } from './loss_watch.js';
import { WebRtcChoice } from './webrtc_choice.js';
import { whyNoWebRtc } from './webrtc_support.js';
import { WebRtcVideo } from './webrtc_video.js';
import { isH264 } from './ws_messages.js';

const LOOK_MS = 1000;
const LEAST_LOSS = 0.002; // as the robot rounds it
const FOR_LATER = [408, 429, 500, 502, 503, 504]; // other refusals stay what they are

/**
 * @typedef {object} BesideOwner
 * @property {() => number | null} robotMs
 * @property {() => { topic: string, viewer: string }} names of the camera and of this viewer of it
 * @property {(bytes: number) => void} received
 * @property {(picture: import('./feed.js').PaintedPicture) => void} painted
 * @property {() => void} changed whether pictures of the WebSocket are needed
 * @property {(element: HTMLVideoElement, stampMs: number | null) => void} keep what is on the
 *   screen, as the video is about to go
 * @property {(sentence: string) => void} noted
 * @property {(sentence: string) => void} refused why there is none of this camera; or empty
 */

/** One a camera. The WebSocket stays open beside it: for the state, and the robot's clock. */
export class WebRtcBeside {
  #canvas;
  #owner;
  #choice = new WebRtcChoice();
  #losses = new LossWatch();
  /** @type {import('./webrtc_choice.js').Circumstances} */
  #circumstances;
  #reason = 'the robot has not greeted'; // why there is none
  #alive = false; // whether the camera sends pictures
  #otherMs = 0; // the stamp of the newest picture of the WebSocket
  /** @type {WebRtcVideo | null} */
  #video = null;
  #covered = false;
  #timer = 0;

  /**
   * @param {HTMLElement} canvas
   * @param {import('./webrtc_choice.js').Circumstances} circumstances
   * @param {BesideOwner} owner
   */
  constructor(canvas, circumstances, owner) {
    this.#canvas = canvas;
    this.#circumstances = circumstances;
    this.#owner = owner;
  }

  /** Whether its video is on the screen. */
  get shown() {
    return this.#video?.shown === true;
  }

  /** Whether pictures need not come by the WebSocket. */
  get covers() {
    return this.#covered;
  }

  start() {
    this.#timer ||= setInterval(() => this.#look(), LOOK_MS);
  }

  stop() {
    clearInterval(this.#timer);
    this.#timer = 0;
    this.#alive = false;
    this.#end();
  }

  /** There is a new connection. */
  opened() {
    this.#losses.restart();
  }

  /**
   * The robot says why it has none, or nothing.
   *
   * @param {string | undefined} reason
   */
  greeted(reason = 'The program on the robot has no WebRTC') {
    this.#refuse(reason);
    this.#look();
  }

  /**
   * A picture has come by the WebSocket.
   *
   * @param {number} stampMs
   */
  arrived(stampMs) {
    this.#otherMs = stampMs;
    if (this.#alive) return;
    this.#alive = true;
    this.#look();
  }

  /** No picture comes to us any more: what comes by WebRTC meanwhile only says why. */
  silenced() {
    this.#alive = false;
    this.#end();
  }

  /**
   * Take in what the robot has sent again, as far as it knows.
   *
   * @param {number | null | undefined} count
   */
  retransmitted(count) {
    const now = performance.now();
    if (typeof count === 'number' && this.#losses.note(count, now)) this.#choice.lost(now);
  }

  /**
   * What it goes by has changed.
   *
   * @param {Partial<import('./webrtc_choice.js').Circumstances>} change
   */
  set(change) {
    const before = this.#circumstances;
    this.#circumstances = { ...before, ...change };
    const { drives, tier, transport } = this.#circumstances;
    if (before.drives && !drives) this.#choice.rest(performance.now());
    if (tier !== before.tier || transport !== before.transport) {
      this.#choice.forgive();
      if (tierOf(before) !== tierOf(this.#circumstances)) this.#end();
    }
    this.#look();
  }

  #look() {
    const wanted = this.#alive && this.#choice.wants(this.#circumstances, performance.now());
    if (!wanted) this.#end();
    else if (!this.#video && !this.#reason && this.#timer) this.#begin();
  }

  #begin() {
    const { topic, viewer } = this.#owner.names();
    const tier = tierOf(this.#circumstances);
    this.#video = new WebRtcVideo(this.#canvas, { topic, tier, viewer }, {
      robotMs: this.#owner.robotMs,
      otherMs: () => this.#otherMs,
      covers: () => this.#cover(true),
      received: this.#owner.received,
      painted: this.#owner.painted,
      lossy: (loss) => loss > LEAST_LOSS && this.#choice.lost(performance.now()),
      failed: (reason) => this.#failed(reason),
    });
  }

  #end() {
    const video = this.#video;
    if (!video) return;
    this.#video = null;
    if (video.shown) this.#owner.keep(video.last.element, video.last.stampMs);
    video.stop();
    this.#cover(false);
  }

  /** @param {boolean} covered */
  #cover(covered) {
    if (this.#covered === covered) return;
    this.#covered = covered;
    this.#owner.changed();
  }

  /** @param {Error} error */
  #failed(error) {
    const refused = error instanceof ApiError;
    const retryS = refused ? error.retryS : 0;
    this.#choice.failed(performance.now(), { shownMs: this.#video?.shownMs ?? 0, retryS });
    if (refused && !FOR_LATER.includes(error.status)) this.#refuse(error.message);
    else this.#note(error.message);
    this.#end();
  }

  /** @param {string} reason */
  #refuse(reason) {
    this.#reason = whyNoWebRtc || reason;
    this.#owner.refused(this.#reason);
    if (this.#reason) this.#note(this.#reason);
  }

  /**
   * Say it to who has chosen WebRTC.
   *
   * @param {string} sentence
   */
  #note(sentence) {
    if (this.#circumstances.transport === 'webrtc') this.#owner.noted(`No WebRTC: ${sentence}`);
  }
}

/**
 * Return the tier to ask for.
 *
 * @param {import('./webrtc_choice.js').Circumstances} circumstances
 */
function tierOf({ tier }) {
  return isH264(tier) ? tier : 'auto';
}
