# Copyright 2026 pi_camera_stream contributors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""A processor that finds a line on the floor, and tells how to steer to stay on it."""

import cv2
import numpy as np
from pi_camera_stream.core.parameters import Parameter
from pi_camera_stream.vision.processor import Detection, Findings, Processor

WIDTH = 160  # pixels; a line is wide enough to be seen in a small image
LARGEST_SHARE = 0.6  # what fills more of the region is a shadow, or the floor itself
RED = (0, 0, 255)


class LineFollower(Processor):
    """
    Find the line in the lower part of the image.

    Values: `steering`, from -1 (full right) to 1 (full left, as in REP 103), and `offset`, where
    the line meets the lower edge: -1 is the left end of the image, 1 the right one. While there is
    no line, there are none.
    """

    PARAMETERS = (
        Parameter('line', 'dark', 'Whether the line is darker or lighter than the floor',
                  choices=('dark', 'light'), live=True),
        Parameter('region', 0.4, 'Lower part of the image to look at, as a fraction of its height',
                  '', 0.1, 1, live=True),
        Parameter('min_contrast', 40, 'How much darker or lighter the line must be, in gray '
                                      'values', '', 1, 255, live=True),
        Parameter('min_share', 0.01, 'Smallest line that counts, as a fraction of the region', '',
                  0, 1, live=True),
        Parameter('gain', 1.0, 'Steering value for a line at the edge of the image', '', 0, 10,
                  live=True),
    )

    def configure(self, values):
        """Use these values from the next frame on."""
        self.values = dict(values)

    def process(self, image, info):
        """Return the line, and the steering value."""
        top = round(info.height * (1 - self.values['region']))
        scale = WIDTH / info.width
        region = cv2.resize(image[top:], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        line = self.find_line(cv2.cvtColor(region, cv2.COLOR_BGR2GRAY))
        if line is None:
            return Findings()
        near, far = middle_of(line, lower=True), middle_of(line, lower=False)
        # Steering to where the line goes, not to where it is, takes bends in time.
        steering = float(np.clip(-self.values['gain'] * far[0], -1, 1))
        x, y, width, height = (round(edge / scale) for edge in cv2.boundingRect(line))
        half = info.width / 2
        points = [(round(half * (1 + across)), round(top + down / scale)) for across, down in
                  (near, far)]
        return Findings([Detection('line', x, top + y, width, height)],
                        {'steering': steering, 'offset': near[0]}, points)

    def annotate(self, image, findings):
        """Draw where the line goes."""
        if findings.workings:
            near, far = findings.workings
            cv2.arrowedLine(image, near, far, RED, 4)
            cv2.putText(image, f'{findings.values["steering"]:+.2f}', far,
                        cv2.FONT_HERSHEY_SIMPLEX, 1.0, RED, 2)
        return image

    def find_line(self, grey):
        """Return the pixels of the line as a mask, or None."""
        dark = self.values['line'] == 'dark'
        kind = cv2.THRESH_BINARY_INV if dark else cv2.THRESH_BINARY
        _, mask = cv2.threshold(cv2.GaussianBlur(grey, (5, 5), 0), 0, 255,
                                kind | cv2.THRESH_OTSU)
        count, labels, shapes, _ = cv2.connectedComponentsWithStats(mask)
        if count < 2 or mask.all():  # 0 is the floor
            return None
        largest = 1 + int(np.argmax(shapes[1:, cv2.CC_STAT_AREA]))
        line = (labels == largest).astype(np.uint8)
        contrast = abs(float(grey[line == 1].mean()) - float(grey[mask == 0].mean()))
        found = contrast >= self.values['min_contrast'] \
            and self.values['min_share'] <= line.mean() <= LARGEST_SHARE
        return line if found else None


def middle_of(line, lower):
    """Return the middle of the line's lower or upper third: -1 to 1 across, and the row."""
    rows = np.flatnonzero(line.any(axis=1))
    third = max(1, len(rows) // 3)
    part = line[rows[-third]:] if lower else line[:rows[third - 1] + 1]
    columns = np.nonzero(part)[1]
    half = line.shape[1] / 2
    row = rows[-1] if lower else rows[0]
    return float((columns.mean() + 0.5 - half) / half), float(row)
