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
What the executor of a node serves, made and destroyed so that none of it can end the node.

rclpy's EventsExecutor still calls what was destroyed while a call of it was waiting in its queue
(rclpy issue 1644), ends with whatever a callback raises, crashes with what a handler of QoS events
or a done callback raises, and prints a warning at the eighth timer. So everything of ours that an
executor serves is made here. Callbacks do nothing once what they belong to is destroyed; what they
raise is logged and counted. Destroying happens in the executor's thread. One timer serves all who
want the same period. Nobody handles QoS events: `qos_watch` looks at the graph instead.
"""

from collections.abc import Callable
import threading
import traceback
from typing import Any
from weakref import WeakKeyDictionary

from rclpy.clock import Clock, ClockType  # type: ignore[attr-defined] # as Humble has it
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions

try:
    from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import PublisherEventCallbacks, SubscriptionEventCallbacks

_REPEAT_S = 1.0  # how often failures are logged at the most


class Failures:
    """What the callbacks of a node have raised; any thread may add to it."""

    def __init__(self, node: Node) -> None:
        self._log, self._context = node.get_logger(), node.context
        self.count = 0
        self.last = ''  # in words; empty before the first one

    def add(self, error: Exception) -> None:
        """Log and count it, unless it is but the end: then what callbacks use has gone."""
        if not self._context.ok():
            return
        self.count += 1
        self.last = f'{type(error).__name__}: {error}'
        self._log.error('a callback failed, everything else keeps running: '
                        + ''.join(traceback.format_exception(type(error), error,
                                                             error.__traceback__)),
                        throttle_duration_sec=_REPEAT_S)


class _State:
    def __init__(self, node: Node) -> None:
        self.failures = Failures(node)
        self.tickers: dict[float, _Ticker] = {}
        self.tasks, self.tasks_ended = threading.Lock(), False


_states: WeakKeyDictionary[Node, _State] = WeakKeyDictionary()


def failures_of(node: Node) -> Failures:
    return _state(node).failures


def create_publisher(node: Node, message_type: type, topic: str, qos: QoSProfile,
                     overridable: bool = False) -> Any:
    """
    Return a publisher; `overridable` gives it `qos_overrides.*` parameters.

    Raises RuntimeError when an override has a value that rclpy does not know.
    """
    return node.create_publisher(
        message_type, topic, qos,
        event_callbacks=PublisherEventCallbacks(use_default_callbacks=False),
        qos_overriding_options=_overriding(overridable))


def create_subscription(node: Node, message_type: type, topic: str,
                        on_message: Callable[[Any], None], qos: QoSProfile,
                        overridable: bool = False) -> Any:
    """Return a subscription; `overridable` gives it `qos_overrides.*` parameters."""
    return node.create_subscription(
        message_type, topic, _MessageCallback(node, on_message), qos,
        event_callbacks=SubscriptionEventCallbacks(use_default_callbacks=False),
        qos_overriding_options=_overriding(overridable))


def create_service(node: Node, service_type: Any, name: str,
                   answer: Callable[[Any, Any], Any]) -> Any:
    """Return a service; where `answer` raises, the client gets the response as it was given."""
    return node.create_service(service_type, name, _ServiceCallback(node, answer))


class Client:
    """Ask a service; the answers come in the executor's thread. Any thread may call all else."""

    def __init__(self, node: Node, service_type: Any, name: str) -> None:
        self._node = node
        self._client: Any = node.create_client(service_type, name)
        self._closed = False

    @property
    def name(self) -> str:
        return str(self._client.srv_name)

    def ready(self) -> bool:
        return not self._closed and bool(self._client.service_is_ready())

    def ask(self, request: Any, on_answer: Callable[[Any], None] = lambda _: None) -> Any:
        """Send a request; return what `forget` takes. `on_answer` hears the response."""
        def receive(future: Any) -> None:
            if not self._closed:
                on_answer(future.result())

        future = self._client.call_async(request)
        future.add_done_callback(_MessageCallback(self._node, receive))
        return future

    def forget(self, future: Any) -> None:
        """Wait no more for an answer, which rclpy would do for ever."""
        self._client.remove_pending_request(future)

    def close(self) -> None:
        """Ask no more, and receive no answer."""
        self._closed = True
        destroy(self._node, self._client)


