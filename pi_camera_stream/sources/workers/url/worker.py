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
Receive a stream from the network and deliver its newest picture: the worker of `UrlSource`.

Three threads hand pictures on: one reads, one decodes, one encodes; a slow one leaves out what is
old and delays none before it. The main thread calls again about once a second while the sender is
away, and sees to it that the reason is told.
"""

import threading
import time

import av

from .byte_stream import receive_bytes
from .libav_stream import receive_libav
from ..frame_writer import FrameWriter
from ..worker_pipe import Outlet
from ..worker_status import WorkerStatus
from ...base import SourceSettings
from ...stream_address import hide_secrets, parse_address, StreamAddress
from ....core.errors import PermanentError, StreamError

_RETRY_S = 1.0
_WATCH_S = 0.2


def main() -> None:
    """Run the worker."""
    outlet = Outlet()
    body = outlet.opened()
    av.logging.set_level(av.logging.PANIC)  # its messages have whole addresses in them
    try:
        settings = SourceSettings(**body['settings'])
        address = parse_address(settings.path)
    except (StreamError, TypeError, KeyError) as error:
        outlet.fail(hide_secrets(str(error)), permanent=True)
    writer = FrameWriter(outlet, settings)
    situation = WorkerStatus(f'{address.shown} has not answered yet: is the sender there?')
    threading.Thread(target=_receive, args=(address, writer, situation, outlet),
                     name='reader', daemon=True).start()
    begin_s = time.monotonic()
    while time.monotonic() - max(begin_s, writer.last_s) < body['patience_s']:
        time.sleep(_WATCH_S)
    outlet.fail(hide_secrets(situation.sentence))


def _receive(address: StreamAddress, writer: FrameWriter, situation: WorkerStatus,
             outlet: Outlet) -> None:
    """Receive for ever."""
    receive = receive_bytes if address.scheme in ('udp', 'tcp') else receive_libav
    while True:
        begin_s = time.monotonic()
        try:
            receive(address, writer, situation)
        except PermanentError as error:
            outlet.fail(hide_secrets(str(error)), permanent=True)
        except StreamError as error:
            situation.sentence = str(error)
        except Exception as error:  # whatever a library throws must not end the thread in silence
            outlet.fail(hide_secrets(f'{address.shown} cannot be received ({error!r})'))
        time.sleep(max(0.0, begin_s + _RETRY_S - time.monotonic()))


if __name__ == '__main__':
    main()
