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

"""What a program without ROS records, and how that ends."""

import json
import os
import signal

import av
import pytest
from support.cars import IDLE
from support.driver import Driver
from support.processes import Program, wait_until

PATTERN = ('--source', 'pattern', '--size', '320x180', '--fps', '30')


@pytest.fixture
def serving(tmp_path, monkeypatch):
    """Return what runs it, and records below tmp_path."""
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join(
        os.path.abspath(path) for path in os.environ.get('PYTHONPATH', '').split(os.pathsep)
        if path))
    programs = []

    def serve(*words):
        program = Program('serve', '--address', '127.0.0.1', '--port', '0', *PATTERN,
                          '--record-folder', tmp_path / 'films', *words, cwd=tmp_path)
        programs.append(program)
        return program

    yield serve
    for program in programs:
        if program.process.poll() is None:
            program.stop(signal.SIGKILL)


def films(folder):
    return sorted((folder / 'films').glob('*.mkv'))


def notes(film):
    """Return what is written whole."""
    lines = film.with_suffix('.jsonl').read_text().split('\n')[:-1]
    return [json.loads(line) for line in lines]


def pictures_in(film):
    with av.open(str(film)) as opened:
        return sum(1 for _ in opened.decode(video=0)), opened.duration


@pytest.mark.parametrize('codec', ['jpeg', 'h264'])
def test_what_is_killed_leaves_a_film_that_plays(serving, tmp_path, codec):
    program = serving('--record', 'always', '--record-codec', codec)
    wait_until(lambda: films(tmp_path) and films(tmp_path)[0].stat().st_size > 20_000)
    program.stop(signal.SIGKILL)
    film, = films(tmp_path)
    count, _ = pictures_in(film)
    assert count >= sum(line['type'] == 'picture' for line in notes(film)) > 1


def test_what_is_driven_and_found_is_beside_it_and_a_signal_ends_the_film(serving, tmp_path):
    (tmp_path / 'my_car.py').write_text(IDLE)
    program = serving('--record', 'always', '--processor', 'edges', '--vehicle', 'my_car:Car',
                      '--teleop.insecure', 'true')
    url = program.wait_for(r'Open (http://\S+/)').group(1)
    with Driver(url) as driver:
        driver.sit_down()
        wait_until(lambda: driver.heard)
        driver.hold()
        wait_until(lambda: films(tmp_path) and {'driven', 'found'} <= {
            line['type'] for line in notes(films(tmp_path)[0]) if line.get('linear', 1) > 0})
    assert program.stop(signal.SIGTERM) == 0, program.output
    film, = films(tmp_path)
    lines = notes(film)
    stamps = [line['stamp_ns'] for line in lines if line['type'] == 'picture']
    count, duration = pictures_in(film)
    assert (count, duration is None) == (len(stamps), False)
    driven = [line for line in lines if line['type'] == 'driven']
    assert all(stamps[0] - 1e9 < line['stamp_ns'] < stamps[-1] + 1e9 for line in driven)
    found = [line for line in lines if line['type'] == 'found']
    assert {line['results'][0]['processor'] for line in found} == {'edges'}
    assert {line['stamp_ns'] for line in found} <= set(stamps)


def test_where_nothing_looks_for_what_moves_it_is_said(serving):
    program = serving('--record', 'motion')
    assert program.wait() == 1
    assert 'add --processor motion' in program.output
