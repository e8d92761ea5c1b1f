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
A plain server of aiortc, as its examples have it: a MediaPlayer, and a MediaRelay to all viewers.

It stands here only to be measured beside `serve`, and answers as that does (WHEP), so that viewers
of both are the same. Its frames are converted to what encoders take once, before the relay: by
itself, aiortc 1.16 does that in each encoder's thread, with the same frame, which ends it with
SIGSEGV when there are 20, and takes the wide range of a JPEG's brightness for that of video.
"""

import argparse
from typing import Any

from aiohttp import web
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaPlayer, MediaRelay
from pi_camera_stream.core.shutdown_signals import end_at_once

from .camera import FPS, HEIGHT, WIDTH


class Converted(MediaStreamTrack):  # type: ignore[misc]
    """A camera's pictures as encoders take them."""

    kind = 'video'

    def __init__(self, track: Any) -> None:
        super().__init__()
        self._track = track

    async def recv(self) -> Any:
        frame = await self._track.recv()
        converted = frame.reformat(format='yuv420p', src_color_range='JPEG',
                                   dst_color_range='MPEG')
        converted.pts, converted.time_base = frame.pts, frame.time_base
        return converted


class Server:
    """All connections to one camera."""

    def __init__(self, device: str) -> None:
        player = MediaPlayer(device, format='v4l2', options={
            'video_size': f'{WIDTH}x{HEIGHT}', 'framerate': str(FPS), 'input_format': 'mjpeg'})
        self._video = Converted(player.video)
        self._relay = MediaRelay()
        self._connections: set[Any] = set()

    async def offer(self, request: web.Request) -> web.Response:
        """Answer an offer."""
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._connections.add(connection)

        async def on_state() -> None:
            if connection.connectionState == 'failed':
                await connection.close()
                self._connections.discard(connection)

        connection.on('connectionstatechange', on_state)
        await connection.setRemoteDescription(
            RTCSessionDescription(await request.text(), 'offer'))
        connection.addTrack(self._relay.subscribe(self._video))
        await connection.setLocalDescription(await connection.createAnswer())
        return web.Response(status=201, text=connection.localDescription.sdp,
                            content_type='application/sdp', headers={'Location': '/whep/1'})


def main() -> None:
    """Serve until SIGINT."""
    end_at_once()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--device', required=True)
    parser.add_argument('--address', required=True)
    parser.add_argument('--port', type=int, required=True)
    options = parser.parse_args()

    async def application() -> web.Application:
        app, server = web.Application(), Server(options.device)
        app.router.add_post('/whep', server.offer)
        return app

    web.run_app(application(), host=options.address, port=options.port, print=None)


if __name__ == '__main__':
    main()
