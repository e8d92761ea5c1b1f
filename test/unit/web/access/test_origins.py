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

"""Where a browser may be led, and what strangers send."""

from urllib.parse import urljoin

from pi_camera_stream.web.access.origins import local_path, relative, shown
import pytest


@pytest.mark.parametrize('path', ['/', '/view', '/view?topic=/a&x=1', '/a//b', '/%2F%2Fevil',
    '/view?topic=/../a', '/..a/.b/c..', '/view#/../a'])
def test_paths_of_this_server_are_local(path):
    assert local_path(path) == path


@pytest.mark.parametrize('path', [
    '', 'view', '//evil', '///evil', r'/\evil', r'\\evil', '/a\\b', 'https://evil', '/\tevil',
    '/\n/evil', '\n//evil', '/ü', '/ x', '/x\n', '/x\r\nSet-Cookie: a=b', ' /x', '/\udcff',
    '/..', '/../other', '/./', '/a/../../other?x', '/%2e%2E/other', '/.%2e#'])
def test_other_places_are_not_local(path):
    assert local_path(path) == '/'


@pytest.mark.parametrize('root', ['http://robot/', 'https://house/cam/', 'http://house/a/b/'])
@pytest.mark.parametrize('path', ['/', '/?topic=/a&x=1', '/latency?topic=/a', '/login?next=%2F'])
def test_a_relative_place_stays_below_the_root_that_the_browser_sees(root, path):
    for page in ('', 'login', 'latency?topic=/b', 'stream_viewer?topic=/c/d'):
        assert urljoin(root + page, relative(path)) == root + path[1:]


def test_what_strangers_send_is_shown_short_and_plain():
    assert shown('evil.example:80') == 'evil.example:80'
    assert shown('<b>\n\x1b[31m\udcff"') == '?b???[31m??'
    assert shown('x' * 60) == 'x' * 60
    assert shown('x' * 500) == 'x' * 60 + '…'
