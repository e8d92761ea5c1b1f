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

"""Files as PyAV reads them, whole and cut off."""

from fractions import Fraction
import io

import av
import numpy as np
from pi_camera_stream.core.errors import FrameRefusedError
from pi_camera_stream.core.frame import Frame
from pi_camera_stream.recording.matroska import HEAD_BYTES, MatroskaWriter, read_head, Title
from pi_camera_stream.recording.output_file import OutputFile
import pytest
from support import pictures
from support.h264_streams import access_units

TITLE = Title('/camera/image_raw/compressed', 1_795_904_727.515, 123)
STEP = 333  # ticks, and a bit of jitter
COUNT = 20


def frames(codec='jpeg', size=(320, 240)):
    if codec == 'jpeg':
        units = [pictures.jpeg(*size, seed) for seed in range(COUNT)]
    else:
        units = access_units(COUNT, 10, size=size)
    return [Frame(unit, 10**18 + 33_300_000 * number, number, *size, codec=codec,
                  key=codec == 'jpeg' or number % 10 == 0) for number, unit in enumerate(units)]


def write(path, codec='jpeg', finish=True):
    """Write a film; return how large it was after each picture."""
    file = OutputFile(path)
    all_frames = frames(codec)
    writer = MatroskaWriter(file, all_frames[0], TITLE)
    sizes = []
    for number, frame in enumerate(all_frames):
        writer.add(frame, number * STEP)
        sizes.append(file.size)
    if finish:
        writer.finish()
    file.close()
    return sizes


def shown(data):
    """Return times and pictures of a film, of which a part may be missing."""
    found = []
    with av.open(io.BytesIO(data)) as film:
        try:
            for picture in film.decode(video=0):
                found.append((picture.pts * picture.time_base, picture.to_ndarray(format='bgr24')))
        except av.error.InvalidDataError:  # a picture that is cut off
            pass
    return found


def decoded_alone(codec):
    decoder = av.CodecContext.create('mjpeg' if codec == 'jpeg' else 'h264', 'r')
    decoder.thread_type = 'NONE'
    return [picture.to_ndarray(format='bgr24') for frame in frames(codec)
            for picture in decoder.decode(av.Packet(frame.data))] + [
                picture.to_ndarray(format='bgr24') for picture in decoder.decode(None)]


@pytest.mark.parametrize('codec', ['jpeg', 'h264'])
def test_what_was_written_is_shown_at_its_time(tmp_path, codec):
    path = tmp_path / 'film.mkv'
    write(path, codec)
    found = shown(path.read_bytes())
    assert [time for time, _ in found] == [Fraction(STEP * number, 10_000)
                                           for number in range(COUNT)]
    for (_, picture), expected in zip(found, decoded_alone(codec), strict=True):
        assert np.array_equal(picture, expected)


@pytest.mark.parametrize('codec', ['jpeg', 'h264'])
def test_the_bytes_of_the_camera_are_in_it_untouched(tmp_path, codec):
    path = tmp_path / 'film.mkv'
    write(path, codec)
    with av.open(str(path)) as film:
        packets = [packet for packet in film.demux(video=0) if packet.size]
        if codec == 'h264':  # lengths in place of start codes
            from pi_camera_stream.codecs.h264_lengths import LengthPrefixed
            lengths = LengthPrefixed(bytes(film.streams.video[0].codec_context.extradata))
            units = [lengths.to_byte_stream(bytes(packet)) for packet in packets]
            from pi_camera_stream.codecs.h264 import nal_units
            assert [list(nal_units(unit)) for unit in units] == [
                list(nal_units(frame.data)) for frame in frames(codec)]
        else:
            assert [bytes(packet) for packet in packets] == [frame.data for frame in frames()]
        assert [packet.is_keyframe for packet in packets] == [frame.key
                                                              for frame in frames(codec)]


def test_a_finished_file_says_how_long_it_is_and_can_be_sought_in(tmp_path):
    path = tmp_path / 'film.mkv'
    write(path)
    head = read_head(path.read_bytes()[:HEAD_BYTES])
    assert (head.topic, head.codec) == (TITLE.topic, 'jpeg')
    assert head.began == pytest.approx(TITLE.began, abs=1e-6)
    assert head.duration_s == pytest.approx((COUNT - 1) * STEP / 10_000)
    with av.open(str(path)) as film:
        assert film.metadata['FIRST_STAMP_NS'] == '123'
        assert film.metadata['creation_time'] == '2026-11-28T22:25:27.515000Z'
        assert film.duration == (COUNT - 1) * STEP * 100
        film.seek(500_000)
        assert next(film.decode(video=0)).pts > 0  # so there are cues


@pytest.mark.parametrize('codec', ['jpeg', 'h264'])
def test_one_that_is_cut_off_anywhere_plays_up_to_there(tmp_path, codec):
    path = tmp_path / 'film.mkv'
    sizes = write(path, codec, finish=False)
    data = path.read_bytes()
    assert read_head(data[:HEAD_BYTES]).duration_s is None
    for number, size in enumerate(sizes):
        for more in (0, 1, 7, 40):
            assert len(shown(data[:size + more])) >= number + 1, (number, more)


def test_what_is_none_of_ours_is_not_taken_for_it(tmp_path):
    assert read_head(b'') is None
    assert read_head(b'\x1aE\xdf\xa3 and more') is None
    other = io.BytesIO()
    with av.open(other, 'w', format='matroska') as film:
        stream = film.add_stream('mjpeg', rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, 'yuvj420p'
        film.mux(stream.encode(av.VideoFrame(64, 48, 'yuvj420p')))
    assert read_head(other.getvalue()[:HEAD_BYTES]) is None


def test_h264_without_its_parameters_is_refused(tmp_path):
    unit = frames('h264')[1]
    file = OutputFile(tmp_path / 'film.mkv')
    with pytest.raises(FrameRefusedError, match='parameter sets'):
        MatroskaWriter(file, unit, TITLE)
    file.close()


def test_sound_is_beside_the_pictures(tmp_path):
    encoder = av.CodecContext.create('libopus', 'w')
    encoder.sample_rate, encoder.format, encoder.layout = 48_000, 's16', 'mono'
    encoder.options = {'frame_duration': '20'}
    tone = np.sin(np.arange(48_000) / 20)
    samples = av.AudioFrame.from_ndarray((tone * 8000).astype(np.int16)[None], 's16', 'mono')
    samples.sample_rate = 48_000
    encoder.open()
    samples.pts = 0
    resampler = av.AudioFifo()
    resampler.write(samples)
    packets = [bytes(packet) for piece in resampler.read_many(960)
               for packet in encoder.encode(piece)]
    path = tmp_path / 'film.mkv'
    file = OutputFile(path)
    all_frames = frames()
    writer = MatroskaWriter(file, all_frames[0], Title('/camera', 0.0, 0, sound_channels=1))
    for number, packet in enumerate(packets):
        writer.add_sound(packet, 200 * number)
        if number < 5:  # then pictures stay away, and the sound is written without
            writer.add(all_frames[number], 200 * number + 100)
    writer.finish()
    file.close()
    with av.open(str(path)) as film:
        heard = [frame.to_ndarray() for frame in film.decode(audio=0)]
    played = np.concatenate([piece[0] for piece in heard])
    assert len(played) > 960 * (len(packets) - 2)
    assert 0.1 < np.abs(played[9600:]).max() < 0.5
    with av.open(str(path)) as film:
        times = [float(packet.pts * packet.time_base) for packet in film.demux(audio=0)
                 if packet.size]
    assert np.allclose(np.diff(times), 0.02, atol=0.001)
