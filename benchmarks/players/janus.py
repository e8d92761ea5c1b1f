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
Janus, a media server that Debian has: one stream from the robot, many viewers by WebRTC.

Its streaming plug-in takes RTP, or asks for it by RTSP, and encodes nothing. Of what H.264 there
is, it tells viewers the profile that all of them know: they decode what comes, but some do not
begin where another one is announced.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
import shutil
import subprocess
import time

from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.core.with_parent import with_parent

from ..common.networks import Prefix

PORT, RTP_PORT, RTCP_PORT = 8088, 5004, 5005
_WAIT_S, _LOOK_S = 30.0, 0.05
_MAIN = 'general: { configs_folder = "%s" debug_level = 3 debug_colors = false }\n' \
    'transports: { disable = "libjanus_mqtt.so,libjanus_nanomsg.so,libjanus_pfunix.so,' \
    'libjanus_rabbitmq.so,libjanus_websockets.so" }\n'
_HTTP = 'general: { base_path = "/janus" http = true port = %d ip = "%s" https = false }\n' \
    'admin: { admin_http = false }\n'
# What is said in docs/crowd.md, too.
_MOUNTPOINT = 'robot%(number)d: { id = %(number)d description = "robot" audio = false ' \
    'video = true videofmtp = "profile-level-id=42e01f;packetization-mode=1" %(source)s }\n'


def missing() -> str:
    """Return what is missing, in one sentence; nothing if Janus is there."""
    return '' if shutil.which('janus') else 'the media server is the Debian package janus'


def by_rtsp(url: str, number: int = 1) -> str:
    """Return the mount point of that number that takes a stream by RTSP."""
    return _MOUNTPOINT % {'number': number, 'source': (
        f'type = "rtsp" url = "{url}" rtsp_failcheck = false rtsp_reconnect_delay = 1')}


def by_rtp(number: int = 1) -> str:
    """Return the mount point that takes what is sent to RTP_PORT, and asks for key frames."""
    return _MOUNTPOINT % {'number': number, 'source': (
        f'type = "rtp" videoport = {RTP_PORT} videortcpport = {RTCP_PORT} videopt = 96 '
        'videocodec = "h264"')}


@contextmanager
def janus(host: Prefix, address: str, folder: Path, mount_point: str
          ) -> Iterator[subprocess.Popen[bytes]]:
    """Run Janus until the context ends; it begins when it listens at PORT."""
    if reason := missing():
        raise PermanentError(reason)
    folder.mkdir(exist_ok=True)
    (folder / 'janus.jcfg').write_text(_MAIN % folder)
    (folder / 'janus.transport.http.jcfg').write_text(_HTTP % (PORT, address))
    (folder / 'janus.plugin.streaming.jcfg').write_text(mount_point)
    with (folder / 'janus.log').open('wb') as log, subprocess.Popen(
            with_parent([*host, 'janus', '-F', str(folder)]), stdin=subprocess.DEVNULL,
            stdout=log, stderr=log) as process:
        try:
            _wait(host, process)
            yield process
        finally:
            process.kill()


def _wait(host: Prefix, process: subprocess.Popen[bytes]) -> None:
    until_s = time.monotonic() + _WAIT_S
    while f':{PORT:04X} 00000000:0000 0A' not in subprocess.run(
            [*host, 'cat', '/proc/net/tcp'], check=True, capture_output=True, text=True).stdout:
        if process.poll() is not None or time.monotonic() > until_s:
            raise PermanentError(f'Janus does not listen at port {PORT}')
        time.sleep(_LOOK_S)
