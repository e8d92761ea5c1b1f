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

"""What a request asks for in its query: checked, or refused with one sentence."""

from collections.abc import Collection, Mapping

from aiohttp import web

from .tiers import choose, NAMES
from .viewer import StreamRequest
from ...core.frame import H264, JPEG
from ...core.rendition_spec import QUALITIES, RenditionSpec

_QUALITY = 80  # where a size was asked for, but no quality
_RANGES = {
    'quality': (*QUALITIES, 'percent'),
    'width': (16, 4096, 'pixels'),
    'height': (16, 4096, 'pixels'),
    'fps': (0.1, 240, 'frames/s'),
    'max_age': (0, 3600, 's'),
}
_VIDEO_TIERS = ('h264', 'h264_small')
_TYPES = ('mjpeg', 'ros_compressed')


def read_stream_request(query: Mapping[str, str], codecs: Collection[str] = (JPEG,)
                        ) -> StreamRequest:
    """
    Return the request in a query with `tier`, `quality`, `width`, `height`, `invert` and `fps`.

    The names are those of web_video_server, where it has them, and where -1 asks for nothing, too.
    With one of width and height, the picture keeps its proportions; `invert` turns it upside down.
    `codecs` are those that the client can decode.
    """
    fps, tier = _number(query, 'fps') or 0.0, query.get('tier', 'auto')
    try:
        chosen = choose(tier, codecs)
    except ValueError as error:
        raise _refuse(str(error)) from error
    width, height = int(_number(query, 'width') or 0), int(_number(query, 'height') or 0)
    quality, upside_down = int(_number(query, 'quality') or 0), 'invert' in query
    if width or height or quality or upside_down:
        return StreamRequest(fps=fps, spec=RenditionSpec(width=width, height=height,
                                                         quality=quality or _QUALITY,
                                                         upside_down=upside_down))
    return StreamRequest(**chosen, fps=fps, codecs=codecs)


def read_video_request(query: Mapping[str, str]) -> StreamRequest:
    """Return the request in a query with `tier`, for H.264 alone."""
    return StreamRequest(ladder=(NAMES.index(read_video_tier(query)),), codecs=(H264,))


def read_video_tier(query: Mapping[str, str]) -> str:
    tier = query.get('tier', H264)
    if tier not in _VIDEO_TIERS:
        raise _refuse(f'the tiers of H.264 are {" and ".join(_VIDEO_TIERS)}, not {_shown(tier)}')
    return tier


def read_webrtc_request(query: Mapping[str, str]) -> StreamRequest:
    """Return the request in a query with `tier`, for WebRTC, which has H.264 only."""
    tier = query.get('tier', 'auto')
    if tier not in ('auto', *_VIDEO_TIERS):
        raise _refuse(f'the tiers of WebRTC are auto, {" and ".join(_VIDEO_TIERS)}, not '
                      f'{_shown(tier)}')
    # Down to small pictures, unless these were asked for.
    return StreamRequest(**choose(H264 if tier == 'auto' else tier, (H264,)), codecs=(H264,))


def read_codecs(query: Mapping[str, str]) -> tuple[str, ...]:
    """Return what the client says it can decode, of what there is; JPEG, it always can."""
    names = [name.strip() for name in query.get('codecs', '').split(',')]
    return (JPEG, H264) if H264 in names else (JPEG,)


def read_max_age_s(query: Mapping[str, str]) -> float:
    """Return how old a snapshot may be; 0 where nothing was said."""
    return _number(query, 'max_age') or 0.0


def check_type(query: Mapping[str, str]) -> None:
    """See whether the `type` of a web_video_server request is one that there is; they are one."""
    value = query.get('type', 'mjpeg')
    if value not in _TYPES:
        raise _refuse(f"type must be {' or '.join(_TYPES)}, not {_shown(value)}")


def _number(query: Mapping[str, str], name: str) -> float | None:
    text = query.get(name)
    least, most, unit = _RANGES[name]
    if text is None or (text == '-1' and name in ('quality', 'width', 'height')):
        return None
    try:
        value = float(text) if name in ('fps', 'max_age') else int(text)
    except ValueError:
        value = float('nan')
    if not least <= value <= most:
        raise _refuse(f'{name} must be {least:g} to {most:g} {unit}, not {_shown(text)}')
    return value


def _shown(text: str) -> str:
    return ascii(text[:40])


def _refuse(sentence: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=sentence + '\n')
