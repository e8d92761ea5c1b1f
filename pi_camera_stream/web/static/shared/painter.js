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

// The newest picture onto a canvas.

import { newContext } from './dom.js';

const DECODERS = 2; // at a time; the browser decodes in threads of its own

/**
 * A picture, and what is called when it was painted, or when a newer one came before.
 *
 * @typedef {object} OfferedPicture
 * @property {Uint8Array<ArrayBuffer>} jpeg
 * @property {(bitmap: ImageBitmap) => void} painted the bitmap is there as long as that lasts
 * @property {() => void} leftOut
 */

/** @typedef {OfferedPicture & { order: number }} WaitingPicture */

/**
 * Decodes pictures and paints the newest one; nothing waits.
 *
 * Where the browser shows the canvas by itself (`desynchronized`), a picture is painted at once,
 * and the next one after an animation frame at the earliest: a page that nobody sees has none, so
 * it paints nothing more, acknowledges nothing, and gets no more pictures. Elsewhere a picture is
 * on the screen no sooner than what the next animation frame draws, so that frame paints it.
 */
export class Painter {
  #canvas;
  #context;
  #atOnce;
  #failed;
  #decoding = 0;
  #order = 0; // of arrival
  /** @type {WaitingPicture | null} */
  #waiting = null; // the newest one that is not being decoded yet
  /** @type {(WaitingPicture & { bitmap: ImageBitmap }) | null} */
  #decoded = null; // the one that waits for the next animation frame
  #newest = 0; // its order, or that of the last one painted
  #frame = 0;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {() => void} failed is called when a picture cannot be decoded
   */
  constructor(canvas, failed) {
    this.#canvas = canvas;
    this.#context = newContext(canvas, { alpha: false, desynchronized: true });
    this.#atOnce = this.#context.getContextAttributes?.().desynchronized === true;
    this.#failed = failed;
  }

  /** @param {OfferedPicture} picture */
  offer(picture) {
    this.#waiting?.leftOut();
    this.#order += 1;
    this.#waiting = { ...picture, order: this.#order };
    this.#decode();
  }

  /** Forget what has not been painted yet. */
  clear() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#waiting = null;
    this.#decoded?.bitmap.close();
    this.#decoded = null;
    this.#newest = this.#order; // what is being decoded comes too late
  }

  async #decode() {
    const picture = this.#waiting;
    if (!picture || this.#decoding === DECODERS) return;
    this.#waiting = null;
    this.#decoding += 1;
    let bitmap = null;
    try {
      bitmap = await createImageBitmap(new Blob([picture.jpeg], { type: 'image/jpeg' }));
    } catch {
      picture.leftOut();
      this.#failed();
    }
    this.#decoding -= 1;
    this.#decode();
    if (bitmap) this.#take(picture, bitmap);
  }

  /**
   * @param {WaitingPicture} picture
   * @param {ImageBitmap} bitmap
   */
  #take(picture, bitmap) {
    if (picture.order <= this.#newest) {
      bitmap.close();
      picture.leftOut();
      return;
    }
    this.#decoded?.bitmap.close();
    this.#decoded?.leftOut();
    this.#decoded = { ...picture, bitmap };
    this.#newest = picture.order;
    if (this.#atOnce && !this.#frame) this.#paint();
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#paint();
    });
  }

  #paint() {
    const picture = this.#decoded;
    this.#decoded = null;
    if (!picture) return;
    const { bitmap } = picture;
    const { width, height } = bitmap;
    // With all pixels of the picture; the browser fits them to those of the screen.
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
    this.#context.drawImage(bitmap, 0, 0);
    try {
      picture.painted(bitmap);
    } finally {
      bitmap.close();
    }
  }
}
