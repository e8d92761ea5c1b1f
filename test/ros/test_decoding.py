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

import array
import sys
from types import SimpleNamespace

import cv2
import numpy as np
from pi_camera_stream.codecs.limits import MAX_PIXELS
from pi_camera_stream.nodes.consumer import message_decoder as decoding
import pytest
from sensor_msgs.msg import CompressedImage
from support import bombs, pictures
from support.turning import look, ORIENTATIONS, seen, turned_jpeg


class StandInBridge:
    """What `CvBridge.compressed_imgmsg_to_cv2(message, 'passthrough')` does, without a ROS."""

    def compressed_imgmsg_to_cv2(self, message, desired_encoding):
        assert desired_encoding == 'passthrough'
        return cv2.imdecode(np.frombuffer(message.data, np.uint8), cv2.IMREAD_UNCHANGED)


@pytest.fixture(params=['opencv', 'cv_bridge'])
def decoder(request, monkeypatch):
    module = SimpleNamespace(CvBridge=StandInBridge) if request.param == 'cv_bridge' else None
    monkeypatch.setitem(sys.modules, 'cv_bridge', module)
    decoding._find_decoder.cache_clear()
    yield decoding.decode
    decoding._find_decoder.cache_clear()


def message(data):
    return CompressedImage(data=array.array('B', data))


def test_colour_and_grey_come_out_as_bgr(decoder):
    assert np.array_equal(decoder(message(pictures.jpeg(64, 48))),
                          cv2.imdecode(np.frombuffer(pictures.jpeg(64, 48), np.uint8), 1))
    grey = cv2.imencode('.jpg', np.full((48, 64), 7, np.uint8))[1].tobytes()
    assert decoder(message(grey)).shape == (48, 64, 3)


@pytest.mark.parametrize('orientation', ORIENTATIONS)
def test_what_says_how_it_is_turned_is_turned(decoder, orientation):
    assert look(decoder(message(turned_jpeg(orientation)))) == seen(orientation)


@pytest.mark.parametrize('data', [b'', b'nonsense', b'\xff\xd8\xff\xd9'])
def test_what_cannot_be_decoded_is_refused(decoder, data):
    with pytest.raises(ValueError, match=r'it cannot be decoded|it is not a whole JPEG'):
        decoder(message(data))


@pytest.mark.parametrize('data', [
    bombs.jpeg(), bombs.jpeg(bombs.LARGEST), bombs.hidden_jpeg(), bombs.png(), bombs.gif()])
def test_what_claims_too_much_is_not_decoded(decoder, monkeypatch, data):
    monkeypatch.delattr(cv2, 'imdecode')
    for bad, most in ((data, MAX_PIXELS), (pictures.jpeg(64, 48), 64 * 48 - 1)):
        with pytest.raises(ValueError, match=r'^it '):
            decoder(message(bad), most)
