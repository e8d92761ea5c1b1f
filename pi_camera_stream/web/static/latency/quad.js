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

/** Return the corners [x, y] of a region of dark_regions.js, clockwise; null when it has none. */
export function fitQuad(region) {
  const points = outline(region);
  const hull = hullOf(points);
  const rough = reduce(hull);
  if (!rough || area(rough) < FILLED * area(hull)) return null;
  const sides = rough.map((corner, at) => fitSide(points, corner, rough[(at + 1) % 4]));
  if (sides.includes(null)) return null;
  const corners = sides.map((side, at) => crossing(sides[(at + 3) % 4], side));
  return corners.includes(null) || !plausible(corners, region) ? null : corners;
}

/** Return the outermost points of each row and column, where the dark ends. */
function outline({ left, right, top, bottom, runs }) {
  const rows = Array.from({ length: bottom - top + 1 }, () => [Infinity, -Infinity]);
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
  return [
    ...rows.flatMap(([first, last], at) => [[first, top + at], [last, top + at]]),
    ...columns.flatMap(([first, last], at) => [[left + at, first], [left + at, last]]),
  ];
}

/** Return the convex hull (A. M. Andrew's monotone chain), clockwise where y points down. */
function hullOf(points) {
  const sorted = [...points].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const half = (ordered) => {
    const chain = [];
    for (const point of ordered) {
      while (chain.length > 1 && turn(chain.at(-2), chain.at(-1), point) <= 0) chain.pop();
      chain.push(point);
    }
    return chain.slice(0, -1);
  };
  return [...half(sorted), ...half(sorted.reverse())];
}

/** Leave out the corner of a hull that matters least, until there are four. */
function reduce(hull) {
  const corners = [...hull];
  while (corners.length > 4) {
    let least = 0;
    let smallest = Infinity;
    corners.forEach((corner, at) => {
      const size = turn(corners.at(at - 1), corner, corners[(at + 1) % corners.length]);
      if (size < smallest) [least, smallest] = [at, size];
    });
    corners.splice(least, 1);
  }
  return corners.length === 4 ? spread(corners, hull) : null;
}

/** Move each of four corners to where in the hull it spans the most. */
function spread(corners, hull) {
  for (let at = 0; at < 2 * corners.length; at += 1) {
    const [before, after] = [corners.at(at % 4 - 1), corners[(at + 1) % 4]];
    corners[at % 4] = hull.reduce((best, point) => (
      turn(before, point, after) > turn(before, best, after) ? point : best), corners[at % 4]);
  }
  return corners;
}

/** Return the straight line through the points along a side: a point and a direction. */
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

function crossing(one, other) {
  const across = one.dx * other.dy - one.dy * other.dx;
  if (Math.abs(across) < 0.1) return null; // nearly parallel
  const t = ((other.x - one.x) * other.dy - (other.y - one.y) * other.dx) / across;
  return [one.x + t * one.dx, one.y + t * one.dy];
}

/** Whether the corners go round, and stay about where the region is. */
function plausible(corners, { left, right, top, bottom }) {
  const slack = 0.1 * Math.max(right - left, bottom - top) + 2;
  return corners.every(([x, y], at) => x > left - slack && x < right + slack && y > top - slack
    && y < bottom + slack && turn(corners.at(at - 1), [x, y], corners[(at + 1) % 4]) > 0);
}

/** Twice the area of a triangle; positive when it turns clockwise where y points down. */
function turn(a, b, c) {
  return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
}

function area(corners) {
  return corners.reduce((sum, [x, y], at) => {
    const [nextX, nextY] = corners[(at + 1) % corners.length];
    return sum + x * nextY - y * nextX;
  }, 0) / 2;
}
