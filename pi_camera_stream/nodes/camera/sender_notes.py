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

"""What the sender of a stream tells beside the pictures, as far as the node goes by it."""

from typing import Any

from ...core.pacing import Once
from ...parameters.tables import FRAME_ID
from ...sources.base import Source

_MOST_SAID = 20  # sentences; a sender may change its mind without end


class SenderNotes:
    """
    Take what the user has not said from the sender, and say once what is taken.

    The publishing thread calls `frame_id`, the executor's the rest.
    """

    def __init__(self, log: Any, frame_id: str) -> None:
        self._log = log
        self._frame_id = frame_id
        self._given = frame_id != FRAME_ID  # it is the user's own wish, and no default
        self._logged = Once(_MOST_SAID)

    def set_frame_id(self, frame_id: str) -> None:
        self._frame_id, self._given = frame_id, True

    def frame_id(self, source: Source) -> str:
        """Return the frame of the source's pictures."""
        if self._given or source.sender is None:
            return self._frame_id
        return source.sender.frame_id or self._frame_id

    def say(self, source: Source, calibrated: bool) -> None:
        """Log what is known by now; `calibrated` says that the user's own calibration counts."""
        sender = source.sender
        if sender is None:
            return
        if sender.uncertainty_ms is not None:
            self._say_once(f'{source.title}: pictures have the capture time of the sender, known '
                           f'to within {sender.uncertainty_ms:.1f} ms', f'{source.title} known')
        elif sender.why:
            self._say_once(f'{source.title}: pictures are stamped when they arrive, because '
                           f'{sender.why}')
        if sender.problem and not calibrated:
            self._say_once(f'{source.title}: the calibration that the sender has cannot be used: '
                           f'{sender.problem}')
        taken = [*(['the calibration'] if sender.calibration and not calibrated else []),
                 *([f"frame_id '{sender.frame_id}'"]
                   if sender.frame_id and not self._given else [])]
        if taken:
            self._say_once(f'{source.title}: {" and ".join(taken)} of the sender '
                           f'{"are" if len(taken) > 1 else "is"} used')

    def _say_once(self, sentence: str, key: str = '') -> None:
        if self._logged.due(key or sentence):
            self._log.info(sentence)


def sender_values(source: Source) -> dict[str, object]:
    """Return what the diagnostics say of the sender; nothing of a source that has none."""
    sender = source.sender
    if sender is None:
        return {}
    if sender.uncertainty_ms is None:
        return {'stamps': f'when pictures arrive{": " * bool(sender.why)}{sender.why}'}
    return {'stamps': 'capture time of the sender',
            'stamps known to [ms]': round(sender.uncertainty_ms, 3)}
