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

"""Which metadata belong to which picture of rpicam-vid."""

from collections.abc import Mapping
import json
import os
import re
import select
import time
from typing import Any

_WAIT_S = 0.02  # for metadata that come behind their picture, usually after 0.05 ms
_QUIET_MS = 1  # after so long, nothing more comes of one record
_CHUNK_BYTES = 2**16
_MOST_RECORDS = 64
_VAIN = 5  # pictures in a row without metadata, until nobody waits for them any more
_LINE = re.compile(rb'^\s*"(\w+)": (.*?),?\s*$')
_RECTANGLE = re.compile(r'^\((-?\d+), (-?\d+)\)/(\d+)x(\d+)$')


class RpicamMetadata:
    """
    A pipe that `rpicam-vid --metadata` writes to.

    The program writes a picture, then its metadata, line by line, then the next picture. So both
    are counted. Where metadata have come, and nothing waits to be read after that, their pictures
    have come, too, or were lost on their way. One thread uses it.
    """

    def __init__(self) -> None:
        self._fd, self._writing_fd = os.pipe()
        os.set_blocking(self._fd, False)
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLIN)
        self._rest = b''
        self._records: dict[int, dict[str, Any]] = {}  # by number, from 1
        self._begun = 0
        self._pictures = 0
        self._vain = 0

    @property
    def writing_fd(self) -> int:
        """Return the program's end, until `close_writing`."""
        return self._writing_fd

    def close_writing(self) -> None:
        os.close(self._writing_fd)
        self._writing_fd = -1

    def close(self) -> None:
        if self._writing_fd >= 0:
            self.close_writing()
        os.close(self._fd)

    def read(self) -> int:
        """Take in what has come; return how many pictures that is about."""
        while True:
            try:
                chunk = os.read(self._fd, _CHUNK_BYTES)
            except BlockingIOError:
                break
            *lines, self._rest = (self._rest + chunk).split(b'\n')
            for line in lines:
                self._take(line)
            if len(chunk) < _CHUNK_BYTES:
                break
        return self._begun

    def count(self, pictures: int) -> None:
        """Count pictures that have come."""
        self._pictures += pictures

    def expect(self, pictures: int) -> None:
        """Say that so many have come, seen or not."""
        self._pictures = max(self._pictures, pictures)

    def newest(self, whole: bool) -> Mapping[str, Any] | None:
        """
        Wait for the metadata of the last picture that was counted; None when there are none.

        What is not `whole` has the capture time at least, and is completed later.
        """
        if self._vain >= _VAIN:
            return None
        deadline_s = time.monotonic() + _WAIT_S
        while True:
            self.read()
            record = self._records.get(self._pictures, {})
            if 'SensorTimestamp' in record and 'ExposureTime' in record and not (
                    whole and self._poll.poll(_QUIET_MS)):
                break
            remaining_s = deadline_s - time.monotonic()
            if remaining_s <= 0 or not self._poll.poll(remaining_s * 1000):
                break
        for number in [number for number in self._records if number < self._pictures]:
            del self._records[number]
        if 'SensorTimestamp' not in record:
            self._vain += 1
            self._pictures = min(self._pictures, self._begun)  # one was counted twice, perhaps
            return None
        self._vain = 0
        return record

    def _take(self, line: bytes) -> None:
        if line.startswith(b'{'):
            self._begun += 1
            self._records[self._begun] = {}
            while len(self._records) > _MOST_RECORDS:
                del self._records[next(iter(self._records))]
        elif (match := _LINE.match(line)) and self._begun in self._records:
            self._records[self._begun][match[1].decode()] = _value(match[2].decode('latin-1'))


def capture_ns(metadata: Mapping[str, Any], arrival_ns: int, most_s: float = 2.0) -> int:
    """Return when the exposure began, in ns of CLOCK_MONOTONIC; when it came, if that is odd."""
    sensor_ns, exposure_us = metadata.get('SensorTimestamp'), metadata.get('ExposureTime')
    if not isinstance(sensor_ns, int):
        return arrival_ns
    # The sensor's stamp is when its first row was read out, the end of its exposure.
    begin_ns = sensor_ns - (exposure_us * 1000 if isinstance(exposure_us, int) else 0)
    return begin_ns if sensor_ns <= arrival_ns < sensor_ns + most_s * 1e9 else arrival_ns


def _value(text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    if isinstance(value, str) and (match := _RECTANGLE.match(value)):
        return [int(number) for number in match.groups()]
    return value
