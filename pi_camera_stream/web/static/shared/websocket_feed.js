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

// Pictures of one camera over a WebSocket: painted, acknowledged, and their age measured.

import { address } from './api.js';
import { ClockSync } from './clock_offset.js';
import { Connection } from './connection.js';
import { H264Decoder } from './h264_decoder.js';
import { whyNoH264 } from './h264_support.js';
import { Painter } from './painter.js';
import { WebRtcBeside } from './webrtc_beside.js';
import { isH264, readPicture, tierName } from './ws_messages.js';

const JPEG_MS = 2000; // for so long at the beginning of H.264, nobody wonders
const NO_PICTURES = 'none'; // as a tier
const NO_KEY_YET = 'H.264 starts with the camera’s next key frame';

/** What belongs to one connection: the next one may lead to another program. */
class Session {
  topic = '';
  viewer = '';
  /** @type {string[]} */
  tiers = [];
}

/** A feed, as feed.js describes it, on a canvas. */
export class WebSocketFeed {
  static available = 'WebSocket' in window && 'createImageBitmap' in window;

  #topic;
  #tier;
  #camera;
  #session = new Session();
  #started = false;
  #able = false; // to show H.264
  #given = false; // H.264 up
  #askedMs = 0; // when the tier was asked for
  #reason = ''; // why the robot has no H.264
  #noted = false; // that it has not begun
  #connection;
  #painter;
  #decoder;
  #webRtc;
  #clock = new ClockSync((message) => this.#connection.send(message));

