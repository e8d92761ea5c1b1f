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

"""The bridge goes on whatever is sent to it."""

from collections import Counter, deque
import http.client
import os
import random
import re
import socket
import struct
import threading

import pytest
from support import garbage, pictures
from support.processes import WAIT_S, wait_until
from support.publishing import compressed, Repeater
from support.web import bridge, get, parts

SEED = 7
REQUESTS = int(os.environ.get('TEST_FUZZ_REQUESTS', 1000))
TOGETHER = 40  # connections at a time
WARM_UP = 200  # requests after which all that is loaded once has been loaded
KEPT_BYTES = 2**17  # of an answer: some have no end
MORE_MIB = 60  # of memory, at the most: 10000 requests took about 40, and further ones hardly more
TOPIC = '/camera/image_raw/compressed'
STATUS = re.compile(rb'HTTP/\d\.\d (\d{3}) ')
# aiohttp 3.14 itself answers 500 to it, where we cannot reach.
ODD_EXPECTATION = re.compile(rb'\nexpect:[^\n]*[\x80-\xff]', re.IGNORECASE)
LINE = re.compile(
    r'\[INFO\] \[[\d.]+\] \[camera\.http_bridge\]: 127\.0\.0\.1 \S* \S+ \d{3} \d+ bytes [\d.]+ s'
    r"|\[WARN\] \[[\d.]+\] \[camera\.http_bridge\]: .*'allowed_(hosts|origins)'")


class Visitor:
    """A connection that sends garbage."""

    def __init__(self, port, data):
        self.received = b''
        self._socket = socket.create_connection(('127.0.0.1', port), WAIT_S)
        self.data = data
        try:
            self._socket.sendall(data)
        except ConnectionError:  # it was refused before its end
            pass
        self._socket.setblocking(False)

    def listen(self):
        """Take what has come."""
        try:
            while len(self.received) < KEPT_BYTES and (data := self._socket.recv(65536)):
                self.received += data
        except (BlockingIOError, ConnectionError):
            pass

    def go(self, how):
        """End the connection as a browser, as a program that dies, or first one way only."""
        if how == 'reset':
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        elif how == 'half':
            try:
                self._socket.shutdown(socket.SHUT_WR)
            except OSError:  # it has gone
                pass
        self._socket.close()


class Fuzzer:
    """Send garbage, a number of connections at a time, and look at each answer."""

    def __init__(self, port, dice):
        self._port = port
        self._dice = dice
        self._pulse = http.client.HTTPConnection('127.0.0.1', port, WAIT_S)
        self._visitors = deque()
        self.statuses = Counter()
        self.sent = 0  # requests

    def send(self, count):
        """Let so many visitors come, and all go."""
        for _ in range(count):
            data, requests = garbage.request(self._dice)
            self.sent += requests
            self._visitors.append(Visitor(self._port, data))
            self._feel_pulse()
            for visitor in self._visitors:
                visitor.listen()
            if len(self._visitors) > TOGETHER:
                self._dismiss()
        while self._visitors:
            self._dismiss()
        self._pulse.close()

    def _feel_pulse(self):
        """See that an honest request is answered; the server has seen the garbage then."""
        for _ in range(2):
            self._pulse.request('GET', '/healthz')
            assert self._pulse.getresponse().read() == b'ok\n'
            self.sent += 1

    def _dismiss(self):
        visitor = self._visitors.popleft()
        visitor.listen()
        if visitor.received:
            assert STATUS.match(visitor.received), visitor.received[:200]
        found = STATUS.findall(visitor.received)
        assert b'500' not in found or ODD_EXPECTATION.search(visitor.data), visitor.data
        self.statuses.update(map(int, found) if found else ['none'])
        visitor.go(self._dice.choice(['close', 'reset', 'half']))


class Watcher(threading.Thread):
    """One who watches meanwhile, and sees that each picture is one that was published."""

    def __init__(self, url, picture):
        super().__init__(daemon=True)
        self._response = get(f'{url}stream.mjpg?tier=full')
        self._picture = picture
        self.count, self.error = 0, None
        self.start()

    def run(self):
        """Watch until the stream ends."""
        stamp = 0.0
        try:
            for headers, body in parts(self._response):
                if body == self._picture:  # otherwise, it says that none comes yet
                    assert float(headers['X-Timestamp']) > stamp
                    stamp = float(headers['X-Timestamp'])
                    self.count += 1
                else:
                    assert not self.count
        except Exception as error:
            self.error = error

    def check(self):
        """Wait for more pictures."""
        before = self.count
        wait_until(lambda: self.count > before + 2 or self.error)
        assert self.error is None


def sockets(pid):
    """Return how many sockets a process has."""
    count = 0
    for number in os.listdir(f'/proc/{pid}/fd'):
        try:
            count += os.readlink(f'/proc/{pid}/fd/{number}').startswith('socket:')
        except FileNotFoundError:  # closed meanwhile
            pass
    return count


def memory_mib(pid):
    """Return the resident memory of a process."""
    with open(f'/proc/{pid}/status') as status:
        return int(re.search(r'VmRSS:\s+(\d+) kB', status.read()).group(1)) / 1024


@pytest.mark.timeout(120 + REQUESTS // 10)
def test_garbage_disturbs_nobody_and_leaves_nothing(guest):
    picture = pictures.jpeg(320, 240)
    with bridge(access_log='true') as program, Repeater(guest, TOPIC, compressed(picture)):
        pid, fuzzer = program.process.pid, Fuzzer(program.port, random.Random(SEED))
        watcher = Watcher(program.url, picture)
        watcher.check()
        start, said = sockets(pid), len(program.output.splitlines())
        fuzzer.send(WARM_UP)
        memory = memory_mib(pid)
        for _ in range(REQUESTS // 100):
            fuzzer.send(100)
            watcher.check()
        wait_until(lambda: sockets(pid) <= start)
        assert get(f'{program.url}healthz').read() == b'ok\n'
        watcher.check()
        lines = program.output.splitlines()[said:]
        print(f'{fuzzer.sent} requests at the most, sockets {start} before, {sockets(pid)} after; '
              f'RSS {memory:.1f} MiB before, {memory_mib(pid):.1f} MiB after; {len(lines)} lines; '
              f'the watcher had {watcher.count} pictures; '
              f'statuses {sorted(fuzzer.statuses.items(), key=str)}')
        assert fuzzer.statuses.keys() >= {101, 200, 400, 403, 404, 405}
        assert all(100 <= status < 600 for status in fuzzer.statuses if status != 'none')
        assert memory_mib(pid) - memory < MORE_MIB
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    assert len(lines) <= fuzzer.sent
