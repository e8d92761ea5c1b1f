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
Play by RTSP, as many as are wanted, until standard input ends; then say what has come.

`playing` is said when all play. What has come is JSON: for each the times of its frames in ns, and
how many packets were missing.
"""

import argparse
import asyncio
from contextlib import suppress
import json
import sys
import time

from ..players.rtsp_client import Counted, MULTICAST, RtspClient, TCP, UDP

_PATIENCE_S, _AGAIN_S = 30.0, 0.3
_STUCK_S = 8.0  # less than after which a server ends it


async def play(options: argparse.Namespace, counted: Counted) -> None:
    """Play until the server ends it."""
    client = RtspClient(counted)
    until_s = time.monotonic() + _PATIENCE_S
    while True:
        try:
            await client.play(options.address, options.port, options.way, options.local)
            break
        except OSError:
            client.close()
            if time.monotonic() > until_s:
                raise
            await asyncio.sleep(_AGAIN_S)
    options.playing += 1
    if options.playing == options.count:
        print('playing', flush=True)
    await client.count()
    raise ConnectionError('the server has ended it')


async def be_stuck(options: argparse.Namespace) -> None:
    """Play and read nothing; again and again, because the server ends that."""
    while True:
        client = RtspClient(Counted())
        try:
            with suppress(OSError):
                await client.play(options.address, options.port, TCP, options.local, stuck=True)
            await asyncio.sleep(_STUCK_S)
        finally:
            client.close()


async def main() -> None:
    """Play."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--address', required=True)
    parser.add_argument('--port', type=int, required=True)
    parser.add_argument('--count', type=int, required=True)
    parser.add_argument('--stuck', type=int, default=0)
    parser.add_argument('--way', choices=(TCP, UDP, MULTICAST), default=TCP)
    parser.add_argument('--local', default='127.0.0.1')
    parser.set_defaults(playing=0)
    options = parser.parse_args()
    counted = [Counted() for _ in range(options.count)]
    tasks = [asyncio.create_task(play(options, one)) for one in counted]
    tasks += [asyncio.create_task(be_stuck(options)) for _ in range(options.stuck)]
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    for task in tasks:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    print(json.dumps({
        'players': [[one.frames_ns, one.missing] for one in counted],
        'ended': [repr(one) for one in ended if not isinstance(one, asyncio.CancelledError)]}))


if __name__ == '__main__':
    asyncio.run(main())
