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

// One viewer of the robot by WebRTC, from the offer to the end (WHEP): docs/webrtc.md.

import { address, ApiError, ask } from './api.js';
import { isH264 } from './webrtc_support.js';

const ANSWER_MS = 10_000;
const STATE_MS = 3000;

const LOST = 'The connection was lost';

/**
 * What the robot says of it; `rtp_timestamp` and `stamp_ms` are of the last frame it has sent.
 *
 * @typedef {object} WhepState
 * @property {number | null} rtp_timestamp
 * @property {number | null} stamp_ms
 * @property {string} tier
 * @property {number} loss part of the packets
 */

/**
 * @typedef {object} WhepOwner
 * @property {(stream: MediaStream) => void} tracked
 * @property {(reason: Error) => void} failed it has ended; an ApiError is the robot's refusal
 */

/** Is opened once, and closed once. */
export class WhepSession {
  #query;
  #owner;
  #connection = new RTCPeerConnection();
  #receiver;
  #place = ''; // our own address
  #closed = false;
  /** @type {AbortController | null} */
  #asking = null; // what the robot says of it

  /**
   * @param {Record<string, string>} query
   * @param {WhepOwner} owner
   */
  constructor(query, owner) {
    this.#query = query;
    this.#owner = owner;
    const transceiver = this.#connection.addTransceiver('video', { direction: 'recvonly' });
    this.#receiver = transceiver.receiver;
    prefer(transceiver);
    hurry(this.#receiver);
    this.#connection.ontrack = ({ track }) => owner.tracked(new MediaStream([track]));
    this.#connection.onconnectionstatechange = () => {
      if (['closed', 'disconnected', 'failed'].includes(this.#connection.connectionState)) {
        this.#fail(new Error(LOST));
      }
    };
  }

  async open() {
    try {
      // The robot needs no candidates: nobody waits until they are gathered.
      await this.#connection.setLocalDescription();
      const response = await ask(address('whep', this.#query), {
        method: 'POST',
        body: this.#connection.localDescription?.sdp,
        headers: { 'Content-Type': 'application/sdp' },
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      this.#place = new URL(response.headers.get('Location') ?? '', response.url).href;
      const sdp = await response.text();
      if (this.#closed) this.#leave();
      else await this.#connection.setRemoteDescription({ type: 'answer', sdp });
    } catch (error) {
      this.#fail(/** @type {Error} */ (error));
    }
  }

  /** The robot hears of it, also when the page goes. */
  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.ontrack = this.#connection.onconnectionstatechange = null;
    this.#connection.close();
    this.#asking?.abort();
    this.#leave();
  }

  /**
   * Return what the robot says of it; null where it does not answer. Where it knows nothing of us
   * any more, this has ended.
   *
   * @returns {Promise<WhepState | null>}
   */
  async state() {
    if (!this.#place || this.#closed) return null;
    const asking = new AbortController();
    this.#asking = asking;
    const timer = setTimeout(() => asking.abort(), STATE_MS);
    try {
      return await (await ask(this.#place, { cache: 'no-store', signal: asking.signal })).json();
    } catch (error) {
      if (error instanceof ApiError) {
        this.#place = ''; // there is nothing left to be ended
        this.#fail(new Error(LOST));
      }
      return null;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Return how many bytes have come. */
  async bytes() {
    let bytes = 0;
    for (const one of (await this.#receiver.getStats()).values()) {
      if (one.type === 'inbound-rtp') bytes += one.bytesReceived;
    }
    return bytes;
  }

  /** Return the RTP time of the last frame that was decoded; null where the browser hides it. */
  decoded() {
    return this.#receiver.getSynchronizationSources?.()[0]?.rtpTimestamp ?? null;
  }

  #leave() {
    if (this.#place) fetch(this.#place, { method: 'DELETE', keepalive: true }).catch(() => {});
  }

  /** @param {Error} reason */
  #fail(reason) {
    if (this.#closed) return;
    this.close();
    this.#owner.failed(reason);
  }
}

/** @param {RTCRtpTransceiver} transceiver */
function prefer(transceiver) {
  const codecs = RTCRtpReceiver.getCapabilities?.('video')?.codecs;
  if (!codecs?.some(isH264) || !transceiver.setCodecPreferences) return;
  transceiver.setCodecPreferences([
    ...codecs.filter(isH264), ...codecs.filter((codec) => !isH264(codec))]);
}

/**
 * Let pictures be shown as soon as they are there, however unevenly they come.
 *
 * @param {RTCRtpReceiver & { playoutDelayHint?: number, jitterBufferTarget?: number | null }} to
 */
function hurry(to) {
  if ('playoutDelayHint' in to) to.playoutDelayHint = 0; // as Chromium called it first
  if ('jitterBufferTarget' in to) to.jitterBufferTarget = 0;
}
