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

"""Source `url` and the programs that people send with."""

import shutil

from benchmarks.common import networks
import cv2
from pi_camera_stream.sources.base import SourceSettings
from pi_camera_stream.sources.url import UrlSource
import pytest
from support import h264_streams, senders
from support.capturing import capturing
from support.processes import wait_until
from support.rtsp_server import rtsp_server

BASIC_LOGIN = 'Basic YWRtaW46aHVudGVyMg=='  # admin:hunter2


@pytest.fixture(scope='module')
def bars():
    return senders.bars()


@pytest.fixture(autouse=True)
def _ffmpeg(missing):
    if shutil.which('ffmpeg') is None:
        missing('the senders are the Debian package ffmpeg')


class ThereSource(UrlSource):
    """The source whose worker runs in a network namespace."""

    def __init__(self, settings, prefix):
        super().__init__(settings)
        self._prefix = prefix

    def command(self):
        return [*self._prefix, *super().command()]


def source(url, **settings):
    return UrlSource(SourceSettings('url', url, **settings))


def see(run, bars, count=20):
    """See that `count` more pictures come, and that they are what was sent."""
    before = run.loop.captured.total
    wait_until(lambda: run.loop.captured.total >= before + count)
    image = run.image()
    assert image.shape == bars.shape
    assert cv2.absdiff(image, bars).mean() < 12


@pytest.mark.parametrize(('codec', 'container', 'sent_to', 'read_from', 'detail'), [
    ('h264', 'mpegts', 'udp://127.0.0.1:{}?pkt_size=1316', 'udp://127.0.0.1:{}',
     'H.264 in MPEG-TS over UDP'),
    ('h265', 'mpegts', 'udp://127.0.0.1:{}?pkt_size=1316', 'udp://127.0.0.1:{}',
     'H.265 in MPEG-TS over UDP'),
    ('h264', 'h264', 'udp://127.0.0.1:{}?pkt_size=1316', 'udp://127.0.0.1:{}', 'H.264 over UDP'),
    ('mjpeg', 'mjpeg', 'udp://127.0.0.1:{}?pkt_size=1316', 'udp://127.0.0.1:{}', 'JPEG over UDP'),
    ('h264', 'h264', 'tcp://127.0.0.1:{}', 'tcp://127.0.0.1:{}?listen', 'H.264 over TCP'),
    ('h264', 'mpegts', 'tcp://127.0.0.1:{}', 'tcp://127.0.0.1:{}?listen=1',
     'H.264 in MPEG-TS over TCP'),
    ('h265', 'hevc', 'tcp://127.0.0.1:{}?listen=1', 'tcp://127.0.0.1:{}', 'H.265 over TCP'),
    ('h264', 'h264', 'tcp://127.0.0.1:{}?listen=1', 'tcp://127.0.0.1:{}', 'H.264 over TCP'),
    ('h264', 'rtp', 'rtp://127.0.0.1:{}', 'rtp://127.0.0.1:{}', 'H.264 over RTP'),
    ('h264', 'rtsp', 'rtsp://127.0.0.1:{}/live', 'rtsp://127.0.0.1:{}/live?listen',
     'H.264 over RTSP'),
    ('h264', 'mpegts', 'http://127.0.0.1:{}/live.ts', 'http://127.0.0.1:{}/live.ts?listen=1',
     'H.264 over HTTP'),
])
def test_what_ffmpeg_sends_is_seen_and_seen_again_when_it_returns(
        codec, container, sent_to, read_from, detail, bars):
    port = senders.free_port()
    with capturing(source(read_from.format(port))) as run:
        for _ in range(2):
            with senders.sending_again(sent_to.format(port), container, codec):
                see(run, bars)
            assert run.source.hello['detail'] == detail
            assert (run.source.hello['width'], run.source.hello['height']) == senders.SIZE
            run.wait_for_problem('')
        assert run.ends == []


