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

"""An aiohttp application on a port of this machine, with any version of aiohttp."""

import inspect

from aiohttp import web

# Up to aiohttp 3.8 it belongs to the site; the runner would hand it on, and each connection fail.
_RUNNER_SHUTS_DOWN = 'shutdown_timeout' in inspect.signature(web.BaseRunner.__init__).parameters


async def listen(app, shutdown_timeout=0.01, **options):
    """Return the AppRunner of an application that answers; the options are aiohttp's."""
    patience = {'shutdown_timeout': shutdown_timeout}
    of_runner, of_site = (patience, {}) if _RUNNER_SHUTS_DOWN else ({}, patience)
    runner = web.AppRunner(app, **options, **of_runner)
    await runner.setup()
    await web.TCPSite(runner, '127.0.0.1', 0, **of_site).start()
    return runner
