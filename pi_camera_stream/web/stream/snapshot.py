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

"""One picture, not older than was asked for."""

import asyncio
import time

from aiohttp import web

from .rendition import Rendition
from .stream import Stream
from .tiers import TIERS
from .timestamp import places, TIMESTAMP, timestamp
from .viewer import StreamRequest
from ...core.frame import Frame
from ...core.reception import Signal
from ...core.video_spec import VideoSpec

_TIMEOUT_S = 3.0
_NEWER_FRAMES = 3  # of so many frames that come after a request, the last was taken after it


async def answer_snapshot(stream: Stream, wanted: StreamRequest, max_age_s: float,
                          visitor: str = '') -> web.Response:
    """
    Answer with a picture that was taken after the request, or is at most `max_age_s` old.

    `visitor` is as what the address of who asks is counted. HTTPServiceUnavailable says why none
    came in time.
    """
    spec = wanted.spec or TIERS[wanted.tier or 0].spec
    if isinstance(spec, VideoSpec):
        raise web.HTTPBadRequest(text='a snapshot is a JPEG: choose another tier\n')
    with stream.wanted(), stream.use(spec, visitor) as rendition:
        frame = rendition.newest
        # Not by its stamp alone: to a clock that is ahead, a picture of long ago is a new one.
        if not (frame and max_age_s and stream.arrivals.age_s(frame.stamp_ns) <= max_age_s):
            frame = await _taken_from_now_on(stream, rendition, max_age_s)
        if frame is None:  # asked inside: the reason is forgotten when nobody wants pictures
            raise web.HTTPServiceUnavailable(headers={'Retry-After': '1'}, text=(
                f"no new picture of '{stream.name}' within {_TIMEOUT_S:.0f} s"
                f'{_explain(stream.reception.signal())}\n'))
    return web.Response(body=frame.data, content_type='image/jpeg', headers={
        'Cache-Control': 'no-store', TIMESTAMP: timestamp(frame), **places(stream.name)})


async def _taken_from_now_on(stream: Stream, rendition: Rendition, max_age_s: float
                             ) -> Frame | None:
    oldest_ns, deadline_s = stream.now_ns() - int(max_age_s * 1e9), time.monotonic() + _TIMEOUT_S
    sequence, newer = stream.last_sequence, 0
    while True:
        try:
            frame = await asyncio.wait_for(rendition.newer_than(sequence),
                                           deadline_s - time.monotonic())
        except asyncio.TimeoutError:
            return None
        if not isinstance(frame, Frame):
            continue
        sequence, newer = frame.sequence, newer + 1
        # By its stamp; but where the camera's clock is behind ours, no frame would ever do.
        if frame.stamp_ns >= oldest_ns or newer == _NEWER_FRAMES:
            return frame


def _explain(signal: Signal) -> str:
    return f': {signal}' if signal.lost else ', though some come now and then'