@pytest.mark.parametrize(('pipeline', 'read_from', 'detail'), [
    ('x264enc tune=zerolatency key-int-max=15 ! video/x-h264,stream-format=byte-stream ! '
     'udpsink host=127.0.0.1 port={}', 'udp://127.0.0.1:{}', 'H.264 over UDP'),
    ('x264enc tune=zerolatency key-int-max=15 ! video/x-h264,stream-format=byte-stream ! '
     'tcpserversink host=127.0.0.1 port={}', 'tcp://127.0.0.1:{}', 'H.264 over TCP'),
    ('x264enc tune=zerolatency key-int-max=15 ! rtph264pay config-interval=1 pt=96 ! '
     'udpsink host=127.0.0.1 port={}', 'rtp://127.0.0.1:{}', 'H.264 over RTP'),
    ('jpegenc ! udpsink host=127.0.0.1 port={}', 'udp://127.0.0.1:{}', 'JPEG over UDP'),
])
def test_what_gstreamer_sends_is_seen_and_seen_again_when_it_returns(
        pipeline, read_from, detail, missing):
    if shutil.which('gst-launch-1.0') is None:
        missing('the sender is the Debian packages gstreamer1.0-{tools,plugins-good,plugins-ugly}')
    port = senders.free_port()
    with capturing(source(read_from.format(port))) as run:
        for _ in range(2):
            with senders.gstreamer(pipeline.format(port)):
                before = run.loop.captured.total
                wait_until(lambda: run.loop.captured.total >= before + 10)  # noqa: B023 - at once
                colour = run.image().mean(axis=(0, 1))
                assert abs(colour - senders.GSTREAMER_BGR).max() < 25
                assert run.source.hello['detail'] == detail
            run.wait_for_problem('')


