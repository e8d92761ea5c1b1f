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

"""ROS domains in which tests meet nobody else who tests on this machine."""

from contextlib import contextmanager
import fcntl
import itertools
import os
from pathlib import Path
import tempfile

MOST = 101  # on Linux, of those whose ports are no client's (ROS 2: the ROS_DOMAIN_ID)
_turns = itertools.count(os.getpid())  # not the one that was left a moment ago


@contextmanager
def own_domain():
    """Return the number of a domain that is nobody else's as long as the context lasts."""
    for number in (1 + turn % MOST for turn in _turns):
        path = Path(tempfile.gettempdir(), f'pi_camera_stream_{os.getuid()}_domain_{number}')
        with path.open('a') as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield number
            return
