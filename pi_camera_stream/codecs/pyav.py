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

"""What PyAV has, and what is said where it is missing."""


def why_no_encoder(what: str, library: str) -> str:
    """Return why there is no encoder of that library for `what`, and what helps; empty for one."""
    try:
        import av
        find = av.Codec
    except ImportError:
        return f'{what} needs PyAV: sudo apt install python3-av'
    except Exception as error:  # as where it was built for another NumPy, or is half removed
        return (f'{what} needs PyAV, and the one that is installed cannot be loaded '
                f'({type(error).__name__}: {error}): sudo apt install --reinstall python3-av')
    try:
        find(library, 'w')
    except ValueError:  # UnknownCodecError
        return (f'{what} needs {library}, which the PyAV that is installed does not have: '
                'sudo apt install python3-av')
    return ''
