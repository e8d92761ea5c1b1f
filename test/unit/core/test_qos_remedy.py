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

from pi_camera_stream.core.qos_remedy import remedy


def test_each_policy_has_a_remedy_of_its_own():
    assert 'Best Effort' in remedy('reliability')
    assert 'Volatile' not in remedy('reliability')
    assert 'Volatile' in remedy('durability')
    assert 'Best Effort' not in remedy('durability')
    both = remedy('reliability and durability')
    assert 'Best Effort' in both
    assert 'Volatile' in both


def test_what_has_no_name_has_a_remedy_too():
    assert remedy('quality of service') == 'subscribe with best effort and volatile there'
