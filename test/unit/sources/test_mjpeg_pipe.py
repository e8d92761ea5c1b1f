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

import os
import threading

from pi_camera_stream.core.errors import EndOfStream, PermanentError
from pi_camera_stream.sources import jpeg_stream
from pi_camera_stream.sources.base import SourceSettings
from pi_camera_stream.sources.mjpeg_pipe import MjpegPipeSource
import pytest
from support import pictures

PICTURES = [pictures.jpeg(seed=seed) for seed in range(4)]


@pytest.fixture
def fifo(tmp_path):
    path = tmp_path / 'pipe'
    os.mkfifo(path)
    return path


def opened(path, **settings):
    source = MjpegPipeSource(SourceSettings('stdin', str(path), **settings))
    source.start()
    return source


def test_the_bytes_come_out_as_they_were_written(fifo):
    source = opened(fifo)
    with open(fifo, 'wb', buffering=0) as writer:
        for picture in PICTURES:
            writer.write(picture)
            assert source.read(5).content.data == picture
    source.stop()


def test_of_pictures_that_come_together_only_the_newest_is_used(fifo):
    source = opened(fifo)
    with open(fifo, 'wb', buffering=0) as writer:
        writer.write(b''.join(PICTURES))
        assert source.read(5).content.data == PICTURES[-1]
    assert source.counters()['replaced by newer'] == len(PICTURES) - 1
    source.stop()


def test_a_named_pipe_waits_for_the_next_writer(fifo):
    source = opened(fifo)
    assert source.read(0) is None
    with open(fifo, 'wb', buffering=0) as writer:
        writer.write(PICTURES[0] + PICTURES[1][:100])
        assert source.read(5).content.data == PICTURES[0]
    assert source.read(0.01) is None
    with open(fifo, 'wb', buffering=0) as writer:
        writer.write(PICTURES[2])
        assert source.read(5).content.data == PICTURES[2]
    assert source.counters()['truncated pictures'] == 1
    source.stop()


def test_garbage_is_counted(fifo):
    source = opened(fifo)
    with open(fifo, 'wb', buffering=0) as writer:
        writer.write(b'hello' + PICTURES[0])
        assert source.read(5).content.data == PICTURES[0]
    assert source.counters()['garbage bytes'] == 5
    source.stop()


def test_standard_input_ends_with_its_writer(monkeypatch):
    reader, writer = os.pipe()
    saved = os.dup(0)
    os.dup2(reader, 0)
    try:
        source = opened('')
    finally:
        os.dup2(saved, 0)
        os.close(saved)
        os.close(reader)
    os.write(writer, PICTURES[0])
    assert source.read(5).content.data == PICTURES[0]
    os.close(writer)
    with pytest.raises(EndOfStream):
        source.read(5)
    source.stop()


def test_a_regular_file_is_played_picture_by_picture(tmp_path):
    path = tmp_path / 'film.mjpeg'
    path.write_bytes(b''.join(PICTURES))
    source = opened(path, fps=240)
    assert [source.read(5).content.data for _ in PICTURES] == PICTURES
    with pytest.raises(EndOfStream):
        source.read(5)
    source.stop()


def test_a_lower_rate_leaves_pictures_out(fifo):
    source = opened(fifo, fps=0.001)
    with open(fifo, 'wb', buffering=0) as writer:
        writer.write(PICTURES[0])
        assert source.read(5).content.data == PICTURES[0]
        writer.write(PICTURES[1])
        assert source.read(0.01) is None
    assert source.counters()['left out for fps'] == 1
    source.stop()


def test_a_writer_faster_than_the_reader_is_never_stopped(fifo):
    source = opened(fifo)
    count = 300
    writer = threading.Thread(target=fifo.write_bytes, args=(b''.join(PICTURES) * count,))
    writer.start()
    got = []
    while writer.is_alive() or not got:
        capture = source.read(0.01)
        if capture is not None:
            got.append(capture.content.data)
    writer.join()
    assert set(got) <= set(PICTURES)
    assert len(got) + source.counters()['replaced by newer'] <= count * len(PICTURES)
    assert source.counters()['garbage bytes'] == 0
    source.stop()


