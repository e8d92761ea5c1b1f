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

from pi_camera_stream.client.shared_memory_port import open_files
from std_msgs.msg import String
from support.processes import parameters, running


def test_who_has_lost_its_shared_memory_is_told(guest):
    guest.listen(String, '/camera/results')
    with running('consumer') as consumer:
        consumer.wait_for('running')
        # As Fast DDS does when another subscriber was killed.
        for name in ports_of(consumer.process.pid):
            Path(name).unlink()
        with running('camera', *parameters(source='pattern')):
            assert guest.diagnostics(
                'opencv_consumer: processing',
                lambda values: 'Fast DDS has lost the shared memory' in values['message'])


def ports_of(pid):
    """Return the files through which a process receives."""
    return [link.removesuffix('_el') for link in open_files(Path(f'/proc/{pid}'))
            if '/dev/shm/fast' in link and '_port' in link and link.endswith('_el')]
