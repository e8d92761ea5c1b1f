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

// The messages of `/drive`, as web/drive.py describes them, and how late they are.

import { ClockSync } from '../shared/clock_offset.js';
import { Connection } from '../shared/connection.js';
import { median } from '../shared/median.js';

const PATIENCE_MS = 4000;
const TRIPS_MS = 1000;

/**
 * Tells its owner `opened()`, `stated(state)`, `lost()`, `refused(sentence)` and `unavailable()`;
 * see connection.js.
 */
export class DriveConnection {
  #owner;
  #connection;
  #clock = new ClockSync((message) => this.send(message));
  #sequence = 0;
  #receivedMs = -Infinity;
  #unconfirmed = new Map(); // sequence: when it was sent
  #trips = []; // { ms, tripMs } of the last second

  constructor(owner) {
    this.#owner = owner;
    this.#connection = new Connection(() => '/drive', {
      opened: () => this.#opened(),
      received: (data) => this.#received(JSON.parse(data)),
      lost: () => owner.lost(),
      refused: (sentence) => owner.refused(sentence),
      unavailable: () => owner.unavailable(),
    }, PATIENCE_MS);
  }

  start() {
    this.#connection.start();
  }

  stop() {
    this.#clock.stop();
    this.#connection.stop();
  }

  wake() {
    this.#connection.wake();
  }

  /** Return whether there is a connection that takes it. */
  send(message) {
    return this.#connection.send(message);
  }

  /** Send what the inputs say; a robot whose time we do not know would not know how old that is. */
  drive({ throttle, steering }, seenMs, share) {
    const timeMs = this.#clock.now();
    if (timeMs === null) return;
    const sequence = this.#sequence + 1;
    const gone = this.send({
      type: 'drive',
      sequence,
      time_ms: timeMs,
      seen_ms: seenMs,
      throttle,
      steering,
      share,
      round_trip_ms: this.tripMs(),
    });
    if (!gone) return;
    this.#sequence = sequence;
    this.#unconfirmed.set(sequence, performance.now());
  }

  /** Forget what the robot has not confirmed: it was not listening to us. */
  forget() {
    this.#unconfirmed.clear();
    this.#trips = [];
  }

  /** Return how long the robot has been silent, or has not confirmed what we sent. */
  lateMs() {
    const now = performance.now();
    const [unconfirmedMs = now] = this.#unconfirmed.values();
    return Math.max(now - this.#receivedMs, now - unconfirmedMs);
  }

  /** Return the median round trip of the last second, or null. */
  tripMs() {
    const since = performance.now() - TRIPS_MS;
    this.#trips = this.#trips.filter(({ ms }) => ms > since);
    return median(this.#trips.map(({ tripMs }) => tripMs));
  }

  #opened() {
    this.#sequence = 0;
    this.#receivedMs = -Infinity;
    this.forget();
    this.#owner.opened();
    this.#clock.start();
  }

  #received(message) {
    const now = performance.now();
    this.#receivedMs = now;
    if (message.type === 'clock') {
      this.#clock.receive(message);
    } else if (message.type === 'heard') {
      this.#confirmed(message.sequence, now);
    } else if (message.type === 'state') {
      this.#owner.stated(message);
    }
  }

  #confirmed(sequence, now) {
    const sentMs = this.#unconfirmed.get(sequence);
    if (sentMs !== undefined) this.#trips.push({ ms: now, tripMs: now - sentMs });
    for (const older of [...this.#unconfirmed.keys()]) {
      if (older <= sequence) this.#unconfirmed.delete(older);
    }
  }
}
