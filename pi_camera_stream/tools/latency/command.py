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


"""Measure how old frames are when they arrive, hop by hop, in a running system."""

import argparse
from collections.abc import Sequence
from pathlib import Path
import sys
import time

from .evaluation import evaluate
from .report import as_json, Result, table
from ...core.shutdown_signals import interrupt_by_signals
from ...nodes.latency_observer import LatencyObserver, wait_for

_REMIND_S = 3.0
_CLOCKS_S = 6.0  # more, for a clock that has not told yet
_ON_WAY_S = 1.0  # for what was taken before the end
_INTERRUPTED = 130  # as shells have it: 128 and the number of the signal
_SETTLE_S = 2.5  # until the traces and the clocks of the other nodes are known


def main(args: Sequence[str] | None = None) -> int:
    """Measure, and print a table; return the exit code."""
    parser = argparse.ArgumentParser(
        prog='python3 -m pi_camera_stream latency', description=__doc__,
        epilog='docs/latency.md explains what is measured, and how well it can be known.')
    parser.add_argument('topic', nargs='?', default='/camera/image_raw/compressed',
                        help='an image topic (default: %(default)s)')
    parser.add_argument('--seconds', type=float, default=10.0,
                        help='how long to measure (default: %(default)s)')
    parser.add_argument('--json', action='store_true', help='print JSON instead of the table')
    parser.add_argument('--plot', type=Path, metavar='FILE',
                        help='plot the times to a PNG, SVG or PDF file; needs matplotlib')
    options = parser.parse_args(args)
    if not 1 <= options.seconds <= 600:
        parser.error(f'--seconds must be 1 to 600, not {options.seconds:g}')
    interrupt_by_signals(_INTERRUPTED)
    try:
        return _run(options, parser)
    except KeyboardInterrupt:
        return _INTERRUPTED


def _run(options: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    try:
        if options.plot is not None:
            _check_plot(options.plot)
        result = _measure(options.topic, options.seconds)
    except ValueError as error:
        parser.error(str(error))
    print(as_json(result) if options.json else table(result), flush=True)
    if options.plot is not None:
        from .plot import draw
        try:
            draw(result, options.plot)
        except (OSError, ValueError) as error:
            parser.error(f'--plot cannot be written: {error}')
        _print(f'the plot is in {options.plot}')
    return 0


def _measure(topic: str, seconds: float) -> Result:
    with LatencyObserver(topic) as observer:
        _print(f"waiting for '{observer.topic}' …")
        wait_for(observer, _REMIND_S, _print)
        _watch(observer, _SETTLE_S)
        patient_s = time.monotonic() + _CLOCKS_S
        observer.watch(lambda: time.monotonic() > patient_s or all(observer.offsets().values()))
        observer.forget()
        _print(f'measuring for {seconds:g} s …')
        began_s = time.monotonic()
        _watch(observer, seconds)
        seconds, end_ns = time.monotonic() - began_s, time.time_ns()
        _watch(observer, _ON_WAY_S)
        return evaluate(observer, seconds, end_ns)


def _watch(observer: LatencyObserver, seconds: float) -> None:
    until_s = time.monotonic() + seconds
    observer.watch(lambda: time.monotonic() > until_s)


def _check_plot(path: Path) -> None:
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ValueError('--plot needs matplotlib: sudo apt install python3-matplotlib, or '
                         'pip install matplotlib in a virtual environment') from error
    if path.suffix not in ('.png', '.svg', '.pdf'):
        raise ValueError(f"--plot must end with .png, .svg or .pdf, not '{path}'")
    if not path.absolute().parent.is_dir():
        raise ValueError(f"--plot: there is no folder '{path.parent}'")


def _print(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
