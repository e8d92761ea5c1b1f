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

from glob import glob

from setuptools import find_packages, setup

package_name = 'pi_camera_stream'

setup(
    name=package_name,
    version='0.1.0',
    packages=find_packages(include=[package_name, f'{package_name}.*']),
    package_data={package_name: ['web/static/*/*']},
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{package_name}']),
        (f'share/{package_name}', ['package.xml']),
        (f'share/{package_name}/launch', glob('launch/*.launch.py')),
        (f'share/{package_name}/config', glob('config/*.*')),
    ],
    python_requires='>=3.10',
    # What it needs at run time is named in package.xml, for rosdep, and pinned in
    # script/requirements, for a virtual environment: names and versions differ between the two.
    install_requires=['setuptools'],
    # In place of opencv-python-headless: for windows, as `watch --window` opens one.
    extras_require={'test': ['pytest'], 'gui': ['opencv-python']},
    zip_safe=False,
    maintainer='pi_camera_stream maintainers',
    maintainer_email='maintainers@pi-camera-stream.invalid',
    description='Stream a robot camera to browsers and OpenCV programs: always the newest frame',
    license='Apache-2.0',
    entry_points={
        'console_scripts': [
            'camera_node = pi_camera_stream.__main__:camera_node',
            'http_bridge_node = pi_camera_stream.__main__:http_bridge_node',
            'opencv_consumer_node = pi_camera_stream.__main__:opencv_consumer_node',
            'all_nodes = pi_camera_stream.__main__:all_nodes',
        ],
    },
)
