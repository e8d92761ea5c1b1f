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

"""WebRTC in real browsers: a page of a test's own asks by WHEP, and the viewer page shows it."""

import re

import pytest
from support.browsers import in_both, PLAIN_HOST
from support.cars import IDLE
from support.processes import parameters, Program, running

PAGE = """async ({kinds, query}) => {
  const connection = new RTCPeerConnection();
  kinds.forEach((kind) => connection.addTransceiver(kind, {direction: 'recvonly'}));
  const video = document.createElement('video');
  Object.assign(video, {className: 'picture', muted: true, autoplay: true});
  video.onresize = () => Object.assign(video, {width: video.videoWidth,
                                               height: video.videoHeight});
  document.body.append(video);
  Object.assign(window, {connection, video, painted: null});
  connection.ontrack = ({track}) => {
    if (track.kind === 'video') video.srcObject = new MediaStream([track]);
  };
  const note = (now, {rtpTimestamp}) => {
    window.painted = {rtpTimestamp, now};
    video.requestVideoFrameCallback(note);
  };
  video.requestVideoFrameCallback(note);
  await connection.setLocalDescription(await connection.createOffer());
  const answer = await fetch(`whep${query}`, {
    method: 'POST', headers: {'Content-Type': 'application/sdp'},
    body: connection.localDescription.sdp});
  const text = await answer.text();
  if (answer.status === 201) {
    window.place = new URL(answer.headers.get('Location'), answer.url);
    await connection.setRemoteDescription({type: 'answer', sdp: text});
  }
  return {status: answer.status, text};
}"""
AGE = """async () => {
  const before = {...window.painted};
  const state = await (await fetch(window.place)).json();
  const ticks = (state.rtp_timestamp - before.rtpTimestamp) | 0;
  return {ticks, age_ms: state.server_ms - (state.stamp_ms - ticks / 90)
                         - (performance.now() - before.now)};
}"""
TOPIC = '/camera/image_raw/compressed'
COUNT = """
    window.asked = [];
    const { fetch } = window;
    window.fetch = (...words) => {
        if (String(words[0]).includes('whep')) window.asked.push(words[1]?.method ?? 'GET');
        return fetch(...words);
    };"""
STUCK = """
    const watch = HTMLVideoElement.prototype.requestVideoFrameCallback;
    HTMLVideoElement.prototype.requestVideoFrameCallback = function (call) {
        return watch.call(this, (...words) => window.stuck || call(...words));
    };"""
SECRETIVE = """
    const watch = HTMLVideoElement.prototype.requestVideoFrameCallback;
    HTMLVideoElement.prototype.requestVideoFrameCallback = function (call) {
        return watch.call(this, (now, { rtpTimestamp, ...metadata }) => call(now, metadata));
    };"""
BOASTFUL = """
    RTCRtpReceiver.getCapabilities = () => ({
        codecs: [{ mimeType: 'video/H264', clockRate: 90000 }] });
    delete RTCRtpTransceiver.prototype.setCodecPreferences;"""
HIDE = """hidden => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event('visibilitychange'));
}"""
HAS_H264 = """() => RTCRtpReceiver.getCapabilities('video').codecs.some(
  ({mimeType}) => mimeType === 'video/H264')"""


def ask(viewer, *kinds, query=''):
    """Ask for a picture; return status and text of the answer."""
    viewer.may_complain = True  # an address that is no page has no icon
    viewer.page.goto(viewer.address + 'healthz')
    answer = viewer.page.evaluate(PAGE, {'kinds': kinds, 'query': query})
    return answer['status'], answer['text']


@pytest.mark.usefixtures('aiortc')
@pytest.mark.parametrize('kinds', [('video',), ('audio', 'video')])
def test_chromium_shows_the_camera_and_knows_how_old_the_picture_is(camera, viewer, kinds):
    with viewer.bridge():
        status, text = ask(viewer, *kinds)
        assert status == 201, text
        viewer.wait_for_pictures()
        age = viewer.page.evaluate(AGE)
        assert abs(age['ticks']) < 90_000 and -500 < age['age_ms'] < 10_000
        watching, = viewer.state()['streams'][0]['viewers']
        assert (watching['transport'], watching['codec']) == ('webrtc', 'h264')
        viewer.page.evaluate('connection.close()')
        viewer.wait_until(lambda: not viewer.state()['viewers'])


