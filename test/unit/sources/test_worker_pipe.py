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

from importlib.util import module_from_spec, spec_from_file_location
import os
from pathlib import Path

from pi_camera_stream.sources import records, workers
from pi_camera_stream.sources.records import (
    FrameRecord,
    Message,
    pack_message,
    RecordReader,
    VideoRecord,
)
import pytest


@pytest.fixture
def worker_pipe():
    """Return the module, which is no part of the package for those who use it."""
    path = Path(workers.__file__).parent / 'runtime' / 'worker_pipe.py'
    spec = spec_from_file_location('worker_pipe', path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def pipe():
    """Return the ends of a pipe."""
    ends = os.pipe()
    yield ends
    for fd in ends:
        os.close(fd)


def test_the_node_reads_what_a_worker_writes(worker_pipe, pipe):
    writing = worker_pipe.WorkerPipe()
    writing.send_frame(b'older', 1, 1, 1)
    writing.send_frame(b'jpeg', 2**63, 2**40, 2**31)
    writing.send(b'H', {'camera': 'imx708 \N{EM DASH} wide'})
    writing.send(b'A', {'error': ''})
    writing.write(pipe[1])
    assert RecordReader().feed(os.read(pipe[0], 2**16)) == [
        Message('H', {'camera': 'imx708 \N{EM DASH} wide'}), Message('A', {'error': ''}),
        FrameRecord(b'jpeg', 2**63, 2**40, 2**31)]


def read_all(pipe, writing, rounds):
    """Return what is written in so many rounds."""
    for _ in range(rounds):
        writing.write(pipe[1])
    return RecordReader().feed(os.read(pipe[0], 2**16))


def test_access_units_stay_in_order_and_a_frame_waits_for_one_at_the_most(worker_pipe, pipe):
    writing = worker_pipe.WorkerPipe()
    for number in (1, 2, 3):
        assert writing.send_unit(b'unit', number, number, number == 1)
    found = read_all(pipe, writing, 1)
    writing.send_frame(b'jpeg', 9, 9)
    assert [*found, *read_all(pipe, writing, 2)] == [
        VideoRecord(b'unit', 1, 1), FrameRecord(b'jpeg', 9, 9), VideoRecord(b'unit', 2, 2),
        VideoRecord(b'unit', 3, 3)]


def test_a_key_frame_takes_the_place_of_many_access_units(worker_pipe, pipe):
    writing = worker_pipe.WorkerPipe()
    for number in range(1, 11):
        assert writing.send_unit(b'unit', 0, number, key=number == 10)
    assert read_all(pipe, writing, 1) == [VideoRecord(b'unit', 0, 10)]


@pytest.mark.parametrize(('count', 'passed_s'), [(8, 2.0), (64, 0.0)])
def test_without_one_in_time_all_are_left_out_up_to_the_next(
        worker_pipe, pipe, monkeypatch, count, passed_s):
    now_s = 100.0
    monkeypatch.setattr(worker_pipe.time, 'monotonic', lambda: now_s)
    writing = worker_pipe.WorkerPipe()
    for number in range(count):
        assert writing.send_unit(b'unit', 0, number, key=False)
    now_s += passed_s
    assert not writing.send_unit(b'unit', 0, 100, key=False)
    assert not writing.send_unit(b'unit', 0, 101, key=False)
    assert writing.send_unit(b'unit', 0, 102, key=True)
    assert writing.send_unit(b'unit', 0, 103, key=False)
    assert read_all(pipe, writing, 2) == [VideoRecord(b'unit', 0, 102),
                                          VideoRecord(b'unit', 0, 103)]


def test_access_units_can_be_forgotten(worker_pipe, pipe):
    writing = worker_pipe.WorkerPipe()
    writing.send_unit(b'unit', 0, 1, key=True)
    writing.forget_units()
    writing.send_unit(b'unit', 0, 2, key=True)
    assert read_all(pipe, writing, 1) == [VideoRecord(b'unit', 0, 2)]


def test_a_worker_reads_what_the_node_writes(worker_pipe):
    reading, writing = os.pipe()
    os.write(writing, pack_message('O', {'fps': 30.0}) + pack_message('S', {'controls': {}})
             + pack_message('S', {'controls': {}})[:-1])
    os.close(writing)
    assert list(worker_pipe.messages(reading)) == [
        (b'O', {'fps': 30.0}), (b'S', {'controls': {}})]
    os.close(reading)


def test_both_speak_the_same_version(worker_pipe):
    assert records.VERSION == 1
    assert worker_pipe._HEAD.format == records._HEAD.format
    assert worker_pipe._FRAME.format == records._FRAME.format
    assert worker_pipe._UNIT.format == records._UNIT.format
