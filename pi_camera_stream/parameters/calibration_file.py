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
Where a camera's calibration is kept, and how it is written there.

The places are those of camera_info_manager, the layout is that of camera_calibration_parsers, so
that files can be exchanged with the other camera drivers of ROS.
"""

import contextlib
import os
from pathlib import Path
import re
import stat

from .tables import CALIBRATION_URL
from ..core.calibration import Calibration, CalibrationError
from ..core.errors import PermanentError
from ..core.files import write_atomically

_LARGEST_FILE = 1 << 20  # bytes; a calibration has about a thousand
# What else PyYAML raises: impossible dates, `0b_`, `!!bool maybe`, deep nesting.
_YAML_LEAKS = (ValueError, LookupError, AttributeError, TypeError, ArithmeticError, RecursionError)
_FOLLOWS_DOLLAR = re.compile(r'\$\{([^}]*)\}')


def resolve(url: str, name: str) -> Path:
    """
    Return the file that a `camera_info_url` means, or raise PermanentError.

    An empty url is `CALIBRATION_URL`. `${NAME}` is the name with everything but letters, digits
    and `_` replaced, `${ROS_HOME}` the environment variable or `~/.ros`.
    """
    def substitute(match: re.Match[str]) -> str:
        if match[1] == 'NAME':
            return re.sub(r'[^0-9A-Za-z_]+', '_', name).strip('_') or 'camera'
        if match[1] == 'ROS_HOME':
            home = os.environ.get('ROS_HOME') or os.path.expanduser('~/.ros')
            if not os.path.isabs(home):
                raise PermanentError(f'the environment variable ROS_HOME is {home!r}: set it to a '
                                     'path that begins with /')
            return home
        raise PermanentError(f"parameter 'camera_info_url' contains {match[0]}, but only "
                             '${NAME} and ${ROS_HOME} have a meaning there')

    resolved = _FOLLOWS_DOLLAR.sub(substitute, url or CALIBRATION_URL)
    scheme, _, rest = resolved.partition('://')
    if '\0' not in resolved:
        if scheme.lower() == 'file' and rest.startswith('/'):
            return Path(rest)
        package, _, path = rest.partition('/')
        if scheme.lower() == 'package' and package and path:
            return _share(package) / path
    raise PermanentError(f"parameter 'camera_info_url' is {url!r}: set it to file:///path.yaml or "
                         'package://name/path.yaml')


def parse_yaml(text: str) -> Calibration:
    import yaml  # type: ignore[import-untyped]
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, *_YAML_LEAKS) as error:
        where = getattr(error, 'problem_mark', None)
        raise CalibrationError(
            'it is not YAML' + (f', see line {where.line + 1}' if where else '')) from error
    return Calibration.from_mapping(document)


def to_yaml(calibration: Calibration) -> str:
    """Return the text of the file with this calibration; all digits of the numbers are there."""
    import yaml
    text: str = yaml.safe_dump(calibration.as_mapping(), sort_keys=False, default_flow_style=None)
    return text


def load(path: Path) -> Calibration | None:
    """Return the calibration in a file, or raise CalibrationError; None when there is no file."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise CalibrationError(f'{path} is not a file')
        with path.open('rb') as file:
            data = file.read(_LARGEST_FILE + 1)
        if len(data) > _LARGEST_FILE:
            raise CalibrationError(f'{path} is too large for a calibration file')
        return parse_yaml(data.decode())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CalibrationError(f'{path} cannot be read: {error.strerror}') from error
    except UnicodeDecodeError as error:
        raise CalibrationError(f'{path} is not a calibration file: it is not text') from error
    except CalibrationError as error:
        if str(error).startswith(str(path)):
            raise
        raise CalibrationError(f'{path} is not a calibration file: {error}') from error


def save(path: Path, calibration: Calibration) -> None:
    """Write a calibration wholly or, with a CalibrationError, leave the file as it was."""
    try:
        path = Path(os.path.realpath(path))  # a link stays one
        write_atomically(path, to_yaml(calibration).encode())
    except OSError as error:
        raise CalibrationError(
            f'the calibration cannot be saved as {path}: {error.strerror}') from error
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    # Otherwise the old file may be back when the power fails now. Not every file system can.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _share(package: str) -> Path:
    for prefix in os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep):
        if prefix and Path(prefix, 'share/ament_index/resource_index/packages', package).exists():
            return Path(prefix, 'share', package)
    raise PermanentError(f"parameter 'camera_info_url' names the package '{package}', which "
                         'cannot be found: source the workspace that it is installed in')
