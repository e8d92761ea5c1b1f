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

// Plain requests to the robot, over HTTP.

const TIMEOUT_MS = 5000;

/** The robot has answered, with a sentence that says why not. */
export class ApiError extends Error {
  /**
   * @param {number} status of the HTTP response
   * @param {string} sentence
   * @param {number} [retryS] so many seconds later it may be different
   */
  constructor(status, sentence, retryS = 0) {
    super(sentence);
    this.status = status;
    this.retryS = retryS;
  }
}

/**
 * Return an address with its query, in which slashes stay readable. All addresses of the robot are
 * relative to the page: a reverse proxy may have it below a path of its own.
 *
 * @param {string} path
 * @param {Record<string, string> | string[][]} query
 */
export function address(path, query) {
  const words = new URLSearchParams(query).toString().replaceAll('%2F', '/');
  return words ? `${path}?${words}` : path;
}

/** Return the address of the login page, from where one comes back to this page. */
export function logInAddress() {
  const page = location.pathname.slice(location.pathname.lastIndexOf('/'));
  return address('login', { next: page + location.search });
}

/**
 * Return the response to a GET. Throws a ApiError for whatever is no success, and what `fetch`
 * throws when there is no answer. Who is not known (any more) is led to the login page.
 *
 * @param {string} url
 * @param {number} [timeoutMs]
 * @returns {Promise<Response>}
 */
export function get(url, timeoutMs = TIMEOUT_MS) {
  return ask(url, { cache: 'no-store', signal: AbortSignal.timeout(timeoutMs) });
}

/**
 * Return the response to a POST of an object, or throw as `get` does.
 *
 * @param {string} url
 * @param {object} fields
 * @returns {Promise<Response>}
 */
export function post(url, fields) {
  return ask(url, {
    method: 'POST',
    body: JSON.stringify(fields),
    headers: { 'Content-Type': 'application/json' },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
}

/**
 * Return the response to a DELETE, or throw as `get` does.
 *
 * @param {string} url
 * @returns {Promise<Response>}
 */
export function remove(url) {
  return ask(url, { method: 'DELETE', signal: AbortSignal.timeout(TIMEOUT_MS) });
}

/**
 * Return the response to any other request, or throw as `get` does.
 *
 * @param {string} url
 * @param {RequestInit} options
 * @returns {Promise<Response>}
 */
export async function ask(url, options) {
  const response = await fetch(url, options);
  if (response.ok) return response;
  if (response.status === 401) location.assign(logInAddress());
  const retryS = Number(response.headers.get('Retry-After')) || 0;
  throw new ApiError(response.status, sentence(await response.text(), response), retryS);
}

/**
 * @param {string} text
 * @param {Response} response
 */
function sentence(text, response) {
  const reason = text.trim() || `the robot answers ${response.status} ${response.statusText}`;
  return reason[0].toUpperCase() + reason.slice(1);
}
