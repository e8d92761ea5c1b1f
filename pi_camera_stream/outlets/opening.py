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

"""What a player must know of a stream before it plays it."""

import asyncio
import base64
import ipaddress
import time

from .rtp import PAYLOAD_TYPE, TICKS_PER_S
from ..codecs.h264 import nal_units, PPS, SPS, unit_type
from ..core.frame import Frame
from ..core.video_spec import VideoSpec
from ..web.stream.stream import Stream
from ..web.stream.video_rendition import VideoRendition

TRACK, SOUND_TRACK = 'track0', 'track1'
SOUND_TYPE = 97  # of RTP's payload
SOUND_PORT = 2  # behind that of the pictures, where both are sent to one receiver or group
_PATIENCE_S = 6.0  # until there is a picture
_LOOK_S = 0.2
_ASK_S = 0.5  # an encoder that begins, begins with a key frame
_HOLD_S = 10.0  # so long may a player take until it plays


class NoPictureError(Exception):
    """There is nothing to play, with the sentence that says why."""


class Opening:
    """
    Have a stream encoded until its parameters are known, and a while longer. Event loop only.

    Otherwise the encoder would begin once more as soon as the player plays.
    """

    def __init__(self, stream: Stream, spec: VideoSpec) -> None:
        self.stream, self._spec = stream, spec
        self._first: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._first.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def first(self) -> Frame:
        """Wait for a key frame; NoPictureError where none comes."""
        return await asyncio.shield(self._first)

    def end(self) -> None:
        self._task.cancel()

    async def _run(self) -> None:
        stream = self.stream
        try:
            with stream.wanted(), stream.use_video(self._spec) as rendition:
                self._first.set_result(await self._wait(rendition))
                await asyncio.sleep(_HOLD_S)
        except NoPictureError as error:
            self._first.set_exception(error)
        finally:
            self._first.cancel()  # if it is not done

    async def _wait(self, rendition: VideoRendition) -> Frame:
        stream, begun_s, asked = self.stream, time.monotonic(), False
        while rendition.newest_key is None:
            if reason := stream.video.reason(self._spec):
                raise NoPictureError(reason)
            waited_s = time.monotonic() - begun_s
            if waited_s > _PATIENCE_S:
                signal = str(stream.reception.signal()) or 'no picture has been encoded yet'
                raise NoPictureError(f"no picture of '{stream.name}': {signal}")
            if waited_s > _ASK_S and not asked:
                asked = True
                rendition.want_key()
            await asyncio.sleep(_LOOK_S / 10 if waited_s < _ASK_S else _LOOK_S)
        return rendition.newest_key


def describe(frame: Frame, title: str, host: str, port: int = 0,
             sound: bool = False) -> str:
    """
    Return what a stream is that has this key frame in it (SDP: RFC 4566, RFC 6184).

    With a port, it says that it is sent there, to `host`; otherwise that is agreed on by RTSP.
    `sound` is whether there is that, too (RFC 7587).
    """
    sets = {unit_type(unit): unit for unit in nal_units(frame.data)
            if unit_type(unit) in (SPS, PPS)}
    address = ipaddress.ip_address(host)
    kind = 'IP6' if address.version == 6 else 'IP4'
    where = '::' if kind == 'IP6' else '0.0.0.0'  # noqa: S104 - said to players, not listened at
    if port:
        where = f'{host}/1' if address.is_multicast and kind == 'IP4' else host  # and its TTL
    encoded = ','.join(base64.b64encode(sets[one]).decode() for one in (SPS, PPS) if one in sets)
    profile = sets[SPS][1:4].hex() if SPS in sets else '42e01f'
    heard = (f'm=audio {port and port + SOUND_PORT} RTP/AVP {SOUND_TYPE}',
             f'a=rtpmap:{SOUND_TYPE} opus/48000/2',
             f'a=fmtp:{SOUND_TYPE} sprop-stereo=0;minptime=10', f'a=control:{SOUND_TRACK}')
    return '\r\n'.join([
        'v=0', f'o=- {time.time_ns() // 1_000_000_000} 1 IN {kind} {host}', f's={title}',
        f'c=IN {kind} {where}', 't=0 0', 'a=tool:pi_camera_stream', 'a=control:*',
        'a=range:npt=now-',
        f'm=video {port} RTP/AVP {PAYLOAD_TYPE}', f'a=rtpmap:{PAYLOAD_TYPE} H264/{TICKS_PER_S}',
        f'a=fmtp:{PAYLOAD_TYPE} packetization-mode=1;profile-level-id={profile};'
        f'sprop-parameter-sets={encoded}', f'a=control:{TRACK}', *(heard if sound else ()), ''])
