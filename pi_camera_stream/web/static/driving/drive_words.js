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

// What is said of driving.

import { milliseconds } from '../shared/dom.js';

/**
 * What the page knows of driving.
 *
 * @typedef {object} PageState
 * @property {string} sentence why the robot is not reached, where it has told that
 * @property {boolean} drives this page has the wheel
 * @property {boolean} held a control
 * @property {boolean} stopping there is a stop that the robot has not confirmed
 * @property {boolean} late the connection
 * @property {string} letGo why the page has let go of the controls, or ''
 * @property {number | null} tripMs
 * @property {number | null} ageMs
 */

/** @typedef {import('./drive_connection.js').DriveState} DriveState */

/** @typedef {{ reached: true } & DriveState} Reached the robot's last message */
/** @typedef {{ reached: false } & Partial<DriveState>} Unreached */
/** @typedef {PageState & (Reached | Unreached)} DriveView what is shown */

const HINT = 'Hold W A S D, the arrows, a stick or a thumb to drive';

/**
 * Return who drives, why the robot does not move (`warns` when that is not as wanted), what the
 * wheel's button says, shortly and in full, the latch, who has pressed the stop `again` and again,
 * and whom of them to `mute`.
 *
 * @param {DriveView} view
 */
export function driveWords(view) {
  const reason = why(view);
  const warns = Boolean(reason) && reason !== HINT;
  const words = { who: who(view), why: reason, warns, latch: latch(view) };
  return { ...words, ...wheel(view), ...pressers(view) };
}

/**
 * Return the figures by the class of their element; '' for what is not to be shown.
 *
 * @param {DriveView} view
 */
export function figureTexts(view) {
  const { drives, tripMs, ageMs } = view;
  const texts = {
    trip: drives ? milliseconds(tripMs) : '',
    video: drives ? milliseconds(ageMs && Math.max(0, ageMs)) : '',
    motion: '',
    turn: '',
    battery: '',
  };
  if (!view.reached) return texts;
  const { driver, linear, angular, battery } = view;
  if (drives || driver) {
    texts.motion = `${rounded(linear)} m/s`;
    texts.turn = `${side(angular)}${rounded(Math.abs(angular))} rad/s`;
  }
  if (battery) texts.battery = charge(battery);
  return texts;
}

/**
 * Return what the sliders of the adjustments say.
 *
 * @param {{ trim: number, soft: number }} tuning
 */
export function adjustTexts({ trim, soft }) {
  const side = trim > 0 ? 'right' : 'left';
  return {
    trim: trim ? `${percent(Math.abs(trim))} ${side}` : 'none',
    soft: soft ? percent(soft) : 'none',
  };
}

/** @param {number} share */
export function percent(share) {
  return `${Math.round(100 * share)} %`;
}

/** @param {DriveView} view */
function who({ reached, drives, you, driver, asking, sentence }) {
  if (!reached) return sentence || 'Connecting to the robot';
  if (drives) return asking ? `You drive – ${asking} asks for the wheel` : 'You drive';
  if (!driver || you) return 'Nobody drives'; // or we did, in the connection before
  return asking ? `${driver} drives – ${asking} asks for the wheel` : `${driver} drives`;
}

/** @param {DriveView} view */
function why(view) {
  if (view.stopping && !view.latched) {
    return view.reached ? 'Stopping' : 'The stop will be sent as soon as the robot can be reached';
  }
  if (!view.reached) return '';
  if (view.muted) return 'The driver has muted your stop for some minutes';
  if (view.fault) return `The vehicle has failed and is being stopped: ${view.fault}`;
  if (view.latched) return contested(view) || 'No motion: the emergency stop holds';
  if (view.refusal) return `Nobody can drive: ${view.refusal}`;
  if (view.late) return 'No motion: the connection is more than 300 ms late';
  if (view.letGo) {
    return `Stopped: ${view.letGo}. ${view.drives ? 'Press again' : 'Take the wheel'} to drive`;
  }
  if (view.drives && !view.held) return HINT;
  if (view.reason && (view.drives || view.driver)) {
    const slower = view.limit > 0 && view.limit < 1;
    return `${slower ? `At ${percent(view.limit)} of the speed` : 'No motion'}: `
      + view.reason;
  }
  return '';
}

/** @param {DriveView} view */
function wheel({ drives, you, driver, asking, may_drive: mayDrive, may_take: mayTake }) {
  if (mayDrive === false) return { wheel: 'Log in to drive', wheelInFull: 'Log in to drive' };
  if (drives && asking) return { wheel: 'Hand over', wheelInFull: `Hand over to ${asking}` };
  if (drives) return { wheel: 'Leave', wheelInFull: 'Leave the wheel' };
  const words = driver && !you && !mayTake ? 'Ask for the wheel' : 'Take the wheel';
  return { wheel: words, wheelInFull: words };
}

/** @param {DriveView} view */
function contested({ others, others_move: move }) {
  return move ? `Contested: ${others} still moves the vehicle` : '';
}

/** @param {DriveView} view */
function latch(view) {
  const { latched, latched_by: by } = view;
  if (!latched) return 'EMERGENCY STOP – not confirmed by the robot yet';
  const words = by ? `EMERGENCY STOP by ${by}` : 'EMERGENCY STOP';
  return contested(view) ? `${words} – CONTESTED by ${view.others}` : words;
}

/** @param {DriveView} view */
function pressers({ again = {}, may_mute: mayMute = false }) {
  const [most] = Object.entries(again).sort(([, one], [, other]) => other - one);
  if (!most) return { again: '', mute: '' };
  const [name, count] = most;
  return { again: `${name} has stopped it ${count} times recently`, mute: mayMute ? name : '' };
}

/** @param {number} angular */
function side(angular) {
  if (Math.abs(angular) < 0.005) return '';
  return angular > 0 ? 'left ' : 'right ';
}

/** @param {number} value */
function rounded(value) {
  return value.toFixed(2).replace(/^-(?=0\.00)/, '').replace('-', '−');
}

/** @param {import('./drive_connection.js').Battery} battery */
function charge({ percentage, voltage }) {
  const parts = [];
  if (typeof percentage === 'number') parts.push(percent(percentage));
  if (typeof voltage === 'number') parts.push(`${voltage.toFixed(1)} V`);
  return parts.join(', ');
}
