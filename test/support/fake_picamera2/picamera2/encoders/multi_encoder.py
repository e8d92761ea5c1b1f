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

"""Several threads encode, and one puts out what they have, in order."""

from concurrent.futures import ThreadPoolExecutor
import queue
import threading

from .encoder import Encoder


class MultiEncoder(Encoder):
    def __init__(self, num_threads=4):
        super().__init__()
        self.threads = ThreadPoolExecutor(num_threads)
        self.tasks = queue.Queue()

    def output_thread(self):
        while (task := self.tasks.get()) is not None:
            data, timestamp_us = task.result()  # an exception ends this thread, and nobody hears
            self.outputframe(data, timestamp=timestamp_us)

    def do_encode(self, request, stream):
        timestamp_us = self._timestamp(request)
        data = self.encode_func(request, stream)
        request.release()
        return data, timestamp_us

    def _start(self):
        self.thread = threading.Thread(target=self.output_thread, daemon=True)
        self.thread.start()

    def _stop(self):
        self.tasks.put(None)
        self.thread.join()

    def _encode(self, stream, request):
        request.acquire()
        self.tasks.put(self.threads.submit(self.do_encode, request, stream))
