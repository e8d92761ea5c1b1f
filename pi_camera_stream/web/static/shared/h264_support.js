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

// Whether this page can show H.264 that comes by a WebSocket; by WebRTC, see webrtc_support.js.

const USUAL = 'avc1.640028'; // profile High, up to 1920x1080
const PATIENCE_MS = 1000;

const INSECURE = 'Without WebRTC, browsers decode H.264 only over HTTPS, or on the robot itself '
  + '(localhost). To set up HTTPS, run on the robot: python3 -m pi_camera_stream secure';
const UNABLE = 'This browser cannot decode H.264';

/** Why it cannot, a sentence; empty when it can. The browser tells within a ms. */
export const whyNoH264 = askBrowser();

async function askBrowser() {
  if (!isSecureContext) return INSECURE;
  if (!('VideoDecoder' in window)) return UNABLE;
  const asked = VideoDecoder.isConfigSupported({ codec: USUAL, optimizeForLatency: true })
    .then(({ supported }) => supported, () => false);
  return await Promise.race([asked, patience()]) ? '' : UNABLE;
}

/** No picture waits for a browser that says nothing. */
function patience() {
  return new Promise((resolve) => setTimeout(() => resolve(false), PATIENCE_MS));
}
