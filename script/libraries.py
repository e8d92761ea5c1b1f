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

"""
Print the versions of the libraries that this Python has.

Usage: libraries.py FOLDER. Fails with a sentence if one is missing or is not below FOLDER.
       libraries.py --missing. Prints the Debian packages that are missing.
"""

from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path
import sys

# Module: its package in Debian and Ubuntu.
_LIBRARIES = {
    'aiohttp': 'python3-aiohttp', 'av': 'python3-av', 'cryptography': 'python3-cryptography',
    'cv2': 'python3-opencv', 'numpy': 'python3-numpy',
    'prometheus_client': 'python3-prometheus-client', 'qrcode': 'python3-qrcode',
    'yaml': 'python3-yaml'}


def main(folder: Path) -> str | None:
    """Look at all of them; return what is wrong, if anything is."""
    missing, elsewhere = [], []
    for name, package in _LIBRARIES.items():
        try:
            module = import_module(name)
        except ImportError:
            missing.append(package)
            continue
        version = getattr(module, '__version__', None) or metadata.version(name)
        place = Path(module.__file__ or '/')
        print(f'{name} {version}', end=', ')
        if folder not in place.parents:
            elsewhere.append(f'{name} ({place})')
    print('Python', sys.version.split()[0])
    if missing:
        return f'{", ".join(missing)} are missing: run `sudo apt install {" ".join(missing)}`'
    if elsewhere:
        return f'not from {folder}: {", ".join(elsewhere)}; remove what hides those packages'
    return None


if __name__ == '__main__':
    if sys.argv[1] == '--missing':
        print(*(package for name, package in _LIBRARIES.items() if find_spec(name) is None))
    else:
        sys.exit(main(Path(sys.argv[1])))
