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
Session descriptions of WHEP (SDP, RFC 8866): what a client offers, and what it is answered.

Of an offer, only one section for video, or for sound, goes on to the library, so that a client
cannot let it make anything else; the others are answered as rejected.
"""

from collections.abc import Callable
from dataclasses import dataclass
import ipaddress
import re

MOST_CANDIDATES = 16
_MOST_SECTIONS = 32
_LISTED = 12  # formats in a sentence
_SHOWN = 40  # characters of a name in it
_MEDIA = re.compile(r'm=([a-z]+) (\d{1,5})(?:/\d+)? ([A-Z/]+) (.+)', re.ASCII)
_FORMAT = re.compile(r'a=rtpmap:(\d{1,3}) ([^/\s]+)/(\d+).*', re.ASCII)
_PARAMETERS = re.compile(r'a=fmtp:(\d{1,3}) (.*)', re.ASCII)
_CANDIDATE = re.compile(
    r'(?:a=)?(candidate:[\w+/:.-]{1,64} 1 udp \d{1,10} (\S{2,45}) (\d{1,5})'
    r' typ (?:host|srflx|relay))(?: .*)?', re.ASCII | re.IGNORECASE)
# What the video section gets from the session, or from another section of its bundle.
_OF_TRANSPORT = ('ice-ufrag', 'ice-pwd', 'fingerprint', 'setup')
_MODE, _PROFILE = 'packetization-mode', 'profile-level-id'
_BASELINE = '42'  # profile_idc: all that the library knows; what is sent may be of another one


class BadOfferError(ValueError):
    """What was sent is no offer that can be answered; its text says why."""


class NoH264Error(BadOfferError):
    """It offers no H.264; its text names what it does offer."""


@dataclass(frozen=True)
class Offer:
    """
    An offer to receive video, or sound.

    Attributes
    ----------
    text
        The offer for this one section, without candidates.
    candidates
        Where the client says that it can be reached.
    ufrag, mid
        Its ICE user name, and what its section is called.

    """

    text: str
    candidates: tuple[str, ...]
    ufrag: str
    mid: str
    _sections: tuple[tuple[str, ...], ...]
    _at: int

    def answer(self, text: str) -> str:
        """Return the answer to the whole offer, from that to its one section."""
        session, (video, *_) = _split(text)
        # Some clients take the first fingerprint for the only one.
        video = [line for line in video if not line.startswith('a=fingerprint:')
                 or line.lower().startswith('a=fingerprint:sha-256 ')]
        lines = [*session]
        for at, section in enumerate(self._sections):
            lines += video if at == self._at else _rejected(section)
        return _joined(lines)


def read_offer(text: str) -> Offer:
    """Return the offer in a text; BadOfferError with one sentence where it is none."""
    return _read(text, _find_video)


def read_sound_offer(text: str) -> Offer:
    """Return the offer to receive sound in a text; BadOfferError where it is none."""
    return _read(text, _find_sound)


def _read(text: str, find: Callable[[list[list[str]]], int]) -> Offer:
    session, sections = _split(text)
    if not session or session[0] != 'v=0':
        raise BadOfferError('this is not a session description (SDP), which begins with v=0')
    if not 0 < len(sections) <= _MOST_SECTIONS or not all(
            _MEDIA.fullmatch(section[0]) for section in sections):
        raise BadOfferError('the session description (SDP) has no valid media sections')
    at = find(sections)
    video = _with_transport(session, sections, at)
    ufrag, mid = _value(video, 'ice-ufrag'), _value(video, 'mid')
    lines = [line for line in session if not line.startswith(('a=group:', 'a=ice-', 'a=setup:',
                                                              'a=fingerprint:'))]
    if mid:
        lines.append(f'a=group:BUNDLE {mid}')
    candidates = [one for section in sections for one in read_candidates('\n'.join(section))]
    return Offer(_joined([*lines, *video]), tuple(dict.fromkeys(candidates))[:MOST_CANDIDATES],
                 ufrag, mid, tuple(map(tuple, sections)), at)


def read_candidates(text: str) -> list[str]:
    """
    Return where a client can be reached, by UDP and by number, without `a=`.

    Names of mDNS, which a browser gives in place of its addresses, are left out: they are not
    worth waiting for, since the browser's own checks tell the address.
    """
    found = []
    for line in text.splitlines():
        match = _CANDIDATE.fullmatch(line.strip())
        if match and _is_address(match[2]) and 0 < int(match[3]) < 65536:
            found.append(match[1])
    return found


def read_ufrag(text: str) -> str:
    """Return the ICE user name in an SDP fragment (RFC 8840); empty where there is none."""
    return _value(text.splitlines(), 'ice-ufrag')


def _receiving(sections: list[list[str]], kind: str) -> list[int]:
    """Return which sections are to receive media of that kind."""
    return [at for at, section in enumerate(sections) if section[0].startswith(f'm={kind} ')
            and (_port(section) or 'a=bundle-only' in section)
            and not {'a=sendonly', 'a=inactive'} & set(section)]


def _find_sound(sections: list[list[str]]) -> int:
    """Return which section is to receive sound as Opus."""
    for at in _receiving(sections, 'audio'):
        if any(name.lower() == 'opus' for _, name, _ in _formats(sections[at])):
            return at
    raise BadOfferError('the offer does not ask for sound: it needs an audio transceiver with the '
                        'direction recvonly, and Opus')


def _find_video(sections: list[list[str]]) -> int:
    """Return which section is to receive video as H.264."""
    receiving = _receiving(sections, 'video')
    if not receiving:
        raise BadOfferError('the offer does not ask for video: it needs a video transceiver with '
                            'the direction recvonly')
    for at in receiving:
        if any(_is_ours(name, parameters) for _, name, parameters in _formats(sections[at])):
            return at
    offered = dict.fromkeys(_described(name, parameters) for at in receiving
                            for _, name, parameters in _formats(sections[at])
                            if name.lower() not in ('rtx', 'red', 'ulpfec', 'flexfec-03'))
    raise NoH264Error('the video is H.264 (packetization-mode 1, baseline), but the offer has '
                      'only ' + (', '.join(list(offered)[:_LISTED]) or 'no codec at all'))


def _with_transport(session: list[str], sections: list[list[str]], at: int) -> list[str]:
    """Return the lines of the video section, complete, and without candidates."""
    lines = [line for line in sections[at] if not line.startswith(
        ('a=candidate:', 'a=end-of-candidates', 'a=bundle-only', 'a=rtcp:'))]
    lines[0] = re.sub(r' \d+(/\d+)? ', ' 9 ', lines[0], count=1)
    for name in _OF_TRANSPORT:
        others = [lines, session, *(section for section in sections)]
        source = next((one for one in others if _value(one, name)), None)
        if source is None:
            raise BadOfferError(f'the session description (SDP) has no {name}')
        if source is not lines:
            lines += [line for line in source if line.startswith(f'a={name}:')]
    modes = {kind: parameters for kind, name, parameters in _formats(lines)
             if _is_ours(name, parameters)}
    # Who says nothing of it anywhere can take both, as GStreamer.
    missing = [] if any(_MODE in parameters for parameters in modes.values()) else list(modes)
    have = {match[1] for line in lines if (match := _PARAMETERS.fullmatch(line))}
    lines = [f'{line};{_MODE}=1' if (match := _PARAMETERS.fullmatch(line))
             and match[1] in missing else line for line in lines]
    return lines + [f'a=fmtp:{kind} {_MODE}=1' for kind in missing if kind not in have]


def _formats(section: list[str]) -> list[tuple[str, str, dict[str, str]]]:
    """Return payload type, name and parameters of what a section offers."""
    described = {match[1]: match[2] for line in section
                 if (match := _PARAMETERS.fullmatch(line))}
    formats = []
    for line in section:
        if match := _FORMAT.fullmatch(line):
            pairs = (pair.strip().partition('=') for pair in described.get(
                match[1], '').split(';'))
            formats.append((match[1], match[2], {name.lower(): value for name, _, value in pairs}))
    return formats


def _is_ours(name: str, parameters: dict[str, str]) -> bool:
    return (name.upper() == 'H264' and parameters.get(_MODE, '1') == '1'
            and parameters.get(_PROFILE, _BASELINE).startswith(_BASELINE))


def _described(name: str, parameters: dict[str, str]) -> str:
    details = [f'{key} {parameters[key][:_SHOWN]}' for key in (_MODE, _PROFILE)
               if key in parameters]
    shown = ascii(name[:_SHOWN])[1:-1]
    return f'{shown} ({", ".join(details)})' if name.upper() == 'H264' and details else shown


def _rejected(section: tuple[str, ...]) -> list[str]:
    """Return the answer to a section of which nothing is taken (RFC 3264, 6)."""
    match = _MEDIA.fullmatch(section[0])
    kind, protocol, formats = ('', '', '') if match is None else (match[1], match[3], match[4])
    mid = _value(section, 'mid')
    return [f'm={kind} 0 {protocol} {formats}', 'c=IN IP4 0.0.0.0', 'a=inactive',
            *([f'a=mid:{mid}'] if mid else [])]


def _split(text: str) -> tuple[list[str], list[list[str]]]:
    """Return the lines of the session, and those of each section."""
    session: list[str] = []
    sections: list[list[str]] = []
    for line in text.splitlines():
        if line.startswith('m='):
            sections.append([line])
        elif line:
            (sections[-1] if sections else session).append(line)
    return session, sections


def _joined(lines: list[str]) -> str:
    return '\r\n'.join([*lines, ''])


def _value(lines: list[str] | tuple[str, ...], name: str) -> str:
    start = f'a={name}:'
    return next((line[len(start):].strip() for line in lines if line.startswith(start)), '')


def _port(section: list[str]) -> int:
    match = _MEDIA.fullmatch(section[0])
    return int(match[2]) if match else 0


def _is_address(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (address.is_multicast or address.is_unspecified)
