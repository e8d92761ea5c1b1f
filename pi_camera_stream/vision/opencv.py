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

"""OpenCV, loaded when it is first used: 15 MB that a node which rests can do without."""

from importlib.util import find_spec
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
    import cv2
else:
    if find_spec('cv2') is None:  # which is to be said at the start
        raise ModuleNotFoundError("No module named 'cv2'", name='cv2')

    class _OpenCv:
        def __getattr__(self, name: str) -> Any:
            import cv2
            return getattr(cv2, name)

    cv2 = _OpenCv()

__all__ = ['cv2']
