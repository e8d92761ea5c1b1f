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

"""H.264 on the page: chosen, painted, measured, and what is said where it cannot be."""

import signal

import pytest
from support.browsers import in_both, PLAIN_HOST
from support.painted import painted, watch_painting
from support.processes import parameters, running

TOPIC, REAR = '/camera/image_raw/compressed', '/rear/image_raw/compressed'
FRAME_MS = 1000 / 15  # of the fixture `camera`
WITHOUT = 'delete window.VideoDecoder; delete window.RTCPeerConnection'
SMALL, LARGE = (390, 844), (1280, 800)
HIDE = """hidden => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event('visibilitychange'));
}"""


def wait_for_h264(viewer, number=0):
    """Wait until it is painted, and the figures say so; return the time of a picture."""
    viewer.wait_until(lambda: viewer.figure('codec', number) == 'H.264')
    return viewer.wait_for_pictures(number)


def choose(viewer, tier):
    """Choose a quality in the menu, which closes by that."""
    viewer.page.click('#quality')
    viewer.page.locator(f'#quality-list label:has([value={tier}])').click()
    viewer.page.locator('#quality-panel').wait_for(state='hidden')


def quality(viewer):
    return [viewer.page.locator(f'.figures .{name}').inner_text() for name in ('codec', 'tier')]


def lead_ms(viewer):
    """Return how much older the pictures are by their pixels than by their stamps."""
    viewer.page.locator('.pixels[data-lead-ms]').wait_for()
    return viewer.page.locator('.pixels').evaluate('pixels => Number(pixels.dataset.leadMs)')


@in_both
def test_it_is_shown_and_its_age_is_that_of_the_pixels(camera, viewer):
    with viewer.bridge():
        viewer.open(tier='h264')
        wait_for_h264(viewer)
        for _ in range(5):
            viewer.page.wait_for_timeout(300)
            assert abs(lead_ms(viewer)) < FRAME_MS / 2  # it is no other frame's
        assert viewer.figure('size') == '640×360'  # noqa: RUF001
        assert viewer.figure('bits').endswith('bit/s')
        watching, = viewer.state()['streams'][0]['viewers']
        assert watching['tier'] == 'h264'
        assert watching['age_ms'] is not None


@in_both
def test_the_codec_changes_without_black_and_without_a_jump_back(camera, viewer):
    watch_painting(viewer.page)
    with viewer.bridge():
        viewer.open()
        viewer.wait_for_pictures()
        for tier, codec, shown in (
                ('h264', 'H.264', ''), ('jpeg', 'JPEG', 'full'), ('h264_small', 'H.264', 'small'),
                ('h264', 'H.264', ''), ('low', 'JPEG', 'low')):
            choose(viewer, tier)
            viewer.wait_until(lambda codec=codec, shown=shown: quality(viewer) == [codec, shown])
            viewer.wait_for_pictures()
        pictures = painted(viewer.page)
    kinds = [kind for kind, _ in pictures]
    assert {'ImageBitmap', 'VideoFrame'} == set(kinds)
    # The first ones of a narrow link are blurred, which is how a busy machine looks like.
    times_ms = [time_ms for _, time_ms in pictures if time_ms is not None]
    assert 'black' not in times_ms
    assert times_ms == sorted(times_ms)


def test_it_is_chosen_and_kept_in_the_address(camera, viewer):
    with viewer.bridge():
        viewer.open()
        viewer.wait_for_pictures()
        choose(viewer, 'h264_small')
        assert viewer.page.url == f'{viewer.address}?tier=h264_small'
        assert viewer.page.inner_text('#quality .value') == 'H.264 small'
        wait_for_h264(viewer)
        assert viewer.figure('tier') == 'small'
        viewer.page.reload()
        wait_for_h264(viewer)
        assert viewer.page.inner_text('#quality .value') == 'H.264 small'


