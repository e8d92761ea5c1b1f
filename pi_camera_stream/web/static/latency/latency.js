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

// The page that measures from glass to glass: puts its parts together.

import { address, get } from '../shared/api.js';
import { CameraGrid } from '../shared/camera_grid.js';
import { CameraView } from '../shared/camera_view.js';
import { FullScreen } from '../shared/full_screen.js';
import { UrlState } from '../shared/url_state.js';
import { WebSocketFeed } from '../shared/websocket_feed.js';
import { canReadPixels, LatencyMeter } from './latency_meter.js';
import { LatencyPanel } from './latency_panel.js';
import { randomKey } from './tile_code.js';
import { TileScreen } from './tile_screen.js';

const NO_SOCKETS = 'This needs WebSockets, which do not get through to the robot from here';
const OLD_BROWSER = 'This browser is too old for it: it lacks what the page is made of';
const NO_PIXELS = 'This browser does not let pages read pictures, to protect its user from being '
  + 'recognised: allow it for this page, or take another browser';

const element = (id) => document.getElementById(id);
const urlState = new UrlState();
const tier = new URLSearchParams(location.search).get('tier') ?? 'full'; // so that the code is legible
const key = randomKey();
const select = element('topic');

const screen = new TileScreen(element('code').firstElementChild, key);
const panel = new LatencyPanel(element('latency'));
let meter = null;
const grid = new CameraGrid(element('stage'), (topic) => new CameraView(topic, tier, 'auto', {
  greeted: () => name(),
  painted: (picture) => meter?.offer(picture),
  reshaped: () => grid.layOut(),
  unavailable: () => giveUp(NO_SOCKETS),
}));
let given = false; // up

function start() {
  if (given || document.hidden) return;
  screen.start();
  panel.start();
  for (const view of grid.views) view.start();
}

function stop() {
  screen.stop();
  panel.stop();
  for (const view of grid.views) view.stop();
}

function giveUp(sentence) {
  given = true;
  stop();
  panel.fail(sentence);
}

function showTopic(topic) {
  grid.show([topic]);
  panel.clear();
  name();
  start();
}

/** The robot may have other cameras by now. */
async function listTopics() {
  try {
    const { streams } = await (await get('/streams')).json();
    offer(streams.map(({ topic }) => topic));
  } catch {
    // What is said over the picture is enough.
  }
}

function offer(topics) {
  const shown = grid.topics[0];
  const values = shown && !topics.includes(shown) ? [...topics, shown] : topics;
  const there = [...select.options].map(({ value }) => value);
  if (values.length && values.join() !== there.join()) {
    select.replaceChildren(...values.map((topic) => new Option(topic, topic)));
  }
  select.value = shown;
}

function name() {
  const [topic] = grid.topics;
  document.title = [topic, 'Glass to glass'].filter(Boolean).join(' – ');
  element('viewer').href = address('/', topic ? { topic } : {});
  listTopics();
}

function begin() {
  if (!WebSocketFeed.available || !('Worker' in window)) {
    giveUp(OLD_BROWSER);
  } else if (!canReadPixels()) {
    giveUp(NO_PIXELS);
  } else {
    meter = new LatencyMeter(key, {
      measured: (latencyMs) => panel.add(latencyMs),
      failed: () => giveUp(OLD_BROWSER),
    });
    showTopic(urlState.topics[0] ?? '');
  }
}

new FullScreen(element('fullscreen'));
select.addEventListener('focus', listTopics);
select.addEventListener('change', () => {
  urlState.update({ topics: [select.value] });
  showTopic(select.value);
});
document.addEventListener('visibilitychange', () => (document.hidden ? stop() : start()));
addEventListener('pagehide', stop);
addEventListener('pageshow', ({ persisted }) => persisted && start());
addEventListener('online', () => grid.views.forEach((view) => view.wake()));
begin();
