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

"""WebRTC in real browsers: a page of a test's own asks by WHEP, as the product's does."""

import pytest
from support.browsers import in_both

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
        assert abs(age['ticks']) < 90_000 and -50 < age['age_ms'] < 10_000
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
