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

"""One RTSP client, from its first request to the end of its connection."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
import logging
import re
import secrets
import time
from typing import Protocol, TYPE_CHECKING

from aiohttp import web

from .digest import Digest, Proof
from .listening import Progress
from .multicast import Group, Groups
from .opening import describe, NoPictureError, Opening, SOUND_TRACK, TRACK
from .outlet import Outlet, want_key
from .rtp import misses_something, Numbers, Packer, RtpSender
from .rtp_transports import InterleavedTransport, UdpTransport
from .rtsp_messages import (
    Delivery,
    Interleaved,
    MessageReader,
    read_delivery,
    Request,
    RtspError,
    write_answer,
)
from ..core.pacing import TokenBucket
from ..web.access.access_rules import Role
from ..web.access.tokens import Token
from ..web.stream.stream import Stream
from ..web.stream.stream_query import read_video_request
from ..web.stream.tiers import H264, H264_INDEX, H264_SMALL, H264_SMALL_INDEX, NAMES
from ..web.stream.viewer import Viewer

if TYPE_CHECKING:
    from .rtp_sound import GroupSound, SoundPath
    from ..web.sound.listeners import Listeners

SESSION_S = 60.0  # without a sign of the player
_SILENCE_S = 15.0  # without a session
_READ_BYTES = 4096
_BYTES_A_SECOND, _BYTES_AT_ONCE = 65536.0, 131072.0  # from one client
_MOST_UNREAD_BYTES = 65536  # of answers
DEFAULT_PATH = 'camera'
_SPECS = {NAMES[H264_INDEX]: H264, NAMES[H264_SMALL_INDEX]: H264_SMALL}

_LOG = logging.getLogger(__name__)


class Server(Protocol):
    """What a connection asks of its server."""

    packer: Packer
    outlet: Outlet
    groups: Groups | None  # None where nothing is sent to groups
    sound: 'Listeners | None'  # None without a microphone

    def numbers(self, stream: Stream, tier: str) -> Numbers:
        """Return the numbers and times of a rendition."""

    def note_wrong(self, address: str) -> float:
        """Note a wrong password; return for how many seconds another one is one too many."""


@dataclass
class _Answer:
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ''
    then: Callable[[], None] = lambda: None  # when it has been sent
    ends: bool = False


class RtspConnection:
    """
    Answers one client's requests, one after the other, and plays. Event loop only.

    The session ends with the connection, also where pictures go by UDP: a player that has been
    killed is not sent anything for a minute.
    """

    def __init__(self, server: Server, reader: asyncio.StreamReader,
                 writer: asyncio.StreamWriter) -> None:
        self._server, self._outlet = server, server.outlet
        self._reader, self._writer = reader, writer
        self._peer = writer.get_extra_info('peername') or ('?', 0)
        self._local = writer.get_extra_info('sockname') or ('0.0.0.0', 0)  # noqa: S104 - unknown
        self.address = str(self._peer[0])
        self._digest = Digest()
        self._role = self._outlet.rules.role(None)  # None for who must prove to know the token
        self._session = ''
        self._opening: Opening | None = None
        self._transport: InterleavedTransport | UdpTransport | None = None
        self._group: Group | None = None  # in place of a transport
        # Beside a transport or a group, or alone.
        self._sound: SoundPath | GroupSound | None = None
        self._stream: Stream | None = None
        self._tier = NAMES[H264_INDEX]  # of H.264, as it was described or set up last
        self._viewer: Viewer | None = None
        self._playing: asyncio.Task[None] | None = None
        self._bytes = TokenBucket(_BYTES_A_SECOND, _BYTES_AT_ONCE)
        self.since_s = self._sign_s = time.monotonic()
        self._progress = Progress(writer)
        self._methods: dict[str, Callable[[Request], Awaitable[_Answer]]] = {
            'OPTIONS': self._options, 'DESCRIBE': self._describe, 'SETUP': self._setup,
            'PLAY': self._play, 'GET_PARAMETER': self._keep, 'SET_PARAMETER': self._keep,
            'TEARDOWN': self._teardown}

    @property
    def plays(self) -> bool:
        return self._playing is not None

    @property
    def visitor(self) -> str:
        return self._outlet.rules.counted(self.address)

    async def run(self) -> None:
        """Serve the client until one of both ends it."""
        messages = MessageReader()
        try:
            while data := await self._reader.read(_READ_BYTES):
                for message in messages.feed(data):
                    self._sign_s = time.monotonic()
                    if isinstance(message, Interleaved):
                        self._hear(message.data)
                    elif not await self._answer(message):
                        return
                wait_s = self._bytes.owe_s(len(data), time.monotonic())
                if wait_s > 0:
                    await asyncio.sleep(wait_s)
        except RtspError as error:
            self._refuse(error, {})
        except ConnectionError:
            pass
        finally:
            self.end()

    def end(self) -> None:
        """End everything that this client has; what was written still goes out."""
        self._end_session()
        if not self._writer.transport.is_closing():
            self._writer.close()

    def abort(self) -> None:
        self._end_session()
        self._writer.transport.abort()

    def poll(self, now_s: float) -> None:
        """End what shows no sign of life."""
        if self._progress.look(now_s) and self.plays:  # it takes what it gets
            self._sign_s = now_s
        longest_s = SESSION_S if self._session else _SILENCE_S
        if now_s - self._sign_s > longest_s or self._progress.is_stuck(now_s):
            self.abort()

    async def _answer(self, request: Request) -> bool:
        """Answer a request; return whether there may be another one."""
        headers = {'CSeq': request.headers['cseq']} \
            if re.fullmatch(r'\d{1,10}', request.headers.get('cseq', ''), re.ASCII) else {}
        try:
            answer = await self._handle(request)
        except RtspError as error:
            self._refuse(error, headers)
            return not error.ends
        except Exception:
            _LOG.exception('RTSP request %s failed', request.method)
            self._refuse(RtspError(500, 'internal error'), headers)
            return False
        self._write(write_answer(200, {**headers, **answer.headers}, answer.body))
        answer.then()
        return not answer.ends

    async def _handle(self, request: Request) -> _Answer:
        method = self._methods.get(request.method)
        if method is None:
            raise RtspError(501, f'supported methods: {", ".join(self._methods)}')
        if request.method != 'OPTIONS':
            self._check_token(request)
        try:
            return await method(request)
        except NoPictureError as error:
            raise RtspError(503, str(error)) from error
        except web.HTTPNotFound as error:
            raise RtspError(404, (error.text or '').strip()) from error
        except web.HTTPException as error:  # too many watch
            raise RtspError(453 if error.status == 429 else 503,
                            (error.text or '').strip()) from error

    def _refuse(self, error: RtspError, headers: dict[str, str]) -> None:
        self._outlet.refused += 1
        self._write(write_answer(error.status, {
            **headers, **error.headers, 'Content-Type': 'text/plain'}, f'{error}\n'))

    def _write(self, data: bytes) -> None:
        transport = self._writer.transport
        if transport.get_write_buffer_size() > _MOST_UNREAD_BYTES:
            self.abort()  # it asks, and does not read
        elif not transport.is_closing():
            transport.write(data)

    def _check_token(self, request: Request) -> None:
        rules = self._outlet.rules
        if self._role is not None:
            return
        secret = {rules.secret(token): token for token in Token if rules.secret(token)}
        proof, found = self._digest.check(request.headers.get('authorization', ''),
                                          request.method, secret)
        if proof is Proof.RIGHT:
            self._role = rules.role(secret[found])
            return
        if proof is Proof.WRONG and self._server.note_wrong(self.address) > 0:
            raise RtspError(403, 'too many wrong passwords from your address, and this one is '
                                 'wrong, too: check the access token', ends=True)
        raise RtspError(401, 'access token required: it is the password of any user',
                        {'WWW-Authenticate': self._digest.challenge})

    async def _options(self, _: Request) -> _Answer:
        return _Answer({'Public': ', '.join(self._methods)})

    async def _describe(self, request: Request) -> _Answer:
        stream, self._tier = self._find(request), self._find_tier(request, NAMES[H264_INDEX])
        if self._opening is not None:
            self._opening.end()
        self._opening = Opening(stream, _SPECS[self._tier])
        frame = await self._opening.first()
        host = str(self._local[0]).partition('%')[0]
        base = re.sub(r'//[^/@]*@', '//', request.url.partition('?')[0]).rstrip('/')
        return _Answer({'Content-Type': 'application/sdp', 'Content-Base': base + '/'},
                       describe(frame, stream.name, host, sound=self._server.sound is not None))

    async def _setup(self, request: Request) -> _Answer:
        if self.plays:
            raise RtspError(455, 'already playing: send TEARDOWN first')
        if self._session:
            self._check_session(request)
        if self._server.sound is not None \
                and request.url.rstrip('/').endswith(f'/{SOUND_TRACK}'):
            return self._set_up_sound(request)
        groups, stream = self._server.groups, self._find(request)
        # Players do not put what was asked for in DESCRIBE behind the track's name.
        self._tier = self._find_tier(request, self._tier)
        delivery = read_delivery(request.headers.get('transport', ''), groups is not None)
        self._drop_transport()
        if delivery.multicast and groups is not None:
            self._group = self._find_group(groups, stream)
            return self._set_up(stream, self._group.said)
        sender = RtpSender(stream.now_ns, numbers=self._server.numbers(stream, self._tier))
        if delivery.channel is not None:
            self._transport = InterleavedTransport(self._writer, delivery.channel,
                                                   self._server.packer, sender)
            said = (f'RTP/AVP/TCP;unicast;interleaved={delivery.channel}-{delivery.channel + 1};'
                    f'ssrc={sender.ssrc:08X}')
        else:
            self._transport = self._open_udp(delivery, sender)
            ours = '{}-{}'.format(*self._transport.ports)
            said = (f'RTP/AVP;unicast;client_port={delivery.port}-{delivery.control_port};'
                    f'server_port={ours};ssrc={sender.ssrc:08X}')
        return self._set_up(stream, said)

    def _set_up_sound(self, request: Request) -> _Answer:
        from .rtp_sound import open_sound, SoundSender

        groups, stream = self._server.groups, self._find(request)
        delivery = read_delivery(request.headers.get('transport', ''), groups is not None)
        self._drop_sound()
        if delivery.multicast and groups is not None:
            self._sound = self._find_group(groups, stream).sound
            return self._set_up(stream, self._sound.said)
        try:
            self._sound, said = open_sound(self._writer, delivery, SoundSender(stream.now_ns),
                                           self._hear_report)
        except OSError as error:
            raise RtspError(503, f'cannot send UDP to you: {error.strerror}') from error
        return self._set_up(stream, said)

    def _set_up(self, stream: Stream, said: str) -> _Answer:
        self._stream, self._session = stream, self._session or secrets.token_hex(8)
        return _Answer({'Transport': said,
                        'Session': f'{self._session};timeout={SESSION_S:.0f}'})

    def _find_group(self, groups: Groups, stream: Stream) -> Group:
        try:
            return groups.find(stream, self._tier, self._local)
        except OSError as error:
            raise RtspError(461, 'cannot send multicast (UDP) to you: '
                                 f'{error.strerror or error}') from error

    def _open_udp(self, delivery: Delivery, sender: RtpSender) -> UdpTransport:
        try:
            transport = UdpTransport(self._local, self._peer, delivery, self._server.packer,
                                     sender)
        except OSError as error:
            raise RtspError(503, f'cannot send UDP to you: {error.strerror}') from error
        transport.on_report = self._hear_report
        transport.on_loss = self._jump
        return transport

    async def _play(self, request: Request) -> _Answer:
        self._check_session(request)
        transport, group, stream = self._transport, self._group, self._stream
        sound = self._sound
        if (transport is None and group is None and sound is None) or stream is None:
            raise RtspError(455, 'send SETUP first')
        headers = {'Session': self._session, 'Range': 'npt=now-'}
        if self.plays:
            return _Answer(headers)
        reason = stream.video.reason(_SPECS[self._tier])
        if reason and (transport is not None or group is not None):
            raise RtspError(503, reason)
        place = ExitStack()
        place.enter_context(self._outlet.places.admit(self.address, self._role is Role.LEADS))
        if group is not None:
            group.enter()
            place.callback(group.leave)
        elif transport is not None:
            if isinstance(transport, InterleavedTransport) and sound is not None and sound.link:
                transport.link = sound.link
            self._viewer = self._outlet.viewer(self.address, transport, self._tier)
        headers.update(self._rtp_info(request))

        async def play() -> None:
            sounding = None if sound is None else asyncio.create_task(self._play_sound(sound))
            try:
                if group is not None:
                    await group.wait()
                elif transport is not None and self._viewer is not None:
                    await self._outlet.play(stream, self._viewer, transport)
                elif sounding is not None:
                    await sounding
            except ConnectionError:
                pass
            except Exception:
                _LOG.exception('playing over RTSP failed')
            finally:
                if sounding is not None:
                    sounding.cancel()
            self.abort()  # it is not to wait for what does not come any more

        self._playing = asyncio.get_running_loop().create_task(play())
        self._playing.add_done_callback(lambda _: place.close())  # also if it has never begun
        return _Answer(headers, then=self._end_opening)

    def _rtp_info(self, request: Request) -> dict[str, str]:
        """
        Return which packet of each track comes first; nothing where they go to a group.

        Of pictures nobody knows: their numbers go on meanwhile, for who plays already.
        """
        base = request.url.partition('?')[0].rstrip('/')
        for name in (TRACK, SOUND_TRACK):
            base = base.removesuffix(f'/{name}')
        tracks = [f'url={base}/{TRACK}'] if self._transport is not None else []
        if self._sound is not None and self._sound.sender is not None:
            tracks.append(f'url={base}/{SOUND_TRACK};seq={self._sound.sender.sequence}')
        return {'RTP-Info': ','.join(tracks)} if tracks else {}

    async def _play_sound(self, sound: 'SoundPath | GroupSound') -> None:
        """Play beside the pictures, which go on where there is no sound."""
        try:
            if self._server.sound is not None:
                await sound.play(self._server.sound)
        except ConnectionError:
            pass
        except OSError as error:
            _LOG.warning('cannot send sound by UDP: %s', error.strerror or error)
        except Exception:
            _LOG.exception('playing sound over RTSP failed')

    async def _keep(self, request: Request) -> _Answer:
        if 'session' in request.headers:
            self._check_session(request)
        return _Answer({'Session': self._session} if self._session else {})

    async def _teardown(self, request: Request) -> _Answer:
        self._check_session(request)
        session = self._session
        self._end_session()
        return _Answer({'Session': session})

    def _check_session(self, request: Request) -> None:
        said = request.headers.get('session', '').partition(';')[0].strip()
        if not self._session or said != self._session:
            raise RtspError(454, 'no such session on this connection')

    def _find(self, request: Request) -> Stream:
        path = request.path.removesuffix(TRACK).rstrip('/')
        if self._server.sound is not None:
            path = path.removesuffix(f'/{SOUND_TRACK}')
        return self._outlet.catalog.stream('' if path == DEFAULT_PATH else path)

    def _find_tier(self, request: Request, usual: str) -> str:
        tier = request.query.get('tier', usual).rstrip('/').removesuffix(f'/{TRACK}')
        tier = tier.removesuffix(f'/{SOUND_TRACK}')
        try:
            read_video_request({'tier': tier})
        except web.HTTPBadRequest as error:
            raise RtspError(400, (error.text or '').strip()) from error
        return tier

    def _hear_report(self, data: bytes) -> None:
        self._sign_s = time.monotonic()
        self._hear(data)

    def _hear(self, data: bytes) -> None:
        """Take in RTCP: a player that misses something gets a key frame, as soon as may be."""
        if self._viewer is not None and misses_something(data):
            want_key(self._viewer)

    def _jump(self) -> None:
        if self._viewer is not None and self._viewer.reader is not None:
            self._viewer.reader.jump()

    def _end_opening(self) -> None:
        if self._opening is not None:
            self._opening.end()
            self._opening = None

    def _end_session(self) -> None:
        self._end_opening()
        playing, self._playing = self._playing, None
        if playing is not None and playing is not asyncio.current_task():
            playing.cancel()
        self._drop_transport()
        self._drop_sound()
        self._session, self._stream, self._viewer = '', None, None

    def _drop_transport(self) -> None:
        self._group = None
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def _drop_sound(self) -> None:
        if self._sound is not None:
            self._sound.close()
            self._sound = None