@pytest.mark.usefixtures('aiortc')
def test_who_closes_the_page_is_gone_soon(camera, viewer):
    with viewer.bridge():
        assert ask(viewer, 'video')[0] == 201
        viewer.wait_for_pictures()
        viewer.page.goto('about:blank')
        viewer.wait_until(lambda: not viewer.state()['viewers'])


@in_both
@pytest.mark.usefixtures('aiortc')
def test_a_browser_without_h264_hears_why_there_is_no_picture(camera, viewer):
    with viewer.bridge():
        status, text = ask(viewer, 'video')
        if viewer.page.evaluate(HAS_H264):
            assert status == 201
            viewer.wait_for_pictures()
        else:
            assert status == 406 and 'the offer has only VP8' in text


@pytest.fixture(scope='module')
def robot_address(tmp_path_factory):
    """Run a camera on a car for all tests that look at the page of it."""
    folder = tmp_path_factory.mktemp('car')
    (folder / 'my_car.py').write_text(IDLE)
    program = Program(
        'serve', '--vehicle', 'my_car:Car', '--teleop.insecure', 'true', '--source', 'pattern',
        '--size', '640x360', '--fps', '15', '--address', '127.0.0.1', '--port', '0',
        '--allowed-hosts', PLAIN_HOST, cwd=folder)
    yield program.wait_for(r'Open (http://\S+/)').group(1)
    program.stop()


@pytest.fixture
def looker(robot_address, viewer, aiortc):
    """Return who looks at that page; the browser may complain of what the test makes fail."""
    viewer.address, viewer.may_complain = robot_address, True
    yield viewer
    viewer.page.goto('about:blank')
    viewer.wait_until(lambda: not viewer.state()['viewers'])


def wait_for(viewer, transport, number=0):
    """Wait until pictures come so, and are on the screen; return the time of one."""
    viewer.wait_until(lambda: viewer.figure('transport', number) == transport)
    return viewer.wait_for_pictures(number)


def wait_for_jpegs(viewer):
    """Wait until these come, where something is written on the picture."""
    viewer.wait_until(lambda: viewer.figure('codec') == 'JPEG' and viewer.rate() > 1)
    assert viewer.figure('transport') == 'WebSocket'


def choose(viewer, quality):
    viewer.page.click('#quality')
    viewer.page.locator(f'#quality-list label:has([value={quality}])').click()


def transports(viewer):
    """Return what those who watch get, by the way on which they do."""
    return {watching['transport']: watching['tier']
            for watching in viewer.state()['streams'][0]['viewers']}


def test_a_page_that_is_not_secure_has_it_by_itself(looker):
    address = looker.address
    looker.address = address.replace('127.0.0.1', PLAIN_HOST)
    looker.open()
    looker.address = address
    looker.wait_for_pictures()
    before = wait_for(looker, 'WebRTC')
    assert looker.figure('codec') == 'H.264'
    looker.wait_until(lambda: looker.age_ms() is not None)
    assert looker.figure('pixels')  # by the same clock
    assert transports(looker) == {'websocket': 'none', 'webrtc': 'h264'}
    choose(looker, 'jpeg')
    assert wait_for(looker, 'WebSocket') > before
    looker.wait_until(lambda: set(transports(looker)) == {'websocket'})
    assert transports(looker)['websocket'] != 'none'


