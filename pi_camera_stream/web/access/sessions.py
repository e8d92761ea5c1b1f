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

"""Who has logged in, without a list of them: signed cookies, and which of these count no more."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
import hashlib
import hmac
import re
import secrets
import time
from typing import Protocol

from .access_rules import AccessRules
from .tokens import Token

LIFE_S = 30 * 24 * 3600
_COOKIE = re.compile(r'([a-z]+)\.([0-9]{1,12})\.([0-9a-f]{32})\.([0-9a-f]{64})', re.ASCII)
_MOST_ENDED = 4096


class Connection(Protocol):
    """What can be cut: an asyncio transport."""

    def abort(self) -> None: ...


@dataclass(frozen=True)
class Session:
    """One login."""

    token: Token  # which one it was begun with
    number: str  # by chance, and its own
    ends_s: int  # since the epoch

    @property
    def begun_s(self) -> int:
        return self.ends_s - LIFE_S


class Sessions:
    """
    The sessions of one server; all methods run in its event loop.

    A cookie says which token it was got for, when it ends, and a number, and is signed with a key
    that follows from the token: so it is good for the next run of the program, too, and for none
    with another token. Which sessions have been ended is known to this run only.
    """

    def __init__(self, rules: AccessRules, now_s: Callable[[], float] = time.time) -> None:
        """`now_s` returns the time since the epoch."""
        self._rules, self._now_s = rules, now_s
        self._ended: OrderedDict[str, int] = OrderedDict()  # number: when its cookie ends
        self._connections: dict[str, set[Connection]] = {}

    def begin(self, token: Token) -> str:
        """Return the cookie of a new one."""
        return self._cookie(Session(token, secrets.token_hex(16), int(self._now_s()) + LIFE_S))

    def find(self, cookie: str) -> Session | None:
        """Return the session of a cookie, None for one that does not count; in constant time."""
        match = _COOKIE.fullmatch(cookie)
        if match is None or match[1] not in {token.value for token in Token}:
            return None
        session = Session(Token(match[1]), match[3], int(match[2]))
        if not self._rules.secret(session.token):
            return None
        genuine = hmac.compare_digest(self._cookie(session), cookie)
        late = self._now_s() >= session.ends_s
        return session if genuine and not late and session.number not in self._ended else None

    def end(self, session: Session) -> None:
        """Let its cookie count no more, and cut its connections."""
        self._forget()
        self._ended[session.number] = session.ends_s
        for connection in self._connections.pop(session.number, set()):
            connection.abort()

    @contextmanager
    def connected(self, session: Session, connection: Connection) -> Iterator[None]:
        """Cut a connection when its session ends, one way or the other, within the context."""
        group = self._connections.setdefault(session.number, set())
        group.add(connection)
        late = asyncio.get_running_loop().call_later(
            session.ends_s - self._now_s(), connection.abort)
        try:
            yield
        finally:
            late.cancel()
            group.discard(connection)
            if not group and self._connections.get(session.number) is group:
                del self._connections[session.number]

    def _forget(self) -> None:
        now_s = self._now_s()
        for number, ends_s in list(self._ended.items()):
            if ends_s <= now_s:
                del self._ended[number]
        while len(self._ended) >= _MOST_ENDED:
            self._ended.popitem(last=False)

    def _cookie(self, session: Session) -> str:
        content = f'{session.token.value}.{session.ends_s}.{session.number}'
        key = hmac.digest(self._rules.secret(session.token).encode(),
                          b'pi_camera_stream: sessions', hashlib.sha256)
        return f'{content}.{hmac.new(key, content.encode(), hashlib.sha256).hexdigest()}'
