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

"""Receive a stream or a topic, and show how it arrives: rate, bit rate, size, age, drops."""

import argparse
from collections.abc import Sequence
import copy
import math
from pathlib import Path
import re
import sys
import time
from typing import Any

from .report import Line
from .watched import Watched
from ..arguments import seconds
from ...core.errors import PermanentError, StreamError
from ...core.exit_codes import MISTAKE
from ...core.shutdown_signals import interrupt_by_signals
from ...sources.stream_address import EXAMPLES

_INTERRUPTED = 130  # as shells have it: 128 and the number of the signal
_LINE_S = 1.0
_SILENT_S = 3.0  # without a picture, before it is said why
_TELLS_S = 6.0  # how long a sender may take to tell the time of its pictures (RTCP)
_SLICE_S, _WINDOW_SLICE_S = 0.1, 0.02
_TOPIC = re.compile(r'/?[A-Za-z_]\w*(/[A-Za-z_]\w*)*')
_MOST_SECONDS = 7 * 24 * 3600.0
_MOST_AGES = 100_000  # by which the line at the end is made


def main(args: Sequence[str] | None = None) -> int:
    """Watch until the end; return the exit code."""
    options = _parser().parse_args(args)
    interrupt_by_signals(_INTERRUPTED)
    try:
        return _run(options)
    except StreamError as error:
        _say(f'watch: error: {for_command_line(str(error))}')
        return MISTAKE
    except KeyboardInterrupt:
        return _INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python3 -m pi_camera_stream watch', description=__doc__,
        epilog='docs/players.md explains the figures.')
    parser.add_argument('target', metavar='URL|TOPIC|FILE',
                        help=f'address of a stream, for example {EXAMPLES}; a topic, which needs '
                             'ROS 2; a recording, or the .sdp of a stream'.replace('%', '%%'))
    parser.add_argument('--window', action='store_true',
                        help='show the newest frame; needs an OpenCV with windows '
                             '(opencv-python). q closes it')
    parser.add_argument('--seconds', type=seconds(_MOST_SECONDS), default=math.inf,
                        help='how long to watch (default: until Ctrl-C)')
    parser.add_argument('--json', action='store_true', help='print JSON, one object a line')
    parser.add_argument('--tls-ca', default='', metavar='FILE',
                        help='certificates (PEM) that an https:// server may have (default: any)')
    return parser


def _run(options: argparse.Namespace) -> int:
    window = None
    if options.window:
        from .window import Window
        window = Window(options.target.rpartition('@')[2])
    watched = _open(options)
    try:
        return _Session(watched, options, window).run()
    finally:
        watched.close()
        if window is not None:
            window.close()


def _open(options: argparse.Namespace) -> Watched:
    target = options.target
    is_file = '://' not in target and Path(target).is_file()
    if not is_file and _TOPIC.fullmatch(target):
        try:
            from .topic_watch import TopicWatch
        except ImportError as error:
            raise PermanentError(
                f"'{target}' is a topic, which needs ROS 2 ({error}): source an installation "
                '(`source /opt/ros/*/setup.bash`), or give the address of a stream, for example '
                'http://ROBOT:8080/stream.mjpg') from None
        return TopicWatch(target)
    try:
        from .url_watch import UrlWatch
    except ImportError as error:
        raise PermanentError(f"the Python module '{error.name}' is missing: install what is "
                             'needed in a virtual environment: `pip install av numpy`') from None
    return UrlWatch(target, options.tls_ca, bool(options.window), is_file)


class _Session:
    """Prints what is watched until its end."""

    def __init__(self, watched: Watched, options: argparse.Namespace, window: Any) -> None:
        self._watched, self._options, self._window = watched, options, window
        self._begin_s = self._line_s = self._picture_s = time.monotonic()
        self._before, self._first = copy.copy(watched.totals), copy.copy(watched.totals)
        self._ages_s: list[float] = []
        self._silent, self._ageless = '', ''  # as was said

    def run(self) -> int:
        options, watched = self._options, self._watched
        _say(f'watching {watched.title}; Ctrl-C ends it')
        try:
            while not watched.ended and time.monotonic() - self._begin_s < options.seconds:
                image = watched.take(_SLICE_S if self._window is None else _WINDOW_SLICE_S)
                if self._window is not None and not self._window.show(image):
                    break
                watched.look()
                if time.monotonic() - self._line_s >= _LINE_S:
                    self._print_line()
        finally:
            self._print_end()
        if not watched.totals.pictures:
            raise PermanentError(f'no picture of {watched.title} in '
                                 f'{time.monotonic() - self._begin_s:.0f} s'
                                 f'{_because(watched.why_silent)}')
        return 0

    def _print_line(self) -> None:
        now_s = time.monotonic()
        ages_s = []
        while self._watched.totals.ages_s:
            ages_s.append(self._watched.totals.ages_s.popleft())
        self._ages_s = (self._ages_s + ages_s)[-_MOST_AGES:]
        totals = copy.copy(self._watched.totals)
        line = Line.between(self._before, totals, now_s - self._line_s, ages_s)
        self._before, self._line_s = totals, now_s
        if line.pictures:
            self._say_returned(now_s)
            print(line.json() if self._options.json else line.text(), flush=True)
        else:
            self._say_silent(now_s)

    def _say_returned(self, now_s: float) -> None:
        if self._silent:
            _say(f'pictures again, after {now_s - self._picture_s:.0f} s')
        self._silent, self._picture_s = '', now_s
        ageless = self._watched.why_ageless
        if now_s - self._begin_s < _TELLS_S:
            return
        if ageless != self._ageless and ageless:
            _say(f'age unknown: {ageless}')
        self._ageless = ageless

    def _say_silent(self, now_s: float) -> None:
        silent_s, why = now_s - self._picture_s, self._watched.why_silent
        if self._watched.logs_silence:
            self._silent = why
        elif silent_s >= _SILENT_S and why and not self._silent:
            self._silent = why
            _say(f'no picture for {silent_s:.0f} s: {for_command_line(why)}; still trying')

    def _print_end(self) -> None:
        totals = self._watched.totals
        if totals.pictures:
            line = Line.between(self._first, totals, time.monotonic() - self._begin_s,
                                self._ages_s)
            print(line.json() if self._options.json else f'in all: {line.text()}', flush=True)


def for_command_line(sentence: str) -> str:
    """Return a sentence of a source as who has no parameters, but a command line, reads it."""
    return sentence.replace("set the parameter 'path' to", 'give').replace(
        "parameter 'tls_ca'", '--tls-ca').replace("'tls_ca'", '--tls-ca')


def _because(reason: str) -> str:
    return f': {for_command_line(reason)}' if reason else ''


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
