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

"""What is written twice says the same: tables, versions, licences, commands."""

from importlib.util import find_spec
from pathlib import Path
import re
import subprocess
import textwrap
from xml.etree import ElementTree

from benchmarks import __main__ as benchmarks
from pi_camera_stream import __main__ as command_line
from pi_camera_stream.parameters.tables import TABLES
from pi_camera_stream.tools import document
from pi_camera_stream.vision.registry import built_in_parameters
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / 'pi_camera_stream'
DOCUMENTS = [ROOT / 'README.md', ROOT / 'CONTRIBUTING.md', *(ROOT / 'docs').glob('*.md')]
EXPLAINED = [*DOCUMENTS, ROOT / 'examples/line_follower/README.md',
             *(ROOT / 'examples').rglob('*.py'), *(ROOT / 'config').glob('*.*')]
COMMANDS_WITH_HELP = ['serve', 'demo', 'secure', 'export', 'watch', 'doctor']
if find_spec('rclpy'):  # which it needs for its help, too
    COMMANDS_WITH_HELP.append('latency')


def tracked_files():
    listing = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard'], cwd=ROOT,
                             capture_output=True, text=True)
    if listing.returncode:
        pytest.skip('no git checkout')
    return [ROOT / name for name in listing.stdout.split()]


def test_the_parameter_file_is_made_from_the_tables():
    assert (ROOT / 'config/defaults.yaml').read_text() == document.defaults_yaml()


def test_the_parameter_file_is_what_ros_reads():
    content = yaml.safe_load((ROOT / 'config/defaults.yaml').read_text())
    assert set(content) == {'/**/camera', '/**/http_bridge', '/**/opencv_consumer'}
    assert content['/**/http_bridge']['ros__parameters']['port'] == 8080


def test_the_documents_have_the_tables_and_they_are_up_to_date():
    texts = [(ROOT / name).read_text() for name in document.DOCUMENTS]
    for node in (*document.TABLES, 'processors'):
        assert f'<!-- parameters: {node} -->' in ''.join(texts)
    assert [document.with_tables(text) for text in texts] == texts


@pytest.mark.parametrize('path', sorted(DOCUMENTS), ids=lambda path: path.name)
def test_documents_link_to_what_exists(path):
    for target in re.findall(r'\]\((?!http)([^)]+)\)', path.read_text()):
        name, _, heading = target.partition('#')
        linked = path.parent / name if name else path
        assert linked.exists(), target
        if heading:
            assert heading in headings(linked.read_text()), target


def test_every_document_is_reached_from_the_readme():
    texts = [path.read_text() for path in (ROOT / 'README.md', ROOT / 'CONTRIBUTING.md',
                                           ROOT / 'docs/parameters.md', ROOT / 'docs/http.md')]
    for path in (ROOT / 'docs').glob('*.md'):
        assert any(path.name in text for text in texts), path


def headings(text):
    """Return the anchors of a document's headings, as Git hosts make them."""
    return {re.sub(r'[^\w\- ]', '', title.lower()).replace(' ', '-')
            for title in re.findall(r'^#+ (.*)$', text, re.MULTILINE)}


def test_the_map_of_the_code_names_files_and_classes_that_exist():
    text = (ROOT / 'docs/architecture.md').read_text()
    paths = re.findall(r'`([a-z_/0-9]+/[a-z_/0-9]*\.(?:py|js))`', text)
    assert len(paths) > 40
    for path in paths:
        assert (PACKAGE / path).exists() or (ROOT / path).exists(), path
    code = '\n'.join(path.read_text() for path in PACKAGE.rglob('*.py'))
    pages = '\n'.join(path.read_text() for path in PACKAGE.rglob('*.js'))
    for name in re.findall(r'`([A-Z][A-Za-z0-9]+)`', text):
        assert f'class {name}' in code or f'class {name}' in pages, name


