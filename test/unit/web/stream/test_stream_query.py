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

from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict
from pi_camera_stream.core.rendition_spec import RenditionSpec as Spec
from pi_camera_stream.web.stream.stream_query import (
    check_type,
    read_max_age_s,
    read_stream_request,
)
from pi_camera_stream.web.stream.tiers import JPEG_NAMES, NAMES
from pi_camera_stream.web.stream.viewer import StreamRequest
import pytest

SENTENCES = {
    'quality': 'quality must be 1 to 100 percent, not ',
    'width': 'width must be 16 to 4096 pixels, not ',
    'height': 'height must be 16 to 4096 pixels, not ',
    'fps': 'fps must be 0.1 to 240 frames/s, not ',
    'max_age': 'max_age must be 0 to 3600 s, not ',
}
GARBAGE = ('', ' ', 'much', '--1', '1,5', '0x10', 'nan', '-nan', 'inf', '-inf', '1e400', '-2',
           '9' * 30, '9' * 10000, '\0', '\n', '½', '十', '\ud800', '-1.0', '1 0')


def read(name, text):
    """Read one number, whatever function it belongs to."""
    return (read_max_age_s if name == 'max_age' else read_stream_request)({name: text})


def test_who_says_nothing_leaves_it_to_the_bridge():
    assert read_stream_request({}) == StreamRequest(tier=None, spec=None, fps=0.0)
    assert read_max_age_s({}) == 0.0
    check_type({})


def test_what_belongs_to_others_does_not_matter():
    assert read_stream_request({'topic': '/x', 'token': 'y', 'bitrate': '5',
                                'default_transport': 'raw'}
                               ) == StreamRequest()


@pytest.mark.parametrize('name', JPEG_NAMES)
def test_every_tier_has_its_name(name):
    wanted = read_stream_request({'tier': name})
    assert NAMES[wanted.tier] == name
    assert wanted.spec is None


def test_the_tier_can_be_left_to_the_bridge_in_words():
    assert read_stream_request({'tier': 'auto'}) == StreamRequest()


@pytest.mark.parametrize('tier', ['', 'Full', 'high ', 'best', '0', '-1', 'None', 'low\r\nX: y'])
def test_another_tier_is_refused_with_the_names_of_all(tier):
    with pytest.raises(web.HTTPBadRequest) as caught:
        read_stream_request({'tier': tier})
    assert caught.value.text == (
        f'tier must be auto, jpeg, full, high, medium, low or lowest, not {tier!r}\n')
    with pytest.raises(web.HTTPBadRequest):
        read_stream_request({'tier': tier, 'width': '320'})


@pytest.mark.parametrize(('query', 'spec'), [
    ({'quality': '1'}, Spec(quality=1)),
    ({'quality': '100'}, Spec(quality=100)),
    ({'width': '16'}, Spec(width=16, quality=80)),
    ({'height': '4096'}, Spec(height=4096, quality=80)),
    ({'width': '320', 'height': '240', 'quality': '5'}, Spec(width=320, height=240, quality=5)),
    ({'invert': ''}, Spec(upside_down=True, quality=80)),
    ({'invert': 'true', 'width': '-1', 'quality': '-1'}, Spec(upside_down=True, quality=80)),
    ({'width': '320', 'tier': 'low'}, Spec(width=320, quality=80)),
])
def test_a_size_or_quality_is_a_rendition_of_ones_own(query, spec):
    assert read_stream_request(query) == StreamRequest(spec=spec)


@pytest.mark.parametrize('name', ['quality', 'width', 'height'])
def test_minus_one_is_no_wish_as_in_web_video_server(name):
    assert read_stream_request({name: '-1'}) == StreamRequest()


@pytest.mark.parametrize('name', ['fps', 'max_age'])
def test_minus_one_is_no_time(name):
    with pytest.raises(web.HTTPBadRequest):
        read(name, '-1')


@pytest.mark.parametrize(('text', 'fps'), [('0.1', 0.1), ('240', 240.0), ('7.5', 7.5)])
def test_a_rate_goes_with_any_wish(text, fps):
    assert read_stream_request({'fps': text}) == StreamRequest(fps=fps)
    assert read_stream_request({'fps': text, 'tier': 'low'}) == StreamRequest(tier=3, fps=fps)
    assert read_stream_request({'fps': text, 'width': '64'}) == StreamRequest(
        spec=Spec(width=64), fps=fps)


@pytest.mark.parametrize(('text', 'age_s'), [('0', 0.0), ('3600', 3600.0), ('0.25', 0.25)])
def test_a_snapshot_may_be_as_old_as_was_said(text, age_s):
    assert read_max_age_s({'max_age': text}) == age_s


@pytest.mark.parametrize(('name', 'text'), [
    ('quality', '0'), ('quality', '101'), ('quality', '50.5'), ('width', '15'), ('width', '4097'),
    ('width', '0'), ('height', '15'), ('height', '4097'), ('height', '1e2'), ('fps', '0'),
    ('fps', '0.0999'), ('fps', '240.1'), ('max_age', '-0.1'), ('max_age', '3600.5'),
    *((name, text) for name in SENTENCES for text in GARBAGE),
])
def test_what_is_no_number_in_its_range_is_refused_with_the_range(name, text):
    with pytest.raises(web.HTTPBadRequest) as caught:
        read(name, text)
    answer = caught.value.text
    assert answer == f'{SENTENCES[name]}{text[:40]!a}\n'
    assert answer.isascii()
    assert answer.count('\n') == 1


@pytest.mark.parametrize(('text', 'value'), [
    ('\u0665\u0660', 50), ('\uff15\uff10', 50), ('0050', 50), ('+50', 50), (' 50 ', 50)])
def test_a_number_may_be_written_in_the_digits_of_any_language(text, value):
    assert read_stream_request({'quality': text}).spec.quality == value
    assert read_stream_request({'fps': text}).fps == value


@given(st.sampled_from(sorted(SENTENCES)), st.one_of(
    st.text(), st.integers().map(str), st.floats().map(str)))
def test_anything_is_either_in_its_range_or_refused(name, text):
    try:
        wanted = read(name, text)
    except web.HTTPBadRequest as error:
        assert error.text.startswith(SENTENCES[name])
        assert len(error.text) < 500
        return
    if name == 'max_age':
        assert 0 <= wanted <= 3600
    elif name == 'fps':
        assert 0.1 <= wanted.fps <= 240
    elif wanted.spec is None:
        assert text == '-1'
    else:
        least, most = (1, 100) if name == 'quality' else (16, 4096)
        assert least <= getattr(wanted.spec, name) <= most


def test_of_what_is_said_twice_the_first_counts():
    assert read_stream_request(MultiDict([('fps', '5'), ('fps', 'x')])) == StreamRequest(fps=5.0)


def test_equal_wishes_can_share_a_rendition():
    requests = {read_stream_request({'width': text, 'quality': '50'}).spec for text in ('320',
                                                                                        '0320')}
    assert len(requests) == 1


@pytest.mark.parametrize('value', ['mjpeg', 'ros_compressed'])
def test_types_of_web_video_server_that_there_are(value):
    check_type({'type': value})


@pytest.mark.parametrize('value', ['', 'png', 'vp8', 'h264', 'MJPEG', '\n', '\ud800' * 50])
def test_other_types_are_refused_with_those_there_are(value):
    with pytest.raises(web.HTTPBadRequest) as caught:
        check_type({'type': value})
    assert caught.value.text == (
        f'type must be mjpeg or ros_compressed, not {value[:40]!a}\n')
