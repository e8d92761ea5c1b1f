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

"""What the programs of the nodes answer to `--help`, also where there is no ROS."""

from collections.abc import Sequence
import textwrap

from .tables import TABLES
from ..vision.registry import built_in_parameters

_EXAMPLES = {'camera': 'fps:=15', 'http_bridge': 'port:=8081', 'opencv_consumer': 'processor:=qr'}
_OPTIONS = {'all': '  --no-consumer    run camera and bridge only\n'}
_USAGE = """\
usage: python3 -m pi_camera_stream {command} [OPTION ...] [--ros-args [-p NAME:=VALUE ...]
       [--params-file FILE] [-r FROM:=TO ...] [--log-level LEVEL]]

{does}.

  -h, --help       show this help and exit
{options}
example: python3 -m pi_camera_stream {command} --ros-args -p {example}
"""


def node_help(command: str, does: str, nodes: Sequence[str]) -> str:
    """Return how a command is called that runs these nodes, and their parameters."""
    text = _USAGE.format(command=command, does=does[:1].upper() + does[1:],
                         options=_OPTIONS.get(command, ''), example=_EXAMPLES[nodes[0]])
    for node in nodes:
        rows = [*TABLES[node], *(built_in_parameters() if node == 'opencv_consumer' else ())]
        text += f'\nparameters of {node}:\n'
        for row in rows:
            text += f'  {row.name}\n' + textwrap.indent(
                textwrap.fill(row.summary, 72, break_on_hyphens=False), ' ' * 8) + '\n'
    return text
