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
Driving over a WebSocket: who has the wheel, and what their hands do.

From the page, JSON: `take` the wheel or ask for it, with the `viewer` of its /ws, and a secret
`tab` by which it is known again when its connection was lost; `leave`; `drive` with `sequence`,
`time_ms` (the robot's clock, as the page knows it), `seen_ms` (stamp of the picture painted last,
or null), `throttle` (forwards) and `steering` (to the left), each -1 to 1 or null when no control
is held, `share` of the speed, and `round_trip_ms` where it is known; `stop` and `release`;
`button` with `name` and `pressed`; `clock` as in websocket.py. Who has the driver token may
`mute` whoever has pressed the stop, by `name`, and takes the wheel from who only holds it.

To the page, JSON: `heard` with the `sequence` of a `drive`; `clock`; and `state`, on each change
and five times a second: whether `you` drive, who does (`driver`), who asks for it (`asking`),
`latched`, `latched_by` and whether the page `may_release` it, why nobody may have the wheel
(`refusal`), what the vehicle does and why, and what it can do; whether the page `may_drive`,
`may_take` the wheel from somebody, is `muted`, and, for drivers, who has pressed the stop `again`
and again: a number by each name.
"""

import asyncio
from collections.abc import Callable, Mapping
import math
import time
from typing import Any

from aiohttp import web, WSCloseCode, WSMessage, WSMsgType

from .vehicle import Prefer, Seen, Vehicle
from ..access.access_rules import Role
from ..access.addresses import network
from ..access.client_address import client_address
from ..access.identity import person_of, role_of
from ..message_limit import MessageLimit
from ..own_page import check_own_page
from ..sockets import answer_clock, answer_ping, create_socket, MAX_MESSAGE_BYTES
from ...core.driving.lease import Lease, SILENCE_S
from ...core.driving.pressers import MUTED_S, Person, Pressers
from ...core.driving.safety_chain import Command
from ...core.json_object import number, parse_object
from ...core.pacing import TokenBucket
from ...core.statistics import RateMeter, Recent

_HEARTBEAT_S = 5.0
_CLOSE_TIMEOUT_S = 0.5  # for a page to say that it closes, too
_STATE_PERIOD_S = 0.2
_BREATH_S = 0.02  # between two tellings, whatever happens
_MOST_A_SECOND = 120.0  # messages of one page; it sends 30 while somebody drives
_MOST_PAGES, _MOST_OF_ONE = 100, 50  # of all with that rank, and of one address: a class
_MOST_NAMED = 8  # of those who stopped it
_ACTS_A_SECOND, _ACTS_AT_ONCE = 5.0, 20.0  # taking, leaving, releasing, pressing buttons


class _Page:
    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport | None,
                 name: str, role: Role, person: Person, limit: MessageLimit) -> None:
        self.socket, self.transport, self.name, self.limit = socket, transport, name, limit
        self.role, self.person = role, person
        self.address = name.rpartition(' ')[0]
        self.acts = TokenBucket(_ACTS_A_SECOND, _ACTS_AT_ONCE)
        self.tab = ''


class Drive:
    """The one wheel and all pages around it. All methods run in the event loop."""

    def __init__(self, vehicle: Vehicle, seen: Seen, prefer: Prefer,
                 log: Callable[[str], None], clock: Callable[[], float] = time.monotonic
                 ) -> None:
        self._vehicle, self._seen, self._prefer, self._log = vehicle, seen, prefer, log
        self._clock = clock
        self._lease = Lease()
        self._pages: dict[str, _Page] = {}
        self._number = 0
        self._latched_by: dict[str, None] = {}  # in the order in which they pressed
        self._pressers = Pressers()
        self._news = asyncio.Event()
        self._sending: asyncio.Task[None] | None = None
        self._commands = RateMeter()
        self._round_trips_ms = Recent()
        self._refused = 0
        self._closing = False

    async def answer(self, request: web.Request) -> web.StreamResponse:
        socket = create_socket(request, '', _HEARTBEAT_S, _CLOSE_TIMEOUT_S)
        check_own_page(request, 'only the viewer page of this robot can drive it')
        # Who has the driver token has places that viewers cannot fill.
        leads, address = role_of(request) is Role.LEADS, client_address(request)
        rank = [page for page in self._pages.values() if (page.role is Role.LEADS) == leads]
        mine = sum(network(page.address) == network(address) for page in rank)
        if len(rank) >= _MOST_PAGES or mine >= _MOST_OF_ONE:
            raise web.HTTPServiceUnavailable(text='too many pages are open: close one\n')
        self._number += 1
        await socket.prepare(request)
        # Without a pause: behind those too many, there may be a stop.
        page = _Page(socket, request.transport, f'{address} #{self._number}', role_of(request),
                     person_of(request), MessageLimit(request, _MOST_A_SECOND, 0.0, self._clock))
        self._pages[page.name] = page
        if self._sending is None:
            self._sending = asyncio.create_task(self._send_states())
        self._news.set()
        try:
            async for message in socket:
                if not await self._on_message(page, message):
                    self._refused += 1
                    await socket.close(code=WSCloseCode.POLICY_VIOLATION,
                                       message=b'not a message of this protocol, or too many')
            if self._closing:  # aiohttp 3.8 gets here first, and would send OK
                await socket.close(code=WSCloseCode.GOING_AWAY)
        except ConnectionError:  # it has gone while it was answered
            pass
        finally:
            del self._pages[page.name]
            self._leave(page, 'has gone')
            if not self._pages and self._sending is not None:
                self._sending.cancel()
                self._sending = None
        return socket

    async def close(self) -> None:
        self._closing = True
        await asyncio.gather(*(page.socket.close(code=WSCloseCode.GOING_AWAY)
                               for page in self._pages.values()), return_exceptions=True)

    def state(self) -> dict[str, Any]:
        round_trip_ms = self._round_trips_ms.median()
        return {
            'driver': self._lease.driver, 'asking': self._lease.asking,
            'pages': len(self._pages), 'latched_by': self._latchers(),
            'commands_per_s': round(self._commands.per_second(), 1),
            'round_trip_ms': round(round_trip_ms, 1) if round_trip_ms == round_trip_ms else None,
            'refused': self._refused, **self._vehicle.state()}

    async def _on_message(self, page: _Page, received: WSMessage) -> bool:
        """Act on a message; False when it is none that a page would send, or far too many."""
        in_time = await page.limit.admit()
        if received.type in (WSMsgType.PING, WSMsgType.PONG):
            return await answer_ping(page.socket, received) if in_time else not page.limit.flooded
        if received.type is not WSMsgType.TEXT:
            return False
        self._expire()
        try:
            message = parse_object(received.data, MAX_MESSAGE_BYTES)
            kind = message['type']
            if not in_time and kind != 'stop':  # which may come behind all that a stall held back
                self._refused += 1
            elif kind == 'drive':
                await self._drive(page, message)
            elif kind == 'clock':
                await answer_clock(page.socket, message, self._vehicle.now_s() * 1e3)
            elif not (kind == 'stop' or _lets_go(message) or page.acts.take(self._clock())):
                self._refused += 1
            else:
                {'take': self._take, 'leave': self._leave_wheel, 'stop': self._stop,
                 'release': self._release, 'button': self._button, 'mute': self._mute,
                 }[kind](page, message)
                self._news.set()
        except (ValueError, KeyError, TypeError, RecursionError, OverflowError):
            return False
        return not page.limit.flooded

    async def _drive(self, page: _Page, message: Mapping[str, Any]) -> None:
        sequence = message['sequence']
        if type(sequence) is not int:
            raise ValueError('no number of a command')
        command = Command(
            sequence, number(message['time_ms']) / 1e3, self._seen_s(message['seen_ms']),
            _share(message['throttle']), _share(message['steering']), number(message['share']))
        round_trip_ms = message.get('round_trip_ms')
        if round_trip_ms is not None:
            number(round_trip_ms)
        moves = bool(command.throttle or command.steering)
        if not self._lease.renew(page.name, self._clock(), moves):
            self._refused += 1
            return
        if round_trip_ms is not None:
            self._round_trips_ms.add(round_trip_ms)
        self._commands.add()
        if not self._vehicle.on_command(command):
            self._refused += 1
        await page.socket.send_json({'type': 'heard', 'sequence': sequence})

    def _seen_s(self, seen_ms: Any) -> float:
        if seen_ms is None:
            return math.nan
        return self._vehicle.now_s() - self._seen(round(number(seen_ms) * 1e6))

    def _take(self, page: _Page, message: Mapping[str, Any]) -> None:
        if not page.role.drives or self._vehicle.refusal():
            self._refused += 1
            return
        before = self._lease.driver
        page.tab = str(message.get('tab') or '')
        ghost = self._pages.get(before)
        if ghost is not None and ghost is not page and ghost.tab == page.tab != '':
            self._leave(ghost, 'is back on another connection')
        elif ghost is not None and self._may_take(page):
            self._leave(ghost, f'was only holding the wheel, and {page.name} takes it')
        if self._lease.take(page.name, self._clock()):
            self._prefer(str(message.get('viewer') or ''))
            if before != page.name:
                self._vehicle.change_driver()
                self._log(f'{page.name} drives')

    def _leave_wheel(self, page: _Page, _: Mapping[str, Any]) -> None:
        self._leave(page, 'has given up the wheel')

    def _leave(self, page: _Page, how: str) -> None:
        if self._lease.leave(page.name):
            self._empty(f'{page.name} {how}')

    def _empty(self, sentence: str) -> None:
        self._vehicle.change_driver()
        self._prefer('')
        self._log(f'{sentence}: nobody drives')

    def _may_take(self, page: _Page) -> bool:
        """Return whether it gets the wheel that somebody else has."""
        return (page.role is Role.LEADS and self._lease.driver not in ('', page.name)
                and self._lease.idle(self._clock()))

    def _stop(self, page: _Page, _: Mapping[str, Any]) -> None:
        if self._muted(page):
            self._refused += 1
        elif page.name not in self._latched_by:
            if page.role is not Role.LEADS:
                self._pressers.press(page.person, page.name)
            if not self._latched_by:
                self._vehicle.latch(True)
            self._latched_by[page.name] = None
            self._log(f'emergency stop by {page.name}')
            # Who comes, presses and goes is told apart no more.
            gone = [name for name in self._latched_by if name not in self._pages]
            for name in gone[_MOST_NAMED + 1:]:
                del self._latched_by[name]

    def _latchers(self) -> str:
        names = list(self._latched_by)
        return ', '.join(names[:_MOST_NAMED]) + (' and others' if names[_MOST_NAMED:] else '')

    def _release(self, page: _Page, _: Mapping[str, Any]) -> None:
        """Take back a stop; the driver takes back all, and it moves again when none is left."""
        if not self._may_release(page):
            return
        if (page.role is Role.LEADS or page.name == self._lease.driver
                or page.name not in self._latched_by):
            self._latched_by.clear()
        else:
            del self._latched_by[page.name]
        self._log(f'emergency stop released by {page.name}')
        if not self._latched_by:
            self._vehicle.latch(False)

    def _may_release(self, page: _Page) -> bool:
        """
        Return whether it drives or has stopped the vehicle; others may when these have gone.

        Who has the driver token may at any time, and who may not drive takes back what is theirs.
        """
        concerned = {self._lease.driver, *self._latched_by} & self._pages.keys()
        return bool(self._latched_by) and (
            page.name in concerned or page.role is Role.LEADS
            or (page.role.drives and not concerned))

    def _muted(self, page: _Page) -> bool:
        return page.role is not Role.LEADS and self._pressers.muted(page.person)

    def _mute(self, page: _Page, message: Mapping[str, Any]) -> None:
        """Let somebody's stop count no more for a while; what it has done is to be released."""
        name = str(message['name'])
        if page.role is Role.LEADS and self._pressers.mute(name):
            self._log(f'{page.name} has muted the emergency stop of {name} for '
                      f'{MUTED_S / 60:.0f} minutes')
        else:
            self._refused += 1

    def _button(self, page: _Page, message: Mapping[str, Any]) -> None:
        name, pressed = message['name'], message['pressed']
        if not isinstance(name, str) or not isinstance(pressed, bool):
            raise ValueError('no button')
        if self._lease.renew(page.name, self._clock()):
            self._vehicle.press(name, pressed)
        else:
            self._refused += 1

    async def _send_states(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            # Not wait_for(): up to Python 3.11, it can lose the cancellation that ends this.
            timer = loop.call_later(_STATE_PERIOD_S, self._news.set)
            try:
                await self._news.wait()
            finally:
                timer.cancel()
            self._news.clear()
            self._expire()
            await self._send_state()
            await asyncio.sleep(_BREATH_S)

    def _expire(self) -> None:
        driver = self._lease.driver
        if self._lease.expire(self._clock()):
            self._empty(f'{driver} was silent for {SILENCE_S:.0f} s')
        elif driver and (refusal := self._vehicle.refusal()):
            self._lease.leave(driver)
            self._empty(f'{driver} has lost the wheel ({refusal})')

    async def _send_state(self) -> None:
        state = {'type': 'state', 'driver': self._lease.driver, 'asking': self._lease.asking,
                 'latched_by': self._latchers(), **self._vehicle.state()}
        again = self._pressers.again()
        for page in list(self._pages.values()):
            if page.socket.closed or page.transport is None \
                    or page.transport.get_write_buffer_size() > 0:
                continue
            try:
                await page.socket.send_json({**state, **self._state_for(page, again)})
            except (ConnectionError, RuntimeError):
                continue

    def _state_for(self, page: _Page, again: Mapping[str, int]) -> dict[str, Any]:
        return {'you': page.name == self._lease.driver, 'may_drive': page.role.drives,
                'may_take': self._may_take(page), 'may_release': self._may_release(page),
                'may_mute': page.role is Role.LEADS, 'muted': self._muted(page),
                'again': again if page.role.drives else {}}


def _lets_go(message: Mapping[str, Any]) -> bool:
    """Tell whether a button is let go, which must not be refused: the horn would stay on."""
    return message['type'] == 'button' and message.get('pressed') is False


def _share(value: Any) -> float | None:
    return None if value is None else max(-1.0, min(1.0, float(number(value))))
