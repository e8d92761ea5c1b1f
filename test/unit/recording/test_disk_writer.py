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

"""What comes to the disk, on disks of all kinds."""

import contextlib
import errno
import json
import logging
import os
import re
import threading
import time

import av
from pi_camera_stream.core.frame import Frame
from pi_camera_stream.recording import disk_writer as disk_writer_module
from pi_camera_stream.recording.backlog import FOUND, Note
from pi_camera_stream.recording.disk_writer import DiskWriter
from pi_camera_stream.recording.folder import Folder
from pi_camera_stream.recording.output_file import OutputFile
from pi_camera_stream.recording.settings import RecordSettings
import pytest
from support import pictures
from support.disks import small_disk
from support.h264_streams import access_units

WAIT_S = 60
TOPIC = '/camera/image_raw/compressed'
JPEG = pictures.jpeg()
LARGE = {'data': pictures.jpeg(320, 240), 'size': (320, 240)}


class Bench:
    """A writer, and a camera whose clock can be set."""

    def __init__(self, path, topics=(TOPIC,), **settings):
        self.folder = Folder(path)
        self.log = []
        self.writer = DiskWriter(self.folder, RecordSettings(path, **settings), topics,
                                 self.log.append)
        self.stamp_ns, self.sequence = 10**18, 0

    def send(self, data=JPEG, size=(64, 48), key=True, codec='jpeg', step_s=1 / 30, track=0):
        self.stamp_ns += round(step_s * 1e9)
        self.sequence += 1
        return self.writer.put(self.writer.tracks[track], Frame(
            data, self.stamp_ns, self.sequence, *size, codec=codec, key=key))

    def send_until(self, condition, **what):
        """Send until it is so."""
        deadline = time.monotonic() + WAIT_S
        while not (found := condition()):
            assert time.monotonic() < deadline, (self.writer.fault(), self.log)
            self.send(**what)
            time.sleep(0.01)
        return found

    def names(self):
        return sorted((name for name in os.listdir(self.folder.path) if name.endswith('.mkv')),
                      key=lambda name: name.removesuffix('.mkv'))

    def films(self):
        """Return the times of the pictures of each film."""
        found = []
        for name in self.names():
            with av.open(str(self.folder.path / name)) as film:
                found.append([float(picture.time) for picture in film.decode(video=0)])
        return found

    def notes(self, name=None):
        path = (self.folder.path / (name or self.names()[0])).with_suffix('.jsonl')
        return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def bench(tmp_path):
    with benches(tmp_path / 'recordings') as made:
        yield made


@contextlib.contextmanager
def benches(path, **settings):
    made = Bench(path, **settings)
    try:
        yield made
    finally:
        made.writer.close()


@pytest.fixture
def soon(monkeypatch):
    """Let what is tried again and synchronised be that at once."""
    monkeypatch.setattr(disk_writer_module, '_RETRY_S', 0.05)
    monkeypatch.setattr(disk_writer_module, '_SYNC_S', 0.02)


def threads():
    return [thread for thread in threading.enumerate() if thread.name == 'record']


def test_what_was_before_and_what_comes_is_in_the_film_with_what_happened(bench):
    for _ in range(5):
        bench.send()
    bench.writer.put_all(Note('driven', '"linear": 0.5, "angular": 0', bench.stamp_ns))
    assert not threads()
    bench.writer.begin()
    for _ in range(5):
        bench.send()
    bench.writer.close()
    assert bench.films()[0] == pytest.approx([number / 30 for number in range(10)], abs=0.0001)
    first, *lines = bench.notes()
    assert (first['type'], first['topic'], first['codec']) == ('recording', TOPIC, 'jpeg')
    stamps = [line['stamp_ns'] for line in lines if line['type'] == 'picture']
    assert stamps[0] == first['first_stamp_ns']
    assert stamps[-1] == bench.stamp_ns
    assert [line for line in lines if line['type'] == 'driven'] == [
        {'type': 'driven', 'stamp_ns': stamps[4], 'linear': 0.5, 'angular': 0}]
    assert lines[5]['type'] == 'driven'  # in the order in which all came
    assert not threads()
    assert bench.log == []


