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

"""H.264 that is not as it should be: the page goes on, with JPEG in the end, and nothing grows."""

from fractions import Fraction

import av
from pi_camera_stream.codecs import h264
from pi_camera_stream.core.frame import Frame, H264
import pytest
from support.browsers import in_both
from support.h264_bridge import H264Bridge
from support.painted import painted, watch_painting

MENU = '#quality-list'


class Reordering:
    """
    Encode with B-frames, as many a network camera does.

    Attributes
    ----------
    late_ms
        Times of the pictures that others come out before, which were sent after them.

    """

    def __init__(self):
        context = av.CodecContext.create('libx264', 'w')
        context.width, context.height, context.pix_fmt = 640, 360, 'yuv420p'
        context.time_base = Fraction(1, 15)
        context.options = {'preset': 'veryfast', 'bf': '2', 'x264-params':
                           'b-adapt=0:rc-lookahead=3:sync-lookahead=0:scenecut=0'}
        self.late_ms = set()
        self._context, self._packets, self._stamps_ms = context, [], []
        self._newest = -1

    def request_key_frame(self):
        """There is one at the beginning."""

    def encode(self, image, stamp_ns, sequence):
        """Return a frame for each picture, but for the first ones."""
        picture = av.VideoFrame.from_ndarray(image, format='bgr24').reformat(format='yuv420p')
        picture.pts = len(self._stamps_ms)
        self._stamps_ms.append(round(stamp_ns / 1e6))
        self._packets += self._context.encode(picture)
        if not self._packets:
            return None
        packet = self._packets.pop(0)
        if packet.pts > self._newest + 1 and not packet.is_keyframe:
            self.late_ms.add(self._stamps_ms[packet.pts])
        self._newest = max(self._newest, packet.pts)
        return Frame(bytes(packet), stamp_ns, sequence, 640, 360, codec=H264,
                     key=packet.is_keyframe)


@pytest.fixture
def bridge(viewer):
    """Run a bridge whose H.264 can be spoilt, and leave its page before it ends."""
    watch_painting(viewer.page)
    with H264Bridge() as bridge:
        viewer.address = bridge.url
        yield bridge
        viewer.page.goto('about:blank')


def see_h264(viewer, bridge):
    """Look until H.264 is painted."""
    viewer.open()
    viewer.wait_for_pictures()
    bridge.h264 = True
    viewer.wait_until(lambda: viewer.figure('codec') == 'H.264')


def see_jpeg_in_the_end(viewer, bridge, sentence):
    """Wait until the page has given H.264 up, and goes on."""
    viewer.page.locator('.note').get_by_text(sentence).wait_for()
    viewer.wait_until(lambda: viewer.figure('codec') == 'JPEG')
    viewer.wait_for_pictures()
    assert [message['tier'] for message in bridge.said('tier')] == ['jpeg']
    viewer.page.click('#quality')
    assert viewer.page.locator(f'{MENU} input[value=h264]').is_disabled()
    assert viewer.page.locator(MENU).get_by_text(sentence).is_visible()
    viewer.page.keyboard.press('Escape')
    assert bridge.unanswered() == []


def see_no_jump(viewer):
    """See that all that was painted was a picture, and none older than the one before."""
    times_ms = [time_ms for _, time_ms in painted(viewer.page)]
    assert not {None, 'black'}.intersection(times_ms)
    assert times_ms == sorted(times_ms)


def colour(viewer):
    """Return the colour that is painted below the bar."""
    return viewer.page.locator('canvas.picture').evaluate("""canvas => {
        const copy = document.createElement('canvas').getContext('2d');
        copy.drawImage(canvas, 300, 230, 1, 1, 0, 0, 1, 1);
        return [...copy.getImageData(0, 0, 1, 1).data];
    }""")


def cut_off_once(bridge):
    """Cut the next key frame off behind its parameter sets, and let it come now."""
    spoilt = []

    def spoil(data, key):
        if not key or spoilt:
            return data
        spoilt.append(data)
        return data[:40]

    bridge.spoil = spoil
    bridge.want_key()
    return spoilt


def without_parameter_sets(data, key):
    return h264.join([unit for unit in h264.nal_units(data) if h264.unit_type(unit) == h264.IDR]
                     ) if key else data


def of_an_unknown_profile(data, key):
    units = list(h264.nal_units(data))
    return h264.join([unit[:1] + b'\x01' + unit[2:] if h264.unit_type(unit) == h264.SPS else unit
                      for unit in units])


def test_after_a_key_frame_that_is_cut_off_it_goes_on_with_the_next(viewer, bridge):
    see_h264(viewer, bridge)
    spoilt = cut_off_once(bridge)
    viewer.wait_until(lambda: spoilt and bridge.said('keyframe'))
    viewer.wait_for_pictures()
    assert viewer.figure('codec') == 'H.264'
    assert bridge.said('tier') == []
    assert bridge.unanswered() == []
    see_no_jump(viewer)


@in_both
def test_h264_without_parameter_sets_is_given_up(viewer, bridge):
    bridge.spoil = without_parameter_sets
    viewer.open()
    viewer.wait_for_pictures()
    bridge.h264 = True
    see_jpeg_in_the_end(viewer, bridge, 'This browser cannot decode this camera')
    see_no_jump(viewer)


