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

// What `/state` says, once a second, for all who want to know.

import { get } from './api.js';

const PERIOD_MS = 1000;
const TIMEOUT_MS = 3000;

/**
 * What is read here of the answer of `/state`.
 *
 * @typedef {object} StreamState
 * @property {string} topic
 * @property {import('./ws_messages.js').Signal} signal
 * @property {number} frames_per_s
 * @property {number | null} age_ms
 * @property {{ transport: string, tier: string }[]} viewers
 */

/**
 * @typedef {object} StateListener
 * @property {(state: { streams: StreamState[] }) => void} stated
 * @property {(error: unknown) => void} unreachable
 */

/** @type {Set<StateListener>} */
const listeners = new Set();
let timer = 0;

/**
 * Call `listener` from now on.
 *
 * @param {StateListener} listener
 */
export function subscribe(listener) {
  listeners.add(listener);
  if (listeners.size === 1) poll();
}

/**
 * Call `listener` no more.
 *
 * @param {StateListener} listener
 */
export function unsubscribe(listener) {
  listeners.delete(listener);
  if (!listeners.size) clearTimeout(timer);
}

async function poll() {
  clearTimeout(timer);
  /** @type {(listener: StateListener) => void} */
  let notify;
  try {
    const state = await (await get('state', TIMEOUT_MS)).json();
    notify = (listener) => listener.stated(state);
  } catch (error) {
    notify = (listener) => listener.unreachable(error);
  }
  for (const listener of [...listeners]) notify(listener);
  clearTimeout(timer);
  if (listeners.size) timer = setTimeout(poll, PERIOD_MS);
}