def test_nothing_more_is_written_after_the_end_and_the_next_is_another_file(bench):
    for _ in range(2):
        bench.writer.begin()
        bench.send()
        bench.writer.end()
        bench.send()
    bench.writer.close()
    assert [len(film) for film in bench.films()] == [1, 2]


@pytest.mark.parametrize(('change', 'count'), [
    ({'size': (32, 24), 'data': pictures.jpeg(32, 24)}, 2), ({'step_s': -100.0}, 2),
    ({'step_s': 3600.0}, 2), ({'step_s': -0.05}, 1), ({'step_s': 0.0}, 1)])
def test_another_size_or_a_clock_that_jumps_is_another_file(bench, change, count):
    bench.writer.begin()
    for _ in range(5):
        bench.send()
    bench.send(**change)
    for _ in range(4):
        bench.send(**{name: value for name, value in change.items() if name != 'step_s'})
    bench.writer.close()
    films = bench.films()
    assert sum(map(len, films)) == 10
    assert len(films) == count
    for film in films:
        assert film == sorted(set(film))
        assert film[0] == 0


def test_pictures_of_two_sizes_by_turns_do_not_become_a_file_each(bench):
    bench.writer.begin()
    small = {'data': pictures.jpeg(32, 24), 'size': (32, 24)}
    for number in range(20):
        bench.send(**(small if number % 2 else {}))
    bench.writer.close()
    assert len(bench.films()) == 2
    assert bench.writer.left_out() > 0
    assert bench.writer.left_out() + sum(map(len, bench.films())) == 20


def test_a_file_is_as_long_as_asked_for_and_none_is_missing_between_two(tmp_path):
    with benches(tmp_path / 'recordings', minutes=0.01) as bench:
        bench.writer.begin()
        for _ in range(30):
            bench.send(step_s=0.1)
        bench.writer.close()
        assert [len(film) for film in bench.films()] == [6, 6, 6, 6, 6]


def test_h264_begins_each_file_with_a_key_frame_which_is_asked_for(tmp_path):
    units = access_units(40, 10)
    with benches(tmp_path / 'recordings', minutes=0.002, codec='h264') as bench:
        bench.writer.begin()
        assert bench.send(units[1], (320, 240), key=False, codec='h264')
        asked = [bench.send(unit, (320, 240), key=number % 10 == 0, codec='h264', step_s=0.05)
                 for number, unit in enumerate(units)]
        bench.writer.close()
        films = bench.films()
        assert sum(map(len, films)) == 40
        assert all(len(film) % 10 == 0 for film in films)
        assert len(films) > 1
        assert not asked[0]


def test_a_camera_that_was_away_for_long_begins_another_file(bench, monkeypatch):
    now_s = time.monotonic()
    monkeypatch.setattr(time, 'monotonic', lambda: now_s)
    bench.writer.begin()
    for _ in range(3):
        bench.send()
    now_s += 3600
    bench.send(step_s=3600)
    now_s += 1
    bench.writer.close()
    assert [len(film) for film in bench.films()] == [3, 1]


def test_two_topics_are_two_files(tmp_path):
    with benches(tmp_path / 'recordings', topics=('/left/image', '/right/image')) as bench:
        bench.writer.begin()
        for number in range(10):
            bench.send(track=number % 2)
        bench.writer.close()
        assert [len(film) for film in bench.films()] == [5, 5]
        assert [name.partition('Z_')[2] for name in bench.names()] == [
            'left_image.mkv', 'right_image.mkv']


def test_a_full_disk_is_said_and_it_goes_on_when_there_is_room(tmp_path, soon, missing):
    with small_disk(tmp_path / 'disk', 400_000, missing), \
            benches(tmp_path / 'disk' / 'recordings') as bench:
        bench.writer.begin()
        bench.send_until(lambda: 'is full' in bench.writer.fault(), **LARGE)
        assert 'record_keep_gb' in bench.writer.fault()
        assert len(bench.log) == 1
        first, = bench.names()
        assert len(bench.films()[0]) > 4  # it plays, though it has no end
        bench.folder.delete(first)
        bench.send_until(lambda: bench.writer.running() and not bench.writer.fault(),
                         **LARGE)
        bench.writer.close()
        assert bench.films()[-1]


