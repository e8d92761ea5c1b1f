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

"""A child process that does not outlive its parent, whatever way that ends."""

from collections.abc import Sequence
import os
import signal
import sys

# Runs as the child, before the program: asks the kernel (prctl(2), PR_SET_PDEATHSIG) for a signal
# at the parent's death, sees whether the parent has died already, and becomes the program. A
# preexec_fn would do it too, but is not safe in a process that has threads.
_LAUNCH = ('import ctypes,os,sys\n'
           'ctypes.CDLL(None).prctl(1,int(sys.argv[2]))\n'
           'os.getppid()==int(sys.argv[1]) and os.execvp(sys.argv[3],sys.argv[3:])')


def with_parent(command: Sequence[str], number: signal.Signals = signal.SIGKILL) -> list[str]:
    """
    Return what runs `command` so that it gets a signal when this process ends.

    The kernel takes the end of the thread that starts it for the end of the process.
    """
    return [sys.executable, '-I', '-S', '-c', _LAUNCH, str(os.getpid()), str(int(number)),
            *command]
