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

"""What brings recordings to the disk, in a thread that nobody else waits for."""

from collections.abc import Callable, Sequence
import errno
from functools import partial
import logging
import math
import os
import threading
import time

from .backlog import Arrival, Note, Sound
from .disk_faults import explain, FULL
from .folder import Folder
from .settings import RecordSettings
from .sync_thread import SyncThread
from .track import Track
from ..core.errors import FrameRefusedError
from ..core.frame import Frame
from ..core.pacing import Occasionally

# Half a second at the most is lost with the power; at 1280x720, 16 kB/s more than each second.
_SYNC_S = 0.4
_RETRY_S = 5.0  # after the disk has refused something
_SLOW_S = 10.0  # so long is it told that the disk is too slow
_HANGS_S = 3.0
_REPEAT_S = 60.0  # how often the same trouble is logged
_CLOSE_S = 1.2  # for what is still to be written at the end
_RESERVE_BYTES, _RESERVE_SHARE = 200_000_000, 0.05  # that stay free, for the system
_ROOM_SHARE = 0.98  # of what may be kept, which the oldest are deleted down to

_LOG = logging.getLogger(__name__)


class DiskWriter:
    """
    Take what comes from any thread, at once, and write it as the disk takes it.

    There is a thread only from `begin` until all is written. While the disk refuses everything,
    the last seconds are kept, and it is tried again; where it is slow, what it has no time for is
    left out and counted.

    Attributes
    ----------
    free_bytes
        Of the disk, as last seen.

    """

    def __init__(self, folder: Folder, settings: RecordSettings, topics: Sequence[str],
                 log: Callable[[str], None]) -> None:
        self._folder, self._settings, self._log = folder, settings, log
        self._changed = threading.Condition()  # guards the backlogs, and what is said of it here
        self.tracks = [Track(topic, settings) for topic in topics]
        self._thread: threading.Thread | None = None
        self._wanted, self._ends_s = False, math.inf
        self._busy_s = math.inf  # since when the disk is asked for something
        self._slow_s = -math.inf  # when something was left out last
        self._slow_said = Occasionally(_REPEAT_S)
        # The rest is the thread's.
        self._syncing = SyncThread()
        self._said = Occasionally(_REPEAT_S)
        self._again_s = 0.0
        self._sync_s = 0.0
        self._most_bytes = settings.keep_bytes
        self._total_bytes = math.inf  # of all recordings, as far as known
        self._counted_bytes = 0  # of the open files, of which that is
        self.free_bytes = 0

    def put(self, track: Track, content: Frame | Sound | Note) -> bool:
        """Take in what came; return whether a key frame would help."""
        now_s, backlog = time.monotonic(), track.backlog
        with self._changed:
            if self._ends_s < math.inf:
                return False
            before = backlog.left_out
            backlog.put(Arrival(content, now_s))
            if slow := backlog.left_out != before:
                self._slow_s = now_s
            if backlog.open and isinstance(content, Frame):  # with which the others are written
                self._changed.notify()
            wants_key = track.wants_key or backlog.wants_key
        if slow and self._slow_said.due():
            self._log(f'recording: {self.fault()}')
        return wants_key

    def put_all(self, content: Sound | Note) -> None:
        for track in self.tracks:
            self.put(track, content)

    def begin(self) -> None:
        """Record from now on."""
        with self._changed:
            if self._wanted or self._ends_s < math.inf:
                return
            self._wanted = True
            for track in self.tracks:
                track.backlog.begin()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name='record', daemon=True)
                self._thread.start()
            self._changed.notify()

    def end(self) -> None:
        """Record no more; what came before is still written."""
        with self._changed:
            self._wanted = False
            for track in self.tracks:
                track.backlog.end()
            self._changed.notify()

    def forget(self) -> None:
        """Let go of the last seconds."""
        with self._changed:
            for track in self.tracks:
                track.backlog.clear()

    def close(self) -> None:
        """End for good, within a moment. What is written after that is not waited for."""
        self.end()
        with self._changed:
            self._ends_s = time.monotonic() + _CLOSE_S
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join(_CLOSE_S + 0.3)

    def left_out(self) -> int:
        return sum(track.left_out + track.backlog.left_out for track in self.tracks)

    def running(self) -> dict[str, Track]:
        """Return what is written now, by the names of the files."""
        return {file.name: track for track in self.tracks if (file := track.file) is not None}

    def fault(self) -> str:
        """Return what is wrong, with the remedy; empty for nothing."""
        now_s, folder = time.monotonic(), self._folder.path
        with self._changed:
            hangs_s = now_s - min(self._busy_s, self._syncing.since_s)
            slow = now_s - self._slow_s < _SLOW_S
        if hangs_s > _HANGS_S:
            return (f"the disk of '{folder}' has not answered for {hangs_s:.0f} s: check that it "
                    'is plugged in; if this happens again, replace it')
        if faults := [track.fault for track in self.tracks if track.fault]:
            return faults[0]
        if slow:
            return (f"the disk of '{folder}' is too slow, {self.left_out()} pictures were left "
                    "out so far: use a faster one, or set 'record_codec' to h264")
        return ''

    def _run(self) -> None:
        turn = 0
        while True:
            with self._changed:
                self._busy_s = math.inf
                now_s = time.monotonic()
                if now_s >= self._again_s and self._wanted:
                    for one in self.tracks:
                        one.backlog.begin()
                if now_s >= self._ends_s:
                    for one in self.tracks:
                        one.backlog.pause()
                waiting = [one for one in self.tracks if one.backlog]
                if not waiting and not self._wanted:
                    break
                track, arrival = None, None
                if waiting:
                    turn += 1
                    track = waiting[turn % len(waiting)]
                    arrival = track.backlog.take()
                elif now_s < self._sync_s:
                    self._changed.wait(self._sync_s - now_s)
                    continue
                self._busy_s = time.monotonic()
            if track is not None:
                self._do(track, partial(track.write, arrival, self._folder, self._make_room))
            if time.monotonic() >= self._sync_s:
                self._sync()
                self._sync_s = time.monotonic() + _SYNC_S
        self._finish()

    def _finish(self) -> None:
        """End all files, and the thread, unless it is wanted again already."""
        for track in self.tracks:
            self._do(track, track.finish)
        self._syncing.end()
        with self._changed:
            self._busy_s = math.inf
            self._thread = None
            if self._wanted:
                self._wanted = False
                self.begin()

    def _do(self, track: Track, action: Callable[[], None]) -> None:
        """Do something with a track's file, or note why that cannot be."""
        try:
            before = track.file
            try:
                action()
            except OSError as error:
                if error.errno not in FULL or not self._delete_oldest():
                    raise
                action()
            if track.file is not None and track.file is not before:
                track.fault = ''
        except OSError as error:
            self._refused(track, error)
        except FrameRefusedError as error:
            track.left_out += 1
            self._note(track, f"cannot record '{track.topic}': {error}")
        except Exception as error:
            _LOG.exception('a recording failed')
            self._give_up(track, f'internal error ({error!r}): see the log', _RETRY_S)

    def _refused(self, track: Track, error: OSError) -> None:
        removed = error.errno is None  # the file, while it was written
        self._give_up(track, explain(error, self._folder.path, not self._most_bytes),
                      0.0 if removed else _RETRY_S)

    def _give_up(self, track: Track, fault: str, pause_s: float) -> None:
        """Leave the file of a track as it is, and try again in a while."""
        track.abandon()
        self._note(track, fault)
        with self._changed:
            self._again_s = time.monotonic() + pause_s
            if track.backlog.open:
                track.backlog.pause()

    def _note(self, track: Track, fault: str) -> None:
        others = [one.fault for one in self.tracks]
        if fault not in others or self._said.due():
            self._said.due()
            self._log(f'recording: {fault}')
        track.fault = fault

    def _sync(self) -> None:
        for track in self.tracks:
            if track.file is not None:
                error = self._syncing.failed.pop(track.file.name, None)
                if error is not None:
                    self._refused(track, error)
                else:
                    self._do(track, track.file.check)
        written = [track for track in self.tracks if track.file is not None]
        self._syncing.ask({track.file.name: track.file.descriptors() for track in written
                           if track.file is not None})
        try:
            self._count()
            if written and self._look() <= 0 and not self._delete_oldest():
                raise _full(self._folder)
        except FileNotFoundError:
            for track in written:
                self._refused(track, OSError(
                    f"'{self._folder.path}' was removed while recording"))
        except OSError as error:
            for track in written:
                self._refused(track, error)

    def _count(self) -> None:
        """See that recordings take no more than they may."""
        open_bytes = sum(track.file.bytes for track in self.tracks if track.file is not None)
        self._total_bytes += max(0, open_bytes - self._counted_bytes)
        self._counted_bytes = open_bytes
        self._keep()

    def _look(self) -> int:
        """See how much is free, and return how much of that may be used."""
        self.free_bytes, all_bytes = self._folder.free()
        return self.free_bytes - round(min(_RESERVE_BYTES, _RESERVE_SHARE * all_bytes))

    def _make_room(self) -> None:
        """See that a file can begin; OSError where it cannot."""
        self._folder.create()
        self._total_bytes = math.inf  # to be counted anew
        self._keep()
        if self._look() <= 0 and not self._delete_oldest():
            raise _full(self._folder)

    def _keep(self) -> None:
        if self._most_bytes and self._total_bytes > self._most_bytes:
            most = self._most_bytes if self._total_bytes == math.inf else \
                _ROOM_SHARE * self._most_bytes
            self._total_bytes, _ = self._folder.keep(most, self.running())

    def _delete_oldest(self) -> bool:
        """Make room on a disk that is full, if that is allowed; return whether there is some."""
        if not self._most_bytes:
            return False
        try:
            while True:
                all_bytes, _ = self._folder.keep(math.inf, ())
                self._total_bytes, gone = self._folder.keep(all_bytes - 1, self.running())
                if not gone:
                    return False
                if self._look() > 0:
                    return True
        except OSError:
            return False


def _full(folder: Folder) -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder.path))
