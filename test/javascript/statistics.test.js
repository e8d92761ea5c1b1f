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

import { LatencySamples } from '../../pi_camera_stream/web/static/latency/latency_samples.js';
import { milliseconds } from '../../pi_camera_stream/web/static/shared/dom.js';
import { median } from '../../pi_camera_stream/web/static/shared/median.js';

/** Return samples with these latencies. */
function samples(...values) {
  const all = new LatencySamples();
  for (const value of values) all.add(value);
  return all;
}

test('the median is the value in the middle, of those that are known', () => {
  assert.equal(median([]), null);
  assert.equal(median([null, null]), null);
  assert.equal(median([100, null, 9, 10]), 10); // as numbers, not as words
  assert.equal(median([4, 1, 3, 2]), 2.5);
});

test('the median leaves its values as they are', () => {
  const values = [3, 1, 2];
  median(values);
  assert.deepEqual(values, [3, 1, 2]);
});

test('without a latency there are no figures, but the share that was decoded', () => {
  assert.deepEqual(samples().summary(), {
    newestMs: null, medianMs: null, p95Ms: null, leastMs: null, mostMs: null, count: 0, share: null });
  assert.equal(samples(null, null).summary().share, 0);
  assert.equal(samples(null).bins(24), null);
});

test('the figures follow from all latencies', () => {
  const values = Array.from({ length: 101 }, (_, at) => 100 - at);
  assert.deepEqual(samples(...values, null).summary(), {
    newestMs: 0, medianMs: 50, p95Ms: 95, leastMs: 0, mostMs: 100, count: 101, share: 101 / 102 });
});

test('after a reset nothing is known', () => {
  const all = samples(5, null);
  all.clear();
  assert.deepEqual(all.summary(), samples().summary());
});

test('bins are of a round width, begin at the first one and hold every latency', () => {
  assert.deepEqual(samples(12, 14.9, 15, 29).bins(24),
    { fromMs: 10, widthMs: 5, counts: [2, 1, 0, 1] });
  assert.deepEqual(samples(80).bins(24), { fromMs: 80, widthMs: 5, counts: [1] });
});

test('there are at most as many bins as are asked for', () => {
  for (const [most, widthMs] of [[120, 10], [119, 25], [24, 50], [12, 100], [3, 500]]) {
    const bins = samples(0, 1199).bins(most);
    assert.equal(bins.widthMs, widthMs);
    assert.ok(bins.counts.length <= most);
    assert.equal(bins.counts.reduce((sum, count) => sum + count), 2);
  }
});

test('a duration is shown in whole milliseconds', () => {
  assert.equal(milliseconds(null), '–');
  assert.equal(milliseconds(16.6), '17 ms');
  assert.equal(milliseconds(0), '0 ms');
});
