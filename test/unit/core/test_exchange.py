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

from pi_camera_stream.core.exchange import Exchange
from pi_camera_stream.core.frame import Frame

FRAME = Frame(b'x', 1, 2, 3, 4)


def test_each_taker_of_a_topic_gets_each_frame_until_it_leaves():
    exchange, first, second = Exchange(), [], []

    def take_first(*what):
        first.append(what)

    def take_second(*what):
        second.append(what)

    exchange.announce('/a')
    exchange.take('/a', take_first)
    exchange.take('/a', take_second)
    exchange.offer('/a', FRAME, 'lens')
    assert exchange.takers('/a') == 2
    exchange.leave('/a', take_first)
    exchange.offer('/a', FRAME, 'lens')
    assert (first, second) == ([(FRAME, 'lens')], 2 * [(FRAME, 'lens')])
    assert exchange.takers('/a') == 1


def test_topics_have_nothing_to_do_with_each_other():
    exchange, taken = Exchange(), []
    exchange.announce('/a')
    exchange.take('/a', lambda *what: taken.append(what))
    exchange.offer('/b', FRAME, 'lens')
    assert not taken
    assert (exchange.takers('/b'), exchange.has('/a'), exchange.has('/b')) == (0, True, False)


def test_to_announce_a_topic_again_costs_nobody_anything():
    exchange, taken = Exchange(), []
    exchange.take('/a', lambda *what: taken.append(what))  # before there is a publisher
    exchange.announce('/a')
    exchange.announce('/a')
    exchange.offer('/a', FRAME, 'lens')
    assert len(taken) == 1
