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

from pathlib import Path

import pytest

CHROMIUM = '/usr/bin/chromium'


@pytest.fixture
def page(missing):
    """Return a page in a real Chromium; what it complains about in its console fails the test."""
    if not Path(CHROMIUM).exists():
        missing(f'{CHROMIUM} is not installed (Debian package chromium)')
    from playwright.sync_api import sync_playwright
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[
            '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
            '--disable-background-networking', '--disable-component-update', '--disable-sync'])
        opened = browser.new_page(viewport={'width': 1280, 'height': 800})
        opened.set_default_timeout(60_000)
        yield opened
        browser.close()
