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

import { RobotClock } from './clock.js';
import { Connection } from './connection.js';
import { Painter } from './painter.js';
import { readPicture, readSilence } from './protocol.js';
import { address } from './robot.js';

const FIRST_CLOCKS = 5;
const FIRST_CLOCK_MS = 100;
const CLOCK_MS = 2000;

/** What belongs to one connection: the next one may lead to another program. */
class Session {
  clock = new RobotClock();
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
  #clockTimer = 0;

  constructor(topic, tier, camera) {
    this.#topic = topic;
    this.#tier = tier;
    this.#camera = camera;
    this.element = document.createElement('canvas');
    this.element.width = 1280; // about what will come, so that nothing jumps
    this.element.height = 720;
    this.#painter = new Painter(this.element, {
      painted: (picture) => this.#painted(picture),
      failed: () => camera.refused('This browser cannot decode the pictures of the camera'),
    });
    this.#connection = new Connection(
      () => address('/ws', { ...(this.#topic && { topic: this.#topic }), tier: this.#tier }),
      {
        opened: () => this.#opened(),
        heard: (data) => this.#heard(data),
        lost: () => camera.lost(),
        refused: (sentence) => camera.refused(sentence),
        unavailable: () => camera.unavailable(),
      });
  }

  start() {
    this.#connection.start();
  }

  stop() {
    clearTimeout(this.#clockTimer);
    this.#connection.stop();
    this.#painter.clear();
  }

  wake() {
    this.#connection.wake();
  }

  setTier(tier) {
    this.#tier = tier;
    this.#connection.send({ type: 'tier', tier });
  }

  #opened() {
    this.#session = new Session();
    this.#painter.clear();
    this.#askClock(FIRST_CLOCKS);
  }

  #heard(data) {
    if (data instanceof ArrayBuffer) {
      this.#offer(data);
      return;
    }
    const message = JSON.parse(data);
    if (message.type === 'hello') {
      this.#session.tiers = message.tiers;
      this.#camera.greeted(message.topic, message.tiers, message.viewer);
    } else if (message.type === 'silent') {
      this.#camera.silent(readSilence(message.lines));
    } else if (message.type === 'clock') {
      this.#session.clock.add(message.client_ms, message.server_ms, performance.now());
    }
  }

  #offer(buffer) {
    let picture;
    try {
      picture = readPicture(buffer);
    } catch {
      this.#camera.refused('The program on the robot has changed: load this page again');
      return;
    }
    picture.session = this.#session;
    picture.leftOut = () => this.#acknowledge(picture, null);
    this.#painter.offer(picture);
  }

  #painted(picture) {
    const paintedMs = performance.now();
    const robotMs = this.#session.clock.now();
    const { bitmap, height, stampMs, width } = picture;
    const ageMs = robotMs === null ? null : robotMs - stampMs;
    this.#acknowledge(picture, ageMs);
    const tier = this.#session.tiers[picture.tier] ?? 'own';
    this.#camera.painted({ ageMs, bitmap, height, paintedMs, stampMs, tier, width });
  }

  #acknowledge(picture, ageMs) {
    if (picture.session !== this.#session) return; // its connection has gone
    this.#connection.send({
      type: 'ack',
      sequence: picture.sequence,
      age_ms: ageMs,
      uncertainty_ms: this.#session.clock.uncertainty(),
    });
  }

  /** Ask for the time, several times quickly at first. */
  #askClock(quickly) {
    clearTimeout(this.#clockTimer);
    this.#connection.send({ type: 'clock', client_ms: performance.now() });
    this.#clockTimer = setTimeout(() => this.#askClock(Math.max(0, quickly - 1)),
      quickly > 1 ? FIRST_CLOCK_MS : CLOCK_MS);
  }
}
