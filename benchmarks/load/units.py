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

"""Numbers with units, as they are typed and printed."""

import argparse
import re

_SIZES = {'': 1, 'k': 10**3, 'm': 10**6}
_RATES = {'bit': 1, 'kbit': 10**3, 'mbit': 10**6, 'gbit': 10**9}  # as tc(8) has them


def size_bytes(text: str) -> int:
    """
    Return the bytes of '148k', '148kB', '1.2M' or '148000'; a k is 1000.

    Raises
    ------
    argparse.ArgumentTypeError
        It is no size.

    """
    match = re.fullmatch(r'(\d+(?:\.\d+)?)([km]?)b?', text.strip().lower())
    if match is None or not float(match[1]):
        raise argparse.ArgumentTypeError(f"'{text}' is not a size: write it as 148k")
    return round(float(match[1]) * _SIZES[match[2]])


def rate_bps(text: str) -> int:
    """
    Return the bits a second of '50mbit' or '800kbit'.

    Raises
    ------
    argparse.ArgumentTypeError
        It is no rate.

    """
    match = re.fullmatch(r'(\d+(?:\.\d+)?)([kmg]?bit)', text.strip().lower())
    if match is None or not float(match[1]):
        raise argparse.ArgumentTypeError(f"'{text}' is not a rate: write it as 50mbit")
    return round(float(match[1]) * _RATES[match[2]])


def positive(text: str) -> float:
    """Return a number above zero."""
    value = _number(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"'{text}' must be above 0")
    return value


def not_negative(text: str) -> float:
    """Return a number that is zero or more."""
    value = _number(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"'{text}' must be 0 or more")
    return value


def count(text: str) -> int:
    """Return a whole number that is zero or more."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number")
    return int(text)


def at_least_one(text: str) -> int:
    """Return a whole number above zero."""
    value = count(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"'{text}' must be 1 or more")
    return value


def rate_text(bits_per_s: int) -> str:
    """Return a rate as people read it."""
    return f'{bits_per_s / 1e6:g} Mbit/s'


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float('nan')
    if not abs(value) < float('inf'):  # neither a NaN nor without end
        raise argparse.ArgumentTypeError(f"'{text}' is not a number")
    return value
