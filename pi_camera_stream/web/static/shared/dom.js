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

// The elements of a page, and words in them.

/** What stands where nothing is known. */
export const NOTHING = '–';

/**
 * Return the first element below `root` that matches. Throws where there is none, or one of
 * another kind: then a page and its modules do not belong together.
 *
 * @template {Element} T
 * @overload
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => T} Kind
 * @returns {T}
 */
/**
 * @overload
 * @param {ParentNode} root
 * @param {string} selector
 * @returns {HTMLElement}
 */
/**
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => Element} Kind
 */
export function find(root, selector, Kind = HTMLElement) {
  const element = root.querySelector(selector);
  if (element instanceof Kind) return element;
  throw new TypeError(`there is no ${Kind.name} ${selector} here`);
}

/**
 * Return a new copy of the one element in the <template> that `selector` finds.
 *
 * @param {string} selector
 * @returns {HTMLElement}
 */
export function copyTemplate(selector) {
  const { content } = find(document, selector, HTMLTemplateElement);
  return /** @type {HTMLElement} */ (find(content, '*').cloneNode(true));
}

/**
 * Return the element that an event is about, null for the page itself.
 *
 * @param {Event} event
 * @returns {Element | null}
 */
export function targetOf({ target }) {
  return target instanceof Element ? target : null;
}

/**
 * Return what draws on a canvas that has not been drawn on.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {CanvasRenderingContext2DSettings} settings
 */
export function newContext(canvas, settings) {
  return /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d', settings));
}

/**
 * Let `element` have that text; what stays the same is not said again to a screen reader.
 *
 * @param {Node} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Return a duration as it is shown.
 *
 * @param {number | null} durationMs
 */
export function milliseconds(durationMs) {
  return durationMs === null ? NOTHING : `${durationMs.toFixed(0)} ms`;
}
