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

from pi_camera_stream.core import machine_health
from pi_camera_stream.core.machine_health import MachineHealth, read_health
import pytest

FIRMWARE = 'sys/devices/platform/soc/soc:firmware/get_throttled'
WIRELESS = """Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE
 face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22
 wlan0: 0000   54.  {}.  -256        0      0      0      0      0        0
"""


def tree(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_where_the_system_tells_nothing_nothing_is_said(tmp_path):
    health = read_health(tmp_path)
    assert health == MachineHealth()
    assert health.values() == {}
    assert health.state() == {'problems': []}


@pytest.mark.parametrize(('bits', 'under_voltage', 'before', 'throttled', 'words'), [
    ('0\n', False, False, False, []), ('50005\n', True, True, True, ['under-voltage']),
    ('50000\n', False, True, False, []), ('2\n', False, False, True, ['throttled']),
    ('80008', False, False, True, ['throttled'])])
def test_what_the_firmware_says(tmp_path, bits, under_voltage, before, throttled, words):
    health = read_health(tree(tmp_path, {FIRMWARE: bits}))
    assert (health.under_voltage, health.under_voltage_before, health.throttled) == (
        under_voltage, before, throttled)
    problems = health.problems()
    assert len(problems) == len(words)
    assert all(word in problem for word, problem in zip(words, problems, strict=True))


@pytest.mark.parametrize(('files', 'alarm'), [
    ({'sys/class/hwmon/hwmon1/name': 'rpi_volt\n',
      'sys/class/hwmon/hwmon1/in0_lcrit_alarm': '1\n'}, True),
    ({'sys/class/hwmon/hwmon1/name': 'rpi_volt\n',
      'sys/class/hwmon/hwmon1/in0_lcrit_alarm': '0\n'}, False),
    ({'sys/class/hwmon/hwmon0/name': 'cpu_thermal\n',
      'sys/class/hwmon/hwmon0/in0_lcrit_alarm': '1\n'}, None),
    ({'sys/class/hwmon/hwmon0/name': 'rpi_volt\n'}, None),
    ({FIRMWARE: 'nonsense'}, None)])
def test_under_voltage_where_the_firmware_is_not_passed_on(tmp_path, files, alarm):
    health = read_health(tree(tmp_path, files))
    assert (health.under_voltage, health.throttled) == (alarm, None)


def test_the_warmest_zone_of_the_cpu_counts(tmp_path):
    zones = {'cpu-thermal': 81234, 'soc-thermal': 60000, 'iwlwifi_1': 99000}
    files = {}
    for number, (kind, milli) in enumerate(zones.items()):
        files[f'sys/class/thermal/thermal_zone{number}/type'] = f'{kind}\n'
        files[f'sys/class/thermal/thermal_zone{number}/temp'] = f'{milli}\n'
    health = read_health(tree(tmp_path, files))
    assert health.temperature_c == 81.234
    assert '81 °C' in health.problems()[0]


@pytest.mark.parametrize(('level', 'dbm', 'problems'), [
    ('-56', -56, 0), ('-80', -80, 1), ('0', None, 0), ('200', None, 0), ('*', None, 0)])
def test_wifi(tmp_path, level, dbm, problems):
    health = read_health(tree(tmp_path, {'proc/net/wireless': WIRELESS.format(level)}))
    assert (health.wifi_dbm, len(health.problems())) == (dbm, problems)


def test_load_is_that_of_each_core(tmp_path, monkeypatch):
    monkeypatch.setattr(machine_health.os, 'cpu_count', lambda: 4)
    health = read_health(tree(tmp_path, {'proc/loadavg': '6.00 2.00 1.00 1/200 1234\n'}))
    assert health.load == 1.5
    assert health.values() == {'load of each core': 1.5}
    assert health.state() == {'load': 1.5, 'problems': []}


def test_this_machine_can_be_read():
    assert read_health().load is not None
