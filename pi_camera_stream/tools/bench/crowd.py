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
The process of all viewers of one server: they take in what comes, and note its age.

Its argument is a CrowdOrder as JSON, its result a file of JSON.
"""

import json
from pathlib import Path
import sys

from .audience import Audience
from .churn import come_and_go
from .order import CrowdOrder
from .steady import watch
from ...core.errors import PermanentError
from ...core.shutdown_signals import end_at_once


def main() -> int:
    """Do what the order says; return 1 with one sentence when it cannot be done."""
    end_at_once()
    order = CrowdOrder(**json.loads(sys.argv[1]))
    audience = Audience((order.address, order.port), order.path)
    try:
        audience.wait_for_picture()
        result = come_and_go(audience, order) if order.churn else watch(audience, order)
    except (PermanentError, OSError) as error:  # the latter: the server's process has gone
        print(f'viewers: error: {error}', file=sys.stderr)
        return 1
    Path(order.result).write_text(json.dumps(result))
    return 0


if __name__ == '__main__':
    sys.exit(main())
