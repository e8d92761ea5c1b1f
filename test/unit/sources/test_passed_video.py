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

"""H.264 that is passed on beside the JPEGs, with a real decoder."""

from fractions import Fraction
import re

import av
from pi_camera_stream.codecs import h264
from pi_camera_stream.sources.base import SourceSettings
from pi_camera_stream.sources.records import VideoRecord
from pi_camera_stream.sources.video_intake import VideoIntake
from pi_camera_stream.sources.workers.runtime.decoder import Decoder
from pi_camera_stream.sources.workers.runtime.video_writer import VideoWriter
from pi_camera_stream.sources.workers.runtime.worker_status import WorkerStatus
import pytest
from support import h264_streams
from support.processes import wait_until

UNITS = h264_streams.access_units()


class Worker:
    """What a decoder has around it in a worker, and what the node makes of that."""

    max_pixels = 10**6

    def __init__(self, codec=None, **settings):
        self.told, self.units, self.jpeg_stamps = [], [], []
        self.intake = VideoIntake()
        self.video = VideoWriter(self, SourceSettings(**settings))
        self.video.wanted = True
        self.codec = codec or av.CodecContext.create('h264', 'r')
        self.decoder = Decoder(self.codec, self, WorkerStatus(''))

    def decoded_size(self, width, height):
        return width, height

    def leave_out(self, count):
        pass

    def put(self, _picture, monotonic_ns):
        self.jpeg_stamps.append(monotonic_ns)

    def send(self, _kind, body):
        self.told.append(body['video'])

    def send_unit(self, data, monotonic_ns, number, key):
        unit = self.intake.take(VideoRecord(data, monotonic_ns, number))
        if unit is not None:
            assert unit.key == key
            self.units.append(unit)

    def decode(self, packets, first=1):
        """Decode packets, or the bytes of some; each has its number as its stamp."""
        for number, data in enumerate(packets, first):
            packet = data
            if isinstance(data, bytes):
                packet = av.Packet(data)
                packet.pts = number
            self.decoder._packets.put((packet, number), lambda: True, 0.0)
            wait_until(lambda: len(self.decoder._packets._waiting) < 4)
        wait_until(lambda: not self.decoder._packets._waiting)

    def close(self):
        self.decoder.close()
        return [unit.data for unit in self.units]


def slices(data):
    return re.split(rb'(?=\x00\x00\x00\x01|(?<!\x00)\x00\x00\x01)', data)[1:]


def test_all_are_passed_on_as_they_came_with_the_stamps_of_the_jpegs():
    worker = Worker()
    worker.decode(UNITS)
    assert worker.close() == UNITS
    assert [unit.monotonic_ns for unit in worker.units] == worker.jpeg_stamps
    assert worker.told == ['', None]
    assert len(h264_streams.decode(UNITS)) == len(UNITS)


def test_slices_that_come_one_by_one_are_put_together_before_the_next_picture_comes():
    worker, units = Worker(), h264_streams.access_units(slices=4)
    for number, data in enumerate(units, 1):
        for piece in slices(data):
            packet = av.Packet(piece)
            packet.pts = number
            worker.decode([packet], number)
        wait_until(lambda number=number: len(worker.units) == number)
    assert worker.close() == units
    assert [unit.monotonic_ns for unit in worker.units] == worker.jpeg_stamps


