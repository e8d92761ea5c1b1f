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

"""Which topics there are, and the streams that are made of them when somebody asks."""

from collections.abc import Callable, Mapping
import math

from aiohttp import web

from .stream import Stream

_COMPRESSED = '/compressed'
_LISTED = 20  # topics in an error message


class Catalog:
    """The topics that can be watched. Any thread may call `update`, the event loop's all else."""

    def __init__(self, default: str, open_stream: Callable[[str], Stream]) -> None:
        # Shown when none was asked for; it is there even before its publisher.
        self.default = default
        self._open_stream = open_stream
        self._types: Mapping[str, str] = {}
        self._preferred = ''
        self._streams = {default: open_stream(default)}

    @property
    def shown(self) -> str:
        """Return the topic that the default one shows: itself, or the raw one beside it."""
        base = self.default.removesuffix(_COMPRESSED)
        return base if base in self._types and self.default not in self._types else self.default

    def update(self, types: Mapping[str, str]) -> None:
        self._types = dict(types)

    def topics(self) -> dict[str, str]:
        """
        Return the topics and their types, sorted; an unpublished default has the type ''.

        A topic whose pictures are there compressed, too, is left out: they look the same, and need
        not be sent in full and encoded again.
        """
        known = {**({self.default: ''} if self.shown == self.default else {}), **self._types}
        return {name: kind for name, kind in sorted(known.items())
                if name + _COMPRESSED not in known}

    def streams(self) -> list[Stream]:
        """Return the streams that somebody has asked for, the default one first. Any thread."""
        return list(self._streams.copy().values())  # another thread may be adding one

    def now_ns(self) -> int:
        """Return what the clock of the stamps shows."""
        return self._streams[self.default].now_ns()

    def age_s(self, stamp_ns: int) -> float:
        """Return how old the frame of `stamp_ns` is at least, in s; NaN for none known."""
        ages_s = (stream.arrivals.age_s(stamp_ns) for stream in self._streams.values())
        return next((age_s for age_s in ages_s if not math.isnan(age_s)), math.nan)

    def prefer(self, name: str) -> None:
        """Let the viewer of that name keep its pictures, and the others give way; '' for none."""
        self._preferred = name
        for stream in self._streams.values():
            stream.preferred = name

    def stream(self, name: str = '') -> Stream:
        """
        Return the stream of a topic; HTTPNotFound says which there are.

        The name may be said without its `/compressed`, as for web_video_server, and without its
        first slash.
        """
        if not name:
            return self._opened(self.default)
        name = '/' + name.strip('/')
        known = self.topics()
        for candidate in (name + _COMPRESSED, name):
            if candidate in (self.default, self.shown):
                return self._opened(self.default)
            if candidate in known:
                return self._opened(candidate)
        listed = ', '.join(list(known)[:_LISTED]) + (', …' if len(known) > _LISTED else '')
        raise web.HTTPNotFound(text=f'no image topic {name[:200]!a}; available: {listed}\n')

    def published(self, name: str = '') -> str:
        """Return the topic that the pictures of a stream are on; HTTPNotFound as `stream`."""
        topic = self.stream(name).name
        return self.shown if topic == self.default else topic

    def close(self) -> None:
        """End all streams: the server is stopping."""
        for stream in self._streams.values():
            stream.close()

    def _opened(self, name: str) -> Stream:
        if name not in self._streams:
            for unused in [other for other, stream in self._streams.items()
                           if stream.idle and other != self.default]:
                del self._streams[unused]
            self._streams[name] = self._open_stream(name)
            self._streams[name].preferred = self._preferred
        return self._streams[name]
