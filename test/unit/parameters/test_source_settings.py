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

from dataclasses import fields

from pi_camera_stream.parameters.source_settings import read_settings, RESTARTING
from pi_camera_stream.parameters.tables import CAMERA
from pi_camera_stream.sources.base import SourceSettings

DEFAULTS = {row.name: row.default for row in CAMERA}


def test_every_setting_has_a_row_and_every_row_a_setting_that_there_is():
    settings = [row.setting for row in CAMERA if row.setting]
    assert sorted(settings) == sorted(field.name for field in fields(SourceSettings))


def test_the_defaults_are_the_same():
    assert read_settings(DEFAULTS.__getitem__) == SourceSettings()


def test_a_value_arrives_under_its_name():
    values = {**DEFAULTS, 'jpeg_quality': 30, 'crop': '1,2,30,40', 'picamera2.python': '/x'}
    assert read_settings(values.__getitem__) == SourceSettings(
        quality=30, crop=(1, 2, 30, 40), python='/x')


def test_a_mode_may_be_written_as_camera_ros_writes_it():
    values = {**DEFAULTS, 'sensor_mode': '2304:1296'}
    assert read_settings(values.__getitem__).sensor_mode == '2304x1296'
    values['sensor_mode'] = '2304x1296:10'
    assert read_settings(values.__getitem__).sensor_mode == '2304x1296:10'


def test_what_restarts_the_source_is_live_and_a_setting():
    for row in CAMERA:
        assert not row.restarts or (row.live and row.setting)
    assert 'width' in RESTARTING and 'jpeg_quality' not in RESTARTING
