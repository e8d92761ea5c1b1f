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

"""A ROS node inside the test, to see what our nodes do."""

import array
import queue
import threading
import time

from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import GetParameters, SetParametersAtomically
import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage

from .processes import WAIT_S

CALLS = 3
_KINDS = {bool: (ParameterType.PARAMETER_BOOL, 'bool_value'),
          int: (ParameterType.PARAMETER_INTEGER, 'integer_value'),
          float: (ParameterType.PARAMETER_DOUBLE, 'double_value'),
          str: (ParameterType.PARAMETER_STRING, 'string_value')}


def best_effort(depth=10):
    """Return a profile that sees all our topics."""
    return QoSProfile(depth=depth, reliability=ReliabilityPolicy.BEST_EFFORT)


class Guest:
    """
    A node with a context and a thread of its own.

    Attributes
    ----------
    asked
        How many requests `call` has sent.

    """

    def __init__(self, name='guest', namespace='', **options):
        self.context = rclpy.Context()
        rclpy.init(args=[], context=self.context)
        self.node = rclpy.create_node(name, namespace=namespace, context=self.context,
                                      use_global_arguments=False, **options)
        self.asked = 0
        self._subscriptions = {}  # by queue
        self._executor = SingleThreadedExecutor(context=self.context)
        self._executor.add_node(self.node)
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def close(self):
        """Leave."""
        self.context.try_shutdown()
        self._executor.shutdown(timeout_sec=0)  # Jazzy's does not always see the context's end
        self._thread.join(WAIT_S)
        self.node.destroy_node()

    def listen(self, message_type, topic, qos=None):
        """Return a queue into which the topic's messages fall."""
        messages = queue.Queue()
        self._subscriptions[messages] = self.node.create_subscription(
            message_type, topic, messages.put, qos or best_effort())
        return messages

    def forget(self, messages):
        """Listen no more to what `listen` returned."""
        self.node.destroy_subscription(self._subscriptions.pop(messages))

    def diagnostics(self, name, condition=lambda values: True):
        """Return the first values of the status `name` that fulfil the condition."""
        statuses = self.listen(DiagnosticArray, '/diagnostics')
        values = {}
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            for status in statuses.get(timeout=WAIT_S).status:
                if status.name.endswith(name):
                    values = {pair.key: pair.value for pair in status.values}
                    values['level'], values['message'] = status.level, status.message
                    if condition(values):
                        return values
        raise AssertionError(f'{name} never came to it; the last was {values}')

    def set_parameter(self, node, name, value):
        """Set a parameter as `ros2 param set` does; return the result."""
        return self.set_parameters(node, {name: value})

    def set_parameters(self, node, values):
        """Set parameters together; return the result."""
        parameters = []
        for name, value in values.items():
            kind, field = _KINDS[type(value)]
            parameters.append(Parameter(
                name=name, value=ParameterValue(type=kind, **{field: value})))
        return self.call(SetParametersAtomically, f'{node}/set_parameters_atomically',
                         parameters=parameters).result

    def get_parameters(self, node, *names):
        """Return values as `ros2 param get` shows them, in that order."""
        values = self.call(GetParameters, f'{node}/get_parameters', names=names).values
        fields = dict(_KINDS.values())
        return [getattr(value, fields[value.type]) for value in values]

    def call(self, service_type, service, **request):
        """
        Call a service as `ros2 service call` does; return the response.

        A service that has not yet discovered its client's other half loses its response (rclpy
        warns of it): then ask once more.
        """
        client = self.node.create_client(service_type, service)
        assert client.wait_for_service(WAIT_S)
        for _ in range(CALLS):
            answered = threading.Event()
            self.asked += 1
            future = client.call_async(service_type.Request(**request))
            future.add_done_callback(lambda _, answered=answered: answered.set())
            if answered.wait(WAIT_S / CALLS):
                return future.result()
            client.remove_pending_request(future)
        raise AssertionError(f'{service} never answered')

    def _spin(self):
        try:
            self._executor.spin()
        except ExternalShutdownException:
            pass
        except Exception:  # rclpy's private ones, of what is at work when it leaves
            if self.context.ok():
                raise


class Camera:
    """Publish chosen pictures from within a test, as a camera node would."""

    def __init__(self, guest, topic='/camera/image_raw/compressed'):
        self._guest = guest
        self._publisher = guest.node.create_publisher(CompressedImage, topic, best_effort(1))

    @property
    def subscribers(self):
        return self._publisher.get_subscription_count()

    def send(self, data, stamp=None):
        """Publish a JPEG, and return the message."""
        message = CompressedImage(format='jpeg', data=array.array('B', data))
        message.header.stamp = stamp or self._guest.node.get_clock().now().to_msg()
        message.header.frame_id = 'lens'
        self._publisher.publish(message)
        return message

    def send_until(self, data, arrived):
        """Publish until `arrived()` is true: best effort may lose what comes first."""
        deadline = time.monotonic() + WAIT_S
        while not arrived():
            assert time.monotonic() < deadline, 'it never arrived'
            self.send(data)
            time.sleep(0.05)

    def send_until_counted(self, data, status, key):
        """Publish what is no picture until `status` counts it under `key`."""
        before = int(self._guest.diagnostics(status)[key])

        def counted(values):
            if int(values[key]) > before:
                return True
            self.send(data)  # again: best effort may lose it, and a newer one replace it
            return False

        self.send(data)
        self._guest.diagnostics(status, counted)


def stamp(message):
    """Return a message's stamp in seconds."""
    return message.header.stamp.sec + message.header.stamp.nanosec / 1e9
