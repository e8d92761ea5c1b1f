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

"""Images to JPEG."""

from ..core.frame import Image


def encode_jpeg(image: Image, quality: int = 80) -> bytes:
    """Return the JPEG of an H x W x 3 (BGR) or H x W (grey) image; quality is 1 to 100."""
    import cv2  # here, because a node that only passes JPEGs on can do without it: 20 MB

    done, buffer = cv2.imencode('.jpg', image, (cv2.IMWRITE_JPEG_QUALITY, quality))
    if not done:
        raise ValueError(f'OpenCV cannot encode an image of shape {image.shape}')
    return buffer.tobytes()
