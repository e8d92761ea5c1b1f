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

from pi_camera_stream.core.frame import Frame
from pi_camera_stream.recording.backlog import Arrival
from pi_camera_stream.recording.folder import Folder, is_name
from pi_camera_stream.recording.recording_file import RecordingFile
import pytest
from support import pictures

BEGAN = 1_795_904_727.5


def record(folder, topic='/camera/image_raw/compressed', began=BEGAN, count=3, finish=True,
           size=(64, 48)):
    """Write a recording; return its name."""
    first, *others = (Frame(pictures.jpeg(*size, seed), 10**18 + seed * 10**8, seed, *size)
                      for seed in range(count))
    file = RecordingFile(folder, topic, first, 0.0, began)
    for frame in others:
        file.take(Arrival(frame, 0.0))
    file.finish() if finish else file.abandon()
    return file.name


@pytest.fixture
def folder(tmp_path):
    made = Folder(tmp_path / 'recordings')
    made.create()
    return made


def test_they_are_called_by_time_and_topic_and_found_again_the_newest_first(folder):
    names = [record(folder, began=BEGAN + number) for number in range(3)]
    assert names[0] == '2026-11-28T22-25-27Z_camera_image_raw.mkv'
    found = folder.files()
    assert [one.name for one in found] == names[::-1]
    assert found[-1].topic == '/camera/image_raw/compressed'
    assert (found[-1].began, found[-1].duration_s) == pytest.approx((BEGAN, 0.2))
    assert found[-1].size == (folder.path / names[0]).stat().st_size
    assert (found[-1].codec, found[-1].running) == ('jpeg', False)
    assert [one.name for one in folder.files({names[2]})] == names[1::-1]


def test_several_of_one_second_have_names_of_their_own(folder):
    names = {record(folder) for _ in range(3)}
    assert sorted(names)[0] == '2026-11-28T22-25-27Z_camera_image_raw.1.mkv'
    assert len(folder.files()) == len(names) == 3


@pytest.mark.parametrize('topic', ['/a/ü $x/../../b', '', '/' + 300 * 'x'])
def test_whatever_a_topic_is_called_its_file_has_a_name(folder, topic):
    name = record(folder, topic)
    assert is_name(name)
    assert folder.files()[0].topic == topic
    assert folder.find(name).parent == folder.path


def test_one_without_an_end_has_the_length_of_what_is_there(folder):
    name = record(folder, finish=False)
    assert folder.files()[0].duration_s == pytest.approx(0.2)
    os.truncate((folder.path / name).with_suffix('.jsonl'), 10)
    os.utime(folder.path / name, (BEGAN + 7, BEGAN + 7))
    assert folder.files()[0].duration_s == pytest.approx(7, abs=0.001)


def foreign(folder):
    """Put what is none of ours into the folder, some of it with our names; return the names."""
    name = record(folder, '/other')
    ours = folder.path / name
    (folder.path / 'elsewhere.mkv').write_bytes(ours.read_bytes())  # ours, and renamed
    (folder.path / '2026-01-01T00-00-00Z_film.mkv').write_bytes(b'no film of ours')
    (folder.path / '2026-01-01T00-00-01Z_film.mkv').symlink_to(ours)
    (folder.path / '2026-01-01T00-00-02Z_film.mkv').mkdir()
    os.mkfifo(folder.path / '2026-01-01T00-00-03Z_film.mkv')
    (folder.path / '2026-01-01T00-00-04Z_film.jsonl').write_text('{"by": "somebody"}\n')
    (folder.path / '2026-01-01T00-00-05Z_film.mkv').touch()
    folder.delete(name)
    return sorted(os.listdir(folder.path))


def test_what_is_not_ours_is_neither_listed_nor_deleted(folder):
    others = foreign(folder)
    assert len(others) == 7
    name = record(folder)
    assert [one.name for one in folder.files()] == [name]
    for other in others:
        assert not folder.delete(other)
        assert folder.find(other) is None
    assert folder.keep(0.0, ())[1] > 0
    assert sorted(os.listdir(folder.path)) == others


@pytest.mark.parametrize('name', [
    '../x.mkv', '/etc/passwd', '', '.', 'a/2026-01-01T00-00-00Z_f.mkv',
    '2026-01-01T00-00-00Z_f.mkv\n', '2026-01-01T00-00-00Z_f.jsonl'])
def test_no_name_leads_out_of_the_folder(folder, name):
    assert not is_name(name)
    assert folder.find(name) is None
    assert not folder.delete(name)


def test_a_recording_goes_together_with_what_lies_beside_it(folder):
    names = [record(folder, began=BEGAN + number) for number in range(2)]
    assert folder.delete(names[0])
    assert {path.rpartition('.')[0] for path in os.listdir(folder.path)} == {
        names[1].removesuffix('.mkv')}
    assert not folder.delete(names[0])


def test_the_oldest_are_deleted_first_and_what_is_written_stays(folder):
    names = [record(folder, began=BEGAN + number) for number in range(4)]
    each = sum((folder.path / names[0]).with_suffix(kind).stat().st_blocks * 512
               for kind in ('.mkv', '.jsonl'))
    left, gone = folder.keep(2.5 * each, {names[0]})
    assert (left, gone) == (2 * each, 2 * each)
    assert [one.name for one in folder.files()] == [names[3], names[0]]
    assert folder.keep(2.5 * each, ())[1] == 0


def test_notes_whose_film_is_gone_are_deleted_too(folder):
    name = record(folder)
    (folder.path / name).unlink()
    assert folder.keep(0.0, ())[1] > 0
    assert os.listdir(folder.path) == []


def test_only_the_last_folder_is_made(tmp_path):
    with pytest.raises(FileNotFoundError):
        Folder(tmp_path / 'disk' / 'recordings').create()
