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


"""Addresses of hosts, looked up in a thread that nobody waits for in the end."""

import asyncio
import contextlib
import socket
import threading
from typing import Any

Place = tuple[socket.AddressFamily, tuple[Any, ...]]


async def look_up(host: str, port: int, kind: socket.SocketKind) -> list[Place]:
    """
    Return where a host is; OSError where it is not found.

    Who answers for names may be out of reach, which takes the system's resolver half a minute to
    find out: not in a thread pool, which would have to be waited for when the program ends.
    """
    try:
        return _places(socket.getaddrinfo(host, port, type=kind, flags=socket.AI_NUMERICHOST))
    except (socket.gaierror, UnicodeError):  # which is no number
        pass
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[Place]] = loop.create_future()

    def tell(places: list[Place], error: OSError | None) -> None:
        if found.done():
            return
        if error is None:
            found.set_result(places)
        else:
            found.set_exception(error)

    def look() -> None:
        places, problem = [], None
        try:
            places = _places(socket.getaddrinfo(host, port, type=kind))
        except OSError as error:
            problem = error
        except UnicodeError:  # a part of it is too long for any name
            problem = socket.gaierror(socket.EAI_NONAME, 'not a host name')
        with contextlib.suppress(RuntimeError):  # the loop has been closed
            loop.call_soon_threadsafe(tell, places, problem)

    threading.Thread(target=look, name='names', daemon=True).start()
    return await found


def _places(found: list[Any]) -> list[Place]:
    return list(dict.fromkeys((family, place) for family, _, _, _, place in found))
