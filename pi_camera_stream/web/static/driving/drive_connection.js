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
 * What the page sends.
 *
 * @typedef {import('../shared/ws_messages.js').ClockRequest | { type: 'take', tab: string,
 *   viewer?: string } | { type: 'leave' | 'stop' | 'release' } | { type: 'button', name: string,
 *   pressed: boolean } | { type: 'mute', name: string } | DriveCommand} DriveRequest
 */

/**
 * @typedef {object} DriveCommand
 * @property {'drive'} type
 * @property {number} sequence
 * @property {number} time_ms of the robot's clock
 * @property {number | null} seen_ms stamp of the picture that was painted last
 * @property {number | null} throttle forwards, -1 to 1; null when no control is held
 * @property {number | null} steering to the left
 * @property {number} share of the speed
 * @property {number | null} round_trip_ms
 */

/**
 * @typedef {object} Confirmation
 * @property {'heard'} type
 * @property {number} sequence of a DriveCommand
 */

/**
 * What the robot does, and who drives it.
 *
 * @typedef {object} DriveState
 * @property {'state'} type
 * @property {boolean} you drive
 * @property {string | null} driver
 * @property {string | null} asking for the wheel
 * @property {boolean} latched the emergency stop
 * @property {string} latched_by
 * @property {boolean} [may_release] it, this page
 * @property {boolean} [may_drive] this page, if it logs in as what it is
 * @property {boolean} [may_take] the wheel from who has it
 * @property {boolean} [may_mute] the stop of others
 * @property {boolean} [muted] the stop of this page
 * @property {Record<string, number>} [again] how often who presses the stop again and again has
 * @property {string} reason why it does not move as it should, or ''
 * @property {string} [fault] why the vehicle cannot be driven, or ''
 * @property {string} [refusal] why nobody may have the wheel, or ''
 * @property {string} [others] nodes that may send the vehicle commands, too
 * @property {boolean} [others_send] they do
 * @property {boolean} [others_move] and not only stops
 * @property {number} limit the share of its speed that it may have now
 * @property {number} linear in m/s
 * @property {number} angular in rad/s, to the left
 * @property {number} max_linear
 * @property {boolean} [reverse] whether it may go backwards
 * @property {boolean} [car] whether it turns only while it rolls
 * @property {Battery | null} battery
 * @property {string[]} [buttons]
 */

/** @typedef {{ percentage: number | null, voltage: number | null }} Battery */

/**
 * What the connection calls.
 *
 * @typedef {object} DriveOwner
 * @property {() => void} opened
 * @property {(state: DriveState) => void} stated
 * @property {() => void} lost see connection.js
 * @property {(sentence: string) => void} refused
 * @property {() => void} unavailable
 */

/** Keeps the connection by which a robot is driven. */
export class DriveConnection {
  #owner;
  #connection;
  #clock = new ClockSync((message) => this.send(message));
  #sequence = 0;
  #receivedMs = -Infinity;
  /** @type {Map<number, number>} */
  #unconfirmed = new Map(); // sequence: when it was sent
  /** @type {{ ms: number, tripMs: number }[]} */
  #trips = []; // of the last second

  /** @param {DriveOwner} owner */
  constructor(owner) {
    this.#owner = owner;
    this.#connection = new Connection(() => 'drive', {
      opened: () => this.#opened(),
      received: (data) => this.#received(JSON.parse(String(data))),
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

  /**
   * Return whether there is a connection that takes it.
   *
   * @param {DriveRequest} message
   */
  send(message) {
    return this.#connection.send(message);
  }

  /**
   * Send what the inputs say; a robot whose time we do not know would not know how old that is.
   *
   * @param {import('./drive_input.js').Motion} motion
   * @param {number | null} seenMs
   * @param {number} share
   */
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

  /**
   * @param {import('../shared/ws_messages.js').ClockAnswer | Confirmation | DriveState} message
   */
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

  /**
   * @param {number} sequence
   * @param {number} now
   */
  #confirmed(sequence, now) {
    const sentMs = this.#unconfirmed.get(sequence);
    if (sentMs !== undefined) this.#trips.push({ ms: now, tripMs: now - sentMs });
    for (const older of [...this.#unconfirmed.keys()]) {
      if (older <= sequence) this.#unconfirmed.delete(older);
    }
  }
}
