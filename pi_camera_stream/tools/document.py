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

"""Write the parameter tables into the documentation and the parameter file, from one place."""

from pathlib import Path
import re

from ..core.parameters import markdown_table, yaml_file
from ..parameters import aliases
from ..parameters.tables import TABLES
from ..vision.registry import built_in_parameters

HEADING = """\
The parameters of all nodes, with their defaults. Copy this file, change what you like, and start
with: ros2 launch pi_camera_stream camera.launch.py params_file:=/path/to/your.yaml
(Made from pi_camera_stream/parameters/tables.py and pi_camera_stream/vision by
script/document.)"""
DOCUMENTS = 'docs/parameters.md', 'docs/processors.md', 'docs/changing_over.md'
_ALIASES = 'aliases'  # not a node: what other programs' parameters are here
_PROCESSORS = 'processors'  # not a node: the parameters that processors give to opencv_consumer


def defaults_yaml() -> str:
    consumer = (*TABLES['opencv_consumer'], *built_in_parameters())
    return yaml_file({**TABLES, 'opencv_consumer': consumer}, HEADING)


def with_tables(text: str) -> str:
    """Return a Markdown text with the tables between its `parameters:` marks made anew."""
    tables = {**TABLES, _PROCESSORS: built_in_parameters()}

    def table(match: re.Match[str]) -> str:
        made = aliases.markdown_table() if match['node'] == _ALIASES else \
            markdown_table(tables[match['node']])
        return f'{match["begin"]}\n{made}{match["end"]}'

    return re.sub(r'(?P<begin><!-- parameters: (?P<node>\w+) -->).*?(?P<end><!-- end -->)',
                  table, text, flags=re.DOTALL)


def main() -> None:
    """Write them, below the present folder."""
    Path('config/defaults.yaml').write_text(defaults_yaml())
    for name in DOCUMENTS:
        document = Path(name)
        document.write_text(with_tables(document.read_text()))


if __name__ == '__main__':
    main()
