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

"""Why a camera gives no stream, told by the status of its answer."""

from ...stream_address import StreamAddress
from ....core.errors import TemporaryError


class RefusedError(TemporaryError):
    """It wants another password: it is asked less often, as it may count wrong ones."""


def refused(address: StreamAddress, code: int, status: str, token: bool = False
            ) -> TemporaryError:
    """
    Return the error of an answer with that code; `status` is the code with its words.

    `token` says whether it asks for one, in place of user and password.

    It is never permanent: a camera that is still starting answers as one that has no such address,
    or knows no users.
    """
    if code in (401, 403, 407):
        what, example = ('access token', ':TOKEN') if token else (
            'user and password', 'USER:PASSWORD')
        return RefusedError(f'{address.shown} refuses access ({status}): put the right {what} '
                            f'into the address, before the host, as in {example}@HOST, or have '
                            'the camera admit this computer')
    if code in (408, 425, 429) or code >= 500:
        return TemporaryError(f'{address.shown} cannot be played now ({status}): wait until the '
                              'camera has started, or have it serve fewer others')
    return TemporaryError(f'{address.shown} cannot be played ({status}): start the sender, or '
                          'correct the address')
