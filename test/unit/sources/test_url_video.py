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

"""H.264 of the network that is passed on, with the worker of source `url`."""

from contextlib import contextmanager
from fractions import Fraction
import io
import itertools
import socket
import threading

import av
from pi_camera_stream.sources.base import SourceSettings
from pi_camera_stream.sources.url import UrlSource
import pytest
from support import h264_streams
from support.capturing import capturing
from support.processes import wait_until

UNITS = h264_streams.access_units()
INTERVAL_S = 0.01


@contextmanager
def sending(pieces):
    """Let pieces of bytes be read from a TCP port, over and over, and yield its address."""
    ended = threading.Event()

    def serve():
        while not ended.is_set():
            try:
                connection = server.accept()[0]
            except OSError:
                return
            try:
                for piece in itertools.cycle(pieces):
                    if ended.wait(INTERVAL_S):
                        break
                    connection.sendall(piece)
            except OSError:
                pass
            connection.close()

    with socket.create_server(('127.0.0.1', 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f'tcp://127.0.0.1:{server.getsockname()[1]}'
        finally:
            ended.set()
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


class Watched:
    """A source of H.264, with what it hands on and the stamps of its JPEGs."""

    def __init__(self, url, **settings):
        self.source = UrlSource(SourceSettings('url', url, **settings))
        self.units, self.stamps = [], set()
        self.source.on_video = self.units.append

    @contextmanager
    def run(self):
        with capturing(self.source) as run:
            run.loop.on_capture = lambda capture, _: self.stamps.add(capture.monotonic_ns)
            yield run

    def wait_for(self, count):
        begin = len(self.units)
        wait_until(lambda: len(self.units) >= begin + count)


def as_mpegts(units):
    """Return them as the packets of an MPEG-TS, for each unit in one piece."""
    file, pieces = io.BytesIO(), []
    with av.open(file, 'w', format='mpegts', options={'flush_packets': '1'}) as container:
        stream = container.add_stream('libx264', rate=30)
        stream.width, stream.height, stream.pix_fmt = 320, 240, 'yuv420p'
        for number, data in enumerate(units):
            packet = av.Packet(data)
            packet.stream, packet.time_base = stream, Fraction(1, 30)
            packet.pts = packet.dts = number
            begin = file.tell()
            container.mux(packet)
            file.seek(0, io.SEEK_END)
            pieces.append(file.getvalue()[begin:])
    return pieces


@pytest.mark.parametrize('pack', [list, as_mpegts])
def test_what_comes_is_passed_on_while_somebody_wants_it(pack):
    with sending(pack(UNITS)) as url:
        watched = Watched(url)
        with watched.run() as run:
            wait_until(lambda: watched.source.has_video)
            jpegs = run.loop.captured.total
            wait_until(lambda: run.loop.captured.total >= jpegs + 30)
            assert watched.units == []
            watched.source.want_video(True)
            watched.wait_for(40)
            watched.source.want_video(False)
            wait_until(lambda: not watched.source._asked_video)
            count = len(watched.units)
            jpegs = run.loop.captured.total
            wait_until(lambda: run.loop.captured.total >= jpegs + 30)
            assert len(watched.units) == count
    units = watched.units
    begin = next(at for at, data in enumerate(UNITS) if data in units[0].data)
    if pack is list:
        assert [unit.data for unit in units] == [
            UNITS[(begin + at) % len(UNITS)] for at in range(count)]
    assert len(h264_streams.decode([unit.data for unit in units])) == count
    stamps = {unit.monotonic_ns for unit in units}
    counters = watched.source.counters()
    missed = counters['left out by the worker'] + counters['replaced by newer']
    assert len(stamps - watched.stamps) <= missed  # JPEGs that newer ones took the place of
    assert stamps & watched.stamps
    assert run.ends == run.problems == []


def test_a_stream_cannot_be_asked_for_anything():
    with sending(UNITS) as url:
        watched = Watched(url)
        with watched.run():
            wait_until(lambda: watched.source.has_video)
            assert not watched.source.request_key_frame()
            assert not watched.source.limit_video_bitrate(1e6)


@pytest.mark.parametrize(('settings', 'words'), [
    ({'vflip': True}, 'because it is to be turned: to have it as it comes, set the parameters'),
    ({'height': 120}, 'it has 320x240 pixels, and 160x120 are asked for')])
def test_where_it_is_not_passed_on_the_reason_stands_beside_the_encoder(settings, words):
    with sending(UNITS) as url:
        watched = Watched(url, **settings)
        with watched.run() as run:
            watched.source.want_video(True)
            wait_until(lambda: watched.source.why_no_video)
            assert not watched.source.has_video
            assert words in watched.source.why_no_video
            wait_until(lambda: run.loop.captured.total >= 20)
            assert watched.source.encoder() == f'H.264 over TCP; {watched.source.why_no_video}'
            assert watched.units == []


def damaged(packets):
    """Return MPEG-TS of which a packet in the midst of one picture in ten is lost."""
    return [data[:188] + data[376:] if number % 10 == 5 else data
            for number, data in enumerate(packets)]


@pytest.mark.parametrize('pieces', [
    [data if number % 10 != 5 else data[:len(data) // 2] for number, data in enumerate(UNITS)],
    damaged(as_mpegts(UNITS)),
    [*UNITS, *h264_streams.access_units(size=(160, 120))],
    [*UNITS, *h264_streams.access_units(pixels='yuv444p')],
    [*UNITS, *(bytes(1000) for _ in range(3)), *UNITS],
], ids=['cut off', 'lost packets', 'other size', 'other profile', 'zeros'])
def test_whatever_comes_what_is_passed_on_can_be_decoded_and_jpegs_go_on(pieces):
    with sending(pieces) as url:
        watched = Watched(url)
        with watched.run() as run:
            watched.source.want_video(True)
            watched.wait_for(60)
            jpegs = run.loop.captured.total
            wait_until(lambda: run.loop.captured.total >= jpegs + 30)
            assert run.ends == run.problems == []
    h264_streams.decode([unit.data for unit in watched.units])