def guarded(node: Node, function: Callable[..., None]) -> Callable[..., None]:
    """Return it as others may call it: what it raises is logged and counted as the node's."""
    return _GuardedCallback(node, function)


class Periodic:
    """Call a function in the executor's thread until `stop`; any thread may make and stop it."""

    def __init__(self, node: Node, period_s: float, function: Callable[[], None]) -> None:
        self._call = _TimerCallback(node, function)
        tickers = _state(node).tickers
        if period_s not in tickers:
            tickers[period_s] = _Ticker(node, period_s)
        self._ticker = tickers[period_s]
        self._ticker.add(self._call)

    def stop(self) -> None:
        self._call.destroyed = True
        self._ticker.remove(self._call)


def destroy(node: Node, *entities: Any) -> None:
    """Destroy what was made here; its callbacks are not called from now on. Any thread."""
    for entity in entities:
        callback = getattr(entity, 'callback', None)
        if isinstance(callback, _Callback):
            callback.destroyed = True

    def destroy_now() -> None:
        for entity in entities:
            # One of them knows it.
            _ = (node.destroy_subscription(entity) or node.destroy_publisher(entity)
                 or node.destroy_client(entity) or node.destroy_service(entity))

    # The other executors are made for it; whether anyone spins a node of somebody else's just
    # now, nobody knows.
    if type(node.executor).__name__ != 'EventsExecutor' or not run_soon(node, destroy_now):
        destroy_now()


def run_soon(node: Node, function: Callable[[], None]) -> bool:
    """
    Run `function` in the executor's thread; any thread may call it.

    Returns False, and does nothing, where no executor has the node any more, or yet.
    """
    state = _state(node)
    with state.tasks:
        executor = node.executor
        if executor is None or state.tasks_ended:
            return False
        executor.create_task(_TimerCallback(node, function))
        return True


def end_tasks(node: Node) -> None:
    """Let `run_soon` do nothing any more: the executor is about to be torn down."""
    state = _state(node)
    with state.tasks:
        state.tasks_ended = True


class _Callback:
    """A function as an executor may call it."""

    def __init__(self, node: Node, function: Callable[..., Any]) -> None:
        self._failures = failures_of(node)
        self._function = function
        self.destroyed = False

    def _run(self, *arguments: Any) -> Any:
        if self.destroyed:
            return None
        try:
            return self._function(*arguments)
        except Exception as error:
            self._failures.add(error)
            return None


# rclpy looks at how many arguments a callback takes.

class _TimerCallback(_Callback):
    def __call__(self) -> None:
        self._run()


class _MessageCallback(_Callback):
    def __call__(self, message: Any) -> None:
        self._run(message)


class _GuardedCallback(_Callback):
    def __call__(self, *arguments: Any) -> None:
        self._run(*arguments)


class _ServiceCallback(_Callback):
    def __call__(self, request: Any, response: Any) -> Any:
        answered = self._run(request, response)
        return response if answered is None else answered


class _Ticker:
    """One timer for all who want the same period; it rests while there is none."""

    def __init__(self, node: Node, period_s: float) -> None:
        self._lock = threading.Lock()
        self._calls: list[_TimerCallback] = []
        # Not by the node's clock: that stands still where simulated time is awaited or paused.
        self._timer = node.create_timer(period_s, self._tick,
                                        clock=Clock(clock_type=ClockType.STEADY_TIME))

    def add(self, call: _TimerCallback) -> None:
        with self._lock:
            if not self._calls:
                self._timer.reset()
            self._calls = [*self._calls, call]

    def remove(self, call: _TimerCallback) -> None:
        with self._lock:
            self._calls = [other for other in self._calls if other is not call]
            if not self._calls:
                self._timer.cancel()

    def _tick(self) -> None:
        for call in self._calls:
            call()


def _state(node: Node) -> _State:
    state = _states.get(node)
    if state is None:
        state = _states.setdefault(node, _State(node))
    return state


def _overriding(overridable: bool) -> QoSOverridingOptions | None:
    return QoSOverridingOptions.with_default_policies() if overridable else None
