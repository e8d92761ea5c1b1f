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

// What the viewer has chosen; it lives in the page's address, so that it can be bookmarked.

import { address } from './robot.js';

const query = new URLSearchParams(location.search);

export const choice = {
  /** Topics, side by side; none is the robot's default. */
  topics: [...new Set(query.getAll('topic'))],
  /** Name of a quality tier, or `auto`. */
  tier: query.get('tier') ?? 'auto',
  /** Whether figures are shown over the pictures. */
  figures: query.get('figures') !== 'off',
  /** `mjpeg` for no WebSocket. */
  transport: query.get('transport') ?? 'auto',
};

/** Change something of it, and the page's address with it. */
export function choose(change) {
  Object.assign(choice, change);
  const words = choice.topics.map((topic) => ['topic', topic]);
  if (choice.tier !== 'auto') words.push(['tier', choice.tier]);
  if (!choice.figures) words.push(['figures', 'off']);
  if (choice.transport !== 'auto') words.push(['transport', choice.transport]);
  history.replaceState(null, '', address(location.pathname, words));
}