def test_troubleshooting_says_what_the_programs_say():
    code = re.sub(r"['\"]\s*\n\s*f?['\"]", '', '\n'.join(
        path.read_text() for path in PACKAGE.rglob('*.py')))  # sentences go over lines
    text = (ROOT / 'docs/troubleshooting.md').read_text()
    rows = [row.split(' | ')[0] for row in text.splitlines() if row.startswith('| `')]
    assert len(rows) > 25
    for row in rows:
        for said in re.findall(r'`([^`]+)`', row):
            for part in re.split(r"…|NODE|[;:,'] ", said):
                words = part.strip(" ';:,.x")
                assert not re.search(r'[a-z]{3}', words) or words in code, (said, words)


def test_versions_and_names_agree():
    package = ElementTree.parse(ROOT / 'package.xml').getroot()
    setup = (ROOT / 'setup.py').read_text()
    assert f"version='{package.findtext('version')}'" in setup
    assert f"package_name = '{package.findtext('name')}'" in setup
    assert 'Forthcoming' in (ROOT / 'CHANGELOG.rst').read_text()


def test_both_generations_of_opencv_are_tested():
    """They differ in ArUco, faces and types; each of the two environments has one."""
    for distro, generation in (('kilted', 5), ('jazzy', 4)):
        pinned = (ROOT / f'script/requirements/{distro}.txt').read_text()
        assert f'opencv-python-headless=={generation}.' in pinned


def test_without_ros_opencv_is_the_same():
    pinned = (ROOT / 'script/requirements/bare.txt').read_text()
    assert re.search(r'^opencv.*$', pinned, re.MULTILINE).group() \
        in (ROOT / 'script/requirements/kilted.txt').read_text()


def test_every_file_has_its_licence():
    for path in tracked_files():
        if path.suffix in ('.py', '.js', '.css') or path.parent.name in ('script', '.ci'):
            text = path.read_text()
            assert 'Copyright 20' in text[:200], path
            assert 'Apache License, Version 2.0' in text, path


def test_usage_lists_all_commands(capsys):
    assert command_line.main([]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in command_line.COMMANDS)


def test_an_unknown_command_is_explained(capsys):
    assert command_line.main(['fly']) == 2
    assert "there is no command 'fly': choose one of camera" in capsys.readouterr().err


def test_who_looks_for_the_measurements_is_told_where_they_are(capsys):
    assert command_line.main(['bench', 'viewers', '--viewers', '3']) == 2
    assert 'in a clone of the sources, run `python3 -m benchmarks viewers`' \
        in capsys.readouterr().err


def test_each_file_of_the_benchmarks_is_a_command_and_is_listed(capsys):
    files = {path.stem for path in (ROOT / 'benchmarks').glob('*.py')}
    assert files - {'__init__', '__main__'} == set(benchmarks.COMMANDS)
    assert benchmarks.main([]) == 0
    shown = capsys.readouterr().out
    assert all(f'  {name} ' in shown for name in benchmarks.COMMANDS)
    assert benchmarks.main(['fly']) == 2
    assert "there is no command 'fly': choose one of viewers, " in capsys.readouterr().err


def test_documents_name_only_benchmarks_that_exist():
    named = set()
    for path in tracked_files():
        if path.suffix in ('.md', '.py') and path != Path(__file__).resolve():
            text = path.read_text()
            named |= set(re.findall(r'-m benchmarks ([a-z]\w*)', text))
            assert not re.search(r'benchmarks/\w+\.py|stream bench\b', text), path
    assert named == set(benchmarks.COMMANDS)


def test_documents_write_only_launch_arguments_as_launch_arguments():
    """What a launch file does not declare, it passes over without a word."""
    source = (PACKAGE / 'nodes/launch_description.py').read_text()
    others = {'image_transport', 'name'}  # of launch files of others; stands for any
    foreign = r'ros2 launch (?!pi_camera_stream).*'
    given = set()
    for path in EXPLAINED:
        for word in re.findall(r"""(?<!-p )(?<!-p ')(?<!-r )(?<![\w/.])([a-z_]+):=""",
                               re.sub(foreign, '', path.read_text())):
            given.add(re.sub('^(left|right)_', '', word))
    assert len(given) > 20
    assert {name for name in given - others if f"'{name}'" not in source} == {'params'}


