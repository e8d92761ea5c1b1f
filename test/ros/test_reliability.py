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
Whatever viewers and publishers do, the bridge stays, and shows pictures.

The long runs are in `python3 -m benchmarks faults`.
"""

from contextlib import contextmanager, ExitStack
import signal
import time

import pytest
from support import restless
from support.driving_link import Child
from support.watching import Watcher
from support.web import bridge

VISITS, TOPICS, AT_ONCE = 5, 30, 6
STALL_S = 0.6
LINGER_S = 5.0  # as in web/stream.py


@contextmanager
def publishing(*arguments):
    """Publish on topics from a process of its own."""
    child = Child((), 'support.restless', *arguments)
    try:
        child.wait_for('ready')
        yield child
    finally:
        child.stop()
    assert 'Traceback' not in child.output, child.output


@contextmanager
def held_up(program):
    """Let the process do nothing during the context, and a while longer."""
    program.process.send_signal(signal.SIGSTOP)
    yield
    time.sleep(STALL_S)
    program.process.send_signal(signal.SIGCONT)
    time.sleep(STALL_S)  # in which it comes by what has waited
    assert program.process.poll() is None, program.output


def see(program, viewers):
    """Wait until each has got some pictures."""
    for viewer in viewers:
        try:
            viewer.wait_for_pictures(3, len(restless.picture()))
        except AssertionError:
            raise AssertionError(f'{viewer.query} shows nothing, ended: {program.process.poll()}; '
                                 f'{program.output}') from None


@pytest.mark.timeout(300)
def test_it_survives_viewers_who_leave_while_it_is_held_up():
    names = [restless.name(number) for number in range(TOPICS)]
    with publishing('steady', '--topics', TOPICS, '--fps', 20), \
         bridge(max_viewers=100, max_viewers_per_address=100) as program:
        let_go_s = 0.0  # when it unsubscribes from what was watched before
        for topics in [names[number * AT_ONCE:][:AT_ONCE] for number in range(VISITS)] + [names]:
            with ExitStack() as stack:
                viewers = [stack.enter_context(Watcher(program.port, f'?topic={topic}'))
                           for topic in topics]
                see(program, viewers)
                time.sleep(max(0.0, let_go_s - STALL_S / 2 - time.monotonic()))
                with held_up(program):
                    stack.close()  # they leave
            let_go_s = time.monotonic() + LINGER_S - STALL_S
        time.sleep(max(0.0, let_go_s - STALL_S / 2 - time.monotonic()))
        with held_up(program):
            pass
        with Watcher(program.port, f'?topic={names[0]}') as viewer:
            see(program, [viewer])


def test_it_survives_topics_that_change_their_type_and_qos():
    names = [restless.name(number) for number in range(10)]
    with bridge(max_viewers=100, max_viewers_per_address=100) as program, \
         publishing('change', '--topics', len(names), '--seconds', 5, '--period', 0.2, '--fps',
                    20) as topics, ExitStack() as stack:
        viewers = [stack.enter_context(Watcher(program.port, f'?topic={name}')) for name in names]
        topics.wait_for('rests')
        see(program, viewers)
