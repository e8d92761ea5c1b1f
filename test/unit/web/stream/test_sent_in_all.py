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

from pi_camera_stream.web.stream.sent_in_all import SentInAll


def test_above_the_limit_it_is_too_much_until_jpeg_would_be_far_below_it():
    sent = SentInAll(60e6)
    assert not sent.report('/a', 50e6, 50e6)
    assert sent.report('/b', 20e6, 20e6)
    assert sent.report('/a', 8e6, 50e6)  # it is H.264 now
    assert sent.report('/b', 2e6, 20e6)
    assert sent.report('/b', 1e6, 10e6)
    assert not sent.report('/a', 5e6, 30e6)
    assert not sent.report('/a', 30e6, 30e6)


def test_a_stream_that_nobody_watches_counts_no_more():
    sent = SentInAll(60e6)
    sent.report('/a', 70e6, 70e6)
    sent.forget('/a')
    assert not sent.report('/b', 10e6, 10e6)
