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

"""An address as a QR code of characters."""

import io
from typing import TextIO

_INSTALL = ('`sudo apt install python3-qrcode`, or in a virtual environment with `pip install '
            'qrcode`')


def print_qr_code(text: str, out: TextIO) -> str:
    """Print it; return a sentence that says why not, empty where it could be."""
    try:
        import qrcode
    except ImportError:
        return ('To show this address as a QR code, for phones, the Python package qrcode is '
                f'needed: install it with {_INSTALL}.')
    code = qrcode.QRCode(border=2)
    code.add_data(text)
    picture = io.StringIO()
    code.print_ascii(picture, invert=True)  # white on black, as most terminals are
    colors = ('\x1b[38;5;255;48;5;232m', '\x1b[0m') if out.isatty() else ('', '')
    lines = [f'{colors[0]}{line}{colors[1]}\n' for line in picture.getvalue().splitlines()]
    try:
        out.write(''.join(lines))
    except UnicodeEncodeError:
        return ('This terminal cannot show a QR code: set its language to one with UTF-8 '
                '(`LANG=C.UTF-8`).')
    return ''
