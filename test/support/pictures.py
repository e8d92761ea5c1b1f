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

"""Pictures for tests, made on the fly."""

import importlib.util
from pathlib import Path

import cv2
import numpy as np


def image(width: int = 64, height: int = 48, seed: int = 0) -> np.ndarray:
    """Return a colour picture that differs from those of other seeds."""
    random = np.random.default_rng(seed)
    small = random.integers(0, 256, (6, 8, 3), np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


def jpeg(width: int = 64, height: int = 48, seed: int = 0, quality: int = 90) -> bytes:
    """Return such a picture as JPEG."""
    done, data = cv2.imencode('.jpg', image(width, height, seed),
                              (cv2.IMWRITE_JPEG_QUALITY, quality))
    assert done
    return data.tobytes()


def with_thumbnail(picture: bytes) -> bytes:
    """Return the JPEG with another whole JPEG inside its first segment, as Exif has it."""
    payload = b'Exif\0\0' + jpeg(16, 16, 99)
    segment = b'\xff\xe1' + (len(payload) + 2).to_bytes(2, 'big') + payload
    return picture[:2] + segment + picture[2:]


def portrait() -> np.ndarray | None:
    """Return the picture of a person that matplotlib comes with; None where it is missing."""
    package = importlib.util.find_spec('matplotlib')
    # Debian and Ubuntu have the data in a package of their own, python-matplotlib-data.
    folder = Path('/usr/share/matplotlib' if package is None else Path(package.origin).parent)
    return cv2.imread(str(folder / 'mpl-data/sample_data/grace_hopper.jpg'))
