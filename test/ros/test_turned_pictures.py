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

"""A camera's JPEGs that say how they are turned: everybody has one shape, the one that is seen."""

import json
import queue

import numpy as np
from pi_camera_stream import FrameSubscriber
from pi_camera_stream.parameters.calibration_file import to_yaml
import pytest
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import String
from support.processes import parameters, running, wait_until
from support.turning import look, ORIENTATIONS, seen, turned_jpeg
from support.vision import camera as lens
from support.web import bridge, decoded, get, state

SIZE, LORES = (192, 128), 64
CALIBRATION = lens(size=(128, 192))  # of pictures as they are seen, when they are held sideways


def newest(messages):
    """Return the last one that has come."""
    message = None
    while message is None or not messages.empty():
        try:
            message = messages.get(timeout=5)
        except queue.Empty:
            return None
    return message


def pixels(message):
    return np.frombuffer(message.data, np.uint8).reshape(message.height, message.width, 3)


def info_size(info):
    return info and (info.width, info.height)


def looks(message, see):
    return message and look(see(message))


def compressed(message):
    return decoded(message.data.tobytes())


def test_all_that_receive_a_jpeg_agree_on_what_is_seen(guest, tmp_path):
    path, yaml = tmp_path / 'pictures' / 'a.jpg', tmp_path / 'camera.yaml'
    path.parent.mkdir()
    yaml.write_text(to_yaml(CALIBRATION))
    path.write_bytes(turned_jpeg(1, *SIZE))
    with running('camera', *parameters(source='file', path=path.parent, fps=10.0,
                                       lores_width=LORES, camera_info_url=f'file://{yaml}')), \
            running('consumer', *parameters(processor='edges')), bridge() as program, \
            FrameSubscriber() as frames, get(f'{program.url}stream.mjpg'):
        jpegs, raws, small, infos, small_infos, results, drawn = (
            guest.listen(kind, f'/camera/{topic}') for kind, topic in (
                (CompressedImage, 'image_raw/compressed'), (Image, 'image_raw'),
                (Image, 'lores/image_raw'), (CameraInfo, 'camera_info'),
                (CameraInfo, 'lores/camera_info'), (String, 'results'),
                (CompressedImage, 'image_processed/compressed')))
        for orientation in ORIENTATIONS:
            data = turned_jpeg(orientation, *SIZE)
            path.with_suffix('.part').write_bytes(data)
            path.with_suffix('.part').replace(path)
            size, colours = expected = seen(orientation, *SIZE)
            small_size = LORES, round(LORES * size[1] / size[0])
            wait_until(lambda data=data: (frame := frames.next_frame(5)) and frame.jpeg == data)
            frame = frames.next_frame(5)
            assert look(frame.image) == expected
            wait_until(lambda data=data: newest(jpegs).data.tobytes() == data)
            wait_until(lambda expected=expected: looks(newest(raws), pixels) == expected)
            wait_until(lambda size=small_size, colours=colours: looks(
                newest(small), pixels) == (size, colours))
            wait_until(lambda size=size: info_size(newest(infos)) == size)
            wait_until(lambda size=small_size: info_size(newest(small_infos)) == size)
            # A calibration is that of the picture that is seen.
            assert bool(newest(infos).k[0]) == (size == (CALIBRATION.width, CALIBRATION.height))
            wait_until(lambda size=size: (result := json.loads(newest(results).data)) and (
                result['width'], result['height']) == size)
            wait_until(lambda size=size: looks(newest(drawn), compressed)[0] == size)
            assert decoded(get(f'{program.url}snapshot.jpg').read()).shape[:2] == size[::-1]
            for tier, shape in (('full', size), ('low', None)):
                seen_there = look(decoded(get(f'{program.url}snapshot.jpg?tier={tier}').read()))
                assert seen_there[1] == colours
                assert shape in (None, seen_there[0])
                assert seen_there[0][0] * size[1] == pytest.approx(
                    seen_there[0][1] * size[0], rel=0.02)
            shown = state(program.url)
            assert (shown['width'], shown['height']) == size
