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

"""Who a request comes from, as the door has noted it, for what is behind the door."""

from typing import cast

from aiohttp import web

from .access_rules import Role
from .addresses import network
from .client_address import client_address, request_key
from .sessions import Session
from ...core.driving.pressers import Person

_KEY = request_key('identity')


def note(request: web.Request, role: Role, session: Session | None) -> None:
    request[_KEY] = role, session


def role_of(request: web.Request) -> Role:
    """Return what somebody may do; who has not come through the door may watch at the most."""
    return _noted(request)[0]


def session_of(request: web.Request) -> Session | None:
    """Return the session; None for programs, and where nobody has to log in."""
    return _noted(request)[1]


def person_of(request: web.Request) -> Person:
    """Return who is before a page, as far as that can be told from others."""
    session, address = session_of(request), network(client_address(request))
    return Person(address) if session is None else \
        Person(address, session.number, session.begun_s)


def _noted(request: web.Request) -> tuple[Role, Session | None]:
    noted = request.get(_KEY, (Role.WATCHES, None))
    return cast(tuple[Role, Session | None], noted)
