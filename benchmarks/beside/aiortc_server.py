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
of both are the same.
"""

import argparse
from typing import Any

from aiohttp import web
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaPlayer, MediaRelay
from pi_camera_stream.core.shutdown_signals import end_at_once

from .camera import FPS, HEIGHT, WIDTH


class Server:
    """All connections to one camera."""

    def __init__(self, device: str) -> None:
        self._player = MediaPlayer(device, format='v4l2', options={
            'video_size': f'{WIDTH}x{HEIGHT}', 'framerate': str(FPS), 'input_format': 'mjpeg'})
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
        connection.addTrack(self._relay.subscribe(self._player.video))
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
