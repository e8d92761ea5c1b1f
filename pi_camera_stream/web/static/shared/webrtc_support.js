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

// Whether this page can show video by WebRTC; that needs no HTTPS.

const NONE = 'This browser has no WebRTC';
const NO_H264 = 'This browser has no H.264 for WebRTC';
const BLIND = 'This browser does not tell which picture of a video it shows';

/** Why it cannot, a sentence; empty when it can, as far as one can know before asking a robot. */
export const whyNoWebRtc = lookAround();

function lookAround() {
  if (!('RTCPeerConnection' in window)) return NONE;
  if (!('requestVideoFrameCallback' in HTMLVideoElement.prototype)) return BLIND;
  const codecs = RTCRtpReceiver.getCapabilities?.('video')?.codecs;
  return !codecs || codecs.some(isH264) ? '' : NO_H264;
}

/** @param {{ mimeType: string }} codec */
export function isH264({ mimeType }) {
  return mimeType.toLowerCase() === 'video/h264';
}
