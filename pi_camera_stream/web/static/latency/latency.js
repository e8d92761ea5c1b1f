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
import { find } from '../shared/dom.js';
import { FullScreen } from '../shared/full_screen.js';
import { UrlState } from '../shared/url_state.js';
import { WebSocketFeed } from '../shared/websocket_feed.js';
import { canReadPixels, LatencyMeter } from './latency_meter.js';
import { LatencyPanel } from './latency_panel.js';
import { randomKey } from './tile_code.js';
import { TileScreen } from './tile_screen.js';

const NO_SOCKETS = 'This needs WebSockets, which cannot reach the robot from here';
const OLD_BROWSER = 'This browser is too old for this page: use a newer one';
const NO_PIXELS = 'This browser does not let pages read pictures, to protect its user from being '
  + 'recognized: allow it for this page, or use another browser';

const urlState = new UrlState();
// So that the code is legible.
const tier = new URLSearchParams(location.search).get('tier') ?? 'full';
const key = randomKey();
const select = find(document, '#topic', HTMLSelectElement);

const screen = new TileScreen(find(document, '#code canvas', HTMLCanvasElement), key);
const panel = new LatencyPanel(find(document, '#latency'));
/** @type {LatencyMeter | null} */
let meter = null;
const camera = {
  greeted: () => name(),
  /** @type {import('../shared/feed.js').FeedOwner['painted']} */
  painted: (picture) => meter?.offer(picture),
  reshaped: () => grid.layOut(),
  unavailable: () => giveUp(NO_SOCKETS),
};
const grid = new CameraGrid(
  find(document, '#stage'), (topic) => new CameraView(topic, tier, 'websocket', camera));
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

/** @param {string} sentence */
function giveUp(sentence) {
  given = true;
  stop();
  panel.fail(sentence);
}

/** @param {string} topic */
function showTopic(topic) {
  grid.show([topic]);
  panel.clear();
  name();
  start();
}

/** The robot may have other cameras by now. */
async function listTopics() {
  try {
    const { streams } = await (await get('streams')).json();
    offer(streams.map((/** @type {{ topic: string }} */ { topic }) => topic));
  } catch {
    // What is said over the picture is enough.
  }
}

/** @param {string[]} topics */
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
  find(document, '#viewer', HTMLAnchorElement).href = address('./', topic ? { topic } : {});
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

new FullScreen(find(document, '#fullscreen'));
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
