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

"""A copy of the package to build, install and set up."""

from pathlib import Path
import shutil

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def sources(tmp_path_factory):
    """Return a copy of the package, as a clean checkout has it."""
    target = tmp_path_factory.mktemp('ws') / 'src' / 'pi_camera_stream'
    shutil.copytree(ROOT, target, ignore=shutil.ignore_patterns(
        '.git', '.venv*', '__pycache__', '*.egg-info', 'build', 'install', 'log', '.*_cache',
        'node_modules'))
    return target
