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

"""What every source of pictures has in common."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
import math
import re
from typing import Any

from .sender_state import SenderState
from .stream_address import hide_secrets
from ..codecs.limits import MAX_PIXELS
from ..core.errors import PermanentError
from ..core.frame import Capture, VideoUnit

_SENSOR_MODE = re.compile(r'(\d+x\d+(:\d+)?)?')


@dataclass(frozen=True)
class SourceSettings:
    """What a user asks of a source; 0 and empty leave it to the source."""

    source: str = 'auto'  # as in `registry.SOURCES`
    path: str = field(default='', repr=False)  # file, folder, named pipe, device or URL
    width: int = 0  # pixels
    height: int = 0
    fps: float = 0.0
    quality: int = 80  # of JPEGs, 1 to 100, where the source encodes
    camera: str = ''  # of several Raspberry Pi cameras: its number, its model or its libcamera id
    hflip: bool = False  # mirrored left to right
    vflip: bool = False  # mirrored upside down
    rotation: int = 0  # clockwise by 0, 90, 180 or 270 degrees
    crop: tuple[int, ...] = ()  # of the sensor, in its pixels: (x, y, width, height)
    sensor_mode: str = ''  # `WIDTHxHEIGHT` or `WIDTHxHEIGHT:BITS`
    tuning_file: str = ''  # of libcamera
    noise_reduction: str = ''  # `off`, `fast`, `high_quality`
    tls_ca: str = ''  # file with the certificates that a server may have; empty for any
    python: str = ''  # interpreter that can import picamera2; empty to look for one
    max_pixels: int = MAX_PIXELS  # a larger picture is not decoded

    def __post_init__(self) -> None:
        if self.rotation not in (0, 90, 180, 270):
            raise PermanentError("parameter 'rotation' must be 0, 90, 180 or 270 degrees, not "
                                 f'{self.rotation}')

    @property
    def sized(self) -> bool:
        """Whether another size than the source's own is wanted."""
        return bool(self.width or self.height)

    def size_of(self, width: int, height: int) -> tuple[int, int]:
        """
        Return the (width, height) wanted of a picture that has these.

        Of what is not asked for, the one follows from the other, so that the shape stays.
        """
        if self.width and self.height:
            return self.width, self.height
        if self.width:
            return self.width, max(1, round(self.width * height / width))
        if self.height:
            return max(1, round(self.height * width / height)), self.height
        return width, height

    @property
    def flips(self) -> tuple[bool, bool]:
        """Whether pictures are mirrored left to right, and upside down; half a turn is both."""
        half_turn = self.rotation == 180
        return self.hflip != half_turn, self.vflip != half_turn

    @property
    def shown_path(self) -> str:
        """Return the path as it may be shown: an address without its secrets."""
        return hide_secrets(self.path) if '://' in self.path else self.path


# What a source may know of the settings: turning the picture, or all that a sensor has.
TURNING = frozenset({'hflip', 'vflip', 'rotation'})
SENSOR = TURNING | {'camera', 'crop', 'sensor_mode', 'tuning_file', 'noise_reduction'}
_ALL = SENSOR | {'python', 'tls_ca'}
_PARAMETERS = {'python': 'picamera2.python'}  # where the name is another one
_DEFAULTS = SourceSettings()


def check_sensor(settings: SourceSettings) -> None:
    """See that the sensor of a Raspberry Pi camera may do what is asked, whichever it is."""
    if settings.rotation not in (0, 180):
        raise PermanentError('a Raspberry Pi camera cannot rotate pictures by 90 degrees: set the '
                             "parameter 'rotation' to 0 or 180")
    if not _SENSOR_MODE.fullmatch(settings.sensor_mode):
        raise PermanentError(f"'{settings.sensor_mode}' is not a sensor mode: set the parameter "
                             "'sensor_mode' to WIDTHxHEIGHT or WIDTHxHEIGHT:BITS")
    crop = settings.crop
    if crop and (len(crop) != 4 or min(crop) < 0 or 0 in crop[2:]):
        raise PermanentError(f'{list(crop)} is not an area of the sensor: set the parameter '
                             "'crop' to x, y, width and height in the sensor's pixels")


def without(settings: SourceSettings, options: frozenset[str]) -> SourceSettings:
    """Return the settings without those that a source with these `options` does not know."""
    return replace(settings, **{name: getattr(_DEFAULTS, name) for name in _ALL - options})


