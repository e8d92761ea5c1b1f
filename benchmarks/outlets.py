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
Measure what other players get: how late, how much, and what it costs.

    rtsp       GStreamer, ffmpeg and OpenCV by RTSP, over TCP and UDP
    raw        ffmpeg by raw TCP and MPEG-TS, GStreamer by RTP
    crowd      20 players by RTSP, over TCP and UDP, and one more that is stuck
    link       5 to 60 players by RTSP over 50 Mbit/s, at the rate that H.264 finds for them
    multicast  one and five receivers of a group
    push       a push by RTSP to a media server, which is away for --away seconds
    janus      20 viewers by WebRTC from Janus, which gets one stream, by RTSP or RTP, over a link
    coming     players that come and go by RTSP for --minutes: whether anything grows

`serve` shows a panning scene, 1280x720 at 30/s, as H.264 of 2 Mbit/s, with a number in each
frame. *Late* is the time from when a client that decodes nothing has a frame until the player has
decoded it. The players are Debian's packages ffmpeg and
gstreamer1.0-{tools,plugins-good,plugins-bad,libav}. Rows with a link need root and iproute2.
"""

from collections.abc import Callable, Sequence
import os
from pathlib import Path
import shlex
import tempfile

from .common import command
from .load import units
from .players import coming, crowds, latency, marked, media_server, push
from .players.study import OutletStudy

FPS = 30.0
ROWS: dict[str, Callable[[OutletStudy], bool]] = {
    'rtsp': latency.rtsp,
    'raw': latency.raw,
    'crowd': crowds.crowd,
    'link': crowds.link,
    'multicast': crowds.multicast,
    'push': push.push,
    'janus': media_server.many,
    'coming': coming.coming,
}


def main(arguments: Sequence[str]) -> int:
    """Measure row after row; 1 when a goal was missed."""
    parser = command.parser('outlets', __doc__)
    add = parser.add_argument
    add('rows', nargs='*', metavar='ROW', help='some of those above (default: all)')
    add('--seconds', type=units.positive, default=10.0, metavar='S',
        help='that are measured (default: 10)')
    add('--warm-up', type=units.not_negative, default=6.0, metavar='S',
        help='before that (default: 6)')
    add('--rounds', type=units.at_least_one, default=1, metavar='N',
        help='of a row; figures with a goal are their medians (default: 1)')
    add('--minutes', type=units.positive, default=10.0, metavar='M',
        help='of `coming` (default: 10)')
    add('--away', type=units.positive, default=30.0, metavar='S', help='of `push` (default: 30)')
    add('--server', default='', metavar='OPTIONS', help='more options of `serve`')
    add('--log', action='store_true', help='show what the server prints')
    options = parser.parse_args(arguments)
    for name in options.rows:
        if name not in ROWS:
            parser.error(f"there is no row '{name}': choose some of {', '.join(ROWS)}")
    print(shlex.join(['python3', '-m', 'benchmarks', 'outlets', *arguments]))
    with tempfile.TemporaryDirectory(prefix='pi_camera_stream_benchmark_') as folder:
        study = OutletStudy(Path(folder), FPS, options.warm_up, options.seconds,
                            options.rounds, tuple(shlex.split(options.server)), options.log,
                            minutes=options.minutes, away_s=options.away)
        study.pictures.mkdir()
        size = marked.write(study.pictures)
        print(f'{marked.WIDTH}x{marked.HEIGHT}, {size / 1e3:.0f} kB, {FPS:g}/s; load '
              f'{os.getloadavg()[0]:.1f}', flush=True)
        well = [_measure(name, study) for name in options.rows or ROWS]
    return 0 if all(well) else 1


def _measure(name: str, study: OutletStudy) -> bool:
    print(f'\n{name}', flush=True)
    return ROWS[name](study)
