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

from pi_camera_stream.tools.doctor.interpreter import wrong_interpreter


def installation(ros, release='jazzy', python='3.12'):
    """Return where an installed ROS has its modules."""
    place = ros / release / 'lib' / f'python{python}' / 'site-packages'
    (place / 'rclpy').mkdir(parents=True)
    return place


def test_a_sourced_ros_for_this_python_is_fine(tmp_path):
    place = installation(tmp_path)
    environment = {'PYTHONPATH': f'/somewhere:{place}', 'AMENT_PREFIX_PATH': str(tmp_path)}
    assert list(wrong_interpreter((3, 12), environment, tmp_path)) == []


def test_conda_in_front_of_a_sourced_ros_is_found(tmp_path):
    place = installation(tmp_path)
    finding, = wrong_interpreter((3, 13), {'PYTHONPATH': str(place), 'CONDA_PREFIX': '/conda'},
                                 tmp_path)
    assert finding.level == 'broken'
    assert finding.text == f'ROS in {place} is built for Python 3.12, and this is 3.13'
    assert 'conda deactivate' in finding.remedy
    assert 'python3.12 -m pi_camera_stream doctor' in finding.remedy


def test_a_virtual_environment_of_another_python_is_found(tmp_path):
    place = installation(tmp_path)
    finding, = wrong_interpreter((3, 11), {'PYTHONPATH': str(place), 'VIRTUAL_ENV': '/venv'},
                                 tmp_path)
    assert finding.level == 'broken'
    assert 'python3.12 -m venv --system-site-packages' in finding.remedy


def test_a_ros_that_is_not_sourced_is_named(tmp_path):
    installation(tmp_path)
    finding, = wrong_interpreter((3, 12), {}, tmp_path)
    assert (finding.level, finding.remedy) == ('note', f'source {tmp_path}/jazzy/setup.bash')
    finding, = wrong_interpreter((3, 13), {}, tmp_path)
    assert 'for Python 3.12, not for this' in finding.text


def test_a_machine_without_ros_has_nothing_to_tell(tmp_path):
    assert list(wrong_interpreter((3, 12), {}, tmp_path)) == []
