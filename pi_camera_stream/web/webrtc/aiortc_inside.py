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
What is done with the inside of aiortc and aioice, for want of a public way.

Each function does nothing where a version has no such inside: then what it is for is left out, and
the rest goes on.
"""

import asyncio
from collections.abc import Callable, Sequence
import logging
import time
from typing import Any

from aiortc import RTCIceTransport, RTCRtpSender, RTCRtpTransceiver, rtp
from aiortc.rtcrtpparameters import RTCRtcpFeedback, RTCRtpHeaderExtensionParameters

from .transport_feedback import Arrival, is_feedback, read_feedback
from ...core.pacing import TokenBucket

_PLAYOUT_DELAY = 'http://www.webrtc.org/experiments/rtp-hdrext/playout-delay'
_NUMBER = 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01'
_TELLING = 'transport-cc'  # what feedback by these numbers is called
_MOST_ID, _ONE_BYTE = 14, 0xBEDE  # of header extensions with heads of one byte (RFC 8285)
_MOST_REPEATS_A_SECOND, _MOST_REPEATS = 300.0, 128  # packets; half of what is sent usually
_MOST_WAITING = 512  # datagrams that nobody has looked at yet

_LOG = logging.getLogger(__name__)
for _library in ('aioice', 'aiortc'):  # which tell each step of each connection
    if logging.getLogger(_library).level == logging.NOTSET:
        logging.getLogger(_library).setLevel(logging.WARNING)


def use_addresses(ice: RTCIceTransport, addresses: Sequence[str]) -> None:
    """Let it be reached at these addresses of this machine only, before it gathers them."""
    connection = getattr(ice, '_connection', None)
    gather = getattr(connection, 'get_component_candidates', None)
    if gather is None:
        return

    def only_these(**options: Any) -> Any:
        return gather(**{**options, 'addresses': list(addresses)})

    connection.get_component_candidates = only_these  # type: ignore[union-attr]


class OurExtensions(rtp.HeaderExtensionsMap):  # type: ignore[misc]
    """Say in each packet that its picture is to be shown at once, and give it a number."""

    def __init__(self, next_number: Callable[[], int]) -> None:
        super().__init__()
        self._next_number = next_number
        self._playout_delay_id = self._number_id = 0

    def configure(self, parameters: Any) -> None:
        super().configure(parameters)
        for extension in parameters.headerExtensions:
            if extension.uri == _PLAYOUT_DELAY:
                self._playout_delay_id = extension.id
            elif extension.uri == _NUMBER:
                self._number_id = extension.id

    def set(self, values: Any) -> Any:
        return self.complete(*self.begin(values))

    def begin(self, values: Any) -> tuple[int, bytes]:
        """Return what all packets of a frame have in common."""
        profile, packed = super().set(values)
        return profile, packed

    def complete(self, profile: int, packed: bytes) -> tuple[int, bytes]:
        """Return all that one of them has, beginning with that."""
        if profile not in (0, _ONE_BYTE) or not (self._playout_delay_id or self._number_id):
            return profile, packed
        # Each is four bytes more; what fills up the ones before may stand in between.
        if self._playout_delay_id:
            packed += bytes((self._playout_delay_id << 4 | 2, 0, 0, 0))
        if self._number_id:
            packed += bytes((self._number_id << 4 | 1, *self._next_number().to_bytes(2, 'big'), 0))
        return _ONE_BYTE, packed


def agree(transceiver: RTCRtpTransceiver, offered: str, next_number: Callable[[], int]) -> None:
    """
    Agree to what aiortc does not know and `offered` has. Between offer and answer.

    One extension lets a browser hold no picture back: without it, they wait as long as they find
    good, 30 ms and more. Another one has the number of each packet, by which the receiver tells
    when it came.
    """
    extensions = [found for line in offered.splitlines() if (found := _extension(line))]
    name = '_RTCRtpSender__rtp_header_extensions_map'
    agreed = getattr(transceiver, '_headerExtensions', None)
    if not isinstance(agreed, list) or not hasattr(transceiver.sender, name):
        return
    telling = [codec for codec in getattr(transceiver, '_codecs', ()) if {
        f'a=rtcp-fb:{kind} {_TELLING}' for kind in (codec.payloadType, '*')
    } & set(offered.splitlines())]
    agreed += [one for one in extensions if one.uri != _NUMBER or telling]
    if any(one.uri == _NUMBER for one in agreed):
        for codec in telling:
            codec.rtcpFeedback.append(RTCRtcpFeedback(type=_TELLING))
    setattr(transceiver.sender, name, OurExtensions(next_number))


def _extension(line: str) -> RTCRtpHeaderExtensionParameters | None:
    start, _, uri = line.strip().partition(' ')
    number = start.removeprefix('a=extmap:').partition('/')[0]
    if uri not in (_PLAYOUT_DELAY, _NUMBER) or not number.isdecimal() \
            or not 0 < int(number) <= _MOST_ID:
        return None
    return RTCRtpHeaderExtensionParameters(id=int(number), uri=uri)


def hear_arrivals(sender: RTCRtpSender, on_arrivals: Callable[[list[Arrival]], None]) -> None:
    """Hear which packets have come, which aiortc takes no note of."""
    dtls: Any = sender.transport
    handle = getattr(dtls, '_handle_rtcp_data', None)
    if handle is None:
        return

    async def listen(data: bytes) -> None:
        if is_feedback(data):
            on_arrivals(read_feedback(data))
        else:
            await handle(data)

    dtls._handle_rtcp_data = listen


def hear(sender: RTCRtpSender, on_report: Callable[[], None], on_estimate: Callable[[int], None],
         on_key: Callable[[], None]) -> None:
    """
    Hear what the receiver sends: anything, a bit rate that it can take, or a wish for a key frame.

    aiortc takes note of the latter two for its own encoders only.
    """
    handle = getattr(sender, '_handle_rtcp_packet', None)
    if handle is None:
        return

    async def listen(packet: Any) -> None:
        on_report()
        await handle(packet)
        if not isinstance(packet, rtp.RtcpPsfbPacket):
            return
        if packet.fmt == rtp.RTCP_PSFB_APP:
            on_estimate(rtp.unpack_remb_fci(packet.fci)[0])
        elif packet.fmt in (rtp.RTCP_PSFB_PLI, 4):  # 4 is FIR (RFC 5104), unnamed in old versions
            on_key()

    sender._handle_rtcp_packet = listen


def limit_repeats(sender: RTCRtpSender) -> None:
    """Send no more again than a bad link needs, however often the receiver asks."""
    send_again = getattr(sender, '_retransmit', None)
    if send_again is None:
        return
    limit = TokenBucket(_MOST_REPEATS_A_SECOND, _MOST_REPEATS)

    async def maybe_send_again(sequence: int) -> None:
        if limit.take(time.monotonic()):
            await send_again(sequence)

    sender._retransmit = maybe_send_again


def bear_garbage(sender: RTCRtpSender) -> None:
    """Let nothing that comes by UDP end the connection, or fill the memory."""
    dtls: Any = sender.transport
    for name in ('_handle_rtcp_data', '_handle_rtp_data'):
        if hasattr(dtls, name):
            setattr(dtls, name, _bearing(getattr(dtls, name)))
    connection = getattr(dtls.transport, '_connection', None)
    receive = getattr(connection, 'data_received', None)
    waiting = getattr(connection, '_queue', None)
    if receive is None or waiting is None:
        return

    def take(data: bytes, component: int) -> None:
        if data and waiting.qsize() < _MOST_WAITING:
            receive(data, component)

    connection.data_received = take  # type: ignore[union-attr]


def _bearing(handle: Callable[..., Any]) -> Callable[..., Any]:
    async def handle_anything(*arguments: Any, **options: Any) -> None:
        try:
            await handle(*arguments, **options)
        except ConnectionError:
            raise
        except Exception as error:  # of the parser, whatever it did not expect
            _LOG.debug('a malformed packet: %r', error)
    return handle_anything


def first_rtp_time(sender: RTCRtpSender, last: int) -> int | None:
    """Return what aiortc adds to RTP times, which it chooses by chance; `last` was ours."""
    sent = getattr(sender, '_RTCRtpSender__rtp_timestamp', None)
    return (sent - last) & 0xFFFFFFFF if isinstance(sent, int) and sent else None


def backlog_bytes(sender: RTCRtpSender) -> int:
    """Return how much the kernel has not taken yet."""
    transport = getattr(getattr(_pair(sender), 'protocol', None), 'transport', None)
    size = getattr(transport, 'get_write_buffer_size', None)
    return size() if callable(size) else 0


def way(dtls: Any) -> tuple[Any, Any] | None:
    """Return the socket to the other side, and its address; None where there is no such thing."""
    pair: Any = getattr(getattr(dtls.transport, '_connection', None), '_nominated', {}).get(1)
    transport = getattr(getattr(pair, 'protocol', None), 'transport', None)
    if not isinstance(transport, asyncio.BaseTransport) or transport.is_closing() \
            or not hasattr(transport, 'get_write_buffer_size') \
            or transport.get_write_buffer_size():
        return None
    connection = transport.get_extra_info('socket')
    return (connection, pair.remote_addr) if connection is not None else None


async def round_trip_s(sender: RTCRtpSender) -> float | None:
    """Return how long the other side takes to answer a request (STUN), which all have to."""
    pair, connection = _pair(sender), getattr(sender.transport.transport, '_connection', None)
    if pair is None or connection is None:
        return None
    begun_s = time.monotonic()
    try:
        request = connection.build_request(pair, nominate=False)
        await pair.protocol.request(
            request, pair.remote_addr, retransmissions=0,
            integrity_key=connection.remote_password.encode('utf8'))
    except asyncio.CancelledError:
        raise
    except Exception as error:  # no answer, or a version that has something else there
        _LOG.debug('no answer: %r', error)
        return None
    return time.monotonic() - begun_s


def _pair(sender: RTCRtpSender) -> Any:
    connection = getattr(sender.transport.transport, '_connection', None)
    return getattr(connection, '_nominated', {}).get(1)
