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

// Sound by WebRTC, for pages that browsers do not take for secure.

import { ApiError, ask } from './api.js';

const WHERE = 'whep/sound';
const TIMEOUT_MS = 10_000;
const AGAIN_MS = 2000;
const REPORT_MS = 100;

/**
 * One way to hear. The context is for the level alone: what goes through it is heard 35 ms later
 * than by an element.
 *
 * It is a connection of its own: browsers hold pictures back that have one with sound.
 */
export class RtcSound {
  static available = 'RTCPeerConnection' in window;

  #context;
  #owner;
  /** @type {RTCPeerConnection | null} */
  #peer = null;
  #session = ''; // its address, by which it is ended
  #again = 0;
  #reporting = 0;
  #meter;
  #element = new Audio();

  /**
   * @param {AudioContext} context
   * @param {import('./sound_socket.js').SoundOwner} owner
   */
  constructor(context, owner) {
    this.#context = context;
    this.#owner = owner;
    this.#meter = context.createAnalyser();
    this.#meter.fftSize = 2048;
  }

  async start() {
    this.#drop();
    const peer = new RTCPeerConnection();
    this.#peer = peer;
    const { receiver } = peer.addTransceiver('audio', { direction: 'recvonly' });
    if ('jitterBufferTarget' in receiver) receiver.jitterBufferTarget = 0;
    peer.ontrack = ({ track }) => this.#play(new MediaStream([track]));
    peer.onconnectionstatechange = () => {
      if (peer.connectionState === 'failed') this.#lost(peer, 'The robot sends no sound');
      else if (peer.connectionState === 'connected') this.#owner.said('');
    };
    try {
      await peer.setLocalDescription(await peer.createOffer());
      const response = await ask(WHERE, {
        method: 'POST',
        body: peer.localDescription?.sdp,
        headers: { 'Content-Type': 'application/sdp' },
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const session = new URL(response.headers.get('Location') ?? '', response.url).href;
      const sdp = await response.text();
      if (peer !== this.#peer) {
        end(session);
        return;
      }
      this.#session = session;
      await peer.setRemoteDescription({ type: 'answer', sdp });
    } catch (error) {
      this.#lost(peer, error instanceof ApiError ? error.message : 'The robot sends no sound');
    }
  }

  stop() {
    this.#drop();
    clearInterval(this.#reporting);
    this.#reporting = 0;
  }

  wake() {
    if (this.#again) this.start();
  }

  /** @param {boolean} muted */
  mute(muted) {
    this.#element.muted = muted;
  }

  /** The page has been touched: now it may play. */
  touched() {
    if (this.#element.srcObject && this.#element.paused) this.#element.play().catch(() => {});
  }

  /**
   * @param {RTCPeerConnection} peer
   * @param {string} sentence
   */
  #lost(peer, sentence) {
    if (peer !== this.#peer) return;
    this.#drop();
    this.#owner.said(sentence);
    this.#again = setTimeout(() => this.start(), AGAIN_MS);
  }

  #drop() {
    clearTimeout(this.#again);
    this.#again = 0;
    const peer = this.#peer;
    this.#peer = null;
    if (!peer) return;
    peer.onconnectionstatechange = peer.ontrack = null;
    peer.close();
    end(this.#session);
    this.#session = '';
    this.#element.srcObject = null;
  }

  /** @param {MediaStream} stream */
  #play(stream) {
    this.#element.srcObject = stream;
    this.#element.play().catch(() => {}); // not before the page has been touched
    this.#context.createMediaStreamSource(stream).connect(this.#meter);
    clearInterval(this.#reporting);
    const samples = new Float32Array(this.#meter.fftSize);
    this.#reporting = setInterval(() => {
      this.#meter.getFloatTimeDomainData(samples);
      this.#owner.heard(samples.reduce((most, one) => Math.max(most, Math.abs(one)), 0), null);
    }, REPORT_MS);
  }
}

/** @param {string} session */
function end(session) {
  if (session) fetch(session, { method: 'DELETE', keepalive: true }).catch(() => {});
}
