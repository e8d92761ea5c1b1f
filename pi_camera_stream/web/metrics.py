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

"""Figures for Prometheus (text format of its client library)."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from aiohttp import web

from .beside import Beside
from .recordings.recordings_panel import RecordingsPanel
from .stream.catalog import Catalog

_PREFIX = 'pi_camera_stream_'


async def answer_metrics(catalog: Catalog, beside: Sequence[Beside] = (),
                         recordings: RecordingsPanel | None = None) -> web.Response:
    try:
        from prometheus_client import CollectorRegistry, generate_latest
        from prometheus_client.exposition import CONTENT_TYPE_LATEST
    except ImportError:
        raise web.HTTPNotImplemented(text=(
            'install prometheus_client for this (Debian, Ubuntu: python3-prometheus-client)\n'
        )) from None
    registry = CollectorRegistry()
    registry.register(_Collector(catalog, beside, recordings))
    return web.Response(body=generate_latest(registry),
                        headers={'Content-Type': CONTENT_TYPE_LATEST, 'Cache-Control': 'no-store'})


class _Collector:
    def __init__(self, catalog: Catalog, beside: Sequence[Beside],
                 recordings: RecordingsPanel | None) -> None:
        self._catalog, self._beside, self._recordings = catalog, beside, recordings

    def collect(self) -> Iterable[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        streams = self._catalog.streams()
        for kind, name, help_text, values in (
                (CounterMetricFamily, 'frames_received', 'Frames that came from the topic',
                 ((s.name, s.reception.received.total) for s in streams)),
                (CounterMetricFamily, 'frames_sent', 'Frames that went to viewers',
                 ((s.name, s.frames_sent) for s in streams)),
                (CounterMetricFamily, 'bytes_received', 'Bytes that came from the topic',
                 ((s.name, s.reception.received.total_bytes) for s in streams)),
                (CounterMetricFamily, 'bytes_sent', 'Bytes of pictures that went to viewers',
                 ((s.name, s.bytes_sent) for s in streams)),
                (GaugeMetricFamily, 'silent_seconds', 'Time since a frame came, while watched',
                 ((s.name, s.reception.silent_s()) for s in streams if not s.idle)),
        ):
            metric = kind(_PREFIX + name, help_text, labels=['topic'])
            for topic, value in values:
                metric.add_metric([topic], value)
            yield metric
        for kind, name, help_text, figure in (
                (CounterMetricFamily, 'outlet_frames_sent', 'Frames that went to players',
                 lambda outlet: outlet.frames_sent),
                (CounterMetricFamily, 'outlet_bytes_sent', 'Bytes of pictures for players',
                 lambda outlet: outlet.bytes_sent),
                (GaugeMetricFamily, 'outlet_works', 'Whether players are served',
                 lambda outlet: not outlet.reason),
        ):
            metric = kind(_PREFIX + name, help_text, labels=['outlet'])
            for outlet in self._beside:
                metric.add_metric([outlet.url()], figure(outlet))
            yield metric
        yield from self._of_viewers(GaugeMetricFamily)
        if self._recordings is not None:
            yield from _of_recording(self._recordings.figures(), CounterMetricFamily,
                                     GaugeMetricFamily)

    def _of_viewers(self, gauge: Any) -> Iterator[Any]:
        viewers = gauge(_PREFIX + 'viewers', 'Viewers now',
                        labels=['topic', 'transport', 'tier', 'codec'])
        age = gauge(_PREFIX + 'oldest_age_seconds',
                    'Median age of pictures on arrival, of the viewer who gets the oldest',
                    labels=['topic'])
        for stream in self._catalog.streams():
            counts = Counter((viewer.transport, viewer.tier_name(), viewer.codec())
                             for viewer in stream.viewers)
            for labels, count in sorted(counts.items()):
                viewers.add_metric([stream.name, *labels], count)
            ages = [viewer.age_ms.median() / 1e3 for viewer in stream.viewers]
            known = [seconds for seconds in ages if seconds == seconds]
            if known:
                age.add_metric([stream.name], max(known))
        yield viewers
        yield age


def _of_recording(state: Mapping[str, Any], counter: Any, gauge: Any) -> Iterator[Any]:
    yield gauge(_PREFIX + 'recording', 'Whether it records', value=bool(state['recording']))
    yield gauge(_PREFIX + 'recording_works', 'Whether it could', value=not state['fault'])
    yield gauge(_PREFIX + 'recording_free_bytes', 'Room where recordings are',
                value=state['free_bytes'])
    yield counter(_PREFIX + 'recording_frames_left_out',
                  'Frames that are in no recording, since a slow card left no time for them',
                  value=state['left_out'])