def see_passed_on(run, sender, count=90):
    """See that a sender's H.264 is passed on without a fault, with the stamps of the JPEGs."""
    units, stamps = [], set()
    run.source.on_video = units.append
    run.loop.on_capture = lambda capture, _: stamps.add(capture.monotonic_ns)
    run.source.want_video(True)
    with sender:
        wait_until(lambda: len(units) >= count)
    units = list(units)  # more may come
    assert run.source.has_video
    assert units[0].key
    assert 4 <= sum(unit.key for unit in units[:count]) <= 8  # one in 15
    assert {(unit.width, unit.height) for unit in units} == {senders.SIZE}
    assert run.ends == run.problems == []
    shown = h264_streams.decode([unit.data for unit in units])
    assert len(shown) == len(units)
    missed = run.source.counters()['left out by the worker'] + (
        run.source.counters()['replaced by newer'])
    assert len({unit.monotonic_ns for unit in units} - stamps) <= missed + 2  # the last ones
    return shown[count // 2]


@pytest.mark.parametrize(('container', 'sent_to', 'read_from'), [
    ('mpegts', 'udp://127.0.0.1:{}?pkt_size=1316', 'udp://127.0.0.1:{}'),
    ('h264', 'tcp://127.0.0.1:{}', 'tcp://127.0.0.1:{}?listen'),
    ('rtp', 'rtp://127.0.0.1:{}', 'rtp://127.0.0.1:{}'),
    ('rtsp', 'rtsp://127.0.0.1:{}/live', 'rtsp://127.0.0.1:{}/live?listen'),
    ('mpegts', 'http://127.0.0.1:{}/live.ts', 'http://127.0.0.1:{}/live.ts?listen=1'),
    ('flv', 'rtmp://127.0.0.1:{}/live/robot', 'rtmp://127.0.0.1:{}/live/robot?listen=1'),
])
def test_h264_of_ffmpeg_is_passed_on_as_it_comes(container, sent_to, read_from, bars):
    port = senders.free_port()
    with capturing(source(read_from.format(port))) as run:
        image = see_passed_on(run, senders.sending_again(sent_to.format(port), container))
    assert cv2.absdiff(image, bars).mean() < 12


@pytest.mark.parametrize('colours', ['I420', 'Y444'])
def test_h264_of_gstreamer_is_passed_on_if_everybody_can_decode_it(colours, missing):
    if shutil.which('gst-launch-1.0') is None:
        missing('the sender is the Debian packages gstreamer1.0-{tools,plugins-good,plugins-ugly}')
    port = senders.free_port()
    sender = senders.gstreamer(
        f'video/x-raw,format={colours} ! x264enc tune=zerolatency key-int-max=15 ! rtph264pay '
        f'config-interval=1 pt=96 ! udpsink host=127.0.0.1 port={port}')
    with capturing(source(f'rtp://127.0.0.1:{port}')) as run:
        if colours == 'I420':
            image = see_passed_on(run, sender)
        else:
            with sender:
                wait_until(lambda: 'it is H.264 with 4:4:4' in run.source.why_no_video)
                image = run.image()
                assert not run.source.has_video
    assert abs(image.mean(axis=(0, 1)) - senders.GSTREAMER_BGR).max() < 25


@pytest.mark.parametrize('transport', ['tcp', 'udp'])
def test_h264_of_an_rtsp_camera_is_passed_on_as_it_comes(transport, bars):
    with (rtsp_server() as server, capturing(source(f'{server.url}?{transport}')) as run):
        image = see_passed_on(
            run, senders.sending(f'rtp://127.0.0.1:{server.rtp_port}', 'rtp'))
    assert cv2.absdiff(image, bars).mean() < 12


@pytest.mark.parametrize(('behind', 'transport'), [('', 'tcp'), ('?udp', 'udp'), ('?tcp', 'tcp')])
def test_an_rtsp_camera(behind, transport, bars):
    with rtsp_server() as server, capturing(source(server.url + behind)) as run:
        with senders.sending(f'rtp://127.0.0.1:{server.rtp_port}', 'rtp'):
            see(run, bars)
        assert server.transports[-1] == transport


def test_an_rtsp_camera_with_a_password(bars, capfd):
    with rtsp_server(BASIC_LOGIN) as server, senders.sending(
            f'rtp://127.0.0.1:{server.rtp_port}', 'rtp'):
        with capturing(source(server.url.replace('//', '//admin:hunter2@'))) as run:
            see(run, bars)
            assert 'hunter2' not in run.source.title + str(run.source.hello)
        with capturing(source(server.url.replace('//', '//admin:hunter3@'))) as run:
            said = run.wait_for_problem('put the right user and password')
            assert 'hunter' not in said
            assert run.ends == []
    output = capfd.readouterr()
    assert 'hunter' not in output.out + output.err


def test_it_can_be_scaled_and_turned(bars):
    port = senders.free_port()
    with (capturing(source(f'udp://127.0.0.1:{port}', width=120, height=160, rotation=90)) as run,
          senders.sending(f'udp://127.0.0.1:{port}?pkt_size=1316')):
        wait_until(lambda: run.loop.captured.total)
        image = run.image()
    expected = cv2.rotate(cv2.resize(bars, (160, 120), interpolation=cv2.INTER_AREA),
                          cv2.ROTATE_90_CLOCKWISE)
    assert image.shape == expected.shape
    assert cv2.absdiff(image, expected).mean() < 12


def test_one_who_comes_late_sees_from_the_next_key_frame_on(bars):
    port = senders.free_port()
    with senders.sending(f'udp://127.0.0.1:{port}?pkt_size=1316') as sender:
        with capturing(source(f'udp://127.0.0.1:{port}')) as run:
            see(run, bars)
        with capturing(source(f'udp://127.0.0.1:{port}')) as run:
            see(run, bars)
        assert sender.poll() is None


@pytest.mark.parametrize(('sent_to', 'read_from'), [
    (f'udp://{networks.ADDRESSES[1]}:5000', 'udp://@:5000'),
    ('udp://239.1.2.3:5000', 'udp://@239.1.2.3:5000'),
    ('udp://239.1.2.3:5000', f'udp://239.1.2.3:5000?localaddr={networks.ADDRESSES[1]}'),
    (f'udp://{networks.ADDRESSES[1]}:5000', f'udp://{networks.ADDRESSES[0]}:5000'),
])
def test_from_one_computer_to_another(sent_to, read_from, bars, missing):
    if reason := networks.unavailable():
        missing(reason)
    with (networks.two_hosts() as (there, here),
          capturing(ThereSource(SourceSettings('url', read_from), here)) as run,
          senders.sending(f'{sent_to}?pkt_size=1316', prefix=there)):
        see(run, bars)
