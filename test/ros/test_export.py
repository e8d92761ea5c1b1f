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
"""A ROS bag becomes a video; the bags are those that rosbags itself writes."""

from importlib.util import find_spec
import os
from pathlib import Path
import signal
import subprocess
import sys

import av
import numpy as np
from pi_camera_stream.tools.export import command
from pi_camera_stream.tools.export.bag import _VIDEO_DEFINITION
from pi_camera_stream.tools.export.command import main
import pytest
from support import pictures, videos
from support.processes import WAIT_S

IMAGE, VIDEO = 'sensor_msgs/msg/CompressedImage', 'foxglove_msgs/msg/CompressedVideo'
TOPIC, FOXGLOVE, RAW = '/camera/image_raw/compressed', '/camera/image_raw/foxglove', '/camera/raw'
BEGAN_NS = 1_700_000_000_123_400_000
# Seconds after the first: as a camera does it that misses one, and another one comes late.
TIMES_S = (0.0, 0.0333, 0.1, 0.1334, 0.5, 0.5333, 1.7)
JPEGS = [pictures.jpeg(seed=number) for number in range(len(TIMES_S))]


@pytest.fixture(autouse=True)
def _rosbags(missing, monkeypatch):
    monkeypatch.setattr(command, 'interrupt_by_signals', lambda _: None)  # pytest has its own
    if find_spec('rosbags') is None:
        missing('rosbags is not installed (script/requirements/test.txt)')


class Writing:
    """A bag while it is written."""

    def __init__(self, path, storage):
        from rosbags.rosbag2 import StoragePlugin, Writer
        from rosbags.typesys import get_types_from_msg, get_typestore, Stores
        self._types = get_typestore(Stores.ROS2_JAZZY)
        self._types.register(get_types_from_msg(_VIDEO_DEFINITION, VIDEO))
        self._writer = Writer(path, version=9, storage_plugin=StoragePlugin[storage])
        self._connections = {}
        self._came_ns = BEGAN_NS

    def __enter__(self):
        self._writer.open()
        return self

    def __exit__(self, *_):
        self._writer.close()

    def image(self, data, stamp_ns, topic=TOPIC):
        self._put(topic, IMAGE, header=self._header(stamp_ns), format='jpeg', data=_array(data))

    def video(self, data, stamp_ns, topic=FOXGLOVE, codec='h264'):
        self._put(topic, VIDEO, timestamp=self._time(stamp_ns), frame_id='camera',
                  data=_array(data), format=codec)

    def raw(self):
        self._put(RAW, 'sensor_msgs/msg/Image', header=self._header(0), height=1, width=1,
                  encoding='mono8', is_bigendian=0, step=1, data=_array(b'\0'))

    def _header(self, stamp_ns):
        return self._types.types['std_msgs/msg/Header'](self._time(stamp_ns), 'camera')

    def _time(self, stamp_ns):
        return self._types.types['builtin_interfaces/msg/Time'](*divmod(stamp_ns, 10**9))

    def _put(self, topic, kind, **fields):
        if topic not in self._connections:
            self._connections[topic] = self._writer.add_connection(
                topic, kind, typestore=self._types)
        self._came_ns += 1
        message = self._types.types[kind](**fields)
        self._writer.write(self._connections[topic], self._came_ns,
                           self._types.serialize_cdr(message, kind))


def _array(data):
    return np.frombuffer(data, np.uint8)


def stamps():
    return [BEGAN_NS + round(1e9 * time_s) for time_s in TIMES_S]


def write_images(path, storage='MCAP', jpegs=JPEGS):
    with Writing(path, storage) as bag:
        for stamp_ns, jpeg in zip(stamps(), jpegs, strict=True):
            bag.image(jpeg, stamp_ns)


def packets(path):
    """Return times and bytes of all that is in a video."""
    with av.open(str(path)) as container:
        return [(float(packet.pts * packet.time_base), bytes(packet))
                for packet in container.demux(video=0) if packet.size]


def refused(capsys, *words):
    """Return the one sentence that is said in place of a video."""
    assert main([str(word) for word in words]) == 1
    said = capsys.readouterr().err
    assert said.startswith('export: error: ') and said.count('\n') == 1
    return said


