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
from pi_camera_stream.sources.records import FrameRecord, Message, pack_message, RecordReader
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
