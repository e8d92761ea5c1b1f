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

// What the robot's clock shows, seen from here, and the requests by which that is found out.

const SAMPLES = 8; // of the last quarter of a minute: clocks hardly drift apart in that time
const SLACK_MS = 5;
const FIRST_REQUESTS = 5;
const FIRST_PERIOD_MS = 100;
const PERIOD_MS = 2000;

/**
 * The offset between this page's clock and the robot's, by round trips, as NTP does it: the answer
 * was written somewhere between sending and receiving, so the shortest round trip knows best.
 */
export class ClockOffset {
  /** @type {{ offsetMs: number, tripMs: number }[]} */
  #samples = [];

  /**
   * Take in a round trip: when the question went, what the robot said, when that came.
   *
   * @param {number} sentMs
   * @param {number} robotMs
   * @param {number} receivedMs
   */
  add(sentMs, robotMs, receivedMs) {
    const sample = { offsetMs: robotMs - (sentMs + receivedMs) / 2, tripMs: receivedMs - sentMs };
    const best = this.#best();
    // Both cannot be right: the robot's clock was set.
    if (best && Math.abs(sample.offsetMs - best.offsetMs)
        > (sample.tripMs + best.tripMs) / 2 + SLACK_MS) this.#samples = [];
    this.#samples.push(sample);
    if (this.#samples.length > SAMPLES) this.#samples.shift();
  }

  /** Return the time on the robot in ms, or null while nobody knows. */
  now() {
    const best = this.#best();
    return best ? performance.now() + best.offsetMs : null;
  }

  /** Return by how many ms `now` can be wrong: half of the round trip on which it rests. */
  uncertaintyMs() {
    return (this.#best()?.tripMs ?? 0) / 2;
  }

  /** @returns {{ offsetMs: number, tripMs: number } | null} */
  #best() {
    if (!this.#samples.length) return null;
    return this.#samples.reduce(
      (best, sample) => (best.tripMs <= sample.tripMs ? best : sample));
  }
}

/** Keeps asking the robot for its time over a WebSocket, several times quickly at first. */
export class ClockSync {
  #send;
  #offset = new ClockOffset();
  #timer = 0;

  /**
   * `send(message)` sends a message, if it can.
   *
   * @param {(message: import('./ws_messages.js').ClockRequest) => unknown} send
   */
  constructor(send) {
    this.#send = send;
  }

  /** Begin anew, on a new connection: it may lead to another program. */
  start() {
    this.#offset = new ClockOffset();
    this.#request(FIRST_REQUESTS);
  }

  stop() {
    clearTimeout(this.#timer);
  }

  /**
   * Take in the answer, a `clock` message.
   *
   * @param {import('./ws_messages.js').ClockAnswer} answer
   */
  receive({ client_ms: sentMs, server_ms: robotMs }) {
    this.#offset.add(sentMs, robotMs, performance.now());
  }

  /** See ClockOffset. */
  now() {
    return this.#offset.now();
  }

  /** See ClockOffset. */
  uncertaintyMs() {
    return this.#offset.uncertaintyMs();
  }

  /** @param {number} quickly how many more so */
  #request(quickly) {
    clearTimeout(this.#timer);
    this.#send({ type: 'clock', client_ms: performance.now() });
    this.#timer = setTimeout(() => this.#request(Math.max(0, quickly - 1)),
      quickly > 1 ? FIRST_PERIOD_MS : PERIOD_MS);
  }
}
