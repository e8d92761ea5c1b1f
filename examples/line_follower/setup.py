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

from setuptools import setup

package_name = 'line_follower'

setup(
    name=package_name,
    version='0.1.0',
    packages=[package_name],
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{package_name}']),
        (f'share/{package_name}', ['package.xml']),
    ],
    install_requires=['setuptools'],
    extras_require={'test': ['pytest']},
    zip_safe=False,
    maintainer='pi_camera_stream maintainers',
    maintainer_email='maintainers@pi-camera-stream.invalid',
    description='Example: follow a line on the floor, with a processor for pi_camera_stream',
    license='Apache-2.0',
    entry_points={
        # By this, opencv_consumer finds the processor: its name, then its class.
        'pi_camera_stream.processors': [
            'line_follower = line_follower.processor:LineFollower',
        ],
        'console_scripts': [
            'steering = line_follower.steering_node:main',
        ],
    },
)
