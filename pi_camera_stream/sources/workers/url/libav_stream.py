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

"""A stream over a protocol that FFmpeg speaks: HTTP, RTSP, RTP, RTMP, SRT."""

from collections import deque
import io
from pathlib import Path
import time
from typing import Any, NoReturn
from urllib.parse import urlsplit

import av

from .byte_stream import codec_title
from .http_client import Login
from .refusals import refused
from ..runtime.decoder import Decoder
from ..runtime.picture_writer import PictureWriter
from ..runtime.worker_status import WorkerStatus
from ...stream_address import StreamAddress
from ....codecs.limits import libav_options
from ....core.errors import PermanentError, TemporaryError
from ....core.frame import EncodedImage

_OPEN_S = 5.0
_READ_S = 600.0  # how long a stream may be silent is for the worker to say
# Not `fflags=nobuffer`: it throws the first key frame away that was read to learn the format.
_COMMON = {'probesize': '32768', 'analyzeduration': '200000', 'max_delay': '0'}
# TCP first: it passes routers and firewalls, and loses nothing. `?udp` behind the address asks
# for UDP; then packets that come late are left out, not waited for.
_RTSP = {'allowed_media_types': 'video', 'reorder_queue_size': '0',
         'buffer_size': '1048576'}
# How many packets later than its own end one comes out: parsers and demuxers that see the end of
# a picture only where the next one begins.
_HELD = {'rtsp': 1, 'sdp': 1, 'mpegts': 2, 'h264': 1, 'hevc': 1}
_OPTIONAL = ('https', 'rtsps', 'rtmp', 'srt')  # what FFmpeg may have been built without
_CODES = {av.error.HTTPUnauthorizedError: 401, av.error.HTTPForbiddenError: 403,
          av.error.HTTPNotFoundError: 404, av.error.HTTPServerError: 503}
_SDP = """v=0
o=- 0 0 IN IP4 127.0.0.1
s=stream
c=IN IP4 {host}
t=0 0
m=video {port} RTP/AVP 96 26
a=rtpmap:96 {codec}/90000
"""


def receive_libav(address: StreamAddress, writer: PictureWriter, status: WorkerStatus) -> None:
    """
    Receive until the sender goes, or sends what cannot be played, which raises TemporaryError.

    Raises PermanentError when this build of FFmpeg's libraries does not know the protocol.
    """
    status.sentence = _waiting(address)
    try:
        container = _open(address, writer.max_pixels)
    except (av.error.FFmpegError, OSError) as error:
        _explain(error, address)
    decoder = None
    try:
        if not container.streams.video:
            raise TemporaryError(f'there is no video in {address.shown}: have the sender send '
                                 "some, or set the parameter 'path' to the address of a video "
                                 'stream')
        stream = container.streams.video[0]
        if stream.codec_context is None:
            raise TemporaryError(f'{address.shown} sends video of a kind that this PyAV cannot '
                                 'decode: have the sender send H.264, H.265 or JPEG')
        codec, held = stream.codec_context.name, _HELD.get(container.format.name, 0)
        rate = float(stream.average_rate or 0) if codec != 'mjpeg' else 0.0
        writer.about = {'camera': address.shown, 'fps': rate if 1 <= rate <= 240 else 0.0,
                        'detail': f'{codec_title(codec)} over {address.scheme.upper()}'}
        arrivals = deque[int](maxlen=held + 1)
        if codec != 'mjpeg':
            decoder = Decoder(stream.codec_context, writer, status)
        for packet in container.demux(stream):
            if not packet.size:
                continue
            arrivals.append(time.monotonic_ns())
            status.hear(packet.size, arrivals[-1] / 1e9)
            taken_ns = writer.taken_ns(packet, arrivals[0])
            if decoder is None:
                writer.put(EncodedImage(bytes(packet)), taken_ns)
            else:
                decoder.put(packet, taken_ns)
        raise TemporaryError(f'{address.shown} has ended: start the sender again')
    except (av.error.FFmpegError, OSError) as error:
        _explain(error, address)
    finally:
        if decoder is not None:
            decoder.close()
        container.close()


def _open(address: StreamAddress, max_pixels: int) -> Any:
    common = {**_COMMON, **libav_options(max_pixels)}  # it decodes some, to learn the format
    if address.scheme == 'rtp':
        sdp = _SDP.format(host=address.host or '0.0.0.0',  # noqa: S104 - as the user asks
                          port=address.port, codec=address.options.get('codec', 'H264').upper())
        return av.open(io.BytesIO(sdp.encode()), format='sdp', options={
            **common, 'protocol_whitelist': 'rtp,udp', 'reorder_queue_size': '0',
            'buffer_size': '1048576'})
    options, url = common, address.url
    if address.scheme in ('rtsp', 'rtsps'):
        options |= _RTSP
        asked = next((way for way in ('udp', 'tcp') if way in address.options), None)
        options |= {'rtsp_transport': asked} if asked else {'rtsp_flags': 'prefer_tcp'}
        if address.listens:
            options |= {'rtsp_flags': 'listen', 'listen_timeout': '86400'}
            url = url.partition('?')[0]
    elif address.listens and address.scheme in ('http', 'https', 'rtmp'):
        options['listen'] = '1'
        url = url.partition('?')[0]
    if address.scheme in ('http', 'https') and (bearer := Login.of(urlsplit(url)).bearer):
        # Nobody else gets the token.
        options |= {'headers': f'Authorization: {bearer.decode()}\r\n', 'max_redirects': '0'}
    if address.tls_ca:
        options |= {'tls_verify': '1', 'ca_file': str(Path(address.tls_ca).expanduser())}
    return av.open(url, options=options, timeout=(None if address.listens else _OPEN_S,
                                                  _READ_S))


def _waiting(address: StreamAddress) -> str:
    if address.listens or address.scheme == 'rtp':
        return (f'nothing has come to {address.shown} yet: check that the sender runs, and that '
                "it sends to this computer's address and port")
    return f'{address.shown} has not answered yet: is the sender there?'


def _explain(error: Any, address: StreamAddress) -> NoReturn:
    reason = error.strerror or type(error).__name__
    code = next((code for kind, code in _CODES.items() if isinstance(error, kind)), 0)
    if code:
        raise refused(address, code, f'{code} {reason}') from None
    if isinstance(error, av.error.ProtocolNotFoundError) and address.scheme in _OPTIONAL:
        raise PermanentError(f'this build of PyAV does not speak {address.scheme}: install the '
                             "system's with `sudo apt install python3-av`, or have the sender use "
                             'UDP or RTSP') from None
    if isinstance(error, av.error.InvalidDataError) and address.scheme in ('http', 'https'):
        raise TemporaryError(f'what {address.shown} delivers is not video: open it in a browser, '
                             "and set the parameter 'path' to the address of the stream "
                             'itself') from None
    if isinstance(error, (av.error.ExitError, av.error.TimeoutError)):
        reason = 'no answer'
    raise TemporaryError(f'{address.shown} cannot be played ({reason}): start the sender, or '
                         'correct the address') from None