@pytest.mark.parametrize('storage', ['MCAP', 'SQLITE3'])
def test_jpegs_stand_at_the_time_of_their_stamps(tmp_path, capsys, storage):
    write_images(tmp_path / 'bag', storage)
    assert main([str(tmp_path / 'bag'), '--video', str(tmp_path / 'out.mkv')]) == 0
    said = capsys.readouterr().out
    assert '7 pictures in 1.7 s' in said and '2023-11-14 22:13:20 UTC' in said
    found = packets(tmp_path / 'out.mkv')
    assert [data for _, data in found] == JPEGS  # and nothing was encoded
    assert [time_s for time_s, _ in found] == pytest.approx(TIMES_S, abs=0.0002)
    with av.open(str(tmp_path / 'out.mkv')) as container:
        assert container.metadata['FIRST_STAMP_NS'] == str(BEGAN_NS)
        assert len(list(container.decode(video=0))) == len(JPEGS)


def test_a_single_file_of_a_bag_will_do(tmp_path):
    write_images(tmp_path / 'bag')
    file, = (tmp_path / 'bag').glob('*.mcap')
    assert main([str(file), '--video', str(tmp_path / 'out.mkv')]) == 0
    assert len(packets(tmp_path / 'out.mkv')) == len(JPEGS)


@pytest.mark.parametrize('storage', ['MCAP', 'SQLITE3'])
def test_h264_begins_with_a_key_frame_and_is_not_encoded_again(tmp_path, capsys, storage):
    units = videos.access_units([pictures.image(320, 240, number) for number in range(9)],
                                options={'preset': 'superfast', 'tune': 'zerolatency', 'g': '4',
                                         'sc_threshold': '0'})
    with Writing(tmp_path / 'bag', storage) as bag:
        for stamp_ns, jpeg in zip(stamps(), JPEGS, strict=True):
            bag.image(jpeg, stamp_ns)
        for number, unit in enumerate(units[2:]):
            bag.video(unit, BEGAN_NS + number * 40_000_000)
    assert main([str(tmp_path / 'bag'), '--video', str(tmp_path / 'out.mkv'),
                 '--topic', FOXGLOVE]) == 0
    assert '2 messages were left out' in capsys.readouterr().out
    with av.open(str(tmp_path / 'out.mkv')) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert times == pytest.approx([0.0, 0.04, 0.08, 0.12, 0.16], abs=0.0002)


def test_another_size_or_beginning_is_another_file(tmp_path):
    with Writing(tmp_path / 'bag', 'MCAP') as bag:
        bag.image(pictures.jpeg(64, 48), BEGAN_NS)
        bag.image(b'no picture', BEGAN_NS)
        bag.image(pictures.jpeg(96, 64), BEGAN_NS + 10**8)
        bag.image(pictures.jpeg(96, 64), BEGAN_NS - 10**9)  # a simulation that began anew
    assert main([str(tmp_path / 'bag'), '--video', str(tmp_path / 'out.mkv')]) == 0
    names = sorted(path.name for path in tmp_path.glob('*.mkv'))
    assert names == ['out.mkv', 'out_2.mkv', 'out_3.mkv']
    assert [len(packets(tmp_path / name)) for name in names] == [1, 1, 1]


