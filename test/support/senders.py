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

"""Programs that send video: FFmpeg and GStreamer, as on the robots of others."""

from contextlib import contextmanager, ExitStack
import socket
import subprocess
import threading

import cv2
import numpy as np

SIZE = (320, 240)
_BARS = f'smptebars=size={SIZE[0]}x{SIZE[1]}:rate=30'
_H264 = ('-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-pix_fmt', 'yuv420p',
         '-g', '15')
_H265 = ('-c:v', 'libx265', '-preset', 'ultrafast', '-tune', 'zerolatency', '-pix_fmt', 'yuv420p',
         '-x265-params', 'keyint=15:repeat-headers=1:log-level=none:pools=1')
CODECS = {'h264': _H264, 'h265': _H265, 'mjpeg': ('-c:v', 'mjpeg', '-pix_fmt', 'yuvj420p')}


@contextmanager
def sending(target, container='mpegts', codec='h264', prefix=()):
    """Let FFmpeg send colour bars to `target` until the context ends."""
    process = subprocess.Popen(
        [*prefix, 'ffmpeg', '-loglevel', 'error', '-re', '-f', 'lavfi', '-i', _BARS,
         *CODECS[codec], '-flush_packets', '1', '-f', container, target],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


GSTREAMER_BGR = (224, 96, 32)


@contextmanager
def gstreamer(pipeline):
    """Let GStreamer send one colour into the rest of a pipeline until the context ends."""
    blue, green, red = GSTREAMER_BGR
    process = subprocess.Popen(
        ['gst-launch-1.0', '-q', 'videotestsrc', 'is-live=true', 'pattern=solid-color',
         f'foreground-color={0xff000000 | red << 16 | green << 8 | blue}', '!',
         f'video/x-raw,width={SIZE[0]},height={SIZE[1]},framerate=30/1', '!', 'videoconvert', '!',
         *pipeline.split()],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def bars():
    """Return the picture that is sent."""
    data = subprocess.run(['ffmpeg', '-loglevel', 'error', '-f', 'lavfi', '-i', _BARS, '-frames:v',
                           '1', '-f', 'image2pipe', '-c:v', 'bmp', '-'],
                          stdout=subprocess.PIPE, check=True).stdout
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


@contextmanager
def sending_again(*arguments):
    """Send; begin anew while nobody listens yet, as a service manager has senders do."""
    ended = threading.Event()

    def run():
        while not ended.is_set():
            with sending(*arguments) as process:
                while process.poll() is None and not ended.wait(0.1):
                    pass
            ended.wait(0.3)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def free_port():
    """Return an even port that is free for UDP and TCP, and so is the next one, as RTP wants."""
    while True:
        with ExitStack() as stack:
            first = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
            first.bind(('127.0.0.1', 0))
            port = first.getsockname()[1]
            try:
                stack.enter_context(socket.socket(type=socket.SOCK_DGRAM)).bind(
                    ('127.0.0.1', port + 1))
                stack.enter_context(socket.socket()).bind(('127.0.0.1', port))
            except OSError:
                continue
        if port % 2 == 0:
            return port
