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


from pi_camera_stream.core.errors import PermanentError
from pi_camera_stream.outlets.create import create_outlets, OutletSettings
from pi_camera_stream.web.access.access_rules import AccessRules
import pytest

TOKEN = 'correct-horse-battery'
SENDING = ('rtp://robot:5004', 'udp://239.1.2.3:5000', 'tcp://10.0.0.1:5001')
PUSH = 'rtsp://me:p%40ss%2Cword@[fd00::1]/live/robot'


def create(token='', sound=None, **settings):
    return create_outlets(OutletSettings('127.0.0.1', **settings), None,
                          AccessRules(access_token=token), None, None, None, sound)


def test_nothing_is_there_unless_it_is_wanted():
    assert create() == []
    assert [one.url() for one in create(
        rtsp_port=8554, outlets=('tcp://:5001', 'tcp://:5002?topic=/front'))] == [
            'rtsp://127.0.0.1:8554/camera', 'tcp://127.0.0.1:5001', 'tcp://127.0.0.1:5002']


def test_what_is_sent_to_an_address():
    assert [one.url() for one in create(outlets=SENDING)] == list(SENDING)
    one, = create(outlets=('udp://[ff15::7%25lo]:5000/?topic=/front&tier=h264_small',))
    address = one.address
    assert (address.topic, address.tier, address.group) == ('/front', 'h264_small', True)
    assert 'udp://[ff15::7' in one.title()
    one, = create(outlets=('tcp://[::1]:5001',))
    assert one.url() == 'tcp://[::1]:5001'


@pytest.mark.parametrize('text', [
    'tcp', 'tcp://', 'tcp://:', 'tcp://:0', 'tcp://:70000', 'tcp://:x', 'udp://:5001', ':5001',
    'tcp://robot', 'tcp://user@:5001', 'tcp://user@robot:5001', 'tcp://:5001/path',
    'tcp://:5001?tpic=/front', 'tcp://:5001?x', 'tcp://[:5001', 'tcp://:\xb2', 'rtp://',
    'rtp://robot', 'rtp://robot:0', 'rtp://robot:65535', 'udp://robot:70000', 'udp://@:5000',
    'foo://x:5000', 'rtsp://robot', 'rtsp://robot/', 'rtsp://robot:0/live', 'rtsp:///live',
    'rtsp://robot/live#x', 'rtsp://robot/l\xefve', 'udp://ro bot:5000', 'udp://robot:5000#x'])
def test_what_is_no_address_is_refused_with_the_remedy(text):
    with pytest.raises(PermanentError, match=r'is not a valid address: write (rtp|udp|tcp|rtsp):'):
        create(outlets=(text,))


@pytest.mark.parametrize(('text', 'said'), [
    ('udp://224.0.0.5:5000', 'routing protocols'), ('rtp://240.1.2.3:5004', 'cannot send to'),
    ('udp://255.255.255.255:5000', 'cannot send to'), ('udp://0.0.0.0:5000', 'cannot send to'),
    ('udp://239.1.2:5000', 'four numbers'), ('udp://239.256.1.1:5000', 'four numbers'),
    ('tcp://239.1.2.3:5001', 'multicast group'), ('rtsp://239.1.2.3/live', 'multicast group'),
    ('rtp://robot:5004?tier=full', 'h264 and h264_small')])
def test_what_cannot_be_sent_to_is_refused_with_the_reason(text, said):
    with pytest.raises(PermanentError, match=said):
        create(outlets=(text,))


def test_a_password_is_kept_and_shown_to_nobody():
    one, = create(outlets=(PUSH,))
    assert (one.address.user, one.address.secret, one.address.port) == ('me', 'p@ss,word', 554)
    assert one.url() == 'rtsp://[fd00::1]:554/live/robot'
    for text in (PUSH.replace('/live/robot', ''), PUSH.replace('[', ''), PUSH + '#x',
                 'rtsp://me:p%40ss/word@robot/live', 'rtp://me:p%40ss@robot:5004',
                 PUSH + '?tier=full'):
        with pytest.raises(PermanentError) as error:
            create(outlets=(text,))
        assert 'p%40ss' not in str(error.value)
        assert 'p@ss' not in str(error.value)


@pytest.mark.parametrize('pair', [
    ('tcp://:5001', 'tcp://:5001?topic=/front'), ('rtp://robot:5004', 'udp://robot:5004'),
    ('rtp://robot:5004', 'rtp://robot:5005'), ('udp://robot:5000', 'udp://robot:5000')])
def test_two_at_one_place_are_refused(pair):
    with pytest.raises(PermanentError, match='give each its own port'):
        create(outlets=pair)
    create(outlets=('rtp://robot:5004', 'rtp://robot:5006', 'tcp://robot:5004'))


def test_sound_needs_room_for_itself():
    with pytest.raises(PermanentError, match='with sound the next three'):
        create(sound='sound', outlets=('rtp://robot:5004', 'rtp://robot:5006'))
    create(sound='sound', outlets=('rtp://robot:5004', 'rtp://robot:5008'))
    create(outlets=('rtp://robot:65534',))
    create(sound='sound', outlets=('rtp://robot:65532',))
    with pytest.raises(PermanentError, match='use a port up to 65532'):
        create(sound='sound', outlets=('rtp://robot:65534',))


def test_what_cannot_ask_for_a_token_is_refused_beside_one():
    for text in ('tcp://:5001', *SENDING):
        with pytest.raises(PermanentError, match="'outlets_insecure'"):
            create(TOKEN, outlets=(text,))
    # Who receives that asks for a password.
    assert len(create(TOKEN, outlets=(PUSH,))) == 1
    with pytest.raises(PermanentError, match="'outlets_insecure'"):
        create(TOKEN, outlets=('rtsp://10.0.0.1/live',))
    assert len(create(TOKEN, outlets=('tcp://:5001',), insecure=True, rtsp_port=8554)) == 2
    assert len(create(TOKEN, rtsp_port=8554)) == 1
    with pytest.raises(PermanentError, match="'rtsp_multicast'"):
        create(TOKEN, rtsp_port=8554, rtsp_multicast=True)
