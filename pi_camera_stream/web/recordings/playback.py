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
A recording as browsers can show it, made while it is read, and nothing encoded.

They play no Matroska. H.264 gets another container, fragmented MP4, for `<video>`; JPEGs become an
endless picture (`multipart/x-mixed-replace`) for `<img>`, at the pace at which they were taken.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
import math
from pathlib import Path
import threading
import time
from typing import Any, NamedTuple

from aiohttp import web

from .download import BulkTransport
from ...codecs.limits import libav_options, MAX_PIXELS
from ...core.errors import PermanentError

_BOUNDARY = 'frame'
# The head of the next picture belongs to the one before: browsers show that when the head comes.
_JPEG_HEAD = f'--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\n\r\n'.encode()
_JPEG_TYPE = f'multipart/x-mixed-replace; boundary={_BOUNDARY}'
_MP4_TYPE = 'video/mp4'
_FRAGMENTS = {'movflags': 'frag_keyframe+empty_moov+default_base_moof',
              'frag_duration': '500000'}  # us; a key frame may be seconds away
# So much of an H.264 recording is sent before its time, whichever is more: Chrome looks at whole
# blocks of 32 kB. A browser would take all, but would read no further for as long as it has
# enough: as one who has gone.
_AHEAD_S, _AHEAD_BYTES = 4.0, 524288
_LATE_S = 0.3  # a JPEG that is later, on a narrow link, is left out
_BREATH_S = 1.0  # the longest sleep without a look at whether somebody is still there


class Piece(NamedTuple):
    """Bytes that are sent together."""

    time_s: float | None  # in the recording, of what is in it; None for what may go at once
    data: bytes


class Playback:
    """A recording from some moment on; PermanentError when it cannot be shown. Thread-safe."""

    def __init__(self, path: Path, from_s: float) -> None:
        try:
            import av
        except ImportError:
            raise PermanentError('playing recordings needs PyAV on the robot: sudo apt install '
                                 'python3-av, or download the recording') from None
        self._lock = threading.Lock()  # it may be closed while a card does not answer
        self._faults: Any = av.error.FFmpegError
        try:
            # FFmpeg decodes some pictures at once, where the file says too little of them.
            self._input: Any = av.open(str(path), format='matroska',
                                       options=libav_options(max_pixels=MAX_PIXELS))
            self.jpeg = self._open(from_s)
        except (self._faults, IndexError) as error:
            raise PermanentError('cannot play this recording: it has no pictures, or is damaged '
                                 f'({error}); try to download it') from error
        self._pieces = self._read_jpegs() if self.jpeg else self._remux(av)

    @property
    def content_type(self) -> str:
        return _JPEG_TYPE if self.jpeg else _MP4_TYPE

    def _open(self, from_s: float) -> bool:
        video = self._video = self._input.streams.video[0]
        if video.codec_context.name not in ('mjpeg', 'h264'):
            raise PermanentError(f"this recording is '{video.codec_context.name}', but only JPEG "
                                 'and H.264 can be played here: download it')
        self._begin_s = (self._input.start_time or 0) / 1e6
        if from_s > 0:
            self._input.seek(int((self._begin_s + from_s) * 1e6))
        return bool(video.codec_context.name == 'mjpeg')

    def next(self) -> Piece | None:
        """Return what comes next; None at the end."""
        with self._lock:
            piece: Piece | None = next(self._pieces, None)
            return piece

    def close(self) -> None:
        with self._lock:
            self._pieces.close()
            self._input.close()

    def _packets(self, *streams: Any) -> Iterator[tuple[float, Any]]:
        try:
            for packet in self._input.demux(*streams):
                if packet.pts is not None and packet.size:
                    packet.dts = packet.pts if packet.dts is None else packet.dts
                    yield float(packet.pts * packet.time_base) - self._begin_s, packet
        except self._faults:  # the power failed while it was written, or it is written now
            pass

    def _read_jpegs(self) -> Any:
        yield Piece(None, _JPEG_HEAD)
        for time_s, packet in self._packets(self._video):
            yield Piece(time_s, b'%b\r\n%b' % (bytes(packet), _JPEG_HEAD))

    def _remux(self, av: Any) -> Any:
        taken = _Taken()
        with av.open(taken, 'w', format='mp4', options=_FRAGMENTS) as output:
            streams = {stream.index: _copy(output, stream) for stream in
                       (self._video, *self._input.streams.audio[:1])}
            first_s: float | None = None
            for time_s, packet in self._packets(self._video, *self._input.streams.audio[:1]):
                if first_s is None:
                    if not (packet.stream is self._video and packet.is_keyframe):
                        continue
                    first_s = time_s
                # Browsers would show nothing for as long as the part that was left out is long.
                before = round((self._begin_s + first_s) / packet.time_base)
                packet.pts, packet.dts = packet.pts - before, packet.dts - before
                if packet.dts < 0:  # sound from before the key frame
                    continue
                packet.stream = streams[packet.stream.index]
                output.mux(packet)
                if taken.data:
                    yield Piece(time_s, taken.take())
        if taken.data:
            yield Piece(None, taken.take())


