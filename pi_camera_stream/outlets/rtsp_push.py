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
H.264 to a media server, which hands it on to a crowd: RTSP's ANNOUNCE and RECORD.

FFmpeg's muxer would write as long as the server makes it wait; here the rule of all viewers holds.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
import logging
import re
from typing import TYPE_CHECKING

from .address import Address, TIERS
from .calling import CallingOutlet
from .digest_login import ClearTextError, Login
from .opening import describe, Opening, SOUND_TRACK, TRACK
from .outlet import Log, want_key
from .rtp import misses_something, Packer, RtpSender
from .rtp_transports import InterleavedTransport
from .rtsp_messages import Answer, AnswerReader, CHANNELS, Interleaved, RtspError, write_request
from .sending import RefusedError
from ..web.access.access_rules import AccessRules
from ..web.access.addresses import is_loopback
from ..web.access.admission import Admission
from ..web.stream.catalog import Catalog
from ..web.stream.stream import Stream

if TYPE_CHECKING:
    from .rtp_sound import InterleavedSound
    from ..web.sound.listeners import Listeners

_ANSWER_S = 5.0
_READ_BYTES = 4096
_KEEP_S, _LEAST_KEEP_S = 25.0, 1.0  # between two signs of life
_WRONG_S = 10.0  # after a wrong password: servers count these
_MOST_SHOWN = 60
_REFUSED, _NO_WAY = (401, 403), 461
_TIMEOUT = re.compile(r'timeout\s*=\s*(\d{1,5})', re.ASCII)
_CHANNEL = re.compile(r'interleaved\s*=\s*(\d{1,3})', re.ASCII)


class RtspPush(CallingOutlet):
    """Announces a stream to a server, and records it there. Event loop only."""

    kind = 'rtsp-push'

    def __init__(self, address: Address, clear: bool, catalog: Catalog, rules: AccessRules,
                 places: Admission, log: Log, sound: 'Listeners | None' = None) -> None:
        """Make it; `clear` is whether the password may be sent in clear text."""
        super().__init__(address, catalog, rules, places, log)
        self._clear, self._sound = clear, sound
        self._offers_sound = sound is not None
        self._packer = Packer()

    async def _talk(self, stream: Stream, reader: asyncio.StreamReader,
                    writer: asyncio.StreamWriter) -> None:
        local, peer = (str(writer.get_extra_info(name)[0]).partition('%')[0]
                       for name in ('sockname', 'peername'))
        login = Login(self.address.user, self.address.secret,
                      self._clear or is_loopback(peer))
        server = _Server(reader, writer, self.address.url, login)
        opening = Opening(stream, TIERS[self.address.tier])
        reading = asyncio.get_running_loop().create_task(server.read())
        try:
            key = await opening.first()
            await self._announce(server, describe(key, stream.name, local,
                                                  sound=self._offers_sound))
            answer = await self._set_up(server, TRACK, 0)
            transport = InterleavedTransport(writer, self._channel(answer, 0), self._packer,
                                             RtpSender(stream.now_ns))
            transport.name = self.kind
            sound = await self._set_up_sound(server, stream, writer)
            if sound is not None and sound.link is not None:
                transport.link = sound.link
            await self._ask(server, 'RECORD', server.url, {'Range': 'npt=0.000-'})
            opening.end()
            self.reason = ''
            server.on_report = self._hear
            server.keep_alive()
            with _playing(sound, self._sound):
                await self._play_to(stream, transport)
        finally:
            opening.end()
            server.end()
            reading.cancel()

    async def _announce(self, server: '_Server', sdp: str) -> None:
        try:
            await self._ask(server, 'ANNOUNCE', server.url, {'Content-Type': 'application/sdp'},
                            sdp)
        except OSError:  # some answer with that to what they do not know
            self._change_offer()
            raise
        except RefusedError as error:
            if not error.wait_s:  # which is not for the password
                self._change_offer()
            raise

    def _change_offer(self) -> None:
        """Let the next attempt be without sound, which the server may not know, or with it."""
        self._offers_sound = self._sound is not None and not self._offers_sound

    async def _set_up(self, server: '_Server', track: str, channel: int) -> Answer:
        return await self._ask(server, 'SETUP', f'{server.url}/{track}', {
            'Transport': f'RTP/AVP/TCP;unicast;interleaved={channel}-{channel + 1};mode=record'})

    async def _set_up_sound(self, server: '_Server', stream: Stream, writer: asyncio.StreamWriter
                            ) -> 'InterleavedSound | None':
        """Return how sound goes there; None where there is none, or the server takes none."""
        if not self._offers_sound:
            if self._sound is not None:
                self._say(f'pictures go to {self.url()} without sound, with which '
                          f'{self.address.place} has refused them')
            return None
        from .rtp_sound import InterleavedSound, SoundSender

        try:
            answer = await self._set_up(server, SOUND_TRACK, 2)
        except RefusedError as error:
            self._say(f'pictures go to {self.url()} without sound: {error}')
            return None
        return InterleavedSound(writer, self._channel(answer, 2), SoundSender(stream.now_ns))

    async def _ask(self, server: '_Server', method: str, url: str, headers: dict[str, str],
                   body: str = '') -> Answer:
        """Ask for something; RefusedError, in one sentence, where the server says no."""
        try:
            answer = await server.ask(method, url, headers, body)
        except ClearTextError:
            raise self._refused(
                'it asks for the password in clear text (Basic authentication): enable Digest '
                "there, or set 'outlets_insecure' to true", _WRONG_S) from None
        if answer.status in _REFUSED:
            raise self._refused('wrong user or password' if self.address.secret else
                                'it asks for user and password: write them as '
                                'rtsp://user:secret@server/path', _WRONG_S)
        if answer.status == _NO_WAY:
            raise self._refused('it does not accept RTP over the RTSP connection (RTP/AVP/TCP)')
        if answer.status >= 300:
            said = ''.join(filter(str.isprintable, answer.reason))[:_MOST_SHOWN]
            raise self._refused(f'it answered {answer.status} {said} to {method}')
        return answer

    def _channel(self, answer: Answer, usual: int) -> int:
        """Return which channel the server wants it in; RefusedError where there is no such one."""
        found = _CHANNEL.search(answer.headers.get('transport', ''))
        channel = int(found[1]) if found else usual
        if channel not in CHANNELS:
            raise self._refused(f'it asks for channel {channel} of the connection, and the last '
                                f'pair of channels begins at {CHANNELS[-1]}')
        return channel

    def _refused(self, sentence: str, wait_s: float = 0.0) -> RefusedError:
        return RefusedError(f'{self.address.place} refused the stream: {sentence}', wait_s)

    def _hear(self, data: bytes) -> None:
        """Take in RTCP, where any comes."""
        if self._viewer is not None and misses_something(data):
            want_key(self._viewer)


