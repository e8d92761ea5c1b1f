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

"""Picture topics, and subscribers that get nothing."""

from collections.abc import Iterator

from . import Finding, Options
from .surroundings import Surroundings
from ...core.qos_remedy import remedy


def check_topics(surroundings: Surroundings, options: Options) -> Iterator[Finding]:
    seen = surroundings.observe(options.seconds)
    if seen.failure:
        yield Finding('broken', f'ROS cannot start ({seen.failure})',
                      'fix what is BROKEN above')
        return
    if not seen.topics:
        yield Finding('note', f'no picture topic was seen in {options.seconds:g} s',
                      'start the camera node; on another machine, use the same ROS_DOMAIN_ID and '
                      'a network that passes multicast')
    for topic in seen.topics:
        if not topic.publishers:
            yield Finding('note', f'{topic.name} has subscribers but no publisher',
                          f'start the node that publishes it; {topic.subscribers[0]} waits')
        else:
            yield Finding('ok', f'{topic.name}: from {", ".join(topic.publishers)} to '
                                f'{len(topic.subscribers)} subscribers')
        if len(topic.publishers) > 1:
            yield Finding('note', f'{topic.name} has {len(topic.publishers)} publishers, and '
                                  'their pictures are mixed',
                          'give each camera a namespace of its own')
        for subscriber, policies in topic.mismatches:
            yield Finding('broken', f'{subscriber} gets nothing from {topic.name}, because it '
                                    f'requests another {policies} than is offered',
                          remedy(policies) + (
                              '; or offer more with the qos_overrides parameters of the publisher'
                              if policies == 'reliability' else ''))
