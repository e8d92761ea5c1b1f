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

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { address } from '../../pi_camera_stream/web/static/shared/api.js';
import { UrlState } from '../../pi_camera_stream/web/static/shared/url_state.js';

test('an address without a query is the usual choice', () => {
  const { topics, tier, figures, transport } = new UrlState('');
  assert.deepEqual({ topics, tier, figures, transport },
    { topics: [], tier: 'auto', figures: true, transport: 'auto' });
});

test('an address says all of the choice, a topic once', () => {
  const state = new UrlState(
    '?topic=/a/image_raw&topic=/b&topic=%2Fa%2Fimage_raw&tier=low&figures=off&transport=mjpeg');
  assert.deepEqual(state.topics, ['/a/image_raw', '/b']);
  assert.equal(state.tier, 'low');
  assert.equal(state.figures, false);
  assert.equal(state.transport, 'mjpeg');
});

test('only `off` hides the figures', () => {
  assert.equal(new UrlState('?figures=on').figures, true);
  assert.equal(new UrlState('?figures').figures, true);
});

test('what was read is written again, and the usual is left out', () => {
  for (const query of ['', '?topic=/a&topic=/b', '?topic=/a&tier=low&figures=off&transport=mjpeg']) {
    assert.equal(new UrlState(query).address('/'), `/${query}`);
  }
  assert.equal(new UrlState('?tier=auto&figures=on&transport=auto&token=x').address('/'), '/');
});

test('a change is in the address of the page, and nothing else of it changes', (context) => {
  const shown = [];
  globalThis.location = { pathname: '/latency' };
  globalThis.history = { replaceState: (...words) => shown.push(words[2]) };
  context.after(() => {
    delete globalThis.location;
    delete globalThis.history;
  });
  const state = new UrlState('?topic=/a&tier=low');
  state.update({ topics: ['/b'] });
  state.update({ figures: false });
  assert.deepEqual(shown, ['/latency?topic=/b&tier=low', '/latency?topic=/b&tier=low&figures=off']);
});

test('slashes stay readable in an address, and what has a meaning there is escaped', () => {
  assert.equal(address('/ws', { topic: '/cam/é&x=1#' }), '/ws?topic=/cam/%C3%A9%26x%3D1%23');
});