def test_a_path_that_cannot_be_read_is_explained(tmp_path):
    with pytest.raises(PermanentError, match=r'No such file.*mkfifo'):
        opened(tmp_path / 'nothing')
    with pytest.raises(PermanentError, match="is a folder: use source 'file'"):
        opened(tmp_path)


def test_of_a_burst_the_newest_is_used_at_a_lower_rate_too(fifo):
    source = opened(fifo, fps=1)
    with open(fifo, 'wb', buffering=0) as writer:
        writer.write(b''.join(PICTURES))
        assert source.read(5).content.data == PICTURES[-1]
    source.stop()


def test_a_size_that_cannot_be_had_is_explained(fifo):
    with pytest.raises(PermanentError, match='the size where the pictures are made'):
        opened(fifo, width=640, height=480)
    with pytest.raises(PermanentError, match='where the pictures are made'):
        opened(fifo, height=480)


def test_what_never_was_a_jpeg_is_explained(tmp_path):
    path = tmp_path / 'film.h264'
    path.write_bytes(b'\0\0\1 no jpeg' * 100)
    source = opened(path)
    with pytest.raises(PermanentError, match=r'and no JPEG among them: .*--codec mjpeg'):
        source.read(5)
    source.stop()
    path.write_bytes(b'\0\0\1 no jpeg' * 10**6)
    source = opened(path)
    with pytest.raises(PermanentError, match='and no JPEG among them'):
        source.read(5)
    source.stop()


@pytest.mark.parametrize(('sent', 'said'), [
    (b'\0\0\0\1\x67\x64\0\x28' + bytes(500), r'^H\.264 came from .*--codec mjpeg'),
    (b'\0\0\0\1\x40\x01\x0c\x01' + bytes(500), r'^H\.265 came from'),
    ((b'\x47' + bytes(187)) * 5, '^MPEG-TS came from'),
    (b'YUV4MPEG2' + bytes(9000), r'^9009 bytes came from'),
])
def test_another_codec_is_told_long_before_there_is_much_of_it(fifo, sent, said, monkeypatch):
    monkeypatch.setattr(jpeg_stream, '_HOPELESS_S', 0.05)
    source = opened(fifo)
    with open(fifo, 'wb', buffering=0) as writer:
        writer.write(sent)
        with pytest.raises(PermanentError, match=said):
            while True:
                source.read(0.02)
    source.stop()


def test_a_word_of_greeting_and_a_slow_first_picture_are_no_other_codec(fifo, monkeypatch):
    monkeypatch.setattr(jpeg_stream, '_HOPELESS_S', 0.0)
    source = opened(fifo)
    with open(fifo, 'wb', buffering=0) as writer:
        writer.write(b'Preview window unavailable\n')
        assert source.read(0.05) is None
        writer.write(bytes(9000) + PICTURES[0][:100])
        assert source.read(0.05) is None
        writer.write(PICTURES[0][100:])
        assert source.read(5).content.data == PICTURES[0]
    source.stop()


def test_a_picture_that_ends_with_its_file_is_counted(tmp_path):
    path = tmp_path / 'film.mjpeg'
    path.write_bytes(PICTURES[0] + PICTURES[1][:200])
    source = opened(path)
    assert source.read(5).content.data == PICTURES[0]
    with pytest.raises(EndOfStream):
        source.read(5)
    assert source.counters()['truncated pictures'] == 1
    source.stop()


def test_a_terminal_is_not_read():
    master, terminal = os.openpty()
    with pytest.raises(PermanentError, match='is a terminal: pipe them in'):
        opened(os.ttyname(terminal))
    os.close(master)
    os.close(terminal)
