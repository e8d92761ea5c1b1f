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
from pathlib import Path
import shutil
import subprocess
import sys

from support.processes import WAIT_S

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = ('camera_node', 'http_bridge_node', 'opencv_consumer_node', 'all_nodes')


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, timeout=4 * WAIT_S, **options)


def files_below(folder):
    return {path.relative_to(folder) for path in folder.rglob('*') if path.is_file()}


def check_installed(prefix, bin_folder, environment):
    share = prefix / 'share' / 'pi_camera_stream'
    assert (share / 'package.xml').is_file()
    for name in ('defaults.yaml', 'fastdds_wifi.xml', 'cyclonedds_wifi.xml', '60-ros-video.conf',
                 'pi_camera_stream.service', 'pi_camera_stream_ros.service'):
        assert (share / 'config' / name).is_file()
    assert (share / 'launch' / 'camera.launch.py').is_file()
    assert (share / 'launch' / 'viewer.launch.py').is_file()
    assert (prefix / 'share/ament_index/resource_index/packages/pi_camera_stream').is_file()
    static, = prefix.glob('lib/python*/site-packages/pi_camera_stream/web/static')
    assert files_below(static) == files_below(ROOT / 'pi_camera_stream/web/static') != set()
    for command in COMMANDS:
        answer = run(bin_folder / command, '--ros-args', '-p', 'jpeg_quality:=0', '-p',
                     'port:=-1', env=environment)
        assert answer.returncode == 1, answer
        assert f'{command}: error: ' in answer.stderr
        assert 'must be ' in answer.stderr
    packages = next(prefix.glob('lib/python*/site-packages'))
    assert (packages / 'pi_camera_stream' / 'tools').is_dir()
    assert not any((packages / name).exists() for name in (
        'benchmarks', 'test', 'pi_camera_stream/tools/bench'))
    usage = run(sys.executable, '-m', 'pi_camera_stream', env=environment, cwd='/')
    assert 'doctor' in usage.stdout, usage


def test_colcon_builds_the_package_as_it_is(sources, missing):
    colcon = shutil.which('colcon') or shutil.which('colcon', path=Path(sys.executable).parent)
    if colcon is None:
        missing('colcon is not installed')
    workspace = sources.parents[1]
    environment = {**os.environ, 'AMENT_PREFIX_PATH': sys.prefix, 'CMAKE_PREFIX_PATH': sys.prefix,
                   'PATH': f'{Path(sys.executable).parent}:{os.environ["PATH"]}'}
    answer = run(colcon, 'build', cwd=workspace, env=environment)
    assert answer.returncode == 0, answer
    assert '1 package finished' in answer.stdout
    prefix = workspace / 'install' / 'pi_camera_stream'
    site, = prefix.glob('lib/python*/site-packages')
    check_installed(prefix, prefix / 'lib' / 'pi_camera_stream',
                    {**os.environ, 'PYTHONPATH': str(site)})


def test_pip_installs_the_package(sources, tmp_path):
    answer = run(sys.executable, '-m', 'pip', 'install', '--quiet', '--no-deps', '--no-index',
                 '--no-build-isolation', '--prefix', str(tmp_path), str(sources))
    assert answer.returncode == 0, answer
    site, = tmp_path.glob('lib/python*/site-packages')
    check_installed(tmp_path, tmp_path / 'bin', {**os.environ, 'PYTHONPATH': str(site)})
