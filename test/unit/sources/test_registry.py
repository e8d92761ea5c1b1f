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

from pathlib import Path

from pi_camera_stream.core.errors import PermanentError, StreamError
from pi_camera_stream.sources import registry
from pi_camera_stream.sources.base import Source, SourceSettings
import pytest


@pytest.mark.usefixtures('pyav')
@pytest.mark.parametrize('name', registry.SOURCES)
def test_every_source_can_be_made(name):
    assert isinstance(registry.create_source(SourceSettings(name)), Source)


def test_auto_without_a_camera_says_so():
    assert registry.create_source(SourceSettings('auto')).title == 'no camera 1280x720'


def test_auto_does_not_read_a_path():
    with pytest.raises(PermanentError, match="'source' to file, stdin, v4l2 or url"):
        registry.create_source(SourceSettings('auto', 'video.mp4'))


@pytest.mark.usefixtures('pyav')
def test_a_folder_and_a_video_are_told_apart(tmp_path):
    assert 'folder' in registry.create_source(SourceSettings('file', str(tmp_path))).title
    assert 'video' in registry.create_source(SourceSettings('file', 'clip.mp4')).title


def test_an_unknown_source_is_explained():
    with pytest.raises(PermanentError, match='choose one of auto, pattern, file, stdin'):
        registry.create_source(SourceSettings('telepathy'))


def test_a_missing_module_is_explained(monkeypatch):
    monkeypatch.setitem(registry.SOURCES, 'pattern', ('needs_av', 'X'))

    def refuse(name, package):
        raise ModuleNotFoundError("No module named 'av'", name='av')

    monkeypatch.setattr(registry, 'import_module', refuse)
    with pytest.raises(PermanentError, match='apt install python3-av'):
        registry.create_source(SourceSettings('pattern'))


@pytest.mark.parametrize(('wanted', 'size'), [
    ((640, 0), (640, 360)), ((0, 480), (853, 480)), ((100, 100), (100, 100)),
    ((0, 0), (1280, 720)), ((1, 0), (1, 1))])
def test_of_half_a_size_the_other_follows(wanted, size):
    settings = SourceSettings('pattern', width=wanted[0], height=wanted[1])
    assert settings.size_of(1280, 720) == size
    assert settings.sized == any(wanted)


@pytest.mark.parametrize('source', registry.NAMES)
def test_no_source_shows_the_password_of_an_address(source):
    """Whoever forgets to set `source` to url has given the address to another one."""
    settings = SourceSettings(source, 'rtsp://user:hunter2@192.168.1.20/live?token=hunter2')
    assert 'hunter2' not in repr(settings)
    said = []
    try:
        made = registry.create_source(settings)
        said += [made.title, repr(made.settings)]
        made.check()
        if source == 'url':
            return
        made.start()
    except StreamError as error:
        said.append(str(error))
    assert 'hunter2' not in ' '.join(said)


@pytest.mark.usefixtures('pyav')
@pytest.mark.parametrize(('values', 'name'), [
    ({'source': 'pattern', 'rotation': 180}, 'rotation'),
    ({'source': 'stdin', 'hflip': True}, 'hflip'),
    ({'source': 'url', 'path': 'udp://@:5000', 'crop': (0, 0, 10, 10)}, 'crop'),
    ({'source': 'rpicam', 'python': '/usr/bin/python3'}, 'picamera2.python'),
])
def test_what_a_source_does_not_know_is_refused(values, name):
    with pytest.raises(PermanentError, match=f"source '{values['source']}' does not know the "
                                             f"parameter '{name}'"):
        registry.create_source(SourceSettings(**values))


def test_auto_leaves_out_what_the_camera_does_not_know(monkeypatch):
    monkeypatch.setattr('pi_camera_stream.sources.auto.DEVICES', Path('/nowhere'))
    source = registry.create_source(SourceSettings(camera='1', hflip=True))
    assert source.settings == SourceSettings(source='pattern')
