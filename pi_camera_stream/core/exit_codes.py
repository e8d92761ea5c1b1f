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

"""What the exit code of our programs tells whoever started them."""

import signal

MISTAKE = 1  # somebody has to change something first, as it said in one sentence
USAGE = 2  # the command line is none
FAULT = 70  # an error of ours, of which it printed a traceback (EX_SOFTWARE of sysexits.h)

# It was told to end, in words or by a signal that came before it listened.
ENDED = {0, -signal.SIGINT, -signal.SIGTERM,
         -getattr(signal, 'SIGHUP', signal.SIGTERM)}  # Windows has none


def worth_restarting(code: int) -> bool:
    """
    Return whether a program that ended with this code may do better when it is started again.

    It does when it died: by a fault, or by a signal, which is a negative code.
    """
    return code not in {*ENDED, MISTAKE, USAGE}
