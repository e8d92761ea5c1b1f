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

"""Whose address a request comes from."""

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from .addresses import is_in, nearest, Network


def request_key(name: str) -> Any:
    """Return the key of what is noted in a request; aiohttp before 3.14 has no type for it."""
    return getattr(web, 'RequestKey', lambda name, _: name)(f'pi_camera_stream.{name}', object)


_ADDRESS = request_key('address')  # the client's, if it is not its connection's


def client_address(request: web.BaseRequest) -> str:
    """Return the address of who asks, which is not the one of a trusted proxy in between."""
    return str(request.get(_ADDRESS) or request.remote or '?')


def note_client(request: web.BaseRequest, proxies: Sequence[Network]) -> None:
    """Let `client_address` believe the X-Forwarded-For of these proxies, and of nobody else."""
    peer = request.remote
    if peer and proxies and is_in(peer, proxies):
        hops = ','.join(request.headers.getall('X-Forwarded-For', ())).split(',')
        request[_ADDRESS] = nearest(peer, [hop.strip() for hop in hops], proxies)
