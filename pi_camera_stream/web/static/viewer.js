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

// The viewer page: an <img> that shows the endless picture, and what /state says below it.

const STATE_PERIOD_MS = 1000;
const SILENT_S = 2; // without a picture for so long, say so

const element = (id) => document.getElementById(id);
const picture = element('picture');
let connected = false;

function connect() {
  // A new address each time: the browser would not open the same endless picture again.
  picture.src = `/stream.mjpg?opened=${Date.now()}`;
  connected = true;
}

function disconnect() {
  picture.removeAttribute('src');
  connected = false;
}

function notice(text) {
  element('notice').hidden = !text;
  if (element('notice').textContent !== text) element('notice').textContent = text;
}

function show(state) {
  const silent = state.last_frame_s_ago === null || state.last_frame_s_ago > SILENT_S;
  element('topic').textContent = state.topic;
  element('rate').textContent = `${state.frames_per_s.toFixed(1)} /s`;
  element('age').textContent = silent || state.age_ms === null ? '–' : `${state.age_ms.toFixed(0)} ms`;
  element('size').textContent = state.width ? `${state.width}×${state.height}` : '–';
  element('viewers').textContent = state.viewers.length;
  if (!silent) notice('');
  else if (state.last_frame_s_ago === null) notice(`Waiting for a picture on ${state.topic}`);
  else notice(`No signal since ${state.last_frame_s_ago.toFixed(0)} s`);
}

async function poll() {
  if (document.hidden) return;
  try {
    const response = await fetch('/state', { signal: AbortSignal.timeout(3 * STATE_PERIOD_MS) });
    if (!response.ok) throw new Error(response.statusText);
    const state = await response.json();
    if (!connected) connect();
    show(state);
  } catch {
    connected = false; // the last picture stays on the screen until the bridge is back
    notice('No connection to the robot, trying again');
  }
}

document.addEventListener('visibilitychange', () => {
  if (document.hidden) disconnect();
  else poll();
});
picture.addEventListener('error', () => {
  connected = false;
});
element('fullscreen').hidden = !document.fullscreenEnabled;
element('fullscreen').addEventListener('click', () => element('stage').requestFullscreen());

// Not before: a picture that never ends would keep the page loading for ever.
addEventListener('load', () => {
  connect();
  poll();
  setInterval(poll, STATE_PERIOD_MS);
});
