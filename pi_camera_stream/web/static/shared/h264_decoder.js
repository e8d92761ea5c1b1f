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

// Access units of H.264 into pictures, by the browser's own decoder (WebCodecs).

import { readParameterSet } from './h264.js';

const MOST_UNITS = 24; // inside: twice as many as the robot sends without an answer
const MOST_LATE = 8; // so many others may come out before a picture, where B-frames are among them
const STEP_US = 1000; // from one timestamp to the next; they tell the decoder's pictures apart
const HELD_MS = 100;
const TICK_MS = 1000;
const ASK_TICKS = 2; // until a key frame is asked for again
const MOST_TICKS = 15; // without a key frame: the robot makes one every 10 s anyway
const MOST_FAILURES = 4;
const FAILURES_WINDOW_MS = 30_000;

const WAITING = 'H.264 is waiting for the camera’s next key frame';
const NO_KEY = 'This camera’s H.264 has no key frame: showing JPEG';
const FAILED = 'This browser cannot decode this camera’s H.264: showing JPEG';

/**
 * What belongs to one picture, and what is called when that is decoded, or was left out.
 *
 * @typedef {object} AccessUnit
 * @property {Uint8Array<ArrayBuffer>} data Annex B; with its parameter sets, if it is a key frame
 * @property {boolean} key
 * @property {(frame: VideoFrame) => void} decoded is to close the frame
 * @property {() => void} leftOut is also called before a picture that the decoder holds back
 */

/**
 * @typedef {object} DecoderOwner
 * @property {() => void} keyFrameWanted
 * @property {(sentence: string) => void} waiting for a key frame; empty when it has come
 * @property {(sentence: string) => void} failed again and again: it decodes nothing any more
 */

/** @typedef {AccessUnit & { sinceMs: number, told: boolean }} UnitInside */

/**
 * Decodes one stream. After an error it begins anew with the next key frame, which it asks for.
 *
 * Some hardware gives out a picture only when the next one goes in. The robot would wait for the
 * one and the decoder for the other, so pictures of such a decoder are answered for on arrival.
 */
export class H264Decoder {
  #owner;
  /** @type {VideoDecoder | null} */
  #decoder = null;
  /** @type {import('./h264.js').ParameterSet | null} */
  #parameters = null;
  /** @type {Map<number, UnitInside>} */
  #units = new Map(); // inside the decoder, by their timestamps
  #timestamp = 0;
  #holds = false;
  #heldTimer = 0;
  #keyTimer = 0; // while a key frame is waited for
  #ticks = 0;
  /** @type {number[]} */
  #failuresMs = [];
  #given = false; // up

  /** @param {DecoderOwner} owner */
  constructor(owner) {
    this.#owner = owner;
  }

