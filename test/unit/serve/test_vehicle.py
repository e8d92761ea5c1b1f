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

"""Which class is driven, and what is said of one that cannot be."""

import sys

from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.serve import vehicle
from pi_camera_stream.serve.vehicle import create_motors
import pytest
from support.cars import IDLE


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return the current directory, which is not where Python looks for modules by itself."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, 'path', [path for path in sys.path if path])
    before = {*sys.modules}
    yield tmp_path
    for name in {*sys.modules} - before:
        del sys.modules[name]


def test_a_class_of_the_current_directory_is_made(folder):
    (folder / 'my_car.py').write_text(IDLE)
    assert type(create_motors('my_car:Car')).__name__ == 'Car'


def test_modules_of_a_package_may_be_named(folder):
    (folder / 'robot').mkdir()
    (folder / 'robot/car.py').write_text(IDLE)
    assert type(create_motors('robot.car:Car')).__module__ == 'robot.car'


def test_a_vehicle_of_an_installed_package_is_found_by_its_name(folder):
    (folder / 'robot_parts.py').write_text(IDLE)
    information = folder / 'robot_parts-1.0.dist-info'
    information.mkdir()
    (information / 'METADATA').write_text(
        'Metadata-Version: 2.1\nName: robot_parts\nVersion: 1.0\n')
    (information / 'entry_points.txt').write_text(
        f'[{vehicle.GROUP}]\ncar = robot_parts:Car\nbroken = robot_parts:Tank\n')
    sys.path.append(str(folder))
    assert type(create_motors('car')).__module__ == 'robot_parts'
    with pytest.raises(PermanentError, match=r"there is no vehicle 'tank'.*packages are broken, "
                                             'car'):
        create_motors('tank')
    with pytest.raises(PermanentError, match="vehicle 'broken' of the package robot_parts cannot "
                                             'be imported: AttributeError'):
        create_motors('broken')


@pytest.mark.parametrize(('source', 'text', 'sentence'), [
    (IDLE, 'my_car', r"there is no vehicle 'my_car': name it as MODULE:CLASS, as in 'my_car:Car'"),
    (IDLE, 'my_car.py', "there is no vehicle 'my_car.py': name it as"),
    (IDLE, 'my car:Car', "there is no vehicle 'my car:Car': name it as"),
    (IDLE, 'your_car:Car', "there is no Python module 'your_car' for the vehicle 'your_car:Car': "
                          r'start this in the folder of your_car.py'),
    (IDLE, 'my_car:Cat', "the module 'my_car' has no class 'Cat': did you mean 'my_car:Car'"),
    (IDLE, 'my_car:Xyzzy', "has no class 'Xyzzy': it has Car"),
    ('', 'my_car:Car', "has no class 'Car': it has none"),
    ('import nothing_like_it', 'my_car:Car', 'cannot be imported: ModuleNotFoundError.*'
                                             'install what it needs'),
    ('1 / 0', 'my_car:Car', 'cannot be imported: ZeroDivisionError'),
    ('class Car', 'my_car:Car', 'cannot be imported: SyntaxError'),
    ('raise SystemExit(3)', 'my_car:Car', r'cannot be imported: SystemExit\(3\)'),
    ('Car = 3', 'my_car:Car', "the vehicle 'my_car:Car' is not a class"),
    (IDLE.replace('stop', 'halt'), 'my_car:Car', r'has no method stop\(\): add it'),
    (IDLE.replace('drive', 'go'), 'my_car:Car', r'has no method drive\(linear, angular\): add it'),
    (IDLE.replace('def stop', 'async def stop'), 'my_car:Car', r'the stop\(\) of .* is async'),
    (IDLE.replace('angular', '*, angular'), 'my_car:Car', r'the drive\(\) of .* takes other '
                                                         r'arguments: write it as drive\('),
    (IDLE + '    def __init__(self, pin):\n        pass\n', 'my_car:Car',
     'TypeError.*fix its __init__, which gets no arguments'),
    (IDLE + '    def __init__(self):\n        raise OSError("no such pin")\n', 'my_car:Car',
     r"cannot be created: OSError\('no such pin'\)"),
])
def test_one_that_cannot_be_driven_is_explained_in_one_sentence(folder, source, text, sentence):
    (folder / 'my_car.py').write_text(source)
    with pytest.raises(PermanentError, match=sentence):
        create_motors(text)


def test_methods_that_are_not_written_in_python_are_taken_as_they_are(folder):
    (folder / 'my_car.py').write_text(
        'class Car:\n    drive = staticmethod(max)\n    stop = staticmethod(dict)\n')
    assert create_motors('my_car:Car')
