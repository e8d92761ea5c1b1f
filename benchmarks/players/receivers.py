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

"""Programs of others that play, and what they have decoded."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
import fcntl
import os
import subprocess
import sys
import threading
import time
from typing import cast, IO

from pi_camera_stream.core.with_parent import with_parent

from .marked import CROP_BYTES, CROP_TOP, HEIGHT, number_of_crop, Seen, WIDTH

FRESH = ('-fflags', 'nobuffer', '-flags', 'low_delay')
_PIPE_BYTES = 1 << 20  # so that a player never waits for who reads


@dataclass(frozen=True)
class Player:
    """
    A program that writes what it decodes.

    Attributes
    ----------
    numbers
        Whether it writes a line with number and time itself, in place of the pictures' lower part.

    """

    command: Sequence[str]
    numbers: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)


def ffmpeg(*source: str, fresh: Sequence[str] = FRESH) -> Player:
    """Return ffmpeg, told what to open and how."""
    return Player(['ffmpeg', '-v', 'fatal', *fresh, *source, '-fps_mode', 'passthrough',
                   '-vf', f'crop={WIDTH}:{HEIGHT - CROP_TOP}:0:{CROP_TOP}', '-f', 'rawvideo',
                   '-pix_fmt', 'gray', '-'])


def gstreamer(source: str) -> Player:
    """Return GStreamer, told what brings a stream with H.264 in it."""
    return Player(['gst-launch-1.0', '-q', *source.split(), '!', 'h264parse', '!', 'avdec_h264',
                   '!', 'videocrop', f'top={CROP_TOP}', '!', 'videoconvert', '!',
                   'video/x-raw,format=GRAY8', '!', 'fdsink', 'fd=1', 'sync=false'])


def rtspsrc(url: str, way: str) -> Player:
    return gstreamer(f'rtspsrc location={url} protocols={way} latency=0 ! rtph264depay')


def opencv(url: str, way: str, *threads: str) -> Player:
    """Return OpenCV's VideoCapture, told not to hold anything back, with so many threads."""
    return Player([sys.executable, '-m', 'benchmarks.programs.opencv_player', url, *threads],
                  numbers=True, environment={
                      'OPENCV_FFMPEG_CAPTURE_OPTIONS':
                      f'rtsp_transport;{way}|fflags;nobuffer|flags;low_delay'})


class Screen:
    """What a player has shown, and whether it has ended by itself."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.ended = False

    def take(self, number: int | None, at_ns: int) -> None:
        if number is not None:
            self.seen.append(Seen(number, at_ns))


@contextmanager
def playing(player: Player) -> Iterator[Screen]:
    """Let a player play as long as the context lasts."""
    screen = Screen()
    with subprocess.Popen(with_parent(player.command), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          env={**os.environ, **player.environment}) as process:
        thread = threading.Thread(target=_read, args=(
            cast(IO[bytes], process.stdout), player.numbers, screen), daemon=True)
        thread.start()
        try:
            yield screen
        finally:
            process.kill()
            thread.join()


def _read(stream: IO[bytes], numbers: bool, screen: Screen) -> None:
    if numbers:
        for line in stream:
            number, at_ns = map(int, line.split())
            screen.take(None if number < 0 else number, at_ns)
        screen.ended = True
        return
    fcntl.fcntl(stream.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    while len(data := stream.read(CROP_BYTES)) == CROP_BYTES:
        at_ns = time.time_ns()
        screen.take(number_of_crop(data), at_ns)
    screen.ended = True