@pytest.mark.parametrize(('width', 'height'), [SMALL, (320, 568), (568, 320), LARGE])
def test_the_menu_fits_the_window_with_a_reason_too(camera, viewer, width, height):
    viewer.page.set_viewport_size({'width': width, 'height': height})
    viewer.page.add_init_script(WITHOUT)
    with viewer.bridge():
        viewer.open()
        viewer.wait_for_pictures()
        viewer.page.click('#quality')
        viewer.page.get_by_text('This browser cannot decode H.264').wait_for()
        box = viewer.page.locator('#quality-panel').bounding_box()
        assert box['x'] >= 0
        assert box['y'] >= 0
        assert box['x'] + box['width'] <= width
        assert box['y'] + box['height'] <= height
        panel = viewer.page.locator('#quality-panel')
        assert panel.evaluate('panel => panel.scrollWidth <= panel.clientWidth')


@in_both
def test_a_browser_that_cannot_decode_it_gets_jpeg_and_says_why(camera, viewer):
    viewer.page.add_init_script(WITHOUT)
    with viewer.bridge():
        viewer.open(tier='h264')
        viewer.wait_for_pictures()
        viewer.page.click('#quality')
        for tier in ('h264', 'h264_small'):
            assert viewer.page.locator(f'input[value={tier}]').is_disabled()
        assert viewer.page.get_by_text('This browser cannot decode H.264').is_visible()
        assert viewer.figure('codec') == 'JPEG'


def test_on_a_page_that_is_not_secure_it_is_said_what_helps(camera, viewer):
    viewer.may_complain = True  # of headers that are for secure pages
    viewer.page.add_init_script('delete window.RTCPeerConnection')
    with viewer.bridge(allowed_hosts=PLAIN_HOST):
        viewer.address = viewer.address.replace('127.0.0.1', PLAIN_HOST)
        viewer.open()
        viewer.page.locator('figure.live').wait_for()
        viewer.page.click('#quality')
        viewer.page.get_by_text('python3 -m pi_camera_stream secure').wait_for()
        assert viewer.page.locator('input[value=h264]').is_disabled()


def test_several_cameras(camera, rear_camera, viewer):
    with viewer.bridge():
        viewer.wait_until(lambda: viewer.page.request.get(
            f'{viewer.address}snapshot.jpg?topic={REAR}').ok)
        viewer.open(TOPIC, REAR, tier='h264')
        for number in (0, 1):
            wait_for_h264(viewer, number)


def test_a_hidden_page_lets_go_of_it_and_takes_it_up_again(camera, viewer):
    with viewer.bridge():
        viewer.open(tier='h264')
        wait_for_h264(viewer)
        viewer.page.evaluate(HIDE, True)
        viewer.wait_until(lambda: viewer.state()['viewers'] == 0)
        before = viewer.shown()
        viewer.page.evaluate(HIDE, False)
        assert wait_for_h264(viewer) > before


def test_a_page_that_is_covered_gets_no_more(camera, viewer):
    def sent():
        watching, = viewer.state()['streams'][0]['viewers']
        return watching['frames_sent']

    with viewer.bridge():
        viewer.open(tier='h264')
        before = wait_for_h264(viewer)
        viewer.page.evaluate("""() => {
            const { requestAnimationFrame } = window;
            window.requestAnimationFrame = (call) => {
                window.uncover = () => {
                    window.requestAnimationFrame = requestAnimationFrame;
                    call();
                };
                return 1;
            };
        }""")  # there are no animation frames any more
        counts = []
        viewer.wait_until(lambda: counts.append(sent()) or counts[-10:] == 10 * counts[-1:])
        viewer.page.evaluate('uncover()')
        assert wait_for_h264(viewer) > before
        viewer.wait_until(lambda: sent() > counts[-1] + 10)


def test_it_comes_back_after_the_camera_was_gone_and_after_the_bridge_was_killed(viewer):
    viewer.may_complain = True
    pattern = parameters(source='pattern', width=640, height=360, fps=15)
    bridge, port = viewer.start_bridge()
    try:
        viewer.open(tier='h264')
        with running('camera', *pattern):
            wait_for_h264(viewer)
        viewer.page.get_by_text('No signal for').wait_for()
        with running('camera', *pattern):
            viewer.wait_until(lambda: viewer.notice() == '')
            before = wait_for_h264(viewer)
            bridge.stop(signal.SIGKILL)
            viewer.page.get_by_text('No connection to the robot, trying again').wait_for()
            with viewer.bridge(port=port):
                viewer.wait_until(lambda: viewer.notice() == '')
                assert wait_for_h264(viewer) > before
    finally:
        bridge.stop(signal.SIGKILL)
