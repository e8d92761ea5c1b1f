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

// Pictures of one camera as an endless image, for networks that let no WebSocket through.

import { address, ApiError, get } from './api.js';
import { subscribe, unsubscribe } from './state_poll.js';
import { isH264 } from './ws_messages.js';

const MOST = 4; // browsers open six connections to one host, and we need some for ourselves

let started = 0;

/** A feed, as feed.js describes it, in an <img>. What it knows is what `/state` says. */
export class MjpegFeed {
  #topic;
  #tier;
  #camera;
  #running = false;
  #connected = false;

  /**
   * @param {string} topic
   * @param {string} tier
   * @param {import('./feed.js').FeedOwner} camera
   */
  constructor(topic, tier, camera) {
    this.#topic = topic;
    this.#tier = tierOfJpegs(tier);
    this.#camera = camera;
    this.element = document.createElement('img');
    this.element.addEventListener('error', () => this.#failed());
  }

  start() {
    if (this.#running) return;
    if (started >= MOST) {
      this.#camera.refused(`Without WebSockets, ${MOST} cameras are shown at a time`);
      return;
    }
    this.#running = true;
    started += 1;
    this.#connect();
    subscribe(this);
  }

  stop() {
    if (!this.#running) return;
    this.#running = false;
    started -= 1;
    unsubscribe(this);
    this.#connected = false;
    this.element.removeAttribute('src'); // closes the connection
  }

  wake() {
    this.#connected = false; // the next answer of the robot opens it anew
  }

  /** @param {string} tier */
  setTier(tier) {
    this.#tier = tierOfJpegs(tier);
    if (this.#running) this.#connect();
  }

  set() {} // it has one transport only

  /**
   * Called by state_poll.js.
   *
   * @type {import('./state_poll.js').StateListener['stated']}
   */
  stated(state) {
    if (!this.#connected) {
      this.#connect();
      return;
    }
    const stream = this.#find(state.streams);
    if (!stream) return;
    this.#camera.greeted(stream.topic, null);
    this.#camera.signalled(stream.signal);
    if (stream.signal.state !== 'shown') return;
    const ours = stream.viewers.filter(({ transport }) => transport === 'mjpeg');
    this.#camera.reported({
      rate: stream.frames_per_s,
      ageMs: stream.age_ms,
      codec: 'jpeg',
      transport: 'mjpeg',
      tier: ours.length === 1 ? ours[0].tier : this.#tier,
      width: this.element.naturalWidth,
      height: this.element.naturalHeight,
    });
  }

  /**
   * Called by state_poll.js.
   *
   * @type {import('./state_poll.js').StateListener['unreachable']}
   */
  unreachable(error) {
    this.#connected = false; // the last picture stays on the screen until the robot is back
    if (error instanceof ApiError) this.#camera.refused(error.message);
    else this.#camera.lost();
  }

  /**
   * The robot understands short names, too; without any, it is the one that it names first.
   *
   * @param {import('./state_poll.js').StreamState[]} streams
   */
  #find(streams) {
    if (!this.#topic) return streams[0];
    const name = `/${this.#topic.replace(/^\/|\/$/g, '')}`;
    return streams.find(({ topic }) => topic === name)
      ?? streams.find(({ topic }) => topic === `${name}/compressed`);
  }

  #connect() {
    this.element.src = this.#address();
    this.#connected = true;
  }

  #address() {
    // A new address each time: the browser would not open the same endless image again.
    return address('stream.mjpg', {
      ...(this.#topic && { topic: this.#topic }), tier: this.#tier, opened: String(Date.now()),
    });
  }

  /** Find out what an <img> does not tell. */
  async #failed() {
    if (!this.#running) return;
    this.#connected = false;
    try {
      await (await get(this.#address())).body?.cancel();
    } catch (error) {
      if (this.#running && error instanceof ApiError) this.#camera.refused(error.message);
    }
  }
}

/**
 * An endless image is made of JPEGs, of which the robot chooses the best.
 *
 * @param {string} tier
 */
function tierOfJpegs(tier) {
  return tier === 'jpeg' || isH264(tier) ? 'auto' : tier;
}
