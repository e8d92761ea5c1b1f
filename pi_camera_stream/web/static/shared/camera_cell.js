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

// What each camera is on a page, whichever page it is.

import { find } from './dom.js';

const template = document.createElement('template');
template.innerHTML = `
  <div class="cell">
    <figure class="camera">
      <figcaption>
        <span class="topic"></span>
        <dl class="figures">
          <div><dt>Left out</dt><dd class="left-out"></dd></div>
          <div><dt>Packets</dt><dd class="loss"></dd></div>
          <div><dt>By</dt><dd class="transport"></dd></div>
          <div><dt>Quality</dt><dd class="codec"></dd><dd class="tier">–</dd></div>
          <div><dt>Size</dt><dd class="size">–</dd></div>
          <div><dt>Rate</dt><dd class="rate">–</dd><dd class="bits"></dd></div>
          <div><dt>Age</dt><dd class="age">–</dd><dd class="pixels"></dd></div>
        </dl>
      </figcaption>
      <p class="note" role="status"></p>
      <div class="notice" role="status">
        <p><span class="sentence"></span><span class="since" aria-hidden="true"></span></p>
        <p class="detail"></p>
        <p class="back"></p>
      </div>
    </figure>
  </div>
`;

/** Return a new cell, whose picture is still to be put in. */
export function cameraCell() {
  return /** @type {HTMLElement} */ (find(template.content, '.cell').cloneNode(true));
}
