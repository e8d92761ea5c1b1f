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

"""A recording, at the rate it was made with, or the session description (SDP) of a stream."""

import time
from typing import Any

import av

from ...codecs.limits import libav_options
from ...core.errors import EndOfStream, PermanentError, TemporaryError
from ...core.frame import EncodedImage
from ...sources.decoded_frame import DecodedPicture
from ...sources.workers.runtime.decoder import Decoder
from ...sources.workers.runtime.picture_writer import PictureWriter
from ...sources.workers.runtime.worker_status import WorkerStatus
from ...sources.workers.url.byte_stream import codec_title

_SDP = {'protocol_whitelist': 'file,rtp,udp', 'reorder_queue_size': '0', 'max_delay': '0',
        'buffer_size': '1048576', 'probesize': '32768', 'analyzeduration': '200000'}
_UNTIMED_FPS = 30.0  # of what tells no times, such as a bare `.h264`
_FIRST_S, _NEXT_S = 5.0, 10.0  # how long nothing may come of an SDP


def receive_file(path: str, writer: PictureWriter, status: WorkerStatus) -> None:
    """Receive up to its end, which is EndOfStream; of an SDP until nothing comes any more."""
    live = path.lower().endswith('.sdp')
    status.sentence = f'nothing arrives for {path}: check that the sender runs, and sends here'
    try:
        container = av.open(path, options={
            **libav_options(writer.max_pixels), **(_SDP if live else {})},
            timeout=(_FIRST_S, _NEXT_S) if live else None)
        streams = container.streams.video
        codec = streams[0].codec_context if streams else None
    except (av.error.FFmpegError, OSError) as error:
        if live:
            raise TemporaryError(status.sentence) from error
        raise _odd(path) from None
    if codec is None:
        raise _odd(path)
    writer.about = {'detail': f'{codec_title(codec.name)} from {path}'}
    decoder = Decoder(codec, writer, status) if live and codec.name != 'mjpeg' else None
    try:
        if live:
            _receive(container, decoder, writer, status)
        else:
            _play(container, writer, status)
    except (av.error.FFmpegError, OSError) as error:
        if live:
            raise TemporaryError(status.sentence) from error
        raise PermanentError(f"'{path}' cannot be read any further ({error.strerror})") from None
    finally:
        if decoder is not None:
            decoder.close()
        container.close()
    raise EndOfStream


def _receive(container: Any, decoder: Decoder | None, writer: PictureWriter, status: WorkerStatus
             ) -> None:
    for packet in container.demux(container.streams.video[0]):
        if packet.size:
            now_ns = time.monotonic_ns()
            status.hear(packet.size, now_ns / 1e9)
            taken_ns = writer.taken_ns(packet, now_ns)
            if decoder is None:
                writer.put(EncodedImage(bytes(packet)), taken_ns)
            else:
                decoder.put(packet, taken_ns)


def _play(container: Any, writer: PictureWriter, status: WorkerStatus) -> None:
    begin_s, first_s, count = time.monotonic(), None, 0
    for packet in container.demux(container.streams.video[0]):
        if packet.size:  # behind the last one comes one that lets the decoder end
            # In the order of decoding, in which times go forward.
            at_s = count / _UNTIMED_FPS if packet.dts is None else float(
                packet.dts * packet.time_base)
            first_s = at_s if first_s is None else first_s
            count += 1
            time.sleep(max(0.0, begin_s + at_s - first_s - time.monotonic()))
            status.hear(packet.size, time.monotonic())
        try:
            frames = packet.decode()
        except av.error.FFmpegError:  # what of them cannot be decoded is left out
            continue
        for frame in frames:
            writer.put(DecodedPicture(frame, writer.decoded_size), time.monotonic_ns())


def _odd(path: str) -> PermanentError:
    return PermanentError(f"'{path}' is not a video that can be played: choose one that `ffplay` "
                          'plays')
