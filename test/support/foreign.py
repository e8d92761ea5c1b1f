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
A DDS program that is none of ROS's, with names that ROS has none of.

`running_foreign` starts it in a process of its own: Cyclone DDS beside Fast DDS, as two vendors
meet in a domain. It publishes nothing; that its writers are there is enough.
"""

from contextlib import contextmanager
import os
import subprocess
import sys

TYPES = ('sensor_msgs::msg::dds_::CompressedImage_', 'sensor_msgs::msg::dds_::Image_',
         'std_msgs::msg::dds_::String_', 'some type', 'x::dds_::Image_')
TOPICS = ('rt/f//double', 'rt/9first', 'rt/~', 'rt/a~b', 'rt/{}', 'rt/a/{node}/b', 'rt/', 'rt//',
          'rt/a/', 'rt/-x', 'rt/.', 'rt/' + 'x' * 240, 'rt/a__b', 'rt/f//x/trace', 'rt/9/trace',
          'rt/camera/image_raw/compressed', 'plain', 'rr/x', 'rq/9/read_clockRequest')
# Cyclone DDS as ROS 2 has it with ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST.
_CONFIGURATION = """<CycloneDDS><Domain>
<General><Interfaces><NetworkInterface name="lo" multicast="false"/></Interfaces>
<AllowMulticast>false</AllowMulticast></General>
<Discovery><Peers><Peer Address="127.0.0.1"/></Peers><ParticipantIndex>auto</ParticipantIndex>
<MaxAutoParticipantIndex>60</MaxAutoParticipantIndex></Discovery></Domain></CycloneDDS>"""


@contextmanager
def running_foreign():
    """Run it as long as the context lasts."""
    process = subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env={**os.environ, 'CYCLONEDDS_URI': _CONFIGURATION})
    try:
        assert process.stdout.readline() == b'ready\n'
        yield
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


def main():
    from dataclasses import dataclass

    from cyclonedds.domain import DomainParticipant
    from cyclonedds.idl import IdlStruct
    from cyclonedds.pub import DataWriter
    from cyclonedds.topic import Topic

    participant = DomainParticipant(int(os.environ['ROS_DOMAIN_ID']))
    writers = []
    for type_name in TYPES:
        @dataclass
        class Data(IdlStruct, typename=type_name):
            data: str

        writers += [DataWriter(participant, Topic(participant, name, Data)) for name in TOPICS]
    print('ready', flush=True)
    sys.stdin.read()


if __name__ == '__main__':
    main()
