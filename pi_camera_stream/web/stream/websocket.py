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
Pictures over a WebSocket, for pages: they tell when they have painted one, and how old it was.

From the bridge: binary messages, big-endian, of 16 bytes and a picture behind them: version 1
(u8), index of the tier, 255 for the viewer's own rendition (u8), codec (u8: 0 JPEG, 1 H.264),
flags (u8; bit 0: a key frame of H.264), sequence (u32), stamp in ns (i64). Behind it, a JPEG or an
access unit of H.264 (Annex B, parameter sets in front of each key frame). Text messages, JSON:
`hello` with topic, names of the tiers, the name of this `viewer`, why there is no `webrtc` (empty
where it can be had by `/whep`) and, for who can decode it, why there is no `h264`; `h264` when
that has changed, with `reason`; `signal` while no picture is shown, or something else is wrong,
with `state`, `silent_s` and `reason` as in `/state`; `clock` in answer to `clock`.

H.264 goes to pages that name it in `?codecs=jpeg,h264`. A page gets JPEGs until a key frame is
there, which may be of a moment before the last JPEG; a frame that is not newer than what is
painted is decoded, and not painted. No access unit is left out before the next key frame.

From the page, JSON: `ack` with the sequence of a picture that was painted, or left out for a newer
one, its `age_ms` at paint (null where it was left out), and by how much the page's idea of the
robot's clock can make that wrong, `uncertainty_ms`; `clock` with `client_ms`, answered with the
same, `server_ms`, the clock of the stamps, and how many segments of this connection were `lost` on
the way (null where nobody knows); `tier` with the name of one, with `auto`, `jpeg` or `h264`,
which leave it to the bridge among all, or all of that codec, or with `none` while pictures come
another way; `keyframe` where its decoder cannot go on without.
"""

import asyncio
from functools import lru_cache
import json
import math
import struct
import time

from aiohttp import web, WSCloseCode, WSMsgType
from aiohttp.abc import AbstractStreamWriter

from .delivery import deliver, QUICK_S, Transport, UNLOOKED
from .link import Link
from .rendition import Status
from .stream import signal_state, Stream
from .tiers import choose, JPEG_NAMES, NAMES, NO_TIER, NOTHING
from .viewer import StreamRequest, Viewer
from ..message_limit import MessageLimit
from ..sockets import answer_clock, answer_ping, create_socket, MAX_MESSAGE_BYTES
from ..webrtc.availability import why_missing
from ...core.frame import Frame, H264, JPEG
from ...core.json_object import integer, number, parse_object

_HEAD = struct.Struct('>BBBBIq')
_VERSION = 1
_CODECS = {JPEG: 0, H264: 1}
_KEY = 1  # flag
_MAX_IN_FLIGHT = 8  # pictures without acknowledgement, on the longest path
_MORE_IN_FLIGHT = 2  # of inter-coded ones, which are small, and none of which can be left out
# So much later than in time a page may have painted one of these: smaller ones would not help a
# busy processor, and where the link is narrow, the kernel knows sooner.
_BUSY_S = 0.1
_IN_TIME = 0.4  # of the time between two pictures; by what is below, larger ones are predicted
_HEARTBEAT_S = 20.0
_MOST_A_SECOND = 300.0  # messages of one page, which acknowledges each picture
_TEXT, _BINARY = 0x81, 0x82  # first byte of a message in one frame
_LOOK_S = 0.004  # between two looks at what has not arrived yet
_why_no_webrtc = lru_cache(maxsize=1)(why_missing)


class WebSocketTransport(Transport):
    """Pictures as messages, each acknowledged by the page."""

    name = 'websocket'
    tells_age = True

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport,
                 writer: AbstractStreamWriter) -> None:
        super().__init__(Link(transport))
        self._socket = socket
        self._transport = transport
        self._writer = writer
        self._in_flight: dict[int, tuple[float, int]] = {}  # sequence: when it was sent, stamp
        self._acknowledged = asyncio.Event()
        self._transit_s: float | None = None
        self._least_s = math.inf  # the shortest time from sending to acknowledgement
        self._looking: asyncio.TimerHandle | None = None
        self._more = 0  # in flight than of others
        self._unlooked = 0  # frames to come that the kernel need not be asked about
        self.interval_s = 1 / 30

    def begin(self, frame: Frame) -> None:
        super().begin(frame)
        self._more = 0 if frame.codec == JPEG else _MORE_IN_FLIGHT
        if not self._unlooked:
            self._look_later()

    async def write(self, frame: Frame, tier: int) -> None:
        if frame.codec != JPEG:
            if self._transport.is_closing():
                raise ConnectionResetError('the viewer has left')
            self.write_now(frame, tier)
        else:
            self._in_flight[frame.sequence] = self._begun_s, frame.stamp_ns
            await self._socket.send_bytes(_message(frame, tier))
        if self._transport.get_write_buffer_size():
            await self._writer.drain()

    def ready(self) -> bool:
        return not (self._transport.is_closing() or self._transport.get_write_buffer_size())

    def write_now(self, frame: Frame, tier: int) -> None:
        self._in_flight[frame.sequence] = self._begun_s, frame.stamp_ns
        self._transport.write(_whole_message(frame, tier))

    def tell(self, **message: object) -> None:
        """Write a short message, behind whatever has not been sent yet."""
        if not self._transport.is_closing():
            self._transport.write(_wire(_TEXT, json.dumps(message).encode()))

    async def write_status(self, status: Status) -> None:
        await self._socket.send_json({'type': 'signal', **signal_state(status.signal)})

    def take_transit_s(self) -> float | None:
        """
        Return what page and kernel tell: what has not been painted yet is not there yet.

        The page tells how much later than the soonest one a picture was painted. A link that was
        too narrow from the beginning does not show in that: so long as the kernel knows of bytes
        that have not arrived, they are in transit, whatever was soonest. That is no more than what
        is known: the page's own work comes after it, and so does all behind a reverse proxy.

        Of small frames, which soon arrive, most are sent without a look, which would cost more.
        """
        if len(self._in_flight) >= self._window():
            self._unlooked = 0
            return math.inf
        if self._unlooked and (self._transit_s or 0.0) < QUICK_S:
            self._unlooked -= 1
            return None
        self._unlooked = 0
        if super().take_transit_s() == math.inf:
            return math.inf
        transit_s, self._transit_s = self._transit_s, None
        if self._more and transit_s is not None and transit_s < QUICK_S:
            self._unlooked = UNLOOKED
        return transit_s

    async def wait_drained(self) -> float | None:
        while len(self._in_flight) >= self._window():
            self._acknowledged.clear()
            await self._acknowledged.wait()
        await super().wait_drained()
        transit_s, self._transit_s = self._transit_s, None
        return transit_s

    def acknowledge(self, sequence: int) -> int | None:
        """
        Note that the page has dealt with a picture, and with those before it.

        Returns its stamp; None for one that is not on its way.
        """
        if sequence not in self._in_flight:
            return None
        begun_s, stamp_ns = self._in_flight[sequence]
        took_s = time.monotonic() - begun_s
        # The path's own round trip and the page's own work are no sign of a narrow link.
        self._least_s = min(took_s, self._least_s * 1.002)
        late_s = took_s - self._least_s
        if late_s >= QUICK_S:
            self._unlooked = 0
        in_time_s = _IN_TIME * self.interval_s
        if self._more and late_s > in_time_s:
            late_s = max(in_time_s, late_s - _BUSY_S)
        self._transit_s = max(self._transit_s or 0.0, late_s)
        for older in [sent for sent in self._in_flight if sent <= sequence]:
            del self._in_flight[older]
        self._acknowledged.set()
        return stamp_ns

    def _look_later(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
        self._looking = asyncio.get_running_loop().call_later(_LOOK_S, self._look)

    def _look(self) -> None:
        """Note how long the picture is under way by now, and look again as long as it is."""
        state = self.link.state()
        if state is None or self.link.excess_bytes(state, 0) <= 0:
            self._looking = None
            return
        self._transit_s = max(self._transit_s or 0.0, self._took_s(state, time.monotonic()))
        self._look_later()

    def _window(self) -> int:
        """Return how many pictures may be in flight: as many as the shortest way takes."""
        if self._least_s == math.inf:
            return 1 + self._more
        return min(1 + int(self._least_s / self.interval_s), _MAX_IN_FLIGHT) + self._more


async def stream_websocket(request: web.Request, stream: Stream, viewer: Viewer
                           ) -> web.StreamResponse:
    socket = create_socket(request, ': for MJPEG, take /stream.mjpg', _HEARTBEAT_S)
    with stream.watch(viewer):
        writer = await socket.prepare(request)
        if request.transport is None:
            return socket
        transport = WebSocketTransport(socket, request.transport, writer)
        viewer.link = transport.link
        await socket.send_json(_hello(stream, viewer))
        if H264 in viewer.request.codecs:
            viewer.on_video = lambda reason: transport.tell(type='h264', reason=reason)
        sending = asyncio.create_task(_send(stream, viewer, transport))
        limit = MessageLimit(request, _MOST_A_SECOND)
        try:
            async for message in socket:
                transport.interval_s = stream.interval_s
                if not await limit.admit():
                    heard = True  # what is too much waits with its sender
                elif message.type in (WSMsgType.PING, WSMsgType.PONG):
                    heard = await answer_ping(socket, message)
                else:
                    heard = message.type is WSMsgType.TEXT and await _on_message(
                        message.data, socket, stream, viewer, transport)
                if not heard:
                    await socket.close(code=WSCloseCode.POLICY_VIOLATION,
                                       message=b'not a message of this protocol')
        finally:
            viewer.on_video = lambda _: None
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            _whole_message.cache_clear()  # it may hold frames that nobody watches any more
    return socket


async def _send(stream: Stream, viewer: Viewer, transport: WebSocketTransport) -> None:
    try:
        await deliver(stream, viewer, transport)
    except ConnectionError:
        pass
    finally:
        transport.link.abort()  # ends the hearing, too


async def _on_message(text: str, socket: web.WebSocketResponse, stream: Stream, viewer: Viewer,
                      transport: WebSocketTransport) -> bool:
    """Act on a message of the page; False when it is none that the page would send."""
    try:
        message = parse_object(text, MAX_MESSAGE_BYTES)
        kind = message['type']
        if kind == 'ack':
            stamp_ns = transport.acknowledge(integer(message['sequence']))
            if message.get('age_ms') is not None:
                age_ms = number(message['age_ms'])
                viewer.age_ms.add(age_ms)
                if stamp_ns is not None:
                    stream.on_painted(stamp_ns, age_ms, number(message.get('uncertainty_ms', 0)))
        elif kind == 'clock':
            await answer_clock(socket, message, stream.now_ns() / 1e6,
                               lost=transport.link.lost_segments())
        elif kind == 'tier':
            wanted, tier = viewer.request, message['tier']
            chosen = {'spec': NOTHING} if tier == NO_TIER else choose(tier, wanted.codecs)
            viewer.ask(StreamRequest(**chosen, fps=wanted.fps, codecs=wanted.codecs))
            stream.move(viewer)
        elif kind == 'keyframe':
            stream.want_key(viewer)
        else:
            return False
    except (ValueError, KeyError, TypeError, RecursionError):
        return False
    return True


def _hello(stream: Stream, viewer: Viewer) -> dict[str, object]:
    hello = {'type': 'hello', 'topic': stream.name, 'viewer': viewer.name,
             'webrtc': _why_no_webrtc()}
    if H264 in viewer.request.codecs:
        return {**hello, 'tiers': NAMES, 'h264': stream.video.reason()}
    return {**hello, 'tiers': JPEG_NAMES}


def _message(frame: Frame, tier: int) -> bytes:
    flags = _KEY if frame.key and frame.codec != JPEG else 0
    return _HEAD.pack(_VERSION, tier, _CODECS[frame.codec], flags, frame.sequence & 0xFFFFFFFF,
                      frame.stamp_ns) + frame.data


@lru_cache(maxsize=4)  # all who watch the same send the same bytes
def _whole_message(frame: Frame, tier: int) -> bytes:
    """Return the message as it goes over the wire, where others make it anew for each viewer."""
    return _wire(_BINARY, _message(frame, tier))


def _wire(kind: int, message: bytes) -> bytes:
    """Return a WebSocket frame with a whole message (RFC 6455, 5.2)."""
    size = len(message)
    if size < 126:
        return bytes((kind, size)) + message
    head = struct.pack('>BBH', kind, 126, size) if size < 1 << 16 else \
        struct.pack('>BBQ', kind, 127, size)
    return head + message
