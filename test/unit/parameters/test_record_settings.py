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

from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.parameters.record_settings import read_recording
from pi_camera_stream.parameters.tables import HTTP_BRIDGE
import pytest


def read(**values):
    defaults = {row.name: row.default for row in HTTP_BRIDGE}
    return read_recording({**defaults, **values}.__getitem__)


def test_without_a_folder_there_is_none():
    assert read() is None
    assert read(record_folder='  ') is None
    with pytest.raises(PermanentError, match="set 'record_folder'"):
        read(record='always')


def test_what_is_set_is_read():
    settings = read(record_folder='~/films', record='motion', record_topics='/left, /right,',
                    record_keep_gb=2.5)
    assert settings.folder == Path.home() / 'films'
    assert (settings.mode, settings.topics, settings.keep_bytes) == (
        'motion', ('/left', '/right'), 2.5e9)
    assert read(record_folder='films').folder == Path.cwd() / 'films'


def test_a_home_that_is_not_there_is_said():
    with pytest.raises(PermanentError, match='whole path'):
        read(record_folder='~nobody_of_that_name/films')
