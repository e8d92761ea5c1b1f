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

"""The sources by name. A source is imported when it is wanted, and so is what it needs."""

from importlib import import_module
from pathlib import Path

from .base import Source, SourceSettings
from ..core.errors import PermanentError

# name -> module of this package and class
SOURCES = {
    'pattern': ('pattern', 'PatternSource'),
    'file': ('video_file', 'VideoFileSource'),
    'stdin': ('mjpeg_pipe', 'MjpegPipeSource'),
    'picamera2': ('picamera2', 'Picamera2Source'),
    'rpicam': ('rpicam', 'RpicamSource'),
    'url': ('url', 'UrlSource'),
    'v4l2': ('v4l2', 'V4l2Source'),
}
NAMES = ('auto', *SOURCES)


def create_source(settings: SourceSettings) -> Source:
    """
    Return the source that `settings` name, not started yet.

    `auto` takes the first camera there is, and the test pattern until there is one. Raises
    PermanentError when there is no such source, or what it needs is not installed.
    """
    if settings.source == 'auto':
        if settings.path:
            raise PermanentError(f"source 'auto' looks for a camera and does not read "
                                 f"'{settings.shown_path}': set the parameter 'source' to file, "
                                 'stdin, v4l2 or url')
        from .auto import find_camera
        found = find_camera(settings)
        if found is None:
            from .no_camera import NoCameraSource
            return NoCameraSource(settings, lambda: find_camera(settings), create_source)
        settings = found
    if settings.source not in SOURCES:
        raise PermanentError(f"there is no source '{settings.source}': choose one of "
                             + ', '.join(NAMES))
    module_name, class_name = SOURCES[settings.source]
    if settings.source == 'file' and settings.path and _is_still(settings):
        module_name, class_name = 'image_folder', 'ImageFolderSource'
    try:
        module = import_module(f'.{module_name}', __package__)
    except ModuleNotFoundError as error:
        raise PermanentError(f"source '{settings.source}' needs the Python module '{error.name}': "
                             f'{_remedy(error.name)}') from error
    source: Source = getattr(module, class_name)(settings)
    return source


def _is_still(settings: SourceSettings) -> bool:
    """Return whether it is a folder of pictures or one of them, and no film."""
    path = Path(settings.path)
    if not path.is_file():
        return path.is_dir()
    from .image_folder import is_picture
    return is_picture(path, settings.max_pixels)


def _remedy(module_name: str | None) -> str:
    packages = {'av': 'av', 'cv2': 'opencv'}
    name = packages.get(str(module_name), str(module_name))
    pip_name = {'opencv': 'opencv-python-headless'}.get(name, name)
    return (f'install it with `sudo apt install python3-{name}`, or with `pip install {pip_name}` '
            'in a virtual environment')
