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

const DECODERS = 2; // at a time; the browser decodes in threads of its own

/**
 * Decodes pictures and paints the newest one; nothing waits. A picture has a `jpeg`, and its
 * `leftOut()` is called when a newer one came before it was painted. The owner hears of the others
 * by `painted(picture)`, right after that, and by `failed()` when one cannot be decoded. The
 * `bitmap` of a painted picture is there as long as that call lasts.
 */
export class Painter {
  #canvas;
  #context;
  #owner;
  #decoding = 0;
  #order = 0; // of arrival
  #waiting = null; // the newest one that is not being decoded yet
  #decoded = null; // the one that the next animation frame paints
  #newest = 0; // its order, or that of the last one painted
  #frame = 0;

  constructor(canvas, owner) {
    this.#canvas = canvas;
    this.#context = canvas.getContext('2d', { alpha: false });
    this.#owner = owner;
  }

  offer(picture) {
    this.#waiting?.leftOut();
    this.#waiting = picture;
    picture.order = ++this.#order;
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
    try {
      const jpeg = new Blob([picture.jpeg], { type: 'image/jpeg' });
      picture.bitmap = await createImageBitmap(jpeg);
      this.#take(picture);
    } catch {
      picture.leftOut();
      this.#owner.failed();
    }
    this.#decoding -= 1;
    this.#decode();
  }

  #take(picture) {
    if (picture.order <= this.#newest) {
      picture.bitmap.close();
      picture.leftOut();
      return;
    }
    this.#decoded?.bitmap.close();
    this.#decoded?.leftOut();
    this.#decoded = picture;
    this.#newest = picture.order;
    this.#frame ||= requestAnimationFrame(() => this.#paint());
  }

  #paint() {
    const picture = this.#decoded;
    const { width, height } = picture.bitmap;
    this.#frame = 0;
    this.#decoded = null;
    // With all pixels of the picture; the browser fits them to those of the screen.
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
    this.#context.drawImage(picture.bitmap, 0, 0);
    try {
      this.#owner.painted({ ...picture, width, height });
    } finally {
      picture.bitmap.close();
    }
  }
}
