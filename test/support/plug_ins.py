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



"""Packages with processors of their own, as a user installs them."""

import os

from pi_camera_stream.vision.registry import GROUP

FAULTY = """
import time
from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.core.parameters import Parameter
from pi_camera_stream.vision.processor import Detection, Findings, Processor


class Faulty(Processor):
    PARAMETERS = (Parameter('where', 'process', 'Where it raises', live=True),
                  Parameter('level', 3, 'Level', '', 0, 9, live=True))

    @classmethod
    def check(cls, values):
        if values['where'] == 'check':
            raise PermanentError("parameter 'faulty.where' cannot be check: set it to process")

    def configure(self, values):
        if values['where'] == 'configure':
            raise RuntimeError('it does not take that')
        self.where = values['where']
        self.level = values['level']

    def process(self, image, info):
        if self.where == 'process':
            raise RuntimeError('it does not work')
        return Findings([Detection('thing', 1, 2, 3, 4)], {'level': self.level})

    def annotate(self, image, findings):
        if self.where == 'annotate':
            raise RuntimeError('it cannot draw')
        return image
"""

SLOW = """
import time
from pi_camera_stream.vision.processor import Findings, Processor


class Slow(Processor):
    def process(self, image, info):
        time.sleep(0.2)
        return Findings()

    def annotate(self, image, findings):
        return image
"""


def install(folder, monkeypatch, **sources):
    """Install a package `robot_parts`, with a processor for each source, for our programs."""
    (folder / 'robot_parts').mkdir()
    (folder / 'robot_parts/__init__.py').write_text('')
    information = folder / 'robot_parts-1.0.dist-info'
    information.mkdir()
    (information / 'METADATA').write_text(
        'Metadata-Version: 2.1\nName: robot_parts\nVersion: 1.0\n')
    lines = [f'[{GROUP}]']
    for name, source in sources.items():
        (folder / f'robot_parts/{name}.py').write_text(source)
        lines.append(f'{name} = robot_parts.{name}:{name.capitalize()}')
    (information / 'entry_points.txt').write_text('\n'.join(lines))
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join(
        filter(None, (str(folder), os.environ.get('PYTHONPATH', '')))))
