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
import threading
import time

from pi_camera_stream.client import entities
from pi_camera_stream.client.background_node import BackgroundNode
from pi_camera_stream.client.entities import Client, failures_of, Periodic
from pi_camera_stream.client.executor import create_executor, spin
from pi_camera_stream.client.qos import image_qos, reliable_qos
from pi_camera_stream.core.parameters import Parameter
from pi_camera_stream.nodes.base_node import BaseNode
import pytest
import rclpy
from rclpy.signals import SignalHandlerOptions
from std_msgs.msg import String
from std_srvs.srv import Trigger
from support.processes import wait_until

BUSY_S = 0.3  # for which the executor cannot call what is ready


@pytest.fixture
def node():
    """Return a node that is spun by an executor of ours, in a thread."""
    own = BackgroundNode('entities')
    own.start()
    yield own.node
    own.stop()


def hold_up(node):
    """Keep the executor busy; return when it is."""
    begun = threading.Event()

    def be_busy():
        begun.set()
        time.sleep(BUSY_S)

    assert entities.run_soon(node, be_busy)
    assert begun.wait(60)


def come_by(node):
    """Wait until the executor has come by all that was waiting for it."""
    for _ in range(3):  # what has waited may let something else wait
        passed = threading.Event()
        assert entities.run_soon(node, passed.set)
        assert passed.wait(60)


def test_what_is_destroyed_while_it_waits_is_not_called(node):
    heard, ticks = [], []
    publisher = entities.create_publisher(node, String, 'words', reliable_qos(100))
    for _ in range(20):
        subscription = entities.create_subscription(node, String, 'words', heard.append,
                                                    reliable_qos(100))
        periodic = Periodic(node, 0.01, lambda: ticks.append(True))
        publisher_2 = entities.create_publisher(node, String, 'more', image_qos())
        wait_until(lambda: publisher.get_subscription_count() and ticks)
        publisher.publish(String(data='first'))
        wait_until(lambda: heard)
        hold_up(node)
        for _ in range(50):
            publisher.publish(String(data='late'))
        periodic.stop()
        entities.destroy(node, subscription, publisher_2)
        heard.clear(), ticks.clear()
        come_by(node)
        assert (heard, ticks) == ([], [])
        wait_until(lambda: not publisher.get_subscription_count())
    assert failures_of(node).count == 0


def test_threads_may_make_and_destroy(node):
    def come_and_go(name):
        for _ in range(20):
            made = [entities.create_subscription(node, String, name, print, image_qos()),
                    entities.create_publisher(node, String, name, image_qos())]
            periodic = Periodic(node, 0.02, lambda: None)
            entities.destroy(node, *made)
            periodic.stop()

    threads = [threading.Thread(target=come_and_go, args=(f'topic_{number}',))
               for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    come_by(node)
    assert failures_of(node).count == 0
    wait_until(lambda: not [name for name, _ in node.get_topic_names_and_types()
                            if name.startswith('/topic_')])


def test_nothing_that_a_callback_raises_ends_it(node, capfd):
    def fail(*_arguments):
        raise RuntimeError('as bad as can be')

    publisher = entities.create_publisher(node, String, 'words', reliable_qos(1))
    entities.create_subscription(node, String, 'words', fail, reliable_qos(1))
    entities.create_service(node, Trigger, 'failing', fail)
    answers = []
    client = Client(node, Trigger, 'failing')
    wait_until(lambda: client.ready() and publisher.get_subscription_count())
    for act in (
            lambda: entities.run_soon(node, fail),
            lambda: publisher.publish(String(data='word')),
            lambda: client.ask(Trigger.Request(), answers.append),  # is answered all the same
            lambda: client.ask(Trigger.Request(), fail)):  # twice: there, and here
        before = failures_of(node).count
        act()
        wait_until(lambda before=before: failures_of(node).count > before)
        come_by(node)
    wait_until(lambda: answers)
    assert answers[0].success is False
    wait_until(lambda: failures_of(node).count == 5)
    periodic = Periodic(node, 0.01, fail)
    wait_until(lambda: failures_of(node).count > 30)
    periodic.stop()
    come_by(node)
    assert failures_of(node).last == 'RuntimeError: as bad as can be'
    said = capfd.readouterr().err
    assert 1 <= said.count('a callback failed, ') < 30  # once a second


def test_timers_of_one_period_are_one(node, capfd):
    ticks = []
    many = [Periodic(node, 0.05, lambda number=number: ticks.append(number))
            for number in range(30)]
    wait_until(lambda: set(ticks) == set(range(30)))
    many.pop(0).stop()
    come_by(node)
    ticks.clear()
    wait_until(lambda: set(ticks) == set(range(1, 30)))
    for periodic in many:
        periodic.stop()
    come_by(node)
    ticks.clear()
    again = Periodic(node, 0.05, lambda: ticks.append('again'))
    wait_until(lambda: ticks)
    assert set(ticks) == {'again'}
    again.stop()
    assert 'timers' not in capfd.readouterr().out  # of which rclpy warns


def test_an_answer_that_is_not_awaited_any_more_is_not_heard(node):
    asked = threading.Event()
    go_on = threading.Event()
    other = BackgroundNode('other')

    def answer(_request, response):
        asked.set()
        go_on.wait(60)
        return response

    entities.create_service(other.node, Trigger, 'slow', answer)
    other.start()
    try:
        client, answers = Client(node, Trigger, 'slow'), []
        wait_until(client.ready)
        client.ask(Trigger.Request(), answers.append)
        assert asked.wait(60)
        client.close()
        go_on.set()
        come_by(node)
        time.sleep(0.2)  # in which it would be heard
        assert answers == [] and failures_of(node).count == 0
    finally:
        go_on.set()
        other.stop()


def test_who_sets_a_parameter_hears_of_an_error_of_ours(guest):
    class Failing(BaseNode):
        def on_parameter(self, name, value):
            raise RuntimeError(f'{name} cannot be {value}')

    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    failing = Failing('failing', [Parameter('size', 1, 'Some size', '', 0, 9, live=True)])
    executor, stopping = create_executor(), threading.Event()
    executor.add_node(failing)
    failing.start()
    thread = threading.Thread(target=spin, args=(
        failing, executor, lambda: not stopping.is_set()))
    thread.start()
    try:
        for value in (2, 3):
            result = guest.set_parameter('/camera/failing', 'size', value)
            assert not result.successful
            assert f'size cannot be {value}' in result.reason
        assert failures_of(failing).count == 2
    finally:
        stopping.set()
        thread.join()
        executor.shutdown()
        failing.destroy_node()
        rclpy.try_shutdown()
