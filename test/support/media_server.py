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
A media server of GStreamer's: `/usr/bin/python3 media_server.py PORT USER SECRET`.

It takes what is recorded at /live, from who knows the secret, and writes the pictures to its
output; with a fourth word, the sound, decoded (float), in place of them.
"""

import sys

import gi

gi.require_version('Gst', '1.0')
gi.require_version('GstRtsp', '1.0')
gi.require_version('GstRtspServer', '1.0')
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402 - their versions first

PICTURES = 'rtph264depay name=depay0 ! video/x-h264,stream-format=byte-stream'
SOUND = 'rtpopusdepay name=depay1 ! opusdec ! audioconvert ! audio/x-raw,format=F32LE,channels=1'


def main(port: str, user: str, secret: str, sound: str = '') -> None:
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address('127.0.0.1')
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_transport_mode(GstRtspServer.RTSPTransportMode.RECORD)
    factory.set_latency(0)
    factory.set_launch(f'( {PICTURES} ! fakesink {SOUND} ! fdsink fd=1 sync=false )' if sound else
                       f'( {PICTURES} ! fdsink fd=1 sync=false )')
    factory.add_role_from_structure(Gst.Structure.from_string(
        'sender, media.factory.access=(boolean)true, media.factory.construct=(boolean)true')[0])
    auth, token = GstRtspServer.RTSPAuth(), GstRtspServer.RTSPToken()
    token.set_string('media.factory.role', 'sender')
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    auth.add_digest(user, secret, token)
    server.set_auth(auth)
    server.get_mount_points().add_factory('/live', factory)
    server.attach(None)
    GLib.MainLoop().run()


if __name__ == '__main__':
    main(*sys.argv[1:])
