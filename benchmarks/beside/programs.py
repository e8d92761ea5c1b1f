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

"""The programs that are compared, and how each is started, as its documentation has it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import metadata
import re
import shutil
import subprocess
import sys

from pi_camera_stream.core.errors import PermanentError

from .camera import Camera, FPS, HEIGHT, WIDTH

VIEWERS = 1, 5, 20, 100
Commands = dict[str, list[str]]  # by name, the server first
_VERSION = re.compile(r'\d+(?:\.\d+)+')
_ROOM = 20  # viewers more than there are, for those who leave and have not gone yet


@dataclass(frozen=True)
class Place:
    """Where a server listens, and how many come."""

    address: str
    port: int
    viewers: int


@dataclass(frozen=True)
class Program:
    """
    One of them.

    Attributes
    ----------
    stream
        What its viewers read: `marked`, HTTP with our marks in the JPEGs; `stamped`, the same,
        or `X-Timestamp` is the camera's; `tcp`, marks without HTTP; `webrtc`.
    viewers
        With how many it is measured.
    single
        Whether it serves but one viewer, and ends with them.
    version
        What tells its version; the first word is what has to be installed.
    package
        Debian's, which has it.

    """

    commands: Callable[[Camera, Place], Commands]
    what: str
    stream: str = 'marked'
    path: str = '/stream.mjpg'
    viewers: tuple[int, ...] = VIEWERS
    single: bool = False
    version: tuple[str, ...] = ()
    package: str = ''


def _serve(camera: Camera, place: Place) -> Commands:
    return {'serve': [
        *camera.before(), *_ours('serve'), '--source', 'v4l2', '--path', camera.device,
        '--width', str(WIDTH), '--height', str(HEIGHT), '--fps', str(FPS),
        '--address', place.address, '--port', str(place.port),
        '--max-viewers', str(place.viewers + _ROOM),
        '--max-viewers-per-address', str(place.viewers + _ROOM)]}


def _bridge(camera: Camera, place: Place) -> Commands:
    ros = ['--ros-args', '--log-level', 'warn']
    most = place.viewers + _ROOM
    return {
        'bridge': [*_ours('bridge'), *ros, '-p', f'address:={place.address}',
                   '-p', f'port:={place.port}', '-p', f'max_viewers:={most}',
                   '-p', f'max_viewers_per_address:={most}'],
        'camera': [*camera.before(), *_ours('camera'), *ros, '-p', 'source:=v4l2',
                   '-p', f'path:={camera.device}', '-p', f'width:={WIDTH}',
                   '-p', f'height:={HEIGHT}', '-p', f'fps:={float(FPS)}']}


def _ustreamer(camera: Camera, place: Place) -> Commands:
    return {'ustreamer': [
        *camera.before(), 'ustreamer', f'--device={camera.device}', '--format=MJPEG',
        '--encoder=HW', f'--resolution={WIDTH}x{HEIGHT}', f'--desired-fps={FPS}', '--tcp-nodelay',
        f'--host={place.address}', f'--port={place.port}', '--log-level=0']}


def _gstreamer(*limits: str) -> Callable[[Camera, Place], Commands]:
    def commands(camera: Camera, place: Place) -> Commands:
        return {'gstreamer': [
            *camera.before(), 'gst-launch-1.0', '-q', 'v4l2src', f'device={camera.device}', '!',
            f'image/jpeg,width={WIDTH},height={HEIGHT},framerate={FPS}/1', '!',
            'multipartmux', 'boundary=frame', '!',
            'tcpserversink', f'host={place.address}', f'port={place.port}', *limits]}
    return commands


def _ffmpeg(camera: Camera, place: Place) -> Commands:
    return {'ffmpeg': [
        *camera.before(), 'ffmpeg', '-loglevel', 'error', '-nostdin', '-fflags', 'nobuffer',
        '-flags', 'low_delay', '-f', 'v4l2', '-input_format', 'mjpeg',
        '-video_size', f'{WIDTH}x{HEIGHT}', '-framerate', str(FPS), '-i', camera.device,
        '-c', 'copy', '-f', 'mpjpeg', '-listen', '1',
        f'http://{place.address}:{place.port}/stream.mjpg']}


def _threaded(camera: Camera, place: Place) -> Commands:
    return {'reference': [
        sys.executable, '-m', 'benchmarks.load.reference_server', '--folder', str(camera.some),
        '--fps', str(FPS), '--address', place.address, '--port', str(place.port)]}


def _aiortc(camera: Camera, place: Place) -> Commands:
    return {'aiortc': [
        *camera.before(), sys.executable, '-m', 'benchmarks.beside.aiortc_server',
        '--device', camera.device, '--address', place.address, '--port', str(place.port)]}


def _ours(*arguments: str) -> list[str]:
    return [sys.executable, '-m', 'pi_camera_stream', *arguments]


_GST = partial(
    Program, stream='tcp', version=('gst-launch-1.0', '--version'),
    package='gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good')
_PARTS = 3  # buffers of multipartmux for a picture: its head, which is a key frame, and two more
_DECODED = 1, 5, 20  # so many receivers of WebRTC fit into a process
PROGRAMS: dict[str, Program] = {
    'serve': Program(_serve, 'serve', 'stamped'),
    'bridge': Program(_bridge, 'camera node and bridge', 'stamped'),
    'ustreamer': Program(_ustreamer, 'ustreamer', path='/stream',
                         version=('ustreamer', '--version'), package='ustreamer'),
    'gstreamer': _GST(
        _gstreamer('sync=false', 'sync-method=next-keyframe', 'recover-policy=keyframe',
                   f'buffers-soft-max={2 * _PARTS}', f'buffers-max={20 * _PARTS}'),
        'GStreamer'),
    'gstreamer-plain': _GST(_gstreamer(), 'GStreamer, defaults', viewers=(5,)),
    'ffmpeg': Program(_ffmpeg, 'ffmpeg', viewers=(1,), single=True,
                      version=('ffmpeg', '-version'), package='ffmpeg'),
    'threaded': Program(_threaded, 'threaded http.server', 'stamped'),
    'serve-webrtc': Program(_serve, 'serve', 'webrtc', '/whep', _DECODED),
    'aiortc': Program(_aiortc, 'aiortc', 'webrtc', '/whep', _DECODED),
}


def check(names: list[str]) -> dict[str, str]:
    """
    Return the versions of other programs, by name.

    Raises
    ------
    PermanentError
        One is not installed.

    """
    versions = {}
    for name in names:
        program = PROGRAMS[name]
        if not program.version:
            continue
        if shutil.which(program.version[0]) is None:
            raise PermanentError(f"'{program.version[0]}' is missing: sudo apt install "
                                 f'{program.package}, or leave {name} out with --programs')
        told = subprocess.run(program.version, check=False, capture_output=True, text=True)
        found = _VERSION.findall(told.stdout.partition('\n')[0]) or ['?']
        versions[program.version[0]] = f'{program.what.partition(",")[0]} {found[-1]}'
    if any(PROGRAMS[name].stream == 'webrtc' for name in names):
        versions['aiortc'] = f'aiortc {metadata.version("aiortc")}'
    return versions
