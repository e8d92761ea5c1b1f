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

"""
The process of all pages of one server. Its argument is a Visit as JSON, its result JSON, too.

It prints a line when the first page has its WebSocket, from which on times are counted, and goes
on until its standard input ends.
"""

from collections.abc import Callable
from dataclasses import dataclass
import json
from pathlib import Path
import selectors
import sys
import time
from typing import IO

from pi_camera_stream.core.shutdown_signals import end_at_once

from .page import Page, Watch

_START_S = 30.0  # so long a server may take to listen
_POLL_S = 0.02
_END = -1  # in place of a page's number


@dataclass(frozen=True)
class Visit:
    """
    What all pages do; it travels as JSON.

    Attributes
    ----------
    result
        The file to write.

    """

    address: str
    port: int
    watches: list[Watch]
    result: str

    @classmethod
    def read(cls, text: str) -> 'Visit':
        told = json.loads(text)
        return cls(**{**told, 'watches': [Watch(**watch) for watch in told['watches']]})


class Crowd:
    """All pages, in one thread."""

    def __init__(self, visit: Visit) -> None:
        self._address = visit.address, visit.port
        self._watches = dict(enumerate(visit.watches))
        self._pages: dict[int, Page] = {}
        self._selector = selectors.DefaultSelector()
        self.lost: list[str] = []
        self.all: list[Page] = []
        self._began_s = 0.0

    def begin(self) -> None:
        """Let the first page come, as soon as the server listens."""
        deadline_s = time.monotonic() + _START_S
        while not self._pages:
            try:
                self._enter(0)
            except ConnectionError:
                if time.monotonic() > deadline_s:
                    raise
                time.sleep(_POLL_S)
        self._began_s = time.monotonic()

    def run(self, told_to_end: IO[str]) -> None:
        """Let them come, watch and go, until there is something to read."""
        self._selector.register(told_to_end, selectors.EVENT_READ, _END)
        while True:
            now_s = time.monotonic() - self._began_s
            for number, watch in self._watches.items():
                if number >= len(self.all) and watch.begin_s <= now_s:
                    self._enter(number)
                if watch.end_s and watch.end_s <= now_s and number in self._pages:
                    self._leave(number)
            for page in self._pages.values():
                page.say_what_is_due(now_s)
            for key, _ in self._selector.select(_POLL_S):
                if key.data == _END:
                    return
                self._try(key.data, self._pages[key.data].read)

    def end(self) -> None:
        """Let all go who are still there."""
        for number in list(self._pages):
            self._leave(number)

    def _enter(self, number: int) -> None:
        page = Page(number, self._address, self._watches[number])
        self._pages[number] = page
        self.all.append(page)
        self._selector.register(page.socket, selectors.EVENT_READ, number)

    def _leave(self, number: int) -> None:
        page = self._pages.pop(number)
        self._selector.unregister(page.socket)
        page.close()

    def _try(self, number: int, act: Callable[[], None]) -> None:
        try:
            act()
        except OSError as error:
            self.lost.append(f'page {number}: {error}')
            self._leave(number)


def main() -> None:
    """Watch, and write down what came."""
    end_at_once()
    visit = Visit.read(sys.argv[1])
    crowd = Crowd(visit)
    try:
        crowd.begin()
    except ConnectionError:
        sys.exit(f'nobody listens at {visit.address}:{visit.port} after {_START_S:g} s')
    print(json.dumps(time.time_ns()), flush=True)
    crowd.run(sys.stdin)
    crowd.end()
    Path(visit.result).write_text(json.dumps({
        'pictures': [picture for page in crowd.all for picture in page.pictures],
        'asked_ns': [page.asked_ns for page in crowd.all],
        'reasons': [page.reason for page in crowd.all],
        'broken': [page.broken for page in crowd.all],
        'stale': [page.stale for page in crowd.all],
        'lost': crowd.lost, 'cpu_s': time.process_time()}))


if __name__ == '__main__':
    main()