class Source(ABC):
    """
    Where pictures come from.

    One thread calls `start`, then `read` again and again, then `stop`, and begins anew when the
    source has failed; `fps` and `counters` may be used by any thread. A source holds no queue:
    what `read` returns is the newest picture it has.
    """

    # The live parameters that it takes in only when it starts: `jpeg_quality`, and `fps` where a
    # higher rate must be asked for.
    starts_with: frozenset[str] = frozenset()
    # The settings, by their fields, that one which runs hands on to its successor (`take_over`).
    hands_on: frozenset[str] = frozenset()
    options: frozenset[str] = frozenset()  # which of the settings from `camera` on it knows
    # How long the first picture may take. Infinite where silence is no failure; otherwise the
    # source is started again when its pictures stop.
    first_picture_s = math.inf
    # Whether it fails by itself, and says why, when its pictures stop.
    tells_silence = False
    # Whether it has started itself anew, and its first picture after that has yet to come.
    starting = False
    sender: SenderState | None = None  # of a stream: what is known of whoever sends it
    metadata: Mapping[str, Any] = {}  # how its last picture that told was taken
    refused = ''  # why the camera did not take the last change of controls; empty when it did
    # Gets the H.264 that the source has as such, while it is wanted: all of it from a key frame
    # on, or up to the next one none. Called in the thread that reads, it must return at once. A
    # `CaptureLoop` sets it on whichever source it reads.
    on_video: Callable[[VideoUnit], None] | None = None

    def __init__(self, settings: SourceSettings) -> None:
        """Open nothing yet; PermanentError when the settings have what it does not know."""
        for name in sorted(_ALL - self.options):
            if getattr(settings, name):
                raise PermanentError(
                    f"source '{settings.source}' does not know the parameter "
                    f"'{_PARAMETERS.get(name, name)}': leave it out, or choose a source that "
                    'does, such as picamera2')
        self.settings = settings
        self.fps = settings.fps  # may change while the source runs

    def check(self) -> None:  # noqa: B027 - most have nothing to see
        """
        See what can be seen of the settings without a camera; PermanentError says what is wrong.

        By that, who changes settings while the source runs is told at once.
        """

    @property
    @abstractmethod
    def title(self) -> str:
        """Return what the source is, for people: `test pattern 1280x720`."""

    @property
    def opened_fps(self) -> float:
        return self.settings.fps

    @property
    def focuses(self) -> bool:
        """Return whether the camera is known to have a lens that it can move."""
        return False

    @property
    def nominal_fps(self) -> float:
        """Return the frames a second that should come; 0 where nobody can know."""
        return self.fps

    def remember(self, other: 'Source') -> None:  # noqa: B027 - most have nothing to
        """Take in what one that is replaced has learnt of the same camera. Any thread."""

    @abstractmethod
    def start(self) -> None:
        """Get ready to deliver; PermanentError when that cannot be, TemporaryError if not now."""

    def take_over(self, running: 'Source') -> bool:  # noqa: ARG002 - most cannot
        """
        Go on with what another source has opened, in place of `start`; False when that cannot be.

        The two differ in their settings. When it is done, `running` has nothing left to stop. The
        thread that reads calls it.
        """
        return False

    @abstractmethod
    def read(self, timeout_s: float) -> Capture | None:
        """
        Wait for the next picture; None when `timeout_s` passed without one.

        Raises EndOfStream behind the last one, TemporaryError when the source has failed and is to
        be started again, PermanentError when what the settings ask for cannot be had.
        """

    def take_successor(self) -> 'Source | None':
        """Return what is to be read in place of this one from now on, once there is such."""
        return None

    def stop(self) -> None:  # noqa: B027 - most sources hold nothing that needs it
        """Give back what `start` took."""

    def controls(self) -> Mapping[str, Mapping[str, Any]]:
        """Return what can be set while it runs, as described in `records`. Any thread."""
        return {}

    def set_controls(self, values: Mapping[str, Any]) -> None:  # noqa: B027 - most have none
        """
        Set some controls, in the same frame as far as the camera can. Any thread.

        They are set again when the source is started again. Whoever calls has seen to it that they
        are in the range that `controls` tells.
        """

    def keep_controls(self, names: Collection[str]) -> None:  # noqa: B027 - most have none
        """Set only these again when it is started again, of those that were set. Any thread."""

    def take_answer(self) -> bool:
        """
        Return whether `controls` tell what has become of all that was set; once each time.

        The thread that reads calls it. What was refused is known then, too, by `refused`.
        """
        return False

    def is_settled(self) -> bool:
        """Return whether the camera has answered to all that was set. Any thread."""
        return True

    def want_metadata(self, each: bool) -> None:  # noqa: B027 - most have none
        """Say whether each capture is to have its metadata. Any thread."""

    def sensor(self) -> Mapping[str, Any]:
        """Return what is known of the sensor: `mode`, its `area` in pixels, what is read of it."""
        return {}

    def encoder(self) -> str:
        """Return what encodes the pictures of a camera, for people; empty where that is said."""
        return ''

    def explained(self, sentence: str) -> str:
        """Return a sentence on its failure with what its driver has said of that."""
        return sentence

    def limit_bitrate(self, bitrate_bps: float) -> bool:  # noqa: ARG002 - most cannot
        """
        Keep what `read` returns to so many bits a second; infinite for no limit. Any thread.

        It may be called for each picture. Return whether the source keeps to it, on the whole and
        after a few pictures: it may turn out that it cannot. As it lowers the quality only so far,
        pictures may still be too large.
        """
        return False

    @property
    def has_video(self) -> bool:
        """Whether H.264 can be had for `on_video` now, with no encoding of ours. Any thread."""
        return False

    @property
    def why_no_video(self) -> str:
        """Return why the H.264 that is there cannot be had, and what helps; else nothing."""
        return ''

    def want_video(self, wanted: bool) -> None:  # noqa: B027 - most have none
        """Say whether `on_video` is to be called; at first it is not. Any thread."""

    def request_key_frame(self) -> bool:
        """
        Have one of the next access units be a key frame. Any thread.

        Return whether the source can be asked; if not, its own ones are to be waited for.
        """
        return False

    def limit_video_bitrate(self, bitrate_bps: float) -> bool:  # noqa: ARG002 - most cannot
        """Keep the access units to so many bits a second; False if it cannot. Any thread."""
        return False

    def counters(self) -> Mapping[str, int]:
        """Return what went wrong or was left out so far, by name, for the diagnostics."""
        return {}
