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

"""A window of OpenCV's, where there is an OpenCV that has windows."""

import os
import re
import sys

from ...core.errors import PermanentError
from ...core.frame import Image

_ESCAPE = 27


class Window:
    """Main thread only."""

    def __init__(self, title: str) -> None:
        """Raise PermanentError where there can be none."""
        try:
            import cv2
        except ImportError:
            raise PermanentError(f'--window needs OpenCV: {_INSTALL}') from None
        if re.search(r'GUI:\s*NONE', cv2.getBuildInformation()):
            raise PermanentError('--window needs an OpenCV with windows, and this one '
                                 f'(opencv-python-headless) has none: {_INSTALL}')
        if sys.platform == 'linux' and not (
                os.environ.get('DISPLAY') or os.environ.get('WAYLAND_DISPLAY')):
            raise PermanentError('--window needs a screen, and there is none (DISPLAY is not '
                                 'set): run this on a desktop, or leave --window out')
        self._cv2, self._title = cv2, title
        try:
            cv2.namedWindow(title, cv2.WINDOW_NORMAL)
        except cv2.error as error:
            raise PermanentError(f'OpenCV cannot open a window ({error}): {_INSTALL}') from None

    def show(self, image: Image | None) -> bool:
        """Show a picture, if there is one; False when the person has closed the window."""
        if image is not None:
            self._cv2.imshow(self._title, image)
        key = self._cv2.waitKey(1) & 0xff
        return key not in (ord('q'), _ESCAPE) and self._cv2.getWindowProperty(
            self._title, self._cv2.WND_PROP_VISIBLE) >= 1

    def close(self) -> None:
        self._cv2.destroyAllWindows()


_INSTALL = ('`pip uninstall opencv-python-headless`, then `pip install opencv-python`; or `sudo '
            'apt install python3-opencv`')