@pytest.mark.parametrize('command', COMMANDS_WITH_HELP)
def test_documents_give_commands_only_options_that_they_take(command, capsys):
    with pytest.raises(SystemExit):
        command_line.main([command, '--help'])
    known = set(re.findall(r'--[a-z][\w.-]*', capsys.readouterr().out))
    called = fr'(?:-m pi_camera_stream {command}|script/{command}|`{command}) ([^`\n#|]*)'
    given = {'--' + option for path in EXPLAINED
             for words in re.findall(called, path.read_text().replace('\\\n', ' '))
             for option in re.findall(r'(?<!\S)--([a-z][\w.-]*)', words)}
    assert given
    assert given - known == set()


def test_documents_name_only_options_that_something_takes(capsys):
    """Where the text does not say of which command they are."""
    others = {'--all', '--clock', '--codec', '--device', '--inline', '--intra', '--ipc', '--loop',
              '--privileged', '--remap', '--ros-args', '--shm-size', '--topics'}
    for command in COMMANDS_WITH_HELP:
        with pytest.raises(SystemExit):
            command_line.main([command, '--help'])
    own = '\n'.join([capsys.readouterr().out, (ROOT / 'script/setup').read_text(),
                     *(path.read_text() for folder in ('benchmarks', 'pi_camera_stream/tools')
                       for path in (ROOT / folder).rglob('*.py'))])
    named = {option for path in DOCUMENTS
             for option in re.findall(r'`(--[a-z][\w.-]*)', path.read_text())}
    assert len(named) > 30
    assert [option for option in named - others
            if not re.search(fr'(?<![\w-]){option}(?![\w.-])', own)] == []


def test_documents_give_benchmarks_only_options_that_they_take():
    common = '\n'.join(path.read_text() for path in (ROOT / 'benchmarks/common').glob('*.py'))
    given = {(name, option) for path in DOCUMENTS
             for name, words in re.findall(r'-m benchmarks (\w+)([^`\n]*)', path.read_text())
             for option in re.findall(r' (--[a-z][a-z-]*)', words)}
    assert len(given) > 10
    for name, option in given:
        known = (ROOT / f'benchmarks/{name}.py').read_text() + common
        assert f"'{option}'" in known, (name, option)


def test_documents_give_parameters_only_values_that_they_take():
    """In blocks of YAML, as `name: value` in the text, after -p, and for `ros2 param set`."""
    rows = {}
    for row in (*(row for table in TABLES.values() for row in table), *built_in_parameters()):
        rows.setdefault(row.name, []).append(row)
    seen = {}
    for path in EXPLAINED:
        text = path.read_text()
        for name, value in (*re.findall(r'`([a-z_0-9.]+): ([^`]+)`', text),
                            *re.findall(r'-p ([a-z_0-9.]+):=(\S+)', text),
                            *re.findall(r'ros2 param set /\S+ ([a-z_0-9.]+) ([^\s`]+)', text)):
            if name in rows:
                seen[path.name, name] = yaml.safe_load(value.strip("'"))
        for name, value in _in_yaml_blocks(text):
            assert name in rows or name.startswith('v4l2.'), (path, name)
            seen[path.name, name] = value
    assert len(seen) > 20
    for (_, name), value in seen.items():
        assert any(_takes(row, value) for row in rows.get(name, ())) or name not in rows, (
            name, value)


def _in_yaml_blocks(text):
    """Return name and value of the parameters in all parameter files that a document shows."""
    for block in re.findall(r'^ *ros__parameters:\n((?: +\S.*\n)+)', text, re.MULTILINE):
        yield from yaml.safe_load(textwrap.dedent(block)).items()
    yield from ((name, yaml.safe_load(value)) for name, value in re.findall(
        r'^ {4,}(\w+\.[a-z_.]+): (.*)$', text, re.MULTILINE))


def _takes(row, value):
    try:
        row.check(value)
    except ValueError:
        return False
    return True


def test_the_documents_show_the_example_as_it_is():
    example = (ROOT / 'examples/newest.py').read_text()
    text = (ROOT / 'docs/programs.md').read_text()
    assert re.search(r'```python\n(.*?)```', text, re.DOTALL)[1] in example
