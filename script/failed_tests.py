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
Print which tests of a run are worth repeating: failed_tests.py CACHE_FOLDER.

Prints nothing, and ends with exit code 1, if there are too many to be a matter of time, or if a
process of the run crashed: pytest's cache does not have the test that it was running.
"""

import json
from pathlib import Path
import re
import sys

MOST = 10

cache = Path(sys.argv[1])
failed = json.loads((cache / 'v/cache/lastfailed').read_text())
# Its first element counts them all.
counts = re.findall(r'(?:errors|failures)="(\d+)"', (cache / 'results.xml').read_text())[:2]
if len(failed) > MOST or len(failed) != sum(map(int, counts)):
    sys.exit(1)
print(*failed, sep='\n')
