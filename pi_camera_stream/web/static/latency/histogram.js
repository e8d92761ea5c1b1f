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

// Bars of how often each latency was measured.

const WIDTH = 400;
const HEIGHT = 120; // of the bars; the words are below
const LINE = 18;
const SVG = 'http://www.w3.org/2000/svg';

/** Draws bins into an <svg>. */
export class Histogram {
  #svg;

  /** @param {SVGSVGElement} svg */
  constructor(svg) {
    this.#svg = svg;
    svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT + LINE}`);
  }

  /**
   * Show bins, with a line at the median; null is nothing.
   *
   * @param {import('./latency_samples.js').Bins | null} bins
   * @param {number | null} medianMs
   */
  show(bins, medianMs) {
    this.#svg.replaceChildren();
    if (!bins || medianMs === null) {
      this.#svg.setAttribute('aria-label', 'Histogram: nothing measured yet');
      this.#line('baseline', 0, HEIGHT, WIDTH, HEIGHT);
      return;
    }
    const { fromMs, widthMs, counts } = bins;
    const toMs = fromMs + widthMs * counts.length;
    const step = WIDTH / counts.length;
    const most = Math.max(...counts);
    counts.forEach((count, at) => {
      if (!count) return;
      const height = Math.max(1, HEIGHT * count / most);
      this.#add('rect', {
        x: at * step + 0.5, y: HEIGHT - height, width: Math.max(0.5, step - 1), height,
      });
    });
    this.#line('baseline', 0, HEIGHT, WIDTH, HEIGHT);
    const middle = WIDTH * (medianMs - fromMs) / (toMs - fromMs);
    this.#line('median', middle, 0, middle, HEIGHT);
    this.#write(`${fromMs}`, 0, 'start');
    this.#write(`${widthMs} ms each`, WIDTH / 2, 'middle');
    this.#write(`${toMs} ms`, WIDTH, 'end');
    this.#svg.setAttribute('aria-label', `Histogram of latencies from ${fromMs} to ${toMs} ms, `
      + `median ${medianMs.toFixed(0)} ms`);
  }

  /**
   * @param {string} name
   * @param {number} x1
   * @param {number} y1
   * @param {number} x2
   * @param {number} y2
   */
  #line(name, x1, y1, x2, y2) {
    this.#add('line', { class: name, x1, y1, x2, y2 });
  }

  /**
   * @param {string} text
   * @param {number} x
   * @param {string} anchor
   */
  #write(text, x, anchor) {
    this.#add('text', { x, y: HEIGHT + LINE - 4, 'text-anchor': anchor }).textContent = text;
  }

  /**
   * @param {string} name
   * @param {Record<string, string | number>} attributes
   */
  #add(name, attributes) {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) {
      element.setAttribute(key, String(value));
    }
    this.#svg.append(element);
    return element;
  }
}
