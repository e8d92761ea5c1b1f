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

"""Who may watch, and what, read from the bridge's parameters."""

from collections.abc import Callable
from typing import Any

from ..outlets.create import OutletSettings
from ..web.access.access_rules import AccessRules
from ..web.stream.video import VideoOptions
from ..web.webrtc.ice_servers import IceServer, read_ice_servers


def read_rules(value: Callable[[str], Any]) -> AccessRules:
    """Return the rules; PermanentError where parameters make no sense."""
    return AccessRules(
        access_token=value('access_token'),
        driver_token=value('driver_token'),
        allowed_hosts=_words(value('allowed_hosts')),
        allowed_origins=_words(value('allowed_origins')),
        max_viewers=value('max_viewers'),
        max_viewers_per_address=value('max_viewers_per_address'),
        trusted_proxies=_words(value('trusted_proxies')),
        tls=bool(value('certfile')))


def read_video(value: Callable[[str], Any], log: Callable[[str], None]) -> VideoOptions:
    """Return how H.264 is encoded for viewers; `log` hears what is to be known of it."""
    return VideoOptions(float(value('h264_bitrate')), float(value('h264_above_bps')), log)


def read_helpers(value: Callable[[str], Any]) -> tuple[IceServer, ...]:
    """Return the servers for WebRTC; PermanentError where one cannot be read."""
    return read_ice_servers(_words(value('ice_servers')))


def read_outlets(value: Callable[[str], Any]) -> OutletSettings:
    """Return which players are served beside the pages."""
    return OutletSettings(value('address'), value('rtsp_port'), value('rtsp_multicast'),
                          _words(value('outlets')), value('outlets_insecure'))


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(',') if word.strip())
