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

// The four corners of a region that is a square, seen at an angle.

const FILLED = 0.85; // of its hull, the share that the four corners must span
const NEAR = 0.06; // of a side's length: points so near to it belong to it
const LEAST_NEAR_PX = 1.5;
const MIDDLE = [0.1, 0.9]; // of a side: blur makes its ends round
const LEAST_POINTS = 6; // of a side

/** @typedef {[x: number, y: number]} Point */
/** @typedef {Point[]} Quad four of them, clockwise */
/** @typedef {{ x: number, y: number, dx: number, dy: number }} Line a point and a direction */

/**
 * Return the corners of a region, clockwise; null when it has none.
 *
 * @param {import('./dark_regions.js').Region} region
 * @returns {Quad | null}
 */
export function fitQuad(region) {
  const points = outline(region);
  const hull = hullOf(points);
  const rough = reduce(hull);
  if (!rough || area(rough) < FILLED * area(hull)) return null;
  const sides = rough.map((corner, at) => fitSide(points, corner, rough[(at + 1) % 4]));
  const corners = sides.map((side, at) => crossing(sides[(at + 3) % 4], side));
  if (!corners.every((corner) => corner !== null)) return null;
  return plausible(corners, region) ? corners : null;
}

/**
 * Return the outermost points of each row and column, where the dark ends.
 *
 * @param {import('./dark_regions.js').Region} region
 * @returns {Point[]}
 */
function outline({ left, right, top, bottom, runs }) {
  /** @type {Point[]} */
  const rows = Array.from({ length: bottom - top + 1 }, () => [Infinity, -Infinity]);
  /** @type {Point[]} */
  const columns = Array.from({ length: right - left + 1 }, () => [Infinity, -Infinity]);
  for (const [y, first, last] of runs) {
    const row = rows[y - top];
    row[0] = Math.min(row[0], first - 0.5);
    row[1] = Math.max(row[1], last + 0.5);
    for (let x = first; x <= last; x += 1) {
      const column = columns[x - left];
      column[0] = Math.min(column[0], y - 0.5);
      column[1] = y + 0.5; // runs come from top to bottom
    }
  }
  /** @type {Point[]} */
  const points = [];
  rows.forEach(([first, last], at) => points.push([first, top + at], [last, top + at]));
  columns.forEach(([first, last], at) => points.push([left + at, first], [left + at, last]));
  return points;
}

/**
 * Return the convex hull (A. M. Andrew's monotone chain), clockwise where y points down.
 *
 * @param {Point[]} points
 */
function hullOf(points) {
  const sorted = [...points].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  /** @type {(ordered: Point[]) => Point[]} */
  const half = (ordered) => {
    /** @type {Point[]} */
    const chain = [];
    for (const point of ordered) {
      while (chain.length > 1
          && turn(chain[chain.length - 2], chain[chain.length - 1], point) <= 0) chain.pop();
      chain.push(point);
    }
    return chain.slice(0, -1);
  };
  return [...half(sorted), ...half(sorted.reverse())];
}

/**
 * Leave out the corner of a hull that matters least, until there are four.
 *
 * @param {Point[]} hull
 * @returns {Quad | null}
 */
function reduce(hull) {
  const corners = [...hull];
  while (corners.length > 4) {
    let least = 0;
    let smallest = Infinity;
    corners.forEach((corner, at) => {
      const size = turn(before(corners, at), corner, corners[(at + 1) % corners.length]);
      if (size < smallest) [least, smallest] = [at, size];
    });
    corners.splice(least, 1);
  }
  return corners.length === 4 ? spread(corners, hull) : null;
}

/**
 * Move each of four corners to where in the hull it spans the most.
 *
 * @param {Quad} corners
 * @param {Point[]} hull
 */
function spread(corners, hull) {
  for (let at = 0; at < 2 * corners.length; at += 1) {
    const [previous, next] = [before(corners, at % 4), corners[(at + 1) % 4]];
    corners[at % 4] = hull.reduce((best, point) => (
      turn(previous, point, next) > turn(previous, best, next) ? point : best), corners[at % 4]);
  }
  return corners;
}

/**
 * Return the straight line through the points along a side.
 *
 * @param {Point[]} points
 * @param {Point} from
 * @param {Point} to
 * @returns {Line | null}
 */
function fitSide(points, from, to) {
  const length = Math.hypot(to[0] - from[0], to[1] - from[1]);
  const along = [(to[0] - from[0]) / length, (to[1] - from[1]) / length];
  const near = Math.max(LEAST_NEAR_PX, NEAR * length);
  const ours = points.filter(([x, y]) => {
    const [dx, dy] = [x - from[0], y - from[1]];
    const part = (dx * along[0] + dy * along[1]) / length;
    return part > MIDDLE[0] && part < MIDDLE[1]
      && Math.abs(dx * along[1] - dy * along[0]) < near;
  });
  if (ours.length < LEAST_POINTS) return null;
  const x = ours.reduce((sum, point) => sum + point[0], 0) / ours.length;
  const y = ours.reduce((sum, point) => sum + point[1], 0) / ours.length;
  let [xx, xy, yy] = [0, 0, 0];
  for (const point of ours) {
    xx += (point[0] - x) ** 2;
    xy += (point[0] - x) * (point[1] - y);
    yy += (point[1] - y) ** 2;
  }
  const angle = Math.atan2(2 * xy, xx - yy) / 2; // of the longer axis
  return { x, y, dx: Math.cos(angle), dy: Math.sin(angle) };
}

/**
 * @param {Line | null} one
 * @param {Line | null} other
 * @returns {Point | null}
 */
function crossing(one, other) {
  if (!one || !other) return null;
  const across = one.dx * other.dy - one.dy * other.dx;
  if (Math.abs(across) < 0.1) return null; // nearly parallel
  const t = ((other.x - one.x) * other.dy - (other.y - one.y) * other.dx) / across;
  return [one.x + t * one.dx, one.y + t * one.dy];
}

/**
 * Whether the corners go round, and stay about where the region is.
 *
 * @param {Quad} corners
 * @param {import('./dark_regions.js').Region} region
 */
function plausible(corners, { left, right, top, bottom }) {
  const slack = 0.1 * Math.max(right - left, bottom - top) + 2;
  return corners.every(([x, y], at) => x > left - slack && x < right + slack && y > top - slack
    && y < bottom + slack && turn(before(corners, at), [x, y], corners[(at + 1) % 4]) > 0);
}

/**
 * @param {Point[]} corners
 * @param {number} at
 */
function before(corners, at) {
  return corners[(at + corners.length - 1) % corners.length];
}

/**
 * Twice the area of a triangle; positive when it turns clockwise where y points down.
 *
 * @param {Point} a
 * @param {Point} b
 * @param {Point} c
 */
function turn(a, b, c) {
  return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
}

/** @param {Point[]} corners */
function area(corners) {
  return corners.reduce((sum, [x, y], at) => {
    const [nextX, nextY] = corners[(at + 1) % corners.length];
    return sum + x * nextY - y * nextX;
  }, 0) / 2;
}
