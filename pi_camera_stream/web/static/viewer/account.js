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

// Who one is to the robot: what that lets one do, and the way in and out.

import { logInAddress, post } from '../shared/api.js';
import { find, setText } from '../shared/dom.js';
import { Menu } from './menu.js';

/** @typedef {{ role: 'watches' | 'equal' | 'leads', logged_in: boolean }} Identity */

const NAMES = { watches: 'Viewer', equal: 'Logged in', leads: 'Driver' };
const WORDS = {
  watches: 'You may watch. To drive, or to change the camera, log in with the driver token.',
  equal: 'You are logged in.',
  leads: 'You have logged in with the driver token: you may drive, and change the camera.',
};

/** Is on the page where there is a way in or out. */
export class Account {
  #room = find(document, '#account-room');
  #menu;

  /** @param {HTMLElement} button */
  constructor(button) {
    this.#menu = new Menu(button);
    find(document, '#log-in', HTMLAnchorElement).addEventListener('click', ({ currentTarget }) => {
      // The address may have changed since.
      if (currentTarget instanceof HTMLAnchorElement) currentTarget.href = logInAddress();
    });
    find(document, '#log-out').addEventListener('click', () => this.#logOut());
  }

  /**
   * Take in what the robot says of itself, and of who asks.
   *
   * @param {{ you?: Identity }} state
   */
  stated({ you }) {
    const shown = Boolean(you && (you.logged_in || you.role !== 'equal'));
    if (!shown) this.#menu.close();
    this.#room.hidden = !shown;
    if (!you) return;
    setText(find(document, '#account span'), NAMES[you.role]);
    setText(find(document, '#account-words'), WORDS[you.role]);
    find(document, '#log-in').hidden = you.role !== 'watches';
    find(document, '#log-out').hidden = !you.logged_in;
  }

  async #logOut() {
    try {
      await post('logout', {});
      location.assign('.');
    } catch (error) {
      setText(find(document, '#account-words'), error instanceof Error ? error.message
        : 'The robot does not answer');
    }
  }
}
