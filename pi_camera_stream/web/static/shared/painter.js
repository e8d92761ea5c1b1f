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
const LATE_MS = 1000; // what is older by more than that, is from another time: a film begins anew

/**
 * A picture as it can be drawn.
 *
 * @typedef {ImageBitmap | VideoFrame} Drawable
 */

/**
 * A picture, and what is called when it was painted, or when a newer one came before.
 *
 * @typedef {object} OfferedPicture
 * @property {number} stampMs
 * @property {number} tier
 * @property {(image: Drawable, width: number, height: number) => void} painted the image is there
 *   as long as that lasts
 * @property {() => void} leftOut
 */

/** @typedef {OfferedPicture & { order: number }} OrderedPicture */
/** @typedef {OrderedPicture & { jpeg: Uint8Array<ArrayBuffer> }} WaitingPicture */

/**
 * Paints the newest picture, JPEGs and what was decoded elsewhere alike; nothing waits.
 *
 * One rendition may be some ms behind another. What comes from it at a change is left out, as long
 * as it is older than what is on the screen.
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
  /** @type {(OrderedPicture & { image: Drawable }) | null} */
  #decoded = null; // the one that waits for the next animation frame
  /** @type {OrderedPicture[]} */
  #replaced = []; // those that did before; the robot sends but a few without an answer
  #newest = 0; // its order, or that of the last one painted
  /** @type {OfferedPicture | null} */
  #last = null; // that one
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

  /**
   * @param {OfferedPicture} picture
   * @param {Uint8Array<ArrayBuffer>} jpeg
   */
  offer(picture, jpeg) {
    this.#waiting?.leftOut();
    this.#waiting = { ...picture, order: this.#next(), jpeg };
    this.#decode();
  }

  /**
   * Paint a picture that was decoded elsewhere, unless it is behind what is on the screen.
   *
   * @param {OfferedPicture} picture
   * @param {VideoFrame} frame is closed
   */
  show(picture, frame) {
    this.#take({ ...picture, order: this.#next() }, frame);
  }

  /**
   * Paint what a <video> shows, which is about to go, and do not go back in time from there.
   *
   * @param {HTMLVideoElement} video
   * @param {number | null} stampMs
   */
  keep(video, stampMs) {
    this.clear();
    this.#draw(video, video.videoWidth, video.videoHeight);
    if (stampMs === null) return;
    this.#last = { stampMs, tier: NaN, painted: () => {}, leftOut: () => {} }; // of no other's
  }

  /** Forget what has not been painted yet. */
  clear() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#waiting = null;
    this.#decoded?.image.close();
    this.#decoded = null;
    this.#replaced = [];
    this.#last = null;
    this.#newest = this.#order; // what is being decoded comes too late
  }

  #next() {
    this.#order += 1;
    return this.#order;
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
   * @param {OrderedPicture} picture
   * @param {Drawable} image
   */
  #take(picture, image) {
    if (picture.order <= this.#newest || this.#isBehind(picture)) {
      image.close();
      picture.leftOut();
      return;
    }
    if (this.#decoded) {
      this.#decoded.image.close();
      this.#replaced.push(this.#decoded);
    }
    this.#decoded = { ...picture, image };
    this.#newest = picture.order;
    this.#last = picture;
    if (this.#atOnce && !this.#frame) this.#paint();
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      for (const { leftOut } of this.#replaced.splice(0)) leftOut();
      this.#paint();
    });
  }

  /** @param {OfferedPicture} picture */
  #isBehind({ stampMs, tier }) {
    if (!this.#last || tier === this.#last.tier) return false;
    const behindMs = this.#last.stampMs - stampMs;
    return behindMs > 0 && behindMs < LATE_MS;
  }

  #paint() {
    const picture = this.#decoded;
    this.#decoded = null;
    if (!picture) return;
    const { image } = picture;
    const [width, height] = sizeOf(image);
    this.#draw(image, width, height);
    try {
      picture.painted(image, width, height);
    } finally {
      image.close();
    }
  }

  /**
   * @param {Drawable | HTMLVideoElement} image
   * @param {number} width
   * @param {number} height
   */
  #draw(image, width, height) {
    // With all pixels of the picture; the browser fits them to those of the screen.
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
    this.#context.drawImage(image, 0, 0);
  }
}

/** @param {Drawable} image */
function sizeOf(image) {
  return 'displayWidth' in image ? [image.displayWidth, image.displayHeight]
    : [image.width, image.height];
}