def test_the_oldest_make_room_where_they_may(tmp_path, soon, missing):
    with small_disk(tmp_path / 'disk', 400_000, missing), \
            benches(tmp_path / 'disk' / 'recordings', keep_bytes=10e9, minutes=0.01) as bench:
        bench.writer.begin()
        bench.send_until(lambda: bench.folder.path.exists() and bench.names(), **LARGE)
        first, = bench.names()
        bench.send_until(lambda: first not in bench.names(), **LARGE)
        assert bench.writer.fault() == ''
        assert bench.log == []


def test_what_may_be_kept_is_kept_to(tmp_path, soon):
    with benches(tmp_path / 'recordings', keep_bytes=100_000, minutes=0.01) as bench:
        bench.writer.begin()
        bench.send_until(lambda: bench.sequence > 100, step_s=0.1)
        bench.writer.end()
        bench.writer.close()
        assert 0 < bench.folder.keep(float('inf'), ())[0] < 150_000
        assert bench.writer.fault() == ''


def test_a_read_only_disk_is_said_and_it_goes_on_afterwards(tmp_path, soon, missing):
    with small_disk(tmp_path / 'disk', 4_000_000, missing) as set_writable, \
            benches(tmp_path / 'disk' / 'recordings') as bench:
        set_writable(False)
        bench.writer.begin()
        bench.send_until(lambda: 'read-only' in bench.writer.fault())
        set_writable(True)
        bench.send_until(lambda: bench.writer.running() and not bench.writer.fault())
        bench.writer.close()  # or the disk cannot be taken away
        assert len(bench.log) == 1


@pytest.mark.parametrize(('place', 'sentence'), [
    ('missing/recordings', 'there is no folder'), ('file/recordings', 'is not a folder')])
def test_a_folder_that_cannot_be_is_said(tmp_path, soon, place, sentence):
    (tmp_path / 'file').touch()
    with benches(tmp_path / place) as bench:
        bench.writer.begin()
        bench.send_until(lambda: sentence in bench.writer.fault())
        assert len(bench.log) == 1


def test_it_goes_on_when_its_folder_is_taken_away(tmp_path, soon):
    with benches(tmp_path / 'recordings') as bench:
        bench.writer.begin()
        bench.send_until(lambda: bench.writer.running())
        bench.folder.path.rename(tmp_path / 'elsewhere')
        bench.send_until(lambda: bench.folder.path.exists() and bench.writer.running()
                         and bench.names() and not bench.writer.fault())
        # The one, or the other where it was taken before its second file was there.
        assert re.search('was removed while recording|there is no folder', bench.log[0])
        bench.writer.close()
        assert bench.films()[-1]


def test_a_disk_that_hangs_delays_nobody_and_is_said(tmp_path, monkeypatch):
    goes_on, hanging = threading.Event(), threading.Event()
    append = OutputFile.append

    def hang(file, pieces):
        if file.size > 20_000:
            hanging.set()
            assert goes_on.wait(WAIT_S)
        append(file, pieces)

    monkeypatch.setattr(OutputFile, 'append', hang)
    monkeypatch.setattr(disk_writer_module, '_HANGS_S', 0.0)
    with benches(tmp_path / 'recordings') as bench:
        for track in bench.writer.tracks:
            track.backlog._most_bytes = 50_000
        bench.writer.begin()
        bench.send_until(hanging.is_set)
        for _ in range(100):  # each returns at once, or this would never end
            bench.send()
        assert 'has not answered' in bench.writer.fault()
        monkeypatch.setattr(disk_writer_module, '_HANGS_S', 3.0)
        assert bench.writer.tracks[0].backlog.held_bytes < 60_000
        assert bench.writer.left_out() > 50
        assert 'too slow' in bench.writer.fault()
        assert len(bench.log) == 1
        assert 'has not answered' in bench.log[0]
        goes_on.set()
        bench.writer.close()
        film, = bench.films()
        assert len(film) + bench.writer.left_out() == bench.sequence


