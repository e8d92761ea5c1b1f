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

"""A camera outside of ROS, as beside a container, and the node that takes its pictures."""

import urllib.request

from sensor_msgs.msg import CameraInfo, CompressedImage
from support import pictures
from support.processes import parameters, running, WAIT_S


def test_pictures_of_serve_come_as_topics(guest, tmp_path):
    sent = pictures.jpeg(64, 48)
    (tmp_path / 'picture.jpg').write_bytes(sent)
    with running('serve', '--source', 'file', '--path', tmp_path, '--fps', '10', '--address',
                 '127.0.0.1', '--port', '0') as host:
        url = host.wait_for(r'Open (http://\S+/)').group(1)
        images = guest.listen(CompressedImage, '/camera/image_raw/compressed')
        infos = guest.listen(CameraInfo, '/camera/camera_info')
        with running('camera', *parameters(source='url', path=f'{url}stream.mjpg')):
            assert bytes(images.get(timeout=WAIT_S).data) == sent
            assert infos.get(timeout=WAIT_S).width == 64
        # Whoever looks at the host's own page goes on doing so.
        with urllib.request.urlopen(f'{url}snapshot.jpg', timeout=WAIT_S) as answer:
            assert answer.read() == sent
