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

"""The kinds of failure, told apart by what the caller should do."""


class StreamError(Exception):
    """A failure that is explained in one sentence, together with its remedy."""


class PermanentError(StreamError):
    """Does not go away until somebody changes something: the program ends with exit code 1."""


class TemporaryError(StreamError):
    """May go away by itself: it is worth trying again."""


class FrameRefusedError(ValueError):
    """A picture is to be left out, and not to be decoded; the message says why, as 'it …'."""


class EndOfStream(Exception):
    """A source has delivered its last picture. Not a failure."""