@pytest.mark.parametrize('cut', [5, 10])
def test_one_that_is_cut_off_is_left_out_with_all_that_builds_on_it(cut):
    worker = Worker()
    worker.decode([*UNITS[:cut], UNITS[cut][:len(UNITS[cut]) // 2], *UNITS[cut + 1:]])
    found = worker.close()
    assert found == UNITS[:cut] + (UNITS[10:] if cut < 10 else [])
    h264_streams.decode(found)
    assert worker.jpeg_stamps == [number for number in range(1, 21) if number != cut + 1]


@pytest.mark.parametrize('missing', [0, 1, 3])
def test_one_of_which_a_slice_is_missing_is_no_key_frame_to_begin_with(missing):
    worker, units = Worker(), h264_streams.access_units(slices=4)
    worker.video.wanted = False
    pieces = [piece for data in units for piece in slices(data)]
    begin = next(at for at, piece in enumerate(pieces) if piece[4] & 31 == h264.IDR)
    worker.decode(pieces[:begin + missing])
    worker.video.wanted = True  # in the midst of a picture
    worker.decode(pieces[begin + missing:], begin + missing)
    found = worker.close()
    assert found[-10:] == units[10:]
    for data in found:
        kinds = [h264.unit_type(unit) for unit in h264.nal_units(data)]
        assert kinds.count(h264.SLICE) + kinds.count(h264.IDR) == 4
    assert worker.told == ['', None]


def test_pictures_that_come_out_in_another_order_are_passed_on_as_they_came():
    options = (('tune', ''), ('bf', '2'), ('preset', 'fast'))
    units = h264_streams.access_units(30, options=options)
    worker = Worker()
    worker.decode(units)
    found = worker.close()
    assert worker.codec.has_b_frames
    assert found == units[:-1]  # the last one ends where the next one begins
    h264_streams.decode(found)


@pytest.mark.parametrize('container', ['flv', 'mp4', 'matroska'])
def test_what_is_packed_as_in_files_becomes_a_byte_stream(container, tmp_path):
    path = str(tmp_path / 'film')
    with av.open(path, 'w', format=container) as file:
        stream = file.add_stream('libx264', rate=30)
        stream.width, stream.height, stream.pix_fmt = 320, 240, 'yuv420p'
        stream.options = {'tune': 'zerolatency', 'g': '10', 'x264-params': 'scenecut=0'}
        for number in range(20):
            picture = av.VideoFrame(320, 240, 'yuv420p')
            picture.pts, picture.time_base = number, Fraction(1, 30)
            file.mux(stream.encode(picture))
        file.mux(stream.encode(None))
    with av.open(path) as file:
        worker = Worker(file.streams.video[0].codec_context)
        worker.decode([packet for packet in file.demux(video=0) if packet.size])
        found = worker.close()
    assert [unit.key for unit in worker.units] == [number % 10 == 0 for number in range(20)]
    assert all(data.startswith(h264.START_CODE) for data in found)
    assert len(h264_streams.decode(found)) == 20


def test_who_comes_later_gets_parameter_sets_that_were_sent_but_once():
    bare = [UNITS[0], *UNITS[1:10], h264.join(
        [unit for unit in h264.nal_units(UNITS[10]) if h264.unit_type(unit) == h264.IDR])]
    worker = Worker()
    worker.video.wanted = False
    worker.decode(bare[:5])
    assert worker.units == []
    worker.video.wanted = True
    worker.decode(bare[5:] + UNITS[11:], 6)
    found = worker.close()
    assert len(found) == 10
    assert len(h264_streams.decode(found)) == 10


@pytest.mark.parametrize(('settings', 'words'), [
    ({'rotation': 90}, "the parameters 'rotation' to 0"), ({'hflip': True}, "'hflip' and 'vflip'"),
    ({'width': 160}, 'it has 320x240 pixels, and 160x120 are asked for'),
    ({'width': 320, 'height': 180}, '320x180 are asked for'),
    ({'width': 320}, ''),
])
def test_what_is_asked_for_and_the_stream_does_not_have_is_a_reason(settings, words):
    worker = Worker(**settings)
    worker.decode(UNITS[:3])
    worker.close()
    assert len(worker.told) == 2
    assert words in worker.told[0]
    assert bool(words) == bool(worker.told[0])


@pytest.mark.parametrize('wanted', [True, False])
def test_a_stream_may_become_another_one_in_its_midst(wanted):
    larger = h264_streams.access_units(size=(640, 480))
    deeper = h264_streams.access_units(pixels='yuv420p10le')
    worker = Worker(width=320)
    worker.video.wanted = wanted
    worker.decode([*UNITS, *larger, *deeper, *UNITS])
    worker.close()
    assert len(worker.jpeg_stamps) == 4 * len(UNITS)
    assert [str(reason)[:60] for reason in worker.told] == [
        '', 'its H.264 is not passed on, because it has 640x480 pixels, a',
        'its H.264 is not passed on: it is H.264 with 4:2:0 and 10 bi', '', 'None']
    assert {unit.width for unit in worker.units} == ({320, 640} if wanted else set())
    h264_streams.decode([unit.data for unit in worker.units])