  /**
   * @param {string} topic
   * @param {string} tier
   * @param {import('./feed.js').FeedOwner} camera
   * @param {string} transport
   */
  constructor(topic, tier, camera, transport) {
    this.#topic = topic;
    this.#tier = tier;
    this.#camera = camera;
    this.element = document.createElement('canvas');
    this.element.width = 1280; // about what will come, so that nothing jumps
    this.element.height = 720;
    this.#painter = new Painter(this.element,
      () => camera.refused('This browser cannot decode the camera’s pictures'));
    this.#decoder = new H264Decoder({
      keyFrameWanted: () => this.#connection.send({ type: 'keyframe' }),
      waiting: (sentence) => camera.noted(sentence),
      failed: (sentence) => this.#giveUpH264(sentence),
    });
    this.#webRtc = this.#createWebRtc(transport);
    this.#connection = new Connection(
      () => this.#address(),
      {
        opened: () => this.#opened(),
        received: (data) => this.#received(data),
        lost: () => this.#webRtc.shown || camera.lost(),
        refused: (sentence) => this.#refused(sentence),
        unavailable: () => camera.unavailable(),
      });
  }

  async start() {
    this.#started = true;
    this.#able = !await whyNoH264 && !this.#given;
    if (!this.#started) return;
    this.#webRtc.set({ decodes: this.#able });
    this.#webRtc.start();
    this.#connection.start();
  }

  stop() {
    this.#started = false;
    this.#clock.stop();
    this.#webRtc.stop();
    this.#connection.stop();
    this.#clear();
  }

  wake() {
    this.#connection.wake();
  }

  /** @param {string} tier */
  setTier(tier) {
    this.#tier = tier;
    this.#webRtc.set({ tier });
    this.#ask();
  }

  /** @type {import('./feed.js').Feed['set']} */
  set(change) {
    this.#webRtc.set(change);
  }

  /** @param {string} transport */
  #createWebRtc(transport) {
    const circumstances = { tier: this.#tier, transport, decodes: false, drives: false };
    return new WebRtcBeside(this.element, circumstances, {
      robotMs: () => this.#clock.now(),
      names: () => this.#session,
      received: (bytes) => this.#camera.received(bytes),
      painted: (picture) => this.#camera.painted(picture),
      changed: () => this.#ask(),
      keep: (video, stampMs) => this.#painter.keep(video, stampMs),
      noted: (sentence) => this.#camera.noted(sentence),
      refused: (sentence) => this.#camera.withoutWebRtc(sentence),
    });
  }

  #ask() {
    this.#askedMs = performance.now();
    const tier = this.#webRtc.covers ? NO_PICTURES : this.#askedTier();
    this.#connection.send({ type: 'tier', tier });
  }

  #address() {
    return address('ws', {
      ...(this.#topic && { topic: this.#topic }),
      tier: this.#askedTier(),
      ...(this.#able && { codecs: 'jpeg,h264' }),
    });
  }

  /** Return the tier as the robot may be asked for it by a page that is able to so much. */
  #askedTier() {
    const inter = isH264(this.#tier) || (this.#given && this.#tier === 'auto');
    return inter && !this.#able ? 'jpeg' : this.#tier;
  }

  /** @param {string} sentence */
  #giveUpH264(sentence) {
    this.#given = true;
    this.#able = false;
    this.#webRtc.set({ decodes: false });
    this.#ask();
    this.#camera.noted(sentence);
    this.#camera.withoutH264(sentence);
  }

  /** @param {string} reason */
  #withoutH264(reason) {
    this.#reason = reason;
    this.#camera.withoutH264(reason);
  }

  /**
   * Say why JPEGs come though H.264 was chosen: a stream that nobody can ask for a key frame.
   *
   * @param {'jpeg' | 'h264'} codec
   */
  #explain(codec) {
    const wondering = codec === 'jpeg' && isH264(this.#tier) && this.#able && !this.#reason
      && performance.now() - this.#askedMs > JPEG_MS;
    if (wondering || this.#noted) this.#camera.noted(wondering ? NO_KEY_YET : '');
    this.#noted = wondering;
  }

  /** @param {string} sentence */
  #refused(sentence) {
    this.#webRtc.silenced(); // nor may one watch so, and keep a place
    this.#camera.refused(sentence);
  }

  #opened() {
    this.#session = new Session();
    this.#askedMs = performance.now();
    this.#clear();
    this.#clock.start();
    this.#webRtc.opened();
    if (this.#webRtc.covers) this.#ask();
  }

  #clear() {
    this.#painter.clear();
    this.#decoder.clear();
  }

  /** @param {string | ArrayBuffer} data */
  #received(data) {
    if (data instanceof ArrayBuffer) {
      this.#offer(data);
      return;
    }
    /** @type {import('./ws_messages.js').ServerMessage} */
    const message = JSON.parse(data);
    if (message.type === 'hello') {
      const { tiers, topic, viewer = '' } = message;
      Object.assign(this.#session, { tiers, topic, viewer });
      this.#webRtc.greeted(message.webrtc);
      this.#camera.greeted(message.topic, message.tiers, message.viewer);
      if (message.h264 !== undefined) this.#withoutH264(message.h264);
    } else if (message.type === 'h264') {
      this.#withoutH264(message.reason);
    } else if (message.type === 'signal') {
      if (message.state !== 'shown') this.#webRtc.silenced();
      this.#camera.signalled(message);
    } else if (message.type === 'clock') {
      this.#clock.receive(message);
      this.#webRtc.retransmitted(message.retransmitted);
    }
  }

  /** @param {ArrayBuffer} buffer */
  #offer(buffer) {
    const session = this.#session;
    let wire;
    try {
      wire = readPicture(buffer);
    } catch {
      this.#camera.refused('The software on the robot has changed: reload this page');
      return;
    }
    this.#camera.received(buffer.byteLength);
    this.#explain(wire.codec);
    this.#webRtc.arrived(wire.stampMs);
    const { data, key, sequence, stampMs, tier } = wire;
    const leftOut = () => this.#acknowledge(session, sequence, null);
    /** @type {import('./painter.js').OfferedPicture} */
    const picture = {
      stampMs,
      tier,
      painted: (...drawn) => this.#painted(session, wire, ...drawn),
      leftOut,
    };
    if (wire.codec === 'jpeg') {
      this.#painter.offer(picture, data);
    } else {
      const decoded = (/** @type {VideoFrame} */ frame) => this.#painter.show(picture, frame);
      this.#decoder.offer({ data, key, leftOut, decoded });
    }
  }

  /**
   * @param {Session} session
   * @param {import('./ws_messages.js').WirePicture} wire
   * @param {import('./painter.js').Drawable} image
   * @param {number} width
   * @param {number} height
   */
  #painted(session, wire, image, width, height) {
    const paintedMs = performance.now();
    const robotMs = this.#clock.now();
    const { codec, sequence, stampMs } = wire;
    const ageMs = robotMs === null ? null : robotMs - stampMs;
    this.#acknowledge(session, sequence, ageMs);
    if (this.#webRtc.shown) return; // over it
    const tier = tierName(wire.tier, session.tiers);
    const transport = /** @type {const} */ ('websocket');
    this.#camera.painted(
      { ageMs, codec, height, image, paintedMs, sequence, stampMs, tier, transport, width });
  }

  /**
   * @param {Session} session
   * @param {number} sequence
   * @param {number | null} ageMs
   */
  #acknowledge(session, sequence, ageMs) {
    if (session !== this.#session) return; // its connection has gone
    this.#connection.send({
      type: 'ack',
      sequence,
      age_ms: ageMs,
      uncertainty_ms: this.#clock.uncertaintyMs(),
    });
  }
}
