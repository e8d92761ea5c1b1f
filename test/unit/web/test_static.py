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

"""The files of the pages refer to files that exist, and every file is referred to."""

import os
from pathlib import Path
import re

from pi_camera_stream import web
import pytest

STATIC = Path(web.__file__).parent / 'static'
FILES = {str(path.relative_to(STATIC)): path.read_text()
         for path in sorted(STATIC.rglob('*')) if path.is_file()}
# What the application itself answers with, at addresses of their own.
PAGES = {'viewer/index.html', 'latency/latency.html', 'login/login.html',
         'recordings/recordings.html'}
IMPORT = re.compile(r"""\b(?:from|import)\s*\(?\s*['"]([^'"]+)['"]""")
LINK = re.compile(r"""="static/([^"]+)"|new URL\('([^']+)', import\.meta\.url\)""")
# Below a reverse proxy's path, what begins with a slash is somebody else's. Sheets load nothing.
ROOTED = re.compile(
    r"""(?:href|src|action|address\(|get\(|Worker\(|=>)[=\s]*['"`]/|url\(|@import""")
COLOUR = re.compile(r'(?<=[\s(,])#[0-9a-fA-F]{3,8}\b(?![^{};]*\{)|\b(?:rgb|hsl)a?\(')


def references(name):
    """Return the files that a file refers to, by names relative to the folder of all of them."""
    folder = os.path.dirname(name)
    found = {os.path.normpath(os.path.join(folder, target)) if target.startswith('.') else target
             for target in IMPORT.findall(FILES[name]) if name.endswith('.js')}
    return found | {page or os.path.normpath(os.path.join(folder, worker))
                    for page, worker in LINK.findall(FILES[name])}


@pytest.mark.parametrize('name', FILES)
def test_what_a_file_refers_to_exists(name):
    assert references(name) - set(FILES) == set()
    assert not ROOTED.search(FILES[name])


def test_every_file_is_of_use():
    seen, new = set(), PAGES
    while new:
        seen |= new
        new = {target for name in new for target in references(name)} - seen
    assert seen == set(FILES)


def test_a_module_lies_with_the_one_page_that_uses_it():
    """One that two folders use lies in `shared`, and `shared` uses nothing of a page."""
    users = {name: set() for name in FILES}
    for name in FILES:
        for target in references(name):
            users[target].add(os.path.dirname(name))
    for name, folders in users.items():
        if len(folders) > 1:
            assert os.path.dirname(name) == 'shared', (name, folders)
    for name in FILES:
        if name.startswith('shared/'):
            assert {os.path.dirname(target) for target in references(name)} <= {'shared'}, name


def test_all_colours_are_in_the_palette():
    sheets = {name: text for name, text in FILES.items() if name.endswith('.css')}
    assert len(COLOUR.findall(sheets.pop('shared/palette.css'))) > 20
    assert {name: COLOUR.findall(text) for name, text in sheets.items()
            if COLOUR.search(text)} == {}


def test_every_custom_property_is_set_somewhere():
    styles = ''.join(text for name, text in FILES.items() if name.endswith('.css'))
    scripts = ''.join(text for name, text in FILES.items() if name.endswith('.js'))
    for name in set(re.findall(r'var\((--[a-z-]+)', styles)):
        assert re.search(rf'^\s*{name}:', styles, re.MULTILINE) or f"'{name}'" in scripts, name


@pytest.mark.parametrize('name', FILES)
def test_no_module_is_too_long_to_read(name):
    lines = FILES[name].splitlines()
    if not name.endswith('.html'):
        assert max(map(len, lines)) <= 99
    if name.endswith('.js'):
        assert len(lines) <= 300
