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


"""Buttons of the page that switch something on the robot: a horn, lights."""

from collections.abc import Callable
import re

from rclpy.exceptions import NameValidationException
from rclpy.node import Node
from std_msgs.msg import Bool
from std_srvs.srv import SetBool, Trigger

from ...client.entities import Client, create_publisher
from ...client.qos import reliable_qos
from ...core.driving.driven_vehicle import Button
from ...core.errors import PermanentError

_MOST = 4
_FORM = ("'NAME KIND TOPIC, …', as in 'horn bool /horn, lights set_bool /lights'; the kinds are "
         'bool (a topic, true while it is pressed), set_bool (a service, on and off alternately) '
         'and trigger (a service)')


def create_buttons(node: Node, text: str) -> list[Button]:
    """Return the buttons that `teleop.buttons` describes; PermanentError where it does not."""
    entries = [entry.split() for entry in text.split(',') if entry.strip()]
    if len(entries) > _MOST or len({entry[0] for entry in entries}) < len(entries):
        raise PermanentError(f"parameter 'teleop.buttons' may have up to {_MOST} buttons of "
                             f'different names, not {text!r}')
    buttons = []
    for entry in entries:
        if len(entry) != 3 or entry[1] not in _KINDS or not re.fullmatch(r'\w{1,16}', entry[0]):
            raise PermanentError(f"parameter 'teleop.buttons' must be {_FORM}; not {text!r}")
        try:
            press = _KINDS[entry[1]](node, entry[2])
            buttons.append(Button(entry[0], _while_it_lasts(node, press)))
        except (NameValidationException, ValueError) as error:
            raise PermanentError(f"parameter 'teleop.buttons' has '{entry[2]}', which is not a "
                                 'valid topic or service name') from error
    return buttons


def _while_it_lasts(node: Node, press: Callable[[bool], None]) -> Callable[[bool], None]:
    """Return what presses a button unless the node's context has ended."""
    def press_or_not(pressed: bool) -> None:
        if node.context.ok():
            press(pressed)
    return press_or_not


def _bool(node: Node, topic: str) -> Callable[[bool], None]:
    publisher = create_publisher(node, Bool, topic, reliable_qos(1))
    return lambda pressed: publisher.publish(Bool(data=pressed))


def _set_bool(node: Node, name: str) -> Callable[[bool], None]:
    client = Client(node, SetBool, name)
    on = False

    def press(pressed: bool) -> None:
        nonlocal on
        if pressed and _ready(node, client):
            on = not on
            client.ask(SetBool.Request(data=on))
    return press


def _trigger(node: Node, name: str) -> Callable[[bool], None]:
    client = Client(node, Trigger, name)

    def press(pressed: bool) -> None:
        if pressed and _ready(node, client):
            client.ask(Trigger.Request())
    return press


def _ready(node: Node, client: Client) -> bool:
    if client.ready():
        return True
    node.get_logger().warning(f"no node offers the service '{client.name}'",
                              throttle_duration_sec=10.0)
    return False


_KINDS = {'bool': _bool, 'set_bool': _set_bool, 'trigger': _trigger}
