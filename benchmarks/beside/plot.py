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

"""The figures as a picture: how old pictures are, for how many viewers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import ticker
from matplotlib.figure import Figure

from .programs import PROGRAMS, VIEWERS
from ..load.units import rate_text

# program -> colour, marker; WebRTC is dashed
LOOKS = {
    'serve': ('#0b6e4f', 'o'), 'bridge': ('#35b37e', 's'), 'serve-webrtc': ('#0b6e4f', 'o'),
    'ustreamer': ('#d1495b', '^'), 'gstreamer': ('#edae49', 'D'), 'ffmpeg': ('#8338ec', 'X'),
    'threaded': ('#7a7a7a', 'v'), 'aiortc': ('#1f77b4', 'P')}
# Ours are the thick ones, and say whose they are.
_OURS = {'serve': 'pi_camera_stream, serve', 'bridge': 'pi_camera_stream, ROS 2',
         'serve-webrtc': 'pi_camera_stream, WebRTC'}
_STYLE: Any = {'font.size': 16, 'svg.hashsalt': 'pi_camera_stream', 'axes.spines.top': False,
               'axes.spines.right': False, 'font.family': 'DejaVu Sans'}


def draw(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Write a picture of the p99 of the ages, a panel for each way."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(10.5, 7.0), facecolor='white', layout='constrained')
        ways = sorted({row['link_bps'] or 0 for row in rows})
        panels = figure.subplots(1, len(ways), sharey=True, squeeze=False)[0]
        for panel, link_bps in zip(panels, ways, strict=True):
            _panel(panel, [row for row in rows if (row['link_bps'] or 0) == link_bps])
            panel.set_title('loopback' if not link_bps else rate_text(link_bps))
        panels[0].set_ylabel('age of a picture, p99')
        handles = {line.get_label(): line for panel in panels for line in panel.get_lines()}
        figure.legend(list(handles.values()), list(handles), loc='outside lower center', ncols=2,
                      frameon=False)
        figure.savefig(path, dpi=100, metadata={'Date': None} if path.suffix == '.svg' else None)


def _panel(panel: Any, rows: Sequence[dict[str, Any]]) -> None:
    for name, (colour, marker) in LOOKS.items():
        ages = {row['viewers']: row['age_p99_ms'] for row in rows
                if row['program'] == name and row.get('age_p99_ms')}
        if not ages:
            continue
        webrtc = PROGRAMS[name].stream == 'webrtc'
        shown = sorted(ages)
        panel.plot([VIEWERS.index(viewers) for viewers in shown],
                   [ages[viewers] for viewers in shown], color=colour, marker=marker,
                   label=_OURS.get(name) or PROGRAMS[name].what + (', WebRTC' if webrtc else ''),
                   linestyle='--' if webrtc else '-', markersize=9,
                   linewidth=4 if name in _OURS else 2, zorder=3 if name in _OURS else 2)
    panel.set_yscale('log')
    panel.set_xticks(range(len(VIEWERS)), [str(viewers) for viewers in VIEWERS])
    panel.set_xlim(-0.25, len(VIEWERS) - 0.75)
    panel.set_xlabel('viewers')
    panel.yaxis.set_major_formatter(ticker.FuncFormatter(_duration))
    panel.grid(axis='y', color='#dddddd')


def _duration(ms: float, _: int = 0) -> str:
    return f'{ms:g} ms' if ms < 1e3 else f'{ms / 1e3:g} s'
