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

import threading

from pi_camera_stream.core.mailbox import Mailbox
import pytest


def test_only_the_newest_is_kept_and_the_others_are_counted():
    mailbox = Mailbox()
    for number in range(5):
        mailbox.put(number)
    assert mailbox.take() == 4
    assert mailbox.dropped == 4
    assert mailbox.take(timeout_s=0) is None


def test_take_waits_for_another_thread():
    mailbox, taken = Mailbox(), []
    reader = threading.Thread(target=lambda: taken.append(mailbox.take()))
    reader.start()
    mailbox.put('picture')
    reader.join()
    assert taken == ['picture']
    assert mailbox.dropped == 0


def test_closing_gives_out_the_last_one_and_then_ends():
    mailbox = Mailbox()
    mailbox.put('last')
    mailbox.close()
    assert mailbox.take() == 'last'
    with pytest.raises(Mailbox.Closed):
        mailbox.take()


def test_closing_wakes_who_waits():
    mailbox, ended = Mailbox(), threading.Event()

    def read():
        with pytest.raises(Mailbox.Closed):
            mailbox.take()
        ended.set()

    reader = threading.Thread(target=read)
    reader.start()
    mailbox.close()
    reader.join()
    assert ended.is_set()
