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

"""Viewers who come all at once, and stay."""

from dataclasses import asdict
import time

from . import proc
from .audience import Audience
from .order import CrowdOrder
from .record import Record
from ...core.errors import PermanentError


def watch(audience: Audience, order: CrowdOrder) -> dict[str, object]:
    """
    Watch for the ordered time; return what was measured after the warm-up.

    Raises
    ------
    PermanentError
        Nobody has got a picture.

    """
    viewers = [audience.admit().number for _ in range(order.viewers)]
    for _ in range(order.stuck):
        audience.admit(stuck=True)
    audience.attend(time.monotonic() + order.warm_up_s)
    audience.record = Record()
    clock = proc.CpuClock({'server': order.server_pid, **order.helper_pids})
    started_s = time.monotonic()
    audience.attend(started_s + order.seconds)
    cpu_s, busy, span_s = clock.used_s(), clock.busy(), time.monotonic() - started_s
    figures = audience.record.figures(viewers, span_s)
    if not figures.frames:
        reason = next(iter(audience.lost), 'the server sends none')
        raise PermanentError(f'no viewer has got a picture: {reason}')
    return {**asdict(figures), 'cpu_ms_per_frame': cpu_s['server'] * 1e3 / figures.frames,
            'cpu_percent': cpu_s['server'] * 100 / span_s,
            **asdict(proc.snapshot(order.server_pid)), 'span_s': span_s, 'cpu_s': cpu_s,
            'machine_busy': busy, 'lost': dict(audience.lost)}
