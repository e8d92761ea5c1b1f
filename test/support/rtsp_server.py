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

"""An RTSP server (RFC 2326) of one stream, which hands on the RTP that FFmpeg sends it."""

from contextlib import contextmanager
import select
import socket
import socketserver
import threading

_SDP = ('v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=live\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n'
        'm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\n'
        'a=control:track\r\n')


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True


class _Handler(socketserver.StreamRequestHandler):
    def handle(self):
        target = None
        while request := self.rfile.readline().decode():
            method = request.split()[0]
            headers = {}
            while line := self.rfile.readline().decode().strip():
                name, _, value = line.partition(': ')
                headers[name.lower()] = value
            answer, body = {}, ''
            if method == 'DESCRIBE':
                if self.server.login and headers.get('authorization') != self.server.login:
                    self._answer('401 Unauthorized', headers,
                                 {'WWW-Authenticate': 'Basic realm="camera"'})
                    continue
                answer, body = {'Content-Type': 'application/sdp'}, _SDP
            elif method == 'SETUP':
                transport = headers['transport'].split(',')[0]
                if 'TCP' in transport:
                    self.server.transports.append('tcp')
                else:
                    self.server.transports.append('udp')
                    port = int(transport.partition('client_port=')[2].split('-')[0])
                    target = (self.client_address[0], port)
                    transport += f';server_port={self.server.udp_port}-{self.server.udp_port + 1}'
                answer = {'Transport': transport, 'Session': '1'}
            elif method == 'PLAY':
                answer = {'Session': '1'}
            self._answer('200 OK', headers, answer, body)
            if method == 'PLAY':
                self._play(target)
                return

    def _answer(self, status, request, headers, body=''):
        lines = [f'RTSP/1.0 {status}', f'CSeq: {request["cseq"]}',
                 *(f'{name}: {value}' for name, value in headers.items()),
                 f'Content-Length: {len(body)}']
        self.wfile.write(('\r\n'.join(lines) + '\r\n\r\n' + body).encode())

    def _play(self, target):
        while not self.server.closing:
            if select.select([self.server.rtp], [], [], 0.1)[0]:
                packet = self.server.rtp.recv(2**16)
                try:
                    if target is None:
                        self.wfile.write(b'$\0' + len(packet).to_bytes(2, 'big') + packet)
                    else:
                        self.server.rtp.sendto(packet, target)
                except OSError:
                    return


@contextmanager
def rtsp_server(login=''):
    """Run one; its attributes are `url`, `rtp_port`, where FFmpeg is to send, and `transports`."""
    with (socket.socket(type=socket.SOCK_DGRAM) as rtp,
          _Server(('127.0.0.1', 0), _Handler) as server):
        rtp.bind(('127.0.0.1', 0))
        server.rtp, server.login, server.closing, server.transports = rtp, login, False, []
        server.rtp_port = server.udp_port = rtp.getsockname()[1]
        server.port = server.server_address[1]
        server.url = f'rtsp://127.0.0.1:{server.port}/live'
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.closing = True
            server.shutdown()
            thread.join()