class _Taken:
    """A file for PyAV that can be written at its end only."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> int:
        self.data += data
        return len(data)

    def take(self) -> bytes:
        data = bytes(self.data)
        self.data.clear()
        return data


def _copy(output: Any, stream: Any) -> Any:
    copy = getattr(output, 'add_stream_from_template', None)  # since PyAV 14
    return output.add_stream(template=stream) if copy is None else copy(stream)


async def answer_playback(request: web.Request, path: Path, from_s: float, threads: Executor
                          ) -> web.StreamResponse:
    """Show a recording from so many seconds on; `threads` read it."""
    loop = asyncio.get_running_loop()

    def run(function: Callable[..., Any], *arguments: Any) -> 'asyncio.Future[Any]':
        return loop.run_in_executor(threads, function, *arguments)

    try:
        playback: Playback = await run(Playback, path, from_s)
    except PermanentError as error:
        raise web.HTTPUnprocessableEntity(text=f'{error}\n') from error
    try:
        response = web.StreamResponse(headers={
            'Content-Type': playback.content_type, 'Cache-Control': 'no-store',
            'X-Accel-Buffering': 'no'})
        response.force_close()
        await response.prepare(request)
        if request.method != 'HEAD':
            await _play(BulkTransport(request, response), playback, run)
            await response.write_eof()
        return response
    finally:
        threads.submit(playback.close)


async def _play(transport: BulkTransport, playback: Playback,
                run: Callable[..., 'asyncio.Future[Any]']) -> None:
    pace = _Pace() if playback.jpeg else _Pace(_AHEAD_S, _AHEAD_BYTES, math.inf)
    while (piece := await run(playback.next)) is not None:
        while (wait_s := pace.wait_s(piece)) > 0:
            await asyncio.sleep(min(wait_s, _BREATH_S))
            transport.check()
        if wait_s > -pace.late_s:
            await transport.send(piece.data)
            pace.note(piece)


class _Pace:
    """When a piece is to be sent: at its time, or so much before it."""

    def __init__(self, ahead_s: float = 0.0, ahead_bytes: int = 0, late_s: float = _LATE_S,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self.late_s = late_s
        self._ahead_s, self._ahead_bytes, self._clock = ahead_s, ahead_bytes, clock
        self._began_s: float | None = None  # when the recording's 0 s would have been
        self._sent: deque[tuple[float, int]] = deque()  # before their time: that, and the size
        self._sent_bytes = 0

    def wait_s(self, piece: Piece) -> float:
        """Return for how long it is too early; negative where it is late."""
        if piece.time_s is None:
            return 0.0
        if self._began_s is None:
            self._began_s = self._clock() - piece.time_s
        now_s = self._clock() - self._began_s
        while self._sent and self._sent[0][0] <= now_s:
            self._sent_bytes -= self._sent.popleft()[1]
        wait_s = piece.time_s - self._ahead_s - now_s
        return min(wait_s, 0.0) if self._sent_bytes < self._ahead_bytes else wait_s

    def note(self, piece: Piece) -> None:
        """Note that it has been sent."""
        if piece.time_s is not None and self._ahead_bytes:
            self._sent.append((piece.time_s, len(piece.data)))
            self._sent_bytes += len(piece.data)
