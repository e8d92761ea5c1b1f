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

// The viewer page: puts its parts together.

import { address } from '../shared/api.js';
import { CameraGrid } from '../shared/camera_grid.js';
import { CameraView } from '../shared/camera_view.js';
import { find, setText } from '../shared/dom.js';
import { FullScreen } from '../shared/full_screen.js';
import { whyNoH264 } from '../shared/h264_support.js';
import { onKeys } from '../shared/keys.js';
import { UrlState } from '../shared/url_state.js';
import { whyNoWebRtc } from '../shared/webrtc_support.js';
import { Account } from './account.js';
import { CameraControls } from './camera_controls.js';
import { CameraMenu } from './camera_menu.js';
import { DrivingFinder } from './driving_finder.js';
import { MachineNote } from './machine_note.js';
import { QualityMenu } from './quality_menu.js';
import { Recording } from './recording.js';
import { saveSnapshot } from './snapshot.js';
import { Sound } from './sound.js';

const MESSAGE_MS = 8000;
const WITHOUT_SOCKETS = 'This needs WebSockets, which are not used here';
const WEBRTC = 'webrtc';

const urlState = new UrlState();
let messageTimer = 0;

const cameras = new CameraGrid(find(document, '#stage'), (topic) => new CameraView(
  topic, urlState.tier, urlState.transport,
  { greeted, reshaped: () => cameras.layOut(), unavailable, withoutH264 }));
const cameraMenu = new CameraMenu(find(document, '#cameras'), {
  shown: () => cameras.topics, choose: (topics) => showCameras(topics, true),
});
const qualityMenu = new QualityMenu(find(document, '#quality'),
  urlState.transport === WEBRTC ? WEBRTC : urlState.tier, chooseQuality);
const controls = new CameraControls(find(document, '#controls'), {
  topic: () => cameras.selected.topic,
});
const fullScreen = new FullScreen(find(document, '#fullscreen'), () => driving.escaped());
const account = new Account(find(document, '#account'));
const recording = new Recording(find(document, '#record'));
const sound = new Sound(find(document, '#sound'), urlState.sound, (choice) => {
  urlState.update({ sound: choice });
});
const driving = new DrivingFinder(() => cameras.views, (state) => {
  controls.stated(state);
  account.stated(state);
  recording.stated(state);
  sound.stated(state);
});
const machineNote = new MachineNote(find(document, '#machine'));

/**
 * @param {string[]} topics
 * @param {boolean} chosen
 */
function showCameras(topics, chosen) {
  if (chosen) urlState.update({ topics });
  cameras.show(topics);
  withoutH264();
  if (!document.hidden) start();
  cameraMenu.mark();
  name();
}

/** @param {string} quality */
function chooseQuality(quality) {
  const before = urlState.transport;
  const [tier, transport] = quality === WEBRTC ? ['auto', WEBRTC]
    : [quality, before === WEBRTC ? 'auto' : before];
  urlState.update({ tier, transport });
  for (const view of cameras.views) {
    if (transport !== before) view.useTransport(transport);
    view.setTier(tier);
  }
}

function start() {
  machineNote.start();
  recording.start();
  for (const view of cameras.views) view.start();
}

function stop() {
  machineNote.stop();
  recording.stop();
  for (const view of cameras.views) view.stop();
}

/** @type {import('../shared/camera_view.js').CameraOwner['greeted']} */
function greeted(_, tiers) {
  if (tiers) qualityMenu.name(tiers);
  driving.greeted(Boolean(tiers));
  cameraMenu.refresh();
  name();
}

/** Where one camera has it, it can be chosen. */
async function withoutH264() {
  const sockets = urlState.transport === 'mjpeg' ? WITHOUT_SOCKETS : '';
  const decoder = await whyNoH264;
  const webrtc = whyNoWebRtc || sockets || common(({ webRtcReason }) => webRtcReason);
  const h264 = sockets || common(({ h264Reason }) => h264Reason) || (webrtc && decoder);
  qualityMenu.without({ h264, webrtc });
}

/**
 * Return why none of the cameras has something; empty where one does.
 *
 * @param {(view: CameraView) => string} reason
 */
function common(reason) {
  const reasons = cameras.views.map(reason);
  return reasons.every(Boolean) ? reasons[0] ?? '' : '';
}

/** WebSockets do not get through to here: nor will they for the other cameras. */
function unavailable() {
  urlState.transport = 'mjpeg';
  for (const view of cameras.views) view.useTransport('mjpeg');
  withoutH264();
}

function name() {
  const topics = cameras.topics.filter(Boolean);
  setText(find(document, '#topics'), topics.length > 1 ? `${topics.length} cameras`
    : topics[0] ?? 'Camera');
  document.title = [...topics, 'Camera'].join(' – ');
  const link = find(document, '#latency', HTMLAnchorElement);
  link.href = address('latency', topics[0] ? { topic: topics[0] } : {});
}

/** @param {string} text */
function showMessage(text) {
  find(document, '#message').textContent = text;
  clearTimeout(messageTimer);
  messageTimer = setTimeout(() => {
    find(document, '#message').textContent = '';
  }, MESSAGE_MS);
}

async function snapshot() {
  const button = find(document, '#snapshot');
  if (button.getAttribute('aria-busy') === 'true') return;
  button.setAttribute('aria-busy', 'true'); // it may take three seconds
  try {
    await saveSnapshot(cameras.selected.topic);
    showMessage('');
  } catch (error) {
    showMessage(error instanceof Error ? error.message : String(error));
  }
  button.setAttribute('aria-busy', 'false');
}

/** @param {boolean} figures */
function showFigures(figures) {
  urlState.update({ figures });
  markFigures();
}

function markFigures() {
  document.body.classList.toggle('without-figures', !urlState.figures);
  find(document, '#figures').setAttribute('aria-pressed', String(urlState.figures));
}

find(document, '#snapshot').addEventListener('click', snapshot);
find(document, '#figures').addEventListener('click', () => showFigures(!urlState.figures));
onKeys({
  f: () => fullScreen.toggle(),
  i: () => showFigures(!urlState.figures),
  m: () => sound.toggle(),
  s: snapshot,
}, (number) => cameraMenu.chooseNumber(number));
document.addEventListener('visibilitychange', () => (document.hidden ? stop() : start()));
addEventListener('pagehide', stop);
addEventListener('pageshow', ({ persisted }) => persisted && start());
addEventListener('online', () => {
  cameras.views.forEach((view) => view.wake());
  driving.wake();
});

// Not before: an endless image would keep the page loading for ever.
addEventListener('load', () => {
  showCameras(urlState.topics.length ? urlState.topics : [''], false);
  driving.check();
});
markFigures();
find(document, '#bar').hidden = false;
