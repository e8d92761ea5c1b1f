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

"""The bridge as its visitors see it."""

from contextlib import contextmanager
import http.client
import json
import urllib.request

import cv2
import numpy as np

from .processes import parameters, running, WAIT_S


@contextmanager
def bridge(**values):
    """Run a bridge on this machine only; the program gets the attributes `url` and `port`."""
    with running('bridge', *parameters(port=0, address='127.0.0.1', **values)) as program:
        match = program.wait_for(r'at (https?://\S+:(\d+)/)')
        program.url, program.port = match.group(1), int(match.group(2))
        yield program


def get(url, timeout=WAIT_S):
    """Return the response to a request that is answered with 200; an error status raises."""
    return urllib.request.urlopen(url, timeout=timeout)


def ask(port, path, method='GET', body=None, source=None, **headers):
    """Return status, headers and text of an answer of whatever kind; nothing is followed."""
    connection = http.client.HTTPConnection('127.0.0.1', port, WAIT_S,
                                            source and (source, 0))
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        body = b'' if answer.length is None else answer.read()  # an endless one has no length
        return answer.status, answer.headers, body.decode('latin-1')
    finally:
        connection.close()


def state(url, topic=None):
    """Return the state of a topic that somebody has asked for; of the default one without name."""
    return next(stream for stream in json.load(get(f'{url}state'))['streams']
                if topic in (None, stream['topic']))


def topics(url):
    """Return the topics that are listed, and their types."""
    return {stream['topic']: stream['type']
            for stream in json.load(get(f'{url}streams'))['streams']}


def parts(response):
    """Yield (headers, body) of an endless multipart response."""
    boundary = b'--' + response.headers.get_param('boundary').encode()
    while True:
        assert response.readline().strip() == boundary
        headers = {}
        while line := response.readline().strip():
            name, _, value = line.decode().partition(': ')
            headers[name] = value
        yield headers, response.read(int(headers['Content-Length']))
        assert response.readline() == b'\r\n'


def decoded(jpeg):
    """Return the picture of a JPEG as a browser shows it, in BGR."""
    assert jpeg.startswith(b'\xff\xd8')
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