def test_a_bag_that_was_cut_off_is_taken_up_to_there(tmp_path, capsys):
    write_images(tmp_path / 'bag')
    file, = (tmp_path / 'bag').glob('*.mcap')
    data = file.read_bytes()
    for length in range(len(data) // 12, len(data), len(data) // 12):
        file.write_bytes(data[:length])
        out = tmp_path / f'{length}.mkv'
        code = main([str(file), '--video', str(out)])
        said = capsys.readouterr()
        assert (code == 0) == out.exists()
        assert 'ros2 bag reindex' in said.err + said.out


def test_what_is_wrong_is_said_in_one_sentence_with_the_remedy(tmp_path, capsys, monkeypatch):
    bag, out = tmp_path / 'bag', tmp_path / 'out.mkv'
    assert 'ros2 bag record' in refused(capsys, tmp_path / 'none', '--video', out)
    with Writing(bag, 'MCAP') as writing:
        writing.image(JPEGS[0], BEGAN_NS)
        writing.video(b'x', BEGAN_NS)
        writing.raw()
    both = f'{TOPIC}, {FOXGLOVE}'
    assert f'--topic (there are {both})' in refused(capsys, bag, '--video', out)
    assert both in refused(capsys, bag, '--video', out, '--topic', '/nothing')
    assert 'raw images' in refused(capsys, bag, '--video', out, '--topic', RAW)
    assert 'no picture of' in refused(capsys, bag, '--video', out, '--topic', FOXGLOVE)
    assert '.mkv' in refused(capsys, bag, '--video', tmp_path / 'out.mp4', '--topic', TOPIC)
    assert not list(tmp_path.glob('out*'))
    assert 'name another file' in refused(
        capsys, bag, '--video', tmp_path / 'no' / 'folder.mkv', '--topic', TOPIC)
    out.write_text('mine')
    assert 'there already' in refused(capsys, bag, '--video', out, '--topic', TOPIC)
    assert out.read_text() == 'mine'
    (tmp_path / 'file.mcap').write_bytes(b'no bag')
    assert 'cannot be read as a bag' in refused(
        capsys, tmp_path / 'file.mcap', '--video', tmp_path / 'other.mkv')
    assert 'cannot be written' in refused(
        capsys, bag, '--video', Path('/proc/out.mkv'), '--topic', TOPIC)
    with Writing(tmp_path / 'raw', 'MCAP') as writing:
        writing.raw()
    assert 'record image_raw/compressed' in refused(
        capsys, tmp_path / 'raw', '--video', tmp_path / 'other.mkv')
    for name in [name for name in sys.modules if name.split('.')[0] == 'rosbags']:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, 'rosbags', None)
    assert 'pip install rosbags' in refused(capsys, bag, '--video', tmp_path / 'other.mkv')


def test_what_cannot_be_a_bag_is_said_at_once(tmp_path, capsys):
    """A reader would wait for ever at a pipe."""
    os.mkfifo(tmp_path / 'pipe.mcap')
    os.mkfifo(tmp_path / 'pipe')
    (tmp_path / 'zero.mcap').symlink_to('/dev/zero')
    (tmp_path / 'empty.db3').touch()
    (tmp_path / 'text').write_text('no bag')
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'pipes').mkdir()
    os.mkfifo(tmp_path / 'pipes/metadata.yaml')
    for name, reason in {'pipe.mcap': 'is no regular file', 'pipe': 'is no regular file',
                         'zero.mcap': 'is no regular file', 'pipes': 'is no regular file',
                         'empty.db3': 'is empty', 'text': 'is not a bag',
                         'folder': 'has no metadata.yaml', 300 * 'x': 'cannot be read'}.items():
        said = refused(capsys, tmp_path / name, '--video', tmp_path / 'out.mkv')
        assert reason in said
        assert 'name the folder that `ros2 bag record` has made' in said
    assert not list(tmp_path.glob('*.mkv*'))


def test_interrupted_it_leaves_no_file_and_nothing_of_others(tmp_path):
    """The bag is on a disk that does not answer any more."""
    write_images(tmp_path / 'bag', 'SQLITE3', [pictures.jpeg(1280, 720)] * len(TIMES_S))
    code = ('import sys, time; import pi_camera_stream.tools.export.bag as bag\n'
            'from pi_camera_stream.tools.export.command import main\n'
            'pictures = bag.Bag.pictures\n'
            'def slowly(*words):\n'
            '    yield from pictures(*words)\n'
            '    print("read", flush=True)\n'
            '    time.sleep(600)\n'
            'bag.Bag.pictures = slowly\n'
            'sys.exit(main(sys.argv[1:]))')
    process = subprocess.Popen([sys.executable, '-c', code, tmp_path / 'bag', '--video',
                                tmp_path / 'out.mkv'], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    with process:
        assert process.stdout.readline() == 'read\n'
        assert (tmp_path / 'out.mkv.part').stat().st_size > 10_000
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=WAIT_S)
    assert (process.returncode, said) == (130, '')
    assert not list(tmp_path.glob('out*'))