@in_both
def test_a_kind_that_no_browser_knows_is_given_up_at_once(viewer, bridge):
    bridge.spoil = of_an_unknown_profile
    viewer.open()
    viewer.wait_for_pictures()
    bridge.h264 = True
    see_jpeg_in_the_end(viewer, bridge, 'This browser cannot decode H.264 of this kind (avc1.01')


def test_h264_that_fails_again_and_again_is_given_up_and_not_asked_for_again(viewer, bridge):
    see_h264(viewer, bridge)
    bridge.spoil = lambda data, key: data[:40] if key else data
    bridge.want_key()
    see_jpeg_in_the_end(viewer, bridge, 'This browser cannot decode this camera')
    bridge.hang_up()
    viewer.wait_until(lambda: len(bridge.queries) == 2)
    assert bridge.queries[0]['codecs'] == 'jpeg,h264'
    assert bridge.queries[1] == {'tier': 'jpeg'}
    viewer.wait_for_pictures()


def test_who_waits_for_a_key_frame_sees_the_last_picture_and_is_told(viewer, bridge):
    see_h264(viewer, bridge)
    bridge.deaf = True
    cut_off_once(bridge)
    viewer.page.get_by_text('H.264 is waiting for the camera').wait_for()
    viewer.wait_until(lambda: len(bridge.said('keyframe')) > 1)
    assert colour(viewer) == pytest.approx([200, 120, 60, 255], abs=5)
    _, before_ms = painted(viewer.page)[-1]
    bridge.want_key()  # of its own accord
    viewer.wait_until(lambda: not viewer.page.inner_text('.note'))
    assert viewer.wait_for_pictures() > 1e3 * before_ms
    assert bridge.unanswered() == []


@in_both
def test_the_size_may_change_in_mid_stream(viewer, bridge):
    see_h264(viewer, bridge)
    for size in ((320, 240), (1280, 720), (640, 360)):
        bridge.size = size
        viewer.wait_until(
            lambda size=size: viewer.figure('size') == f'{size[0]}×{size[1]}')  # noqa: RUF001
        viewer.wait_for_pictures()
    assert bridge.said('keyframe') == bridge.said('tier') == []
    assert bridge.unanswered() == []
    see_no_jump(viewer)


def test_h264_that_is_older_than_the_jpeg_before_is_not_painted(viewer, bridge):
    bridge.behind_ms = 200
    see_h264(viewer, bridge)
    viewer.wait_for_pictures()
    assert 'VideoFrame' in [kind for kind, _ in painted(viewer.page)]
    see_no_jump(viewer)
    assert bridge.unanswered() == []


@in_both
def test_b_frames_are_shown_in_the_order_of_the_pictures(viewer, bridge):
    bridge.encoder = lambda: reordering
    reordering = Reordering()
    see_h264(viewer, bridge)

    def seen_ms():
        return {round(time_ms) for kind, time_ms in painted(viewer.page) if kind == 'VideoFrame'}

    viewer.wait_until(lambda: reordering.late_ms & seen_ms())
    see_no_jump(viewer)
    assert bridge.said('keyframe') == bridge.said('tier') == []


def test_who_has_chosen_h264_is_told_that_no_key_frame_has_come_yet(viewer, bridge):
    viewer.open(tier='h264')
    note = viewer.page.get_by_text('H.264 starts with the camera')
    note.wait_for()
    assert viewer.figure('codec') == 'JPEG'
    bridge.h264 = True
    note.wait_for(state='detached')
    viewer.wait_until(lambda: viewer.figure('codec') == 'H.264')
    bridge.h264 = False
    viewer.page.click('#quality')
    viewer.page.locator(f'{MENU} label:has([value=jpeg])').click()
    viewer.wait_for_pictures()
    assert not viewer.page.inner_text('.note')


def test_the_reason_of_the_robot_is_in_the_menu_as_long_as_it_holds(viewer, bridge):
    viewer.open()
    viewer.wait_for_pictures()
    bridge.say(type='h264', reason='H.264 is too much for this computer')
    viewer.page.click('#quality')
    viewer.page.locator(MENU).get_by_text('H.264 is too much for this computer').wait_for()
    assert viewer.page.locator(f'{MENU} input[value=h264_small]').is_disabled()
    bridge.say(type='h264', reason='')
    viewer.page.locator(f'{MENU} input[value=h264]:enabled').wait_for()


@in_both
def test_all_pictures_are_answered_for_and_of_the_same_colours(viewer, bridge):
    viewer.open()
    viewer.wait_for_pictures()
    colours = []
    for is_h264, codec in ((False, 'JPEG'), (True, 'H.264')):
        bridge.h264 = is_h264
        viewer.wait_until(lambda codec=codec: viewer.figure('codec') == codec)
        viewer.wait_for_pictures()
        colours.append(colour(viewer))
    assert colours[1] == pytest.approx(colours[0], abs=3)
    viewer.wait_until(lambda: len(bridge.sent) > 60)
    assert bridge.unanswered() == []
    ages_ms = [message['age_ms'] for message in bridge.said('ack')]
    assert sum(age_ms is not None for age_ms in ages_ms) > 20
