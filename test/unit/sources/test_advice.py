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
import re

from pi_camera_stream.sources import advice
import pytest

UBUNTU = 'PRETTY_NAME="Ubuntu 24.04.1 LTS"\nNAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\n'
DEBIAN = '# a comment\nPRETTY_NAME="Debian GNU/Linux 12"\nNAME="Debian GNU/Linux"\nID=debian\n'


def tree(root, **files):
    """Write files, in the names of which `__` stands for a slash."""
    for name, text in files.items():
        path = root / name.replace('__', '/')
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(('files', 'name', 'remedy'), [
    ({'etc__os-release': DEBIAN, 'etc__rpi-issue': ''}, 'Raspberry Pi OS',
     'install it with `sudo apt install rpicam-apps`'),
    ({'etc__os-release': 'ID=raspbian\n'}, 'Raspberry Pi OS', 'install it with `sudo apt'),
    ({'usr__lib__os-release': UBUNTU}, 'Ubuntu', 'Ubuntu has no package rpicam-apps: install'),
    ({'etc__os-release': UBUNTU, '.dockerenv': ''}, 'Ubuntu', 'Ubuntu has no package'),
    ({'etc__os-release': DEBIAN}, 'Debian', 'Debian has no package rpicam-apps: install Rasp'),
    ({'etc__os-release': DEBIAN, '.dockerenv': ''}, 'Debian', 'add Raspberry Pi.s own archive'),
    ({}, '', 'install it with `sudo apt install rpicam-apps`'),
])
def test_how_to_install_fits_the_system(tmp_path, files, name, remedy):
    root = tree(tmp_path, **files)
    assert advice.system_name(root) == name
    assert advice.how_to_get('rpicam-apps', root).startswith(remedy.replace('Pi.s', "Pi's"))


@pytest.mark.parametrize(('files', 'closed', 'sentence'), [
    ({'dev__media0': '', 'dev__video0': '', 'dev__dma_heap__linux,cma': ''}, {'linux,cma'},
     'this user may not open /dev/dma_heap/linux,cma: `sudo usermod -aG video,render '),
    ({f'dev__media{number}': '' for number in range(6)}, {f'media{n}' for n in range(6)},
     'may not open /dev/media0, /dev/media1, /dev/media2 and 3 more: `sudo usermod -aG video '),
    ({'dev__media0': '', '.dockerenv': ''}, {'media0'}, 'give them to the container'),
    ({'dev__video10': ''}, set(), 'the kernel has no /dev/media.*camera_auto_detect=1'),
    ({'.dockerenv': ''}, set(), 'no /dev/media. in this container: start it with'),
    ({'dev__media0': '', '.dockerenv': ''}, set(), 'needs the /run/udev of the host'),
    ({'dev__media0': '', '.dockerenv': '', 'run__udev__control': ''}, set(), 'ribbon cable'),
    ({'dev__media0': ''}, set(), 'push its ribbon cable in again at both ends'),
])
def test_why_there_is_no_camera_fits_the_system(tmp_path, files, closed, sentence):
    said = advice.no_camera(tree(tmp_path, **files), lambda path: path.name not in closed)
    assert said.startswith('no camera found: ')
    assert re.search(sentence, said)


def test_what_a_user_may_not_open_is_told(tmp_path):
    device = tree(tmp_path, dev__media0='') / 'dev' / 'media0'
    device.chmod(0)
    for parent in (tmp_path, *tmp_path.parents[:-2]):
        parent.chmod(0o755)
    user = os.geteuid()
    try:
        if user == 0:  # who may do all
            os.seteuid(65534)
        said = advice.no_camera(tmp_path)
    finally:
        os.seteuid(user)
    assert 'this user may not open /dev/media0: `sudo usermod -aG video ' in said
