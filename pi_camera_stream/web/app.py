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

"""The HTTP application: which address shows what."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from aiohttp import web, web_fileresponse
from aiohttp.typedefs import Handler

from .access.access import Access
from .access.access_rules import AccessRules, Role
from .access.admission import Admission, Place
from .access.client_address import client_address, note_client
from .access.identity import role_of, session_of
from .access.origins import relative
from .access.sessions import Connection
from .beside import answer_sdp, Beside
from .connections import ConnectionReaper
from .controls.camera_panel import CameraPanel
from .drive.drive import Drive
from .metrics import answer_metrics
from .recordings.recordings_panel import RecordingsPanel
from .results import ResultsFeed
from .stream.catalog import Catalog
from .stream.h264_stream import stream_h264
from .stream.mjpeg import stream_mjpeg
from .stream.snapshot import answer_snapshot
from .stream.stream import Stream
from .stream.stream_query import (
    check_type,
    read_codecs,
    read_max_age_s,
    read_stream_request,
    read_video_request,
    read_webrtc_request,
)
from .stream.viewer import StreamRequest, Viewer
from .stream.websocket import stream_websocket
from .webrtc.ice_servers import IceServer
from .webrtc.video_session import watching
from .webrtc.whep import Whep
from ..core import camera_info, clock_exchange
from ..core.recording import Recordings

if TYPE_CHECKING:
    from .sound.sound import Sound

_STATIC = Path(str(files(__package__))) / 'static'
_MAX_BODY_BYTES = 16384
# A connection that is lost in the midst of asyncio's sendfile() raises in the loop itself, and its
# request never ends. It would save nothing with files as small as these.
web_fileresponse.NOSENDFILE = True  # type: ignore[misc]
_NOT_STORED = {'Cache-Control': 'no-store'}

CameraInfos = Callable[[str], Awaitable[camera_info.SentInfo]]
"""Returns what is known of the camera of a topic, or raises an HTTPException that says why not."""
Watch = Callable[[web.Request, Stream, Viewer], Awaitable[web.StreamResponse]]


class Application:
    """The routes over the streams of a catalog. All methods run in the event loop."""

    def __init__(self, catalog: Catalog, rules: AccessRules, log: Callable[[str], None],
                 drive: Drive | None = None, camera_panel: CameraPanel | None = None,
                 machine: Callable[[], Mapping[str, object]] = dict,
                 results: ResultsFeed | None = None,
                 camera_infos: CameraInfos | None = None,
                 ice_servers: Sequence[IceServer] = (),
                 recordings: Recordings | None = None, sound: 'Sound | None' = None) -> None:
        """
        Put them together.

        `log` hears of refusals; `drive` is what pages drive by, and `camera_panel` what they
        change cameras by, where they may; `machine` returns how this machine is; `results` is
        what processors of this process have found; `camera_infos` is asked for `/camera_info`;
        `ice_servers` help those who watch by WebRTC through a router; `recordings` is what is
        recorded, and `sound` what is heard, where that can be.
        """
        self._machine, self._results = machine, results
        self._camera_infos = camera_infos
        self._sound = sound
        self._catalog = catalog
        self._drive = drive
        self._camera_panel = camera_panel
        self._recordings = None if recordings is None else RecordingsPanel(recordings, rules)
        if recordings is not None and not (rules.access_token or rules.driver_token):
            log('the page can neither show nor make recordings, since anyone can watch: set the '
                "parameter 'access_token'")
        self._access = Access(rules, log)
        self._rules = rules
        self.places, self._snapshots = Admission(rules), Admission(rules)
        self._listeners = Admission(rules)  # to results
        self._pages: dict[str, Place] = {}  # by the name of the viewer that each page is
        self._hearers = Admission(rules)  # of sound
        self._whep = Whep(ice_servers)
        # Hears of requests that may last, for which there are places.
        self._keep: Callable[[web.BaseRequest], None] = lambda _: None
        self._beside: list[Beside] = []

    def serve_beside(self, outlets: Iterable[Beside]) -> None:
        """Open and close these together with the pages; to be called before `build`."""
        self._beside += outlets

    def note_wrong(self, address: str) -> float:
        """
        Note a wrong token that came from an address by another way than HTTP.

        Return for how many seconds another one is one too many.
        """
        return self._access.note_wrong(address)

    def build(self, reaper: ConnectionReaper) -> web.Application:
        """Return the aiohttp application; `reaper` hears of each request."""
        self._keep = reaper.keep
        app = web.Application(client_max_size=_MAX_BODY_BYTES,
                              middlewares=[reaper.middleware, self._note_client])
        self._access.protect(app)
        get = app.router.add_get
        get('/', self._page)
        get('/latency', self._latency)
        get('/stream.mjpg', self._mjpeg)
        get('/stream.h264', self._h264)
        get('/snapshot.jpg', self._snapshot)
        get('/ws', self._websocket, allow_head=False)
        app.router.add_post('/whep', self._offer)
        for place in ('/whep', '/whep/sound'):
            app.router.add_patch(place + '/{viewer}', self._whep.change)
            app.router.add_delete(place + '/{viewer}', self._whep.end)
            get(place + '/{viewer}', self._whep.show, allow_head=False)
        if self._drive is not None:
            get('/drive', self._drive_page(self._drive), allow_head=False)
        if self._camera_panel is not None:
            get('/camera', self._camera_panel.show)
            app.router.add_post('/camera', self._camera_panel.change)
        if self._results is not None:
            get('/results', self._results_page(self._results), allow_head=False)
        if self._recordings is not None:
            get('/recordings', self._recordings_page)
            self._recordings.add_routes(app.router, reaper.keep)
        if self._sound is not None:
            get('/sound', self._sound_page(self._sound), allow_head=False)
            app.router.add_post('/whep/sound', self._sound_offer(self._sound))
        get(f'/{clock_exchange.PLACE}', self._clock)
        if self._camera_infos is not None:
            get(f'/{camera_info.PLACE}', self._camera_info)
        get('/camera.sdp', self._sdp)
        get('/streams', self._streams)
        get('/state', self._state)
        get('/metrics', self._metrics)
        get('/healthz', self._healthz)
        # As web_video_server has them.
        get('/stream', self._mjpeg)
        get('/snapshot', self._snapshot)
        get('/stream_viewer', self._stream_viewer)
        app.router.add_static('/static/', _STATIC)
        app.on_startup.append(self._begin)
        app.on_shutdown.append(self._close)
        return app

    @web.middleware
    async def _note_client(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        note_client(request, self._rules.proxies())
        return await handler(request)

    @contextmanager
    def _admit(self, request: web.Request, places: Admission) -> Iterator[tuple[str, Place]]:
        """Give a lasting request one of the places; return that, and the address of who asks."""
        address = client_address(request)
        with places.admit(address, role_of(request) is Role.LEADS) as place:
            self._keep(request)
            yield address, place

    async def _begin(self, _: web.Application) -> None:
        if self._results is not None:
            self._results.attach()
        if self._sound is not None:
            self._sound.attach()
        for outlet in self._beside:
            await outlet.open()

    async def _close(self, _: web.Application) -> None:
        for outlet in self._beside:
            await outlet.close()
        self._catalog.close()
        await self._whep.close()
        if self._recordings is not None:
            self._recordings.end()
        if self._sound is not None:
            self._sound.end()
        if self._drive is not None:
            await self._drive.close()

    async def _page(self, _: web.Request) -> web.StreamResponse:
        return _static_page('viewer/index.html')

    async def _latency(self, _: web.Request) -> web.StreamResponse:
        return _static_page('latency/latency.html')

    async def _recordings_page(self, _: web.Request) -> web.StreamResponse:
        return _static_page('recordings/recordings.html')

    async def _mjpeg(self, request: web.Request) -> web.StreamResponse:
        return await self._watch(request, stream_mjpeg, 'mjpeg',
                                 read_stream_request(request.query))

    async def _h264(self, request: web.Request) -> web.StreamResponse:
        return await self._watch(request, stream_h264, 'h264', read_video_request(request.query))

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        return await self._watch(request, stream_websocket, 'websocket', read_stream_request(
            request.query, read_codecs(request.query)))

    async def _offer(self, request: web.Request) -> web.StreamResponse:
        stream, address = self._stream(request), client_address(request)
        page = self._pages.get(request.query.get('viewer', ''))

        @contextmanager
        def door(connection: Connection) -> Iterator[None]:
            # A page that watches already takes no second place for the same camera.
            place = self.places.admit(address, role_of(request) is Role.LEADS) \
                if page is None or page.holders != 1 else page.hold()
            with place, self._access.connected(request, connection):
                yield

        return await self._whep.offer(request, watching(stream, Viewer(
            address, 'webrtc', read_webrtc_request(request.query),
            visitor=self._rules.counted(address))), door)

    async def _watch(self, request: web.Request, answer: Watch, transport: str,
                     wanted: StreamRequest) -> web.StreamResponse:
        stream = self._stream(request)
        with self._admit(request, self.places) as (address, place):
            viewer = Viewer(address, transport, wanted, visitor=self._rules.counted(address))
            self._pages[viewer.name] = place
            try:
                return await answer(request, stream, viewer)
            finally:
                del self._pages[viewer.name]

    async def _snapshot(self, request: web.Request) -> web.StreamResponse:
        stream, wanted = self._stream(request), read_stream_request(request.query)
        max_age_s = read_max_age_s(request.query)
        with self._admit(request, self._snapshots) as (address, _):
            response = await answer_snapshot(stream, wanted, max_age_s,
                                             self._rules.counted(address))
            # Here, and not by aiohttp behind it: who does not read keeps the place.
            await response.prepare(request)
            await response.write_eof()
            return response

    def _stream(self, request: web.Request) -> Stream:
        check_type(request.query)
        return self._catalog.stream(request.query.get('topic', ''))

    async def _stream_viewer(self, request: web.Request) -> web.Response:
        query = {**request.query, 'topic': self._stream(request).name}
        raise web.HTTPFound(relative(f'/?{urlencode(query)}'))

    async def _clock(self, _: web.Request) -> web.Response:
        """Tell the clock of the stamps to whoever compares it with their own."""
        now_ns = self._catalog.now_ns
        return web.json_response(text=clock_exchange.write_answer(now_ns(), now_ns),
                                 headers=_NOT_STORED)

    async def _camera_info(self, request: web.Request) -> web.Response:
        name = self._stream(request).name
        if self._camera_infos is None:
            raise web.HTTPNotFound
        info = await self._camera_infos(name)
        return web.json_response(info.fields(), headers=_NOT_STORED)

    def _drive_page(self, drive: Drive) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            self._keep(request)  # it has places of its own
            return await drive.answer(request)
        return answer

    def _results_page(self, results: ResultsFeed) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            with self._admit(request, self._listeners):
                return await results.answer(request)
        return answer

    async def _sdp(self, request: web.Request) -> web.Response:
        return await answer_sdp(self._stream(request), request.query, self._beside)

    def _sound_page(self, sound: 'Sound') -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            with self._admit(request, self._hearers):
                return await sound.answer(request)
        return answer

    def _sound_offer(self, sound: 'Sound') -> Handler:
        from .sound.sound_session import listening

        async def answer(request: web.Request) -> web.StreamResponse:
            address = client_address(request)

            @contextmanager
            def door(connection: Connection) -> Iterator[None]:
                with self._hearers.admit(address, role_of(request) is Role.LEADS), \
                        self._access.connected(request, connection):
                    yield

            return await self._whep.offer(request, listening(sound.listeners, address), door)
        return answer

    async def _streams(self, _: web.Request) -> web.Response:
        return web.json_response({
            'default': self._catalog.shown,
            'streams': [{'topic': topic, 'type': kind}
                        for topic, kind in self._catalog.topics().items()],
        }, headers=_NOT_STORED)

    async def _state(self, request: web.Request) -> web.Response:
        return web.json_response({
            'viewers': sum(len(stream.viewers) for stream in self._catalog.streams()),
            'streams': [stream.state() for stream in self._catalog.streams()],
            'machine': self._machine(),
            **({} if self._drive is None else {'driving': self._drive.state()}),
            **({} if self._results is None else {'results': self._results.state()}),
            **({} if self._recordings is None else {'recording': self._recordings.state(request)}),
            **({'outlets': [outlet.state() for outlet in self._beside]} if self._beside else {}),
            **({} if self._sound is None else {'sound': self._sound.state()}),
            'camera_controls': self._camera_panel is not None and role_of(request).drives,
            'you': {'role': role_of(request).value,
                    'logged_in': session_of(request) is not None},
        }, headers=_NOT_STORED)

    async def _metrics(self, _: web.Request) -> web.Response:
        return await answer_metrics(self._catalog, self._beside, self._recordings)

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.Response(text='ok\n', headers=_NOT_STORED)


def _static_page(name: str) -> web.StreamResponse:
    return web.FileResponse(_STATIC / name, headers={'Cache-Control': 'no-cache'})