@contextmanager
def _playing(sound: 'InterleavedSound | None', listeners: 'Listeners | None') -> Iterator[None]:
    """Send what is heard, too, as long as the context lasts."""
    if sound is None or listeners is None:
        yield
        return
    task = asyncio.get_running_loop().create_task(sound.play(listeners))
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    try:
        yield
    finally:
        task.cancel()


class _Server:
    """The other end, which is asked one thing after the other. Event loop only."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, url: str,
                 login: Login) -> None:
        self.url = url.rstrip('/')
        # Hears of what comes by RTCP.
        self.on_report: Callable[[bytes], None] = lambda _: None
        self._reader, self._writer, self._login = reader, writer, login
        self._sequence = 0
        self._session, self._keep_s = '', _KEEP_S
        self._answer: asyncio.Future[Answer] | None = None
        self._keeping: asyncio.TimerHandle | None = None

    async def ask(self, method: str, url: str, headers: dict[str, str], body: str) -> Answer:
        """Return the answer; a challenge is taken up once. OSError where none comes."""
        answer = await self._ask(method, url, headers, body)
        if answer.status == 401 and self._login.take(answer.headers.get('www-authenticate', '')):
            answer = await self._ask(method, url, headers, body)
        session, _, options = answer.headers.get('session', '').partition(';')
        if session and answer.status < 300:
            self._session = session.strip()
            if told := _TIMEOUT.search(options):
                self._keep_s = max(_LEAST_KEEP_S, min(_KEEP_S, int(told[1]) / 2))
        return answer

    def write(self, method: str, url: str, headers: dict[str, str], body: str = '') -> None:
        self._sequence += 1
        said = {'CSeq': str(self._sequence), 'User-Agent': 'pi_camera_stream'}
        if self._session:
            said['Session'] = self._session
        if proof := self._login.answer(method, url):
            said['Authorization'] = proof
        if not self._writer.transport.is_closing():
            self._writer.write(write_request(method, url, {**said, **headers}, body))

    def keep_alive(self) -> None:
        """Give signs of life from now on, also while there is no picture."""
        def keep() -> None:
            self.write('OPTIONS', self.url, {})
            self.keep_alive()

        self._keeping = asyncio.get_running_loop().call_later(self._keep_s, keep)

    def end(self) -> None:
        """Say goodbye, without waiting for an answer."""
        if self._keeping is not None:
            self._keeping.cancel()
        if self._session:
            self.write('TEARDOWN', self.url, {})

    async def read(self) -> None:
        """Take in what the server says, until it ends the connection."""
        messages = AnswerReader()
        try:
            while data := await self._reader.read(_READ_BYTES):
                for message in messages.feed(data):
                    if isinstance(message, Interleaved):
                        self.on_report(message.data)
                    elif self._answer is not None and not self._answer.done():
                        self._answer.set_result(message)
        except (OSError, RtspError):
            pass
        except Exception:
            logging.getLogger(__name__).exception('cannot read what the media server sent')
        finally:
            self._writer.transport.abort()
            if self._answer is not None and not self._answer.done():
                self._answer.set_exception(ConnectionResetError('the connection was closed'))

    async def _ask(self, method: str, url: str, headers: dict[str, str], body: str) -> Answer:
        if self._writer.transport.is_closing():
            raise ConnectionResetError('the connection was closed')
        self._answer = asyncio.get_running_loop().create_future()
        self.write(method, url, headers, body)
        try:
            return await asyncio.wait_for(self._answer, _ANSWER_S)
        except asyncio.TimeoutError:
            raise TimeoutError from None  # which it is from Python 3.11 on
        finally:
            self._answer = None
