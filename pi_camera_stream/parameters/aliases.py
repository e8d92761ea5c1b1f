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

"""Parameters of other programs: what they are here, so that who changes over copies the file."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
import re
from typing import Any

from .tables import CALIBRATION_URL
from ..core.errors import PermanentError
from ..core.parameters import Parameter

Values = Mapping[str, Any]
Convert = Callable[[Any, Values], Values]

_FORMER = 'former versions of this package'
_USB_CAM, _CAMERA_ROS, _V4L2_CAMERA = 'usb_cam', 'camera_ros', 'v4l2_camera'
_USB_CAMERAS = f'{_USB_CAM}, {_V4L2_CAMERA}'
_SERVER = 'web_video_server'
_TRANSPORT = 'image_transport'
_LEFT_ALONE = -1  # a control, to usb_cam


@dataclass(frozen=True)
class Alias:
    """A parameter of another program."""

    name: str  # one that begins with `*` ends so
    of: str  # whose it is
    here: str  # what it is here, for people
    # Given its value, and all values that are given by name, returns ours; none to leave it out.
    convert: Convert | None = None  # None where there is nothing like it
    refines: bool = False  # whether it counts even where ours is given, which it has looked at

    def fits(self, name: str) -> bool:
        return name == self.name or (self.name[0] == '*' and name.endswith(self.name[1:]))


def _as(name: str) -> Convert:
    return lambda value, _: {name: value}


def _device(value: Any, _: Values) -> Values:
    return {'source': 'v4l2', 'path': value}


def _size(value: Any, _: Values) -> Values:
    width, height = value
    return {'width': width, 'height': height}


def _rate(value: Any, _: Values) -> Values:
    seconds, frames = value
    return {'fps': frames / seconds}


def _throttle(value: Any, _: Values) -> Values:
    return {'fps': value} if value > 0 else {}


def _limits(value: Any, _: Values) -> Values:
    shortest_us = min(value)
    return {'fps': round(1e6 / shortest_us, 3)}


def _calibration(value: Any, given: Values) -> Values:
    url = str(given.get('camera_info_url') or CALIBRATION_URL)
    name = re.sub(r'[^0-9A-Za-z_]+', '_', str(value))
    return {'camera_info_url': url.replace('${NAME}', name)} if '${NAME}' in url else {}


def _control(name: str, automatic: str = '') -> Convert:
    """Return what sets a control, unless it is left alone, or to the automatic named here."""
    def convert(value: Any, given: Values) -> Values:
        if value == _LEFT_ALONE or (automatic and given.get(automatic) is not False):
            return {}
        return {f'v4l2.{name}': value}
    return convert


def _exposure(value: Any, _: Values) -> Values:
    return {} if value else {'v4l2.auto_exposure': 'Manual Mode'}


def _same_control(name: str) -> Alias:
    return Alias(name, _V4L2_CAMERA, f'`v4l2.{name}`', _control(name))


_CAMERA = (
    Alias('adaptive.floor', _FORMER, '`adaptive_floor`', _as('adaptive_floor')),
    Alias('video_device', _USB_CAMERAS, '`path`, and `source: v4l2`', _device),
    Alias('framerate', _USB_CAM, '`fps`', _as('fps')),
    Alias('time_per_frame', _V4L2_CAMERA, '`fps`, which is its inverse', _rate),
    Alias('publish_rate', _V4L2_CAMERA, '`fps`', _throttle),
    Alias('FrameDurationLimits', _CAMERA_ROS, '`fps`, by the shorter one; a Raspberry Pi camera '
                                              'has the control itself, too', _limits),
    Alias('image_width', _USB_CAM, '`width`', _as('width')),
    Alias('image_height', _USB_CAM, '`height`', _as('height')),
    Alias('image_size', _V4L2_CAMERA, '`width` and `height`', _size),
    Alias('camera_frame_id', _V4L2_CAMERA, '`frame_id`', _as('frame_id')),
    Alias('camera_name', _USB_CAM, '`${NAME}` in `camera_info_url`', _calibration, refines=True),
    Alias('orientation', _CAMERA_ROS, '`rotation`', _as('rotation')),
    Alias('*.jpeg_quality', _TRANSPORT, '`jpeg_quality`', _as('jpeg_quality')),
    Alias('brightness', _USB_CAMERAS, '`v4l2.brightness`', _control('brightness')),
    Alias('contrast', _USB_CAMERAS, '`v4l2.contrast`', _control('contrast')),
    Alias('saturation', _USB_CAMERAS, '`v4l2.saturation`', _control('saturation')),
    Alias('sharpness', _USB_CAMERAS, '`v4l2.sharpness`', _control('sharpness')),
    Alias('gain', _USB_CAMERAS, '`v4l2.gain`', _control('gain')),
    Alias('auto_white_balance', _USB_CAM, '`v4l2.white_balance_automatic`',
          _control('white_balance_automatic')),
    Alias('white_balance', _USB_CAM, '`v4l2.white_balance_temperature`, without '
                                     '`auto_white_balance`',
          _control('white_balance_temperature', 'auto_white_balance')),
    Alias('autoexposure', _USB_CAM, '`v4l2.auto_exposure`', _exposure),
    Alias('exposure', _USB_CAM, '`v4l2.exposure_time_absolute`, without `autoexposure`',
          _control('exposure_time_absolute', 'autoexposure')),
    Alias('autofocus', _USB_CAM, '`v4l2.focus_automatic_continuous`',
          _control('focus_automatic_continuous')),
    Alias('focus', _USB_CAM, '`v4l2.focus_absolute`, without `autofocus`',
          _control('focus_absolute', 'autofocus')),
    *map(_same_control, (
        'hue', 'gamma', 'backlight_compensation', 'power_line_frequency',
        'white_balance_automatic', 'white_balance_temperature', 'auto_exposure',
        'exposure_time_absolute', 'exposure_dynamic_framerate', 'focus_absolute',
        'focus_automatic_continuous', 'zoom_absolute', 'pan_absolute', 'tilt_absolute')),
    Alias('pixel_format', _USB_CAMERAS, 'JPEG is used if the camera has it, and passed on '
                                        'unchanged'),
    Alias('output_encoding', _V4L2_CAMERA, '`image_raw` is bgr8, or mono8 if its images are gray'),
    Alias('format', _CAMERA_ROS, 'the encoder chooses its format'),
    Alias('role', _CAMERA_ROS, 'the stream is always a video stream'),
    Alias('use_node_time', _CAMERA_ROS, 'the stamp is always the capture time'),
    Alias('use_v4l2_buffer_timestamps', _V4L2_CAMERA, "the stamp is always the driver's"),
    Alias('timestamp_offset', _V4L2_CAMERA, 'the stamp is always the capture time'),
    Alias('use_sensor_data_qos', _V4L2_CAMERA, 'JPEGs are sent best effort unless '
                                               '`qos_overrides.*` say otherwise'),
    Alias('use_image_transport', _V4L2_CAMERA, 'both are published: `image_raw/compressed`, and '
                                               '`image_raw` while somebody subscribes'),
    Alias('io_method', _USB_CAM, 'frames are always mapped'),
    Alias('av_device_format', _USB_CAM, 'the camera reports it'),
    Alias('skip_device_check', _USB_CAM, 'the node waits for a missing device'),
    Alias('*.compressed.format', _TRANSPORT, 'images on `image_raw/compressed` are JPEG'),
    Alias('*.png_level', _TRANSPORT, 'images on `image_raw/compressed` are JPEG'),
    Alias('*.enable_pub_plugins', _TRANSPORT, 'topics cost nothing while nobody subscribes'),
)
_HTTP_BRIDGE = (
    Alias('server_threads', _SERVER, 'one thread serves all viewers'),
    Alias('ros_threads', _SERVER, 'one thread receives all topics'),
    Alias('publish_rate', _SERVER, 'each viewer gets what their link carries; `?fps=` in an '
                                   'address asks for less'),
    Alias('default_stream_type', _SERVER, '`?type=` in an address chooses it'),
    Alias('verbose', _SERVER, '`access_log` logs each request'),
)
_OPENCV_CONSUMER = (
    Alias('image_transport', _TRANSPORT, '`image_raw/compressed` is used, or what is remapped '
                                         'to it'),
)
ALIASES: Mapping[str, tuple[Alias, ...]] = {
    'camera': _CAMERA, 'http_bridge': _HTTP_BRIDGE, 'opencv_consumer': _OPENCV_CONSUMER}


@dataclass(frozen=True)
class Taken:
    """What has become of names that are others'."""

    values: dict[str, Any]  # by our names
    renamed: list[str]  # for the log: those of ours that had another name once
    used: list[str]  # and those of others, with what they are here
    unused: list[str]  # or why they are nothing


