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

// What the controls of cameras are called, and in which unit they are.

/** @type {Record<string, [string, string?]>} */
const WORDS = {
  AeEnable: ['Automatic exposure'],
  ExposureTime: ['Exposure time', 'µs'],
  AnalogueGain: ['Gain', '×'],
  ExposureValue: ['Exposure compensation', 'EV'],
  AeMeteringMode: ['Metering'],
  AeExposureMode: ['Exposure mode'],
  AeConstraintMode: ['Exposure constraint'],
  AeFlickerMode: ['Flicker'],
  AeFlickerPeriod: ['Flicker period', 'µs'],
  HdrMode: ['HDR'],
  AwbEnable: ['Automatic white balance'],
  AwbMode: ['White balance for'],
  ColourTemperature: ['Color temperature', 'K'],
  AfMode: ['Autofocus'],
  AfRange: ['Focus range'],
  AfSpeed: ['Focus speed'],
  LensPosition: ['Lens position', 'dpt'],
  hflip: ['Mirror left to right'],
  vflip: ['Mirror upside down'],
  rotation: ['Turn clockwise'],
};
/** @type {Record<string, string[]>} */
const ELEMENTS = { ColourGains: ['Red gain', 'Blue gain'] };

/**
 * Return what a control is called, or the `index`-th element of one that is a list.
 *
 * @param {string} name
 * @param {number} [index]
 */
export function labelOf(name, index) {
  const label = WORDS[name]?.[0] ?? plainWords(name);
  if (index === undefined) return label;
  return ELEMENTS[name]?.[index] ?? `${label} ${index + 1}`;
}

/** @param {string} name */
export function unitOf(name) {
  return WORDS[name]?.[1] ?? '';
}

/** @param {string} name as in `AnalogueGainMode`, or `v4l2.power_line_frequency` */
function plainWords(name) {
  const words = name.replace(/^v4l2\./, '').replaceAll('_', ' ')
    .replace(/(?<=[a-z])(?=[A-Z])/g, ' ').toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