def test_it_goes_on_writing_while_the_disk_is_synchronised(bench, soon, monkeypatch):
    goes_on, asked = threading.Event(), threading.Event()

    def synchronise(_):
        asked.set()
        assert goes_on.wait(WAIT_S)

    monkeypatch.setattr(os, 'fdatasync', synchronise)
    monkeypatch.setattr(disk_writer_module, '_HANGS_S', 0.0)
    bench.writer.begin()
    bench.send_until(asked.is_set)
    film = bench.folder.path / bench.names()[0]
    size = film.stat().st_size
    bench.send_until(lambda: film.stat().st_size > size + 10 * len(JPEG))
    assert 'has not answered' in bench.writer.fault()
    goes_on.set()


def test_what_goes_wrong_while_it_is_synchronised_is_said(bench, soon, monkeypatch):
    def fail(_):
        raise OSError(errno.EIO, 'Input/output error')

    with monkeypatch.context() as patch:
        patch.setattr(os, 'fdatasync', fail)
        bench.writer.begin()
        bench.send_until(lambda: 'replace it' in bench.writer.fault())
    bench.send_until(lambda: bench.writer.running() and not bench.writer.fault())


def test_the_end_does_not_wait_for_a_disk_that_hangs(tmp_path, monkeypatch):
    goes_on = threading.Event()
    monkeypatch.setattr(OutputFile, 'sync', lambda _: goes_on.wait(WAIT_S) and None)
    monkeypatch.setattr(disk_writer_module, '_CLOSE_S', 0.01)
    with benches(tmp_path / 'recordings') as bench:
        bench.writer.begin()
        bench.send_until(lambda: bench.writer.running())
        bench.writer.close()
        assert threads()
        goes_on.set()
        for thread in threads():
            thread.join(WAIT_S)
        assert bench.films()[0]  # it was ended afterwards


def test_a_fault_of_ours_is_said_and_it_goes_on(bench, soon, monkeypatch, caplog):
    failing = [RuntimeError('broken')]
    append = OutputFile.append

    def fail_once(file, pieces):
        if failing and file.size > 5000:
            raise failing.pop()
        append(file, pieces)

    monkeypatch.setattr(OutputFile, 'append', fail_once)
    with caplog.at_level(logging.CRITICAL):
        bench.writer.begin()
        bench.send_until(lambda: not failing)
        bench.send_until(lambda: bench.writer.running() and not bench.writer.fault())
    assert 'broken' in bench.log[0]


def test_h264_that_nothing_can_begin_with_is_said(bench):
    unit = access_units()[1]
    bench.writer.begin()
    bench.send_until(bench.writer.fault, data=unit, size=(320, 240), codec='h264')
    assert 'parameter sets' in bench.writer.fault()
    assert bench.writer.left_out() > 0


def test_what_was_found_stands_behind_its_picture_or_nowhere(tmp_path):
    def found(stamp_ns):
        bench.writer.put_all(Note(FOUND, f'"results": [{stamp_ns}]', stamp_ns))

    with benches(tmp_path / 'recordings', topics=(TOPIC, '/other')) as bench:
        bench.writer.begin()
        bench.send()
        first = bench.stamp_ns
        found(first + 10**9)  # overtakes its picture
        found(first + 5)  # of one that was left out
        found(first)
        bench.send(step_s=1)
        bench.send(step_s=0.5, track=1)
        found(bench.stamp_ns)
        for _ in range(1000):
            bench.send(step_s=0.001)
        found(first)  # too late, but its picture is there
        found(bench.stamp_ns)
        bench.send()
    lines = [[(line['type'], line['stamp_ns']) for line in bench.notes(name)[1:]]
             for name in bench.names()]
    of_first, of_other = sorted(lines, key=len, reverse=True)
    second = first + 10**9
    assert of_first[:4] == [('picture', first), (FOUND, first), ('picture', second),
                            (FOUND, second)]
    assert of_other == [('picture', second + 5 * 10**8), (FOUND, second + 5 * 10**8)]
    later = [line for line in of_first[4:] if line[0] == FOUND]
    assert later == [(FOUND, bench.stamp_ns - round(1e9 / 30))]