def find(name: str, aliases: Iterable[Alias]) -> Alias | None:
    return next((alias for alias in aliases if alias.fits(name)), None)


def take(given: Values, table: Mapping[str, Parameter], aliases: Iterable[Alias]) -> Taken:
    """
    Return what is given by names that are others', by ours.

    Where both are given, ours counts, unless it has its default. Raises PermanentError when one
    of them cannot be what is given.
    """
    taken = Taken({}, [], [], [])
    for name in given:
        alias = None if name in table else find(name, aliases)
        if alias is None:
            continue
        convert = alias.convert
        if convert is None:
            taken.unused.append(f"'{name}' ({alias.here})")
            continue
        values = _converted(alias, convert, name, given, table)
        stronger = [] if alias.refines else [
            ours for ours, meant in values.items()
            if ours in given and given[ours] not in (meant, _default(table, ours))]
        if stronger:
            taken.unused.append(f"'{name}' ('{stronger[0]}' is given, too)")
        elif values:
            taken.values.update(values)
            (taken.renamed if alias.of == _FORMER else taken.used).append(
                f"'{name}' as {alias.here}")
    return taken


def _converted(alias: Alias, convert: Convert, name: str, given: Values,
               table: Mapping[str, Parameter]) -> Values:
    try:
        values = convert(given[name], given)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise PermanentError(f"parameter '{name}' of {alias.of} cannot be {given[name]!r}: it is "
                             f'taken as {alias.here}') from error
    try:
        for ours, meant in values.items():
            if ours in table:
                table[ours].check(meant)
    except ValueError as error:
        raise PermanentError(f"parameter '{name}' of {alias.of} is taken as {alias.here}, and "
                             f'cannot be what it is: {error}') from error
    return values


def _default(table: Mapping[str, Parameter], name: str) -> Any:
    return table[name].default if name in table else None


def markdown_table() -> str:
    rows = ['| parameter | of | what it is here |', '|---|---|---|']
    rows += [f'| `{alias.name}` | {alias.of} | '
             f'{alias.here if alias.convert else f"no effect: {alias.here}"} |'
             for aliases in ALIASES.values() for alias in aliases]
    return '\n'.join(rows) + '\n'
