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

// One WebSocket that comes back by itself.

import { ApiError, get } from './api.js';

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 2000; // who watched does so again within 3 s after the robot is back
const QUIET_MS = 2500; // the robot sends something at least every 2 s
const FIRST_PATIENCE_MS = 4000;
const LONGEST_PATIENCE_MS = 16000;
const WATCH_MS = 250;
const FAILURES = 2; // so many in a row while HTTP works, and WebSockets do not get through
const UPGRADE_REQUIRED = 426;

/**
 * What a connection calls.
 *
 * @typedef {object} ConnectionOwner
 * @property {() => void} opened
 * @property {(data: string | ArrayBuffer) => void} received
 * @property {() => void} lost the robot cannot be reached, or sends nothing any more
 * @property {(sentence: string) => void} refused
 * @property {() => void} unavailable WebSockets do not get through: it does not try any longer
 */

/** Keeps a WebSocket open as long as it is started, with a short back-off. */
export class Connection {
  #address; // function: it may change from one attempt to the next
  #owner;
  /** @type {WebSocket | null} */
  #socket = null;
  #greeted = false; // whether this socket has brought anything
  #receivedMs = 0;
  #delayMs = FIRST_DELAY_MS;
  #longestPatienceMs;
  #patienceMs = FIRST_PATIENCE_MS;
  #failures = 0;
  #retry = 0;
  #watch = 0;
  #asking = false;

  /**
   * After `longestPatienceMs` without a word it opens a new one, at the latest.
   *
   * @param {() => string} address
   * @param {ConnectionOwner} owner
   * @param {number} [longestPatienceMs]
   */
  constructor(address, owner, longestPatienceMs = LONGEST_PATIENCE_MS) {
    this.#address = address;
    this.#owner = owner;
    this.#longestPatienceMs = longestPatienceMs;
  }

  start() {
    if (this.#watch) return;
    this.#watch = setInterval(() => this.#checkSilence(), WATCH_MS);
    this.#delayMs = FIRST_DELAY_MS;
    this.#open();
  }

  stop() {
    clearInterval(this.#watch);
    this.#watch = 0;
    this.#drop();
  }

  /** Try at once: the network has come back. */
  wake() {
    const waiting = !this.#socket && !this.#asking;
    const doubtful = this.#socket && performance.now() - this.#receivedMs > WATCH_MS;
    if (!this.#watch || !(waiting || doubtful)) return;
    this.#delayMs = FIRST_DELAY_MS;
    this.#open();
  }

  /**
   * Return whether there is a connection that takes it.
   *
   * @param {object} message
   */
  send(message) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  #open() {
    this.#drop();
    const url = new URL(this.#address(), location.href);
    url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(url);
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => this.#owner.opened();
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = () => this.#ended();
    this.#socket = socket;
    this.#greeted = false;
    this.#receivedMs = performance.now();
  }

  #drop() {
    clearTimeout(this.#retry);
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null; // its end is no news
    socket.close();
  }

  /** @param {string | ArrayBuffer} data */
  #receive(data) {
    this.#receivedMs = performance.now();
    this.#greeted = true;
    this.#failures = 0;
    this.#delayMs = FIRST_DELAY_MS;
    if (data instanceof ArrayBuffer) this.#patienceMs = FIRST_PATIENCE_MS;
    this.#owner.received(data);
  }

  async #ended() {
    const greeted = this.#greeted;
    this.#drop();
    if (greeted) this.#owner.lost();
    else if (!await this.#usable(this.#watch)) return;
    this.#retry = setTimeout(() => this.#open(), this.#delayMs);
    this.#delayMs = Math.min(2 * this.#delayMs, LONGEST_DELAY_MS);
  }

  /**
   * Find out why nothing came; return whether to go on.
   *
   * @param {number} watch the timer that was running
   */
  async #usable(watch) {
    this.#asking = true;
    let sentence = '';
    let works = false;
    try {
      await get(this.#address()); // a browser does not tell what answer a WebSocket got
      works = true;
    } catch (error) {
      if (!(error instanceof ApiError)) works = false;
      else if (error.status === UPGRADE_REQUIRED) works = true; // as it should be: we may come in
      else sentence = error.message;
    }
    this.#asking = false;
    if (this.#watch !== watch) return false; // stopped meanwhile
    this.#failures = works ? this.#failures + 1 : 0;
    if (this.#failures >= FAILURES) {
      this.stop();
      this.#owner.unavailable();
      return false;
    }
    if (sentence) this.#owner.refused(sentence);
    else if (!works) this.#owner.lost();
    return true;
  }

  #checkSilence() {
    if (!this.#socket) return;
    const quietMs = performance.now() - this.#receivedMs;
    if (quietMs > QUIET_MS) this.#owner.lost();
    if (quietMs < this.#patienceMs) return;
    // A new connection gets through sooner than one that has been waiting, unless the way is so
    // narrow that a picture takes that long: so each time with more patience.
    this.#patienceMs = Math.min(2 * this.#patienceMs, this.#longestPatienceMs);
    this.#open();
  }
}
