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

// The page of recordings: lists them, and puts its parts together.

import { ApiError, get, post } from '../shared/api.js';
import { find, setText } from '../shared/dom.js';
import { describe, switchWords } from '../shared/recording_words.js';
import { FileRow } from './file_row.js';
import { Player } from './player.js';

const PERIOD_MS = 5000;

/**
 * @typedef {import('./file_row.js').File} File
 * @typedef {import('../shared/recording_words.js').RecordingState} RecordingState
 */

const player = new Player(find(document, '#player'));
const button = find(document, '#switch', HTMLButtonElement);
const note = find(document, '#note');
/** @type {Map<string, FileRow>} */
const rows = new Map();
let on = false;
let timer = 0;

async function load() {
  clearTimeout(timer);
  timer = setTimeout(load, PERIOD_MS);
  try {
    const { recording, files } = await (await get('recordings.json')).json();
    show(recording, files);
  } catch (error) {
    if (error instanceof ApiError && error.status === 429) return;
    setText(note, error instanceof ApiError ? error.message : 'The robot does not answer');
    if (error instanceof ApiError && error.status === 403) await refused();
  }
}

/** Who has not logged in may do so, where there is something to log in with. */
async function refused() {
  clearTimeout(timer);
  try {
    const { you } = await (await get('state')).json();
    find(document, '#log-in').hidden = you.role !== 'watches';
  } catch {
    // The reason stands there.
  }
}

/**
 * @param {RecordingState} state
 * @param {File[]} files
 */
function show(state, files) {
  setText(find(document, '#state'), describe(state));
  on = state.recording;
  button.hidden = !state.you_may.record;
  setText(button, switchWords(state));
  button.classList.toggle('on', on);
  setText(note, files.length ? '' : 'Nothing has been recorded yet.');
  for (const name of rows.keys()) {
    if (!files.some((file) => file.name === name)) rows.delete(name);
  }
  const elements = files.map((file) => {
    const row = rows.get(file.name)
      ?? new FileRow(file, { play: (chosen) => player.play(chosen), deleted: load });
    rows.set(file.name, row);
    row.show(file, state.you_may.record);
    return row.element;
  });
  arrange(find(document, '#files'), elements);
  player.listed(files);
}

/**
 * Let a list have these elements, and move none that is where it belongs: it may have the focus.
 *
 * @param {HTMLElement} list
 * @param {HTMLElement[]} elements
 */
function arrange(list, elements) {
  for (const element of [...list.children]) {
    if (!elements.includes(/** @type {HTMLElement} */ (element))) element.remove();
  }
  elements.forEach((element, index) => {
    if (list.children[index] !== element) list.insertBefore(element, list.children[index] ?? null);
  });
}

button.addEventListener('click', async () => {
  button.disabled = true;
  try {
    await post('record', { on: !on });
    await load();
  } catch (error) {
    setText(note, error instanceof Error ? error.message : String(error));
  }
  button.disabled = false;
});
document.addEventListener('visibilitychange', () => (
  document.hidden ? clearTimeout(timer) : load()));
load();
