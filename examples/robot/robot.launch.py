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

"""
The camera as part of a robot's own launch file: copy what you need.

It names the camera `front`, publishes where that is, and publishes its images under the names that
another package expects.
"""

import math
from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, GroupAction, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node, SetParameter, SetRemap

OPTICAL_FRAME = 'front_camera_optical_frame'
# Where the camera is, seen from base_link (REP 103: x forward, y left, z up), in m.
POSITION = {'x': 0.10, 'y': 0.0, 'z': 0.15}
# It looks forward. An optical frame has z forward, x right, y down: hence these rotations.
# For a camera that looks down by 20 degrees, add math.radians(-20) to roll.
TURNS = {'roll': -math.pi / 2, 'pitch': 0.0, 'yaw': -math.pi / 2}


def generate_launch_description():
    """Return the camera, its place, and its names."""
    launch_folder = Path(get_package_share_directory('pi_camera_stream')) / 'launch'
    camera = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(launch_folder / 'camera.launch.py')),
        launch_arguments={
            'namespace': 'front',
            'frame_id': OPTICAL_FRAME,
            'width': '1280',
            'height': '720',
            'fps': '15',
            'consumer': 'false',
            'cmd_vel': '/cmd_vel',
        }.items())
    return LaunchDescription([
        DeclareLaunchArgument('use_sim_time', default_value='false'),
        GroupAction([
            SetParameter('use_sim_time', LaunchConfiguration('use_sim_time')),
            # camera_info and the reports of receivers go where the images go.
            SetRemap('image_raw/compressed', '/robot/front/image/compressed'),
            SetRemap('image_raw', '/robot/front/image'),
            camera,
        ]),
        Node(package='tf2_ros', executable='static_transform_publisher', arguments=[
            *(word for name, value in {**POSITION, **TURNS}.items()
              for word in (f'--{name}', str(value))),
            '--frame-id', 'base_link', '--child-frame-id', OPTICAL_FRAME]),
    ])
