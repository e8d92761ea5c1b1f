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

"""What libcamera and its programs say when they refuse, for the sentence that people read."""

import re

_MOST = 3
_MOST_BYTES = 4096  # of an unfinished line
_MOST_CHARACTERS = 160  # of one line
_COLOUR = re.compile(r'\x1b\[[\d;]*m')
# `[0:12:34.567890123] [1234] ERROR V4L2 v4l2_videodevice.cpp:1906 /dev/video4[16:cap]: Failed …`
_LIBCAMERA = re.compile(r'^\[[\d:.]+\]\s+\[\d+\]\s+(?:ERROR|FATAL)\s+(\w+)\s+(?:\S+:\d+\s+)?(.+)')
# `ERROR: *** no cameras available ***`
_PROGRAM = re.compile(r'^ERROR:[\s*]+(.*?)[\s*]*$')


class Complaints:
    """Keep the last errors of a process's standard error. One thread uses it."""

    def __init__(self) -> None:
        self._rest = b''
        self._lines: list[str] = []

    def hear(self, chunk: bytes) -> None:
        *lines, rest = (self._rest + chunk).split(b'\n')
        self._rest = rest[-_MOST_BYTES:]
        for line in lines:
            self._take(line.decode(errors='replace'))

    def forget(self) -> None:
        """Begin anew, with another process."""
        self._rest, self._lines = b'', []

    def added_to(self, sentence: str) -> str:
        """Return the sentence with what was said, if anything was."""
        said = [line for line in self._lines if line not in sentence]
        return f"{sentence} (its log says: {'; '.join(said)})" if said else sentence

    def _take(self, line: str) -> None:
        line = _COLOUR.sub('', line).strip()
        if match := _LIBCAMERA.match(line):
            text = f'{match[1]}: {match[2]}'
        elif match := _PROGRAM.match(line):
            text = match[1]
        else:
            return
        text = text.strip()[:_MOST_CHARACTERS]
        if text and text not in self._lines:
            self._lines = [*self._lines, text][-_MOST:]
