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
`pi_camera_stream` as usual, which tells for each line that it reads what it has in memory.

It answers with one line of JSON: how many tasks, WebRTC connections and objects there are after
Python has collected its garbage.
"""

import asyncio
import gc
import json
import sys
import threading

from pi_camera_stream.__main__ import run

PEER = 'RTCPeerConnection'


def tell() -> None:
    """Count what there is, whenever somebody asks."""
    for _ in sys.stdin:
        gc.collect()
        objects = gc.get_objects()
        tasks = sum(isinstance(one, asyncio.Task) and not one.done() for one in objects)
        peers = sum(type(one).__name__ == PEER for one in objects)
        print(json.dumps({'tasks': tasks, 'peers': peers, 'objects': len(objects)}), flush=True)


if __name__ == '__main__':
    threading.Thread(target=tell, daemon=True).start()
    run(sys.argv[1:])
