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

"""The recorder of a bridge: when it records what, and what is told of it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
import json
from pathlib import Path
import threading
import time
from typing import Any

from aiohttp import web

from .backlog import DRIVEN, FOUND, Note, Sound
from .disk_writer import DiskWriter
from .feed import Feed
from .folder import Folder, is_name
from .settings import MOTION, RecordSettings
from .track import Track
from .trigger import Trigger
from ..core.clock import NowNs
from ..core.driving.contest import Word
from ..core.recording import Recording
from ..core.sound import CHANNELS, SoundFeed, SoundPacket
from ..web.connections import ConnectionReaper
from ..web.stream.stream import Stream

_TICK_S = 0.25
_NO_FINDINGS_S = 10.0  # until it is said that nobody looks for what moves
_MOST_NOTE = 100_000  # characters of a result
_UNSEEN = ("no results from a processor 'motion', which starts the recording: run one "
           "(processor:=motion), or set 'record' to ready or always")

Build = Callable[[ConnectionReaper], web.Application]


class Recorder:
    """
    Take what comes of some topics, as long as that is wanted, and let it be written.

    Whoever runs the web application calls `beside` and, at the end, `stop`. All other methods are
    for any thread, but `files`, `delete` and what is of the event loop alone.
    """

    def __init__(self, settings: RecordSettings, find: Callable[[str], Stream],
                 topics: Sequence[str], now_ns: NowNs, log: Callable[[str], None],
                 on_active: Callable[[bool], None] = lambda _: None,
                 sound: SoundFeed | None = None) -> None:
        """
        Make it; nothing runs yet.

        `find` returns the stream of a topic, or raises HTTPNotFound; `now_ns` reads the clock of
        the stamps; `on_active` hears whether results are listened to, in the event loop; `sound`
        is what is heard, where there is a microphone.
        """
        settings = replace(settings, sound_channels=0 if sound is None else CHANNELS)
        self._settings, self._now_ns, self._on_active = settings, now_ns, on_active
        self._sound = sound
        self._leave_sound: Callable[[], None] | None = None
        self._folder = Folder(settings.folder)
        self._disk = DiskWriter(self._folder, settings, topics, log)
        self._feeds = [Feed(partial(find, track.topic), settings.codec,
                            partial(self._disk.put, track)) for track in self._disk.tracks]
        # Its own: a disk that does not answer shall not keep others from theirs.
        self._aside = ThreadPoolExecutor(1, 'recordings')
        self._lock = threading.Lock()  # guards all that follows
        self._trigger = Trigger(settings.mode, settings.after_s)
        self._recording = self._active = self._closed = False
        self._since_s = self._heard_s = 0.0  # when it began, and when a processor was heard of
        self._told = False  # what `on_active` has heard last
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ticking: asyncio.TimerHandle | None = None
        self._known: frozenset[str] = frozenset()  # files that have been seen

    def beside(self, build: Build) -> Build:
        """Return what builds an application together with which it begins and ends."""
        def build_both(reaper: ConnectionReaper) -> web.Application:
            app = build(reaper)
            app.on_startup.append(self._open)
            app.on_shutdown.insert(0, self._close)
            app.on_cleanup.append(self._end)
            return app
        return build_both

    def switch(self, on: bool) -> str:
        """Begin or end; return why not, or nothing."""
        with self._lock:
            if self._closed:
                return 'the program is shutting down'
            self._trigger.switch(on)
        self._follow()
        return ''

    def set_mode(self, mode: str) -> None:
        """Let it be one of MODES, as at the start."""
        with self._lock:
            self._trigger.set_mode(mode)
            self._heard_s = time.monotonic()
        self._follow()

    def note_driven(self, linear: float, angular: float) -> None:
        """Take down what a vehicle has been told from a page, in m/s and rad/s."""
        if self._active:
            self._note(DRIVEN, f'"from": "page", "linear": {linear:.6g}, '
                                 f'"angular": {angular:.6g}')

    def note_driven_by_others(self, word: Word) -> None:
        """Take down what others have told it, all of which is finite."""
        if self._active:
            linear, lateral, _, _, _, angular = word.velocity
            sideways = f'"lateral": {lateral:.6g}, ' if lateral else ''
            self._note(DRIVEN, f'"from": "topic", "linear": {linear:.6g}, {sideways}'
                                 f'"angular": {angular:.6g}', word.stamp_ns or None)

    def note_found(self, text: str) -> None:
        """Take down what processors have found in a picture, as `vision.results` writes it."""
        if not self._active or len(text) > _MOST_NOTE:
            return
        try:
            document = json.loads(text)
            results: list[Any] = document['results']
            stamp = document['stamp']
            stamp_ns = int(stamp['sec']) * 10**9 + int(stamp['nanosec'])
            looked = [one for one in results if one['processor'] == MOTION]
            moves = any(one['detections'] for one in looked)
            plain = json.dumps(results, allow_nan=False)
        except (ValueError, KeyError, TypeError, RecursionError):
            return
        now_s = time.monotonic()
        with self._lock:
            if looked:
                self._heard_s = now_s
            if moves:
                self._trigger.find(now_s)
        if moves:
            self._follow()
        self._note(FOUND, f'"results": {plain}', stamp_ns)

    def put_sound(self, packet: SoundPacket) -> None:
        """Take in what was heard, for where there is a track for it."""
        if self._active:
            self._disk.put_all(Sound(packet.data, packet.stamp_ns))

    def state(self) -> Mapping[str, object]:
        """Return what people are told, as `core.recording` has it."""
        now_s = time.monotonic()
        with self._lock:
            mode, recording = self._trigger.mode, self._recording
            since_s = now_s - self._since_s if recording else 0.0
            deaf = recording or not self._trigger.waits_for_motion \
                or now_s - self._heard_s < _NO_FINDINGS_S
        running = list(self._disk.running().items())
        return {
            'mode': mode, 'recording': recording,
            'waiting': mode == MOTION and not recording,
            'topics': [track.topic for track in self._disk.tracks],
            'since_s': round(since_s, 1),
            'file': running[0][0] if running else '',
            'bytes': sum(_bytes(track) for _, track in running),
            'free_bytes': self._disk.free_bytes,
            'left_out': self._disk.left_out(),
            'fault': self._disk.fault() or next(
                (feed.fault for feed in self._feeds if feed.fault), '') or (
                    '' if deaf else _UNSEEN),
        }

    async def files(self) -> list[Recording]:
        """Return what is there, the newest first."""
        running = self._disk.running()
        now = [one for name, track in running.items()
               if (one := _recording(name, track)) is not None]
        found = await asyncio.get_running_loop().run_in_executor(
            self._aside, self._list, frozenset(running))
        self._known = frozenset(one.name for one in (*now, *found))
        return sorted((*now, *found), key=lambda one: (one.began, one.name), reverse=True)

    async def delete(self, name: str) -> str:
        """Delete a file and what lies beside it; return why not, or nothing."""
        if not is_name(name):
            return f'{name[:200]!a} is not the name of a recording'
        if name in self._disk.running():
            return f'{name} is being recorded: stop the recording first'
        try:
            deleted = await asyncio.get_running_loop().run_in_executor(
                self._aside, self._folder.delete, name)
        except OSError as error:
            return f'cannot delete {name}: {error.strerror}'
        return '' if deleted else f'there is no recording {name}'

    def path(self, name: str) -> Path | None:
        """Return where a file is, if it is one of ours."""
        if not is_name(name):
            return None
        if name in self._disk.running() or name in self._known:
            return self._settings.folder / name
        try:
            return self._folder.find(name)
        except OSError:  # the card cannot read it
            return None

    def stop(self) -> None:
        """End, with all files as they should be, within about a second."""
        with self._lock:
            self._closed, self._active, self._recording = True, False, False
        self._disk.close()

    async def _open(self, _: web.Application) -> None:
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._look, name='look', daemon=True).start()
        self._follow()

    async def _close(self, _: web.Application) -> None:
        for feed in self._feeds:
            feed.want(False)
        self._hear(False)
        if self._ticking is not None:
            self._ticking.cancel()
        self._loop = None

    async def _end(self, _: web.Application) -> None:
        self._aside.shutdown(wait=False, cancel_futures=True)

    def _look(self) -> None:
        with suppress(OSError):
            self._disk.free_bytes, _ = self._folder.free()

    def _list(self, running: frozenset[str]) -> list[Recording]:
        self._look()
        try:
            return self._folder.files(running)
        except OSError:  # which `state` tells of, once something is to be written
            return []

    def _note(self, kind: str, data: str, stamp_ns: int | None = None) -> None:
        self._disk.put_all(Note(kind, data, self._now_ns() if stamp_ns is None else stamp_ns))

    def _follow(self) -> None:
        """Begin or end, as the trigger has it now."""
        now_s = time.monotonic()
        with self._lock:
            if self._closed or self._loop is None:
                return
            records = self._trigger.records(now_s)
            if records and not self._recording:
                self._since_s = now_s
            changed, self._recording = records != self._recording, records
            if self._trigger.active and not self._active:
                self._heard_s = now_s
            self._active = self._trigger.active
            if changed:
                (self._disk.begin if records else self._disk.end)()
            with suppress(RuntimeError):  # the loop has been closed: the server is stopping
                self._loop.call_soon_threadsafe(self._tell)

    def _hear(self, wanted: bool) -> None:
        """Listen, or no more; event loop only."""
        if wanted and self._sound is not None and self._leave_sound is None:
            self._leave_sound = self._sound.listen(self.put_sound)
        elif not wanted and self._leave_sound is not None:
            self._leave_sound()
            self._leave_sound = None

    def _tell(self) -> None:
        """Let frames come, or not, and look again after a while."""
        if self._loop is None:
            return
        wanted = self._recording or (self._active and self._settings.before_s > 0)
        for feed in self._feeds:
            feed.want(wanted)
        if not wanted:
            self._disk.forget()
        self._hear(wanted)
        if self._active != self._told:
            self._told = self._active
            self._on_active(self._told)
        if self._ticking is not None:
            self._ticking.cancel()
            self._ticking = None
        if self._trigger.waits_for_motion:
            self._ticking = self._loop.call_later(_TICK_S, self._follow)


def _bytes(track: Track) -> int:
    file = track.file
    return 0 if file is None else file.bytes


def _recording(name: str, track: Track) -> Recording | None:
    file = track.file
    if file is None:  # it has ended meanwhile
        return None
    return Recording(name, track.topic, file.began, file.seconds, file.film_bytes, file.codec,
                     running=True)
