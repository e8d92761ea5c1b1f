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

// What is heard of the robot: by whichever way this page can.

import { RtcSound } from './sound_rtc.js';
import { SocketSound } from './sound_socket.js';

const NO_WAY = 'This browser plays sound over HTTPS only: run '
  + '`python3 -m pi_camera_stream secure` on the robot';

/**
 * @typedef {import('./sound_socket.js').SoundOwner & { allowed: (allowed: boolean) => void
 *   }} PlayerOwner `allowed(false)`: browsers play nothing before the page has been touched
 */

/** Plays from `start`, which somebody's touch is best the reason for, to `stop`. */
export class SoundPlayer {
  #owner;
  #muted = false;
  /** @type {AudioContext | null} */
  #context = null;
  /** @type {SocketSound | RtcSound | null} */
  #way = null;

  /** @param {PlayerOwner} owner */
  constructor(owner) {
    this.#owner = owner;
  }

  get running() {
    return this.#context !== null;
  }

  async start() {
    if (this.#context) return;
    const Way = [SocketSound, RtcSound].find(({ available }) => available);
    if (!Way || !('AudioContext' in window)) {
      this.#owner.said(NO_WAY);
      return;
    }
    const context = new AudioContext({ latencyHint: 'interactive', sampleRate: 48_000 });
    this.#context = context;
    context.onstatechange = () => this.#look();
    this.#look();
    for (const kind of ['pointerup', 'keydown']) addEventListener(kind, this.#touched);
    this.#way = new Way(context, this.#owner);
    this.#way.mute(this.#muted);
    try {
      await this.#way.start();
    } catch {
      this.#owner.said('This browser cannot play sound: reload this page');
    }
  }

  stop() {
    for (const kind of ['pointerup', 'keydown']) removeEventListener(kind, this.#touched);
    this.#way?.stop();
    this.#way = null;
    if (this.#context) {
      this.#context.onstatechange = null;
      this.#context.close();
    }
    this.#context = null;
  }

  wake() {
    this.#way?.wake();
  }

  /** @param {boolean} muted */
  mute(muted) {
    this.#muted = muted;
    this.#way?.mute(muted);
  }

  #touched = () => {
    if (this.#context?.state !== 'running') this.#context?.resume();
    this.#way?.touched();
  };

  #look() {
    if (this.#context) this.#owner.allowed(this.#context.state === 'running');
  }
}
