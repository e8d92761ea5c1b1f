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

// Sound over a WebSocket, for pages that browsers take for secure: decoded and played at once.

import { ClockSync } from './clock_offset.js';
import { Connection } from './connection.js';
import { Lateness } from './lateness.js';
import { readSound } from './sound_messages.js';

const WORKLET = new URL('./sound_worklet.js', import.meta.url);
const PACKET_US = 10_000;
const MOST_DECODING = 25; // packets; what comes beside them would be late
const ANEW_MS = 1000; // after a decoder has failed

/**
 * What a way to hear calls.
 *
 * @typedef {object} SoundOwner
 * @property {(peak: number, ageMs: number | null) => void} heard several times a second
 * @property {(sentence: string) => void} said why there is no sound; empty when there is
 */

/** One way to hear: by an audio context. */
export class SocketSound {
  static available = 'AudioDecoder' in window && 'AudioWorkletNode' in window;

  #context;
  #output; // its loudness
  #owner;
  #connection;
  #clock = new ClockSync((message) => this.#connection.send(message));
  /** @type {AudioWorkletNode | null} */
  #node = null;
  /** @type {AudioDecoder | null} */
  #decoder = null;
  /** @type {number[]} of what is being decoded: decoders number what they give as they like */
  #stamps = [];
  #failedMs = -Infinity;
  #lateness = new Lateness(); // of what has waited, on its way or for this page
  #started = false;

  /**
   * @param {AudioContext} context
   * @param {SoundOwner} owner
   */
  constructor(context, owner) {
    this.#context = context;
    this.#output = context.createGain();
    this.#output.connect(context.destination);
    this.#owner = owner;
    this.#connection = new Connection(() => 'sound', {
      opened: () => {
        this.#clock.start();
        this.#lateness = new Lateness();
      },
      received: (data) => this.#received(data),
      lost: () => owner.said('The robot sends no sound'),
      refused: (sentence) => owner.said(sentence),
      unavailable: () => owner.said('Sound needs WebSockets, which do not get through to here'),
    });
  }

  async start() {
    this.#started = true;
    await this.#context.audioWorklet.addModule(WORKLET);
    if (!this.#started) return;
    this.#node = new AudioWorkletNode(this.#context, 'sound-output', { outputChannelCount: [1] });
    this.#node.port.onmessage = ({ data }) => this.#report(data);
    this.#node.connect(this.#output);
    this.#connection.start();
  }

  stop() {
    this.#started = false;
    this.#clock.stop();
    this.#connection.stop();
    this.#node?.disconnect();
    this.#node = null;
    this.#end();
  }

  wake() {
    this.#connection.wake();
  }

  /** @param {boolean} muted */
  mute(muted) {
    this.#output.gain.value = muted ? 0 : 1;
  }

  touched() {} // what the context may, this may, too

  /** @param {string | ArrayBuffer} data */
  #received(data) {
    if (data instanceof ArrayBuffer) {
      this.#decode(data);
      return;
    }
    /** @type {import('./sound_messages.js').SoundMessage} */
    const message = JSON.parse(data);
    if (message.type === 'signal') this.#owner.said(message.reason);
    else if (message.type === 'clock') this.#clock.receive(message);
    else if (message.type === 'hello') this.#owner.said('');
  }

  /** @param {ArrayBuffer} buffer */
  #decode(buffer) {
    let packet;
    try {
      packet = readSound(buffer);
    } catch {
      this.#owner.said('The software on the robot has changed: reload this page');
      return;
    }
    if (this.#lateness.isLate(packet.stampMs, performance.now())) return;
    this.#decoder ??= this.#begin();
    if (!this.#decoder || this.#decoder.decodeQueueSize > MOST_DECODING) return;
    this.#stamps.push(packet.stampMs);
    this.#decoder.decode(new EncodedAudioChunk({
      type: 'key', timestamp: packet.sequence * PACKET_US, data: packet.data,
    }));
  }

  #begin() {
    if (performance.now() - this.#failedMs < ANEW_MS) return null;
    const decoder = new AudioDecoder({
      output: (sound) => this.#play(sound),
      error: () => {
        this.#failedMs = performance.now();
        this.#decoder = null;
        this.#stamps = [];
      },
    });
    decoder.configure({ codec: 'opus', sampleRate: 48_000, numberOfChannels: 1 });
    return decoder;
  }

  /** @param {AudioData} sound */
  #play(sound) {
    const samples = new Float32Array(sound.numberOfFrames);
    sound.copyTo(samples, { planeIndex: 0, format: 'f32-planar' });
    sound.close();
    const stampMs = this.#stamps.shift();
    if (stampMs === undefined) return; // of a decoder that has been given up
    this.#node?.port.postMessage({ samples, stampMs }, [samples.buffer]);
  }

  /** @param {import('./sound_worklet.js').SoundReport} report */
  #report({ peak, stampMs, atS }) {
    const robotMs = this.#clock.now();
    let ageMs = null;
    if (stampMs !== null && robotMs !== null) {
      const { contextTime = 0, performanceTime = 0 } = this.#context.getOutputTimestamp();
      const heardMs = performanceTime + (atS - contextTime) * 1000; // by this page's clock
      ageMs = robotMs + (heardMs - performance.now()) - stampMs;
    }
    this.#owner.heard(peak, ageMs);
  }

  #end() {
    if (this.#decoder && this.#decoder.state !== 'closed') this.#decoder.close();
    this.#decoder = null;
    this.#stamps = [];
  }
}
