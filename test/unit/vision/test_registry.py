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
import subprocess
import sys

from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.vision import registry
from pi_camera_stream.vision.processor import Processor
import pytest

ROOT = Path(__file__).parents[3]
MODULE = """
from pi_camera_stream.core.parameters import Parameter
from pi_camera_stream.vision.processor import Findings, Processor

class Mine(Processor):
    PARAMETERS = (Parameter('level', 3, 'Level', '', 0, 9, live=True),)

    def process(self, image, info):
        return Findings()

    def annotate(self, image, findings):
        return image
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Return a function that installs a package with a processor."""
    def install(name='robot_parts', processor='mine', source=MODULE, value='Mine', folder='site'):
        site = tmp_path / folder
        module = f'{name}_module'
        (site / f'{name}-1.0.dist-info').mkdir(parents=True)
        (site / f'{name}-1.0.dist-info' / 'METADATA').write_text(
            f'Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n')
        (site / f'{name}-1.0.dist-info' / 'entry_points.txt').write_text(
            f'[{registry.GROUP}]\n{processor} = {module}:{value}\n')
        (site / f'{module}.py').write_text(source)
        monkeypatch.syspath_prepend(site)
        monkeypatch.delitem(sys.modules, module, raising=False)
    return install


@pytest.mark.parametrize('name', registry.NAMES)
def test_ours_are_processors_whose_parameters_suit_their_defaults(name):
    assert issubclass(registry.find(name), Processor)
    for parameter in registry.parameters(name):
        assert parameter.name.startswith(f'{name}.')
        assert parameter.check(parameter.default) == parameter.default
        assert parameter.live


@pytest.mark.parametrize(('text', 'names'), [
    ('motion', ('motion',)), (' motion , aruco', ('motion', 'aruco')), ('qr,', ('qr',))])
def test_names_are_separated_by_commas(text, names):
    assert registry.parse_names(text) == names


@pytest.mark.parametrize(('text', 'sentence'), [
    ('magic', "there is no processor 'magic': choose one or more of edges, motion, color, aruco, "
              'face, qr, separated by commas'),
    ('motion;edges', "there is no processor 'motion;edges': choose one or more of edges, "),
    ('', "parameter 'processor' names no processor: choose one or more of edges, "),
    (' , ', "parameter 'processor' names no processor: choose one or more of edges, "),
    ('qr,motion,qr', "parameter 'processor' names 'qr' twice: once is enough"),
])
def test_bad_names_are_explained(text, sentence):
    with pytest.raises(PermanentError) as caught:
        registry.parse_names(text)
    assert str(caught.value).startswith(sentence)


def test_a_processor_of_another_package_is_found_by_name(package):
    package()
    assert registry.parse_names('motion,mine') == ('motion', 'mine')
    assert registry.find('mine').__name__ == 'Mine'
    assert [row.name for row in registry.parameters('mine')] == ['mine.level']
    with pytest.raises(PermanentError, match='face, qr, mine, separated'):
        registry.parse_names('other')


@pytest.mark.parametrize(('options', 'sentence'), [
    ({'source': 'import what_is_not_there'},
     "processor 'mine' of the package robot_parts cannot be imported: ModuleNotFoundError"),
    ({'source': '1 / 0'}, 'cannot be imported: ZeroDivisionError'),
    ({'value': 'Yours'}, 'cannot be imported: AttributeError'),
    ({'source': 'Mine = 3'}, 'its entry point robot_parts_module:Mine must be a class derived '
                             'from pi_camera_stream.vision.processor.Processor'),
])
def test_a_package_that_cannot_be_used_is_named(package, options, sentence):
    package(**options)
    registry.parse_names('mine')
    with pytest.raises(PermanentError) as caught:
        registry.find('mine')
    assert sentence in str(caught.value)


def test_two_packages_with_the_same_name_are_named(package):
    package('one')
    package('two')
    with pytest.raises(PermanentError, match=r'the packages one and two both have .* remove one'):
        registry.find('mine')


def test_a_package_that_is_installed_twice_counts_once(package):
    package(folder='one')
    package(folder='two')
    assert registry.find('mine').__name__ == 'Mine'


def test_nobody_takes_our_names(package):
    package(processor='motion', source='1 / 0')
    assert registry.find('motion').__module__ == 'pi_camera_stream.vision.motion'


LAZY = """
import sys
import numpy as np
from pi_camera_stream.vision import registry
from pi_camera_stream.vision.pipeline import Pipeline
from pi_camera_stream.vision.processor import FrameInfo

registry.built_in_parameters()
row = Pipeline({name: {p.name: p.default for p in registry.find(name).PARAMETERS}
                for name in ('motion', 'edges', 'color')}, print)
assert 'cv2' not in sys.modules
assert len(row.process(np.zeros((48, 64, 3), np.uint8), FrameInfo(1, '', 1, 64, 48))) == 3
assert 'cv2' in sys.modules
"""


def test_opencv_is_loaded_when_there_is_something_to_look_at():
    subprocess.run([sys.executable, '-c', LAZY], check=True, cwd=ROOT)