def test_it_is_chosen_kept_in_the_address_and_never_goes_back_in_time(looker):
    looker.open(TOPIC, '/camera/image_raw')  # two pictures
    seen = [looker.wait_for_pictures()]
    for quality, transport, query in (
            ('webrtc', 'WebRTC', '&transport=webrtc'), ('auto', 'WebSocket', ''),
            ('webrtc', 'WebRTC', '&transport=webrtc')):
        choose(looker, quality)
        while looker.figure('transport') != transport or len(seen) % 4:
            seen += [time_us for time_us in [looker.shown()] if time_us]
        assert looker.page.url.endswith(f'/image_raw{query}')
    assert seen == sorted(seen)
    wait_for(looker, 'WebRTC', 1)
    looker.page.reload()
    wait_for(looker, 'WebRTC')
    assert looker.page.inner_text('#quality .value') == 'WebRTC'
    looker.page.evaluate(HIDE, True)
    looker.wait_until(lambda: looker.state()['viewers'] == 0)
    looker.page.evaluate(HIDE, False)
    wait_for(looker, 'WebRTC')


def test_a_video_that_stands_still_gives_way_to_jpeg_and_is_not_tried_at_once(looker):
    looker.page.add_init_script(COUNT + STUCK)
    looker.open(transport='webrtc')
    wait_for(looker, 'WebRTC')
    looker.page.evaluate('window.stuck = true')
    looker.page.get_by_text('No WebRTC: The video stood still').wait_for()
    wait_for_jpegs(looker)
    asked = looker.page.evaluate('window.asked')
    assert asked.count('POST') == asked.count('DELETE') == 1


@pytest.mark.parametrize('status', [406, 503])
def test_where_the_robot_refuses_jpeg_goes_on_and_it_is_asked_once(looker, status):
    looker.page.add_init_script(COUNT)
    looker.page.route(re.compile(r'/whep\?'), lambda route: route.fulfill(
        status=status, body='there is no room for it\n'))
    looker.open(transport='webrtc')
    looker.page.get_by_text('No WebRTC: There is no room for it').wait_for()
    wait_for_jpegs(looker)
    assert looker.page.evaluate('window.asked') == ['POST']
    looker.page.click('#quality')
    assert looker.page.locator('input[value=webrtc]').is_disabled() is (status == 406)


def test_an_age_that_is_not_known_exactly_is_called_a_bound(looker):
    looker.page.add_init_script(SECRETIVE)
    looker.open(transport='webrtc')
    wait_for(looker, 'WebRTC')
    looker.wait_until(lambda: re.fullmatch(r'at most \d+ ms', looker.figure('age')))
    looker.wait_until(lambda: looker.figure('pixels') == '')


@in_both
def test_a_browser_goes_on_with_jpeg_where_the_robot_finds_no_h264(looker):
    if not looker.page.evaluate(HAS_H264):
        looker.page.add_init_script(BOASTFUL)
    else:
        looker.page.route(re.compile(r'/whep\?'), lambda route: route.fulfill(
            status=406, body='the offer has only VP8\n'))
    looker.open(transport='webrtc')
    looker.page.get_by_text('No WebRTC: ').wait_for()
    assert 'the offer has only' in looker.page.locator('.note').inner_text().lower()
    wait_for_jpegs(looker)


def test_who_takes_the_wheel_goes_by_pictures_of_the_websocket(looker):
    looker.open(transport='webrtc')
    before = wait_for(looker, 'WebRTC')
    wheel = looker.page.locator('.wheel')
    wheel.click()
    looker.page.get_by_role('button', name='Leave the wheel').wait_for()
    assert wait_for(looker, 'WebSocket') > before
    assert looker.page.locator('.webrtc').count() == 0
    choose(looker, 'h264')
    choose(looker, 'webrtc')
    assert looker.page.locator('.webrtc').count() == 0
    wheel.click()
    wait_for(looker, 'WebRTC')


@pytest.mark.usefixtures('aiortc')
def test_without_a_signal_it_is_let_go_and_comes_back_with_the_camera(viewer):
    viewer.may_complain = True  # a busy robot may have let go of it first
    pattern = parameters(source='pattern', width=640, height=360, fps=15)
    with viewer.bridge():
        viewer.open(transport='webrtc')
        with running('camera', *pattern):
            wait_for(viewer, 'WebRTC')
            assert viewer.notice() == ''
        viewer.page.get_by_text('No signal for').wait_for()
        viewer.wait_until(lambda: set(transports(viewer)) == {'websocket'})
        with running('camera', *pattern):
            wait_for(viewer, 'WebRTC')
            assert viewer.notice() == ''
