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
import { Painter } from './painter.js';
import { readPicture, tierName } from './ws_messages.js';

/** What belongs to one connection: the next one may lead to another program. */
class Session {
  /** @type {string[]} */
  tiers = [];
}

/** A feed, as camera_view.js describes it, on a canvas. */
export class WebSocketFeed {
  static available = 'WebSocket' in window && 'createImageBitmap' in window;

  #topic;
  #tier;
  #camera;
  #session = new Session();
  #connection;
  #painter;
  #clock = new ClockSync((message) => this.#connection.send(message));

  /**
   * @param {string} topic
   * @param {string} tier
   * @param {import('./camera_view.js').FeedOwner} camera
   */
  constructor(topic, tier, camera) {
    this.#topic = topic;
    this.#tier = tier;
    this.#camera = camera;
    this.element = document.createElement('canvas');
    this.element.width = 1280; // about what will come, so that nothing jumps
    this.element.height = 720;
    this.#painter = new Painter(this.element,
      () => camera.refused('This browser cannot decode the pictures of the camera'));
    this.#connection = new Connection(
      () => address('ws', { ...(this.#topic && { topic: this.#topic }), tier: this.#tier }),
      {
        opened: () => this.#opened(),
        received: (data) => this.#received(data),
        lost: () => camera.lost(),
        refused: (sentence) => camera.refused(sentence),
        unavailable: () => camera.unavailable(),
      });
  }

  start() {
    this.#connection.start();
  }

  stop() {
    this.#clock.stop();
    this.#connection.stop();
    this.#painter.clear();
  }

  wake() {
    this.#connection.wake();
  }

  /** @param {string} tier */
  setTier(tier) {
    this.#tier = tier;
    this.#connection.send({ type: 'tier', tier });
  }

  #opened() {
    this.#session = new Session();
    this.#painter.clear();
    this.#clock.start();
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
      this.#session.tiers = message.tiers;
      this.#camera.greeted(message.topic, message.tiers, message.viewer);
    } else if (message.type === 'signal') {
      this.#camera.signalled(message);
    } else if (message.type === 'clock') {
      this.#clock.receive(message);
    }
  }

  /** @param {ArrayBuffer} buffer */
  #offer(buffer) {
    const session = this.#session;
    let picture;
    try {
      picture = readPicture(buffer);
    } catch {
      this.#camera.refused('The program on the robot has changed: load this page again');
      return;
    }
    const { jpeg, sequence } = picture;
    this.#painter.offer({
      jpeg,
      painted: (bitmap) => this.#painted(session, picture, bitmap),
      leftOut: () => this.#acknowledge(session, sequence, null),
    });
  }

  /**
   * @param {Session} session
   * @param {import('./ws_messages.js').WirePicture} picture
   * @param {ImageBitmap} bitmap
   */
  #painted(session, picture, bitmap) {
    const paintedMs = performance.now();
    const robotMs = this.#clock.now();
    const { height, width } = bitmap;
    const { sequence, stampMs } = picture;
    const ageMs = robotMs === null ? null : robotMs - stampMs;
    this.#acknowledge(session, sequence, ageMs);
    const tier = tierName(picture.tier, session.tiers);
    this.#camera.painted({ ageMs, bitmap, height, paintedMs, stampMs, tier, width });
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
