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
Make a video of the images in a ROS bag, without ROS.

Nothing is encoded again, and each frame keeps the time of its stamp. A topic of
sensor_msgs/CompressedImage with JPEGs, or of foxglove_msgs/CompressedVideo with H.264, becomes a
Matroska file. A new one (out_2.mkv) begins where the size changes or the clock goes back.
"""

import argparse
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path
import sys

from .bag import Bag
from .film_writer import Film, FilmWriter
from ...core.errors import PermanentError
from ...core.shutdown_signals import interrupt_by_signals

_SUFFIX = '.mkv'
_INTERRUPTED = 130  # as shells have it: 128 and the number of the signal


def main(args: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog='python3 -m pi_camera_stream export',
                                     description=__doc__, allow_abbrev=False,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('bag', type=Path, metavar='BAG',
                        help='folder of a bag, or its .mcap or .db3 file')
    parser.add_argument('--video', type=Path, required=True, metavar='FILE',
                        help=f'where to write, such as out{_SUFFIX}')
    parser.add_argument('--topic', default='', help='topic to export, if the bag has several')
    options = parser.parse_args(args)
    interrupt_by_signals(_INTERRUPTED)
    try:
        _export(options.bag, options.video, options.topic)
        return 0
    except PermanentError as error:
        print(f'export: error: {" ".join(str(error).split())}', file=sys.stderr)
    except OSError as error:
        print(f"export: error: '{error.filename or options.video}' cannot be written "
              f'({error.strerror}): name another file with --video', file=sys.stderr)
    except KeyboardInterrupt:
        return _INTERRUPTED
    return 1


def _export(source: Path, target: Path, topic: str) -> None:
    if target.suffix != _SUFFIX:
        raise PermanentError(f"'{target}' would be Matroska: let its name end with {_SUFFIX}")
    if target.exists() or target.is_symlink():
        raise PermanentError(f"'{target}' is there already: name another file with --video, or "
                             'delete it')
    with closing(Bag(source)) as bag:
        topic = bag.choose(topic)
        with FilmWriter(target, topic) as writer:
            writer.write(bag.pictures(topic))
    if not writer.films:
        raise PermanentError(
            f"no picture of '{topic}' could be used, the last one because {writer.reason}"
            if writer.reason else f"'{topic}' has no pictures{_cut_off(bag)}")
    for film in writer.films:
        print(_describe(film))
    if writer.left_out:
        print(f'{writer.left_out} messages were left out, the last one because {writer.reason}')
    if bag.cut_off:
        print(f'the rest could not be read{_cut_off(bag)}')


def _describe(film: Film) -> str:
    began = datetime.fromtimestamp(film.began_ns / 1e9, timezone.utc)
    return (f'{film.path}: {film.count} pictures in {film.seconds:.1f} s, the first taken '
            f'{began:%Y-%m-%d %H:%M:%S} UTC')


def _cut_off(bag: Bag) -> str:
    return f' ({bag.cut_off}): where its recording was cut off, `ros2 bag reindex` helps' \
        if bag.cut_off else ''