  /** @param {AccessUnit} unit */
  offer(unit) {
    if (this.#given || !this.#ready(unit)) {
      unit.leftOut();
      return;
    }
    this.#timestamp += STEP_US;
    const { data, key } = unit;
    const sinceMs = performance.now();
    this.#units.set(this.#timestamp, { ...unit, sinceMs, told: this.#holds });
    if (this.#holds) unit.leftOut();
    else this.#heldTimer ||= setTimeout(() => this.#checkHeld(), HELD_MS);
    this.#decode(data, key);
  }

  /** Forget what is inside; the next unit is to be a key frame. */
  clear() {
    this.#close();
    this.#stopWaiting();
  }

  /**
   * Return whether there is a decoder that can take `unit`; if not, a key frame was asked for.
   *
   * @param {AccessUnit} unit
   */
  #ready({ data, key }) {
    if (this.#units.size >= MOST_UNITS) this.#fail(FAILED);
    else if (key) this.#configure(data);
    if (this.#given) return false;
    if (this.#decoder) {
      if (key) this.#stopWaiting();
      return true;
    }
    this.#waitForKey();
    return false;
  }

  /**
   * @param {Uint8Array<ArrayBuffer>} data
   * @param {boolean} key
   */
  #decode(data, key) {
    const decoder = this.#decoder;
    if (!decoder) return;
    const type = key ? 'key' : 'delta';
    try {
      decoder.decode(new EncodedVideoChunk({ type, timestamp: this.#timestamp, data }));
    } catch (error) { // it is no key frame, though it says so
      this.#failed(decoder, /** @type {Error} */ (error));
    }
  }

  /** @param {Uint8Array} data */
  #configure(data) {
    const parameters = readParameterSet(data);
    if (!parameters) {
      if (!this.#decoder) this.#fail(FAILED);
      return;
    }
    if (this.#decoder && parameters.words === this.#parameters?.words) return;
    this.#parameters = parameters;
    this.#decoder ??= this.#create();
    try {
      this.#decoder.configure({ codec: parameters.codec, optimizeForLatency: true });
    } catch (error) {
      this.#failed(this.#decoder, /** @type {Error} */ (error));
    }
  }

  #create() {
    const decoder = new VideoDecoder({
      output: (frame) => {
        if (decoder === this.#decoder) this.#decoded(frame);
        else frame.close();
      },
      error: (error) => this.#failed(decoder, error),
    });
    return decoder;
  }

  /** @param {VideoFrame} frame */
  #decoded(frame) {
    const unit = this.#units.get(frame.timestamp);
    this.#units.delete(frame.timestamp);
    for (const [timestamp, older] of this.#units) {
      if (timestamp > frame.timestamp) break;
      if (timestamp < frame.timestamp - MOST_LATE * STEP_US) this.#units.delete(timestamp);
      if (!older.told) older.leftOut(); // it comes after this one, or there is no picture in it
      older.told = true;
    }
    if (!unit) {
      frame.close();
      return;
    }
    if (unit.told && this.#hasLater(frame.timestamp)) this.#holds = true;
    unit.decoded(frame);
  }

  /** @param {number} timestamp */
  #hasLater(timestamp) {
    return [...this.#units.keys()].some((other) => other > timestamp);
  }

  /** Answer for what the decoder holds back, though it has nothing to do. */
  #checkHeld() {
    this.#heldTimer = 0;
    if (this.#decoder?.decodeQueueSize === 0) {
      const now = performance.now();
      for (const unit of this.#units.values()) {
        if (unit.told || now - unit.sinceMs < HELD_MS) continue;
        unit.told = true;
        unit.leftOut();
      }
    }
    if ([...this.#units.values()].every(({ told }) => told)) return;
    this.#heldTimer = setTimeout(() => this.#checkHeld(), HELD_MS / 2);
  }

  /**
   * @param {VideoDecoder} decoder
   * @param {Error} error
   */
  #failed(decoder, error) {
    if (decoder !== this.#decoder) return;
    if (error.name === 'NotSupportedError') {
      const kind = this.#parameters?.codec;
      this.#giveUp(`This browser cannot decode H.264 of this kind (${kind}): showing JPEG`);
    } else if (error.name === 'QuotaExceededError') {
      this.#close(); // taken away for other pages, while it was not used
    } else {
      this.#fail(FAILED);
      if (!this.#given) this.#waitForKey();
    }
  }

  /** @param {string} sentence */
  #fail(sentence) {
    this.#close();
    const now = performance.now();
    this.#failuresMs = this.#failuresMs.filter((ms) => ms > now - FAILURES_WINDOW_MS);
    this.#failuresMs.push(now);
    if (this.#failuresMs.length >= MOST_FAILURES) this.#giveUp(sentence);
  }

  /** @param {string} sentence */
  #giveUp(sentence) {
    this.#given = true;
    this.clear();
    this.#owner.failed(sentence);
  }

  #close() {
    clearTimeout(this.#heldTimer);
    this.#heldTimer = 0;
    const decoder = this.#decoder;
    this.#decoder = null;
    this.#parameters = null;
    if (decoder && decoder.state !== 'closed') decoder.close();
    const units = [...this.#units.values()];
    this.#units.clear();
    for (const unit of units) {
      if (!unit.told) unit.leftOut();
    }
  }

  #waitForKey() {
    if (this.#keyTimer) return;
    this.#ticks = 0;
    this.#keyTimer = setInterval(() => this.#tick(), TICK_MS);
    this.#owner.keyFrameWanted();
  }

  #tick() {
    this.#ticks += 1;
    if (this.#ticks >= MOST_TICKS) {
      this.#giveUp(NO_KEY);
      return;
    }
    this.#owner.waiting(WAITING);
    if (this.#ticks % ASK_TICKS === 0) this.#owner.keyFrameWanted();
  }

  #stopWaiting() {
    if (!this.#keyTimer) return;
    clearInterval(this.#keyTimer);
    this.#keyTimer = 0;
    this.#owner.waiting('');
  }
}
