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
WebRTC as Chromium shows it: the process of pages which are video elements of one browser.

Its argument, what it prints and what it writes are those of `pages`. A picture's age is told from
its RTP time; it counts as there when its last packet was, and as shown when the browser had
painted it (requestVideoFrameCallback). Sizes are the mean of a tenth of a second.
"""

from bisect import bisect_left
import json
from pathlib import Path
import select
import sys
import time
from typing import Any

from pi_camera_stream.core.shutdown_signals import end_at_once
from playwright.sync_api import Error, Page, sync_playwright

from .looks import WIDTH
from .pages import Visit
from .pictures import H264, Picture
from ..browser import CHROMIUM

_START_S = 30.0
_POLL_MS = 20
_HZ = 90_000  # of RTP times of video
_WHOLE = 'h264'
_OPTIONS = ['--no-sandbox', '--autoplay-policy=no-user-gesture-required']
_SCRIPT = """
const POLL_MS = 100, CLOCK_POLLS = 10, MOST_TRIES = 50, visits = {};
const wall = (ms) => performance.timeOrigin + ms;

async function enter(number, query) {
  const visit = visits[number] = {askedMs: wall(performance.now()), frames: [], polls: [],
                                  clock: {}, gone: false, fault: ''};
  const connection = visit.connection = new RTCPeerConnection();
  connection.addTransceiver('video', {direction: 'recvonly'});
  const video = document.createElement('video');
  Object.assign(video, {muted: true, autoplay: true});
  document.body.append(video);
  connection.ontrack = ({track}) => { video.srcObject = new MediaStream([track]); };
  const note = (_, {presentationTime, receiveTime, rtpTimestamp, width}) => {
    visit.frames.push([wall(presentationTime), wall(receiveTime ?? presentationTime),
                       rtpTimestamp, width]);
    video.requestVideoFrameCallback(note);
  };
  video.requestVideoFrameCallback(note);
  await connection.setLocalDescription(await connection.createOffer());
  const answer = await fetch(`/whep?${query}`, {
    method: 'POST', headers: {'Content-Type': 'application/sdp'},
    body: connection.localDescription.sdp});
  const text = await answer.text();
  if (answer.status !== 201) { visit.fault = text; return; }
  visit.place = new URL(answer.headers.get('Location'), answer.url);
  await connection.setRemoteDescription({type: 'answer', sdp: text});
  visit.timer = setInterval(async () => {
    const {bytesReceived, framesReceived} = await statistics(connection);
    visit.polls.push([wall(performance.now()), bytesReceived ?? 0, framesReceived ?? 0]);
    if (visit.polls.length % CLOCK_POLLS === 0) await lookAtClock(visit);
  }, POLL_MS);
}

async function lookAtClock(visit) {
  const answer = await fetch(visit.place);
  const clock = answer.ok ? await answer.json() : {};
  if (clock.rtp_timestamp != null) visit.clock = clock;
  if (!answer.ok) visit.gone = true;
}

async function statistics(connection) {
  let found = {};
  (await connection.getStats()).forEach((one) => {
    if (one.type === 'inbound-rtp') found = one;
  });
  return found;
}

async function told(number) {
  const visit = visits[number], {connection, timer, place, ...told} = visit;
  clearInterval(timer);
  if (!place) return {...told, statistics: {}};
  await lookAtClock(visit);
  for (let tries = 0; tries < MOST_TRIES && !visit.gone && !visit.clock.rtp_timestamp; tries++) {
    await lookAtClock(visit);
  }
  const result = {...told, clock: visit.clock, gone: visit.gone,
                  statistics: await statistics(connection)};
  await fetch(place, {method: 'DELETE'});
  connection.close();
  return result;
}
"""


class Pages:
    """All of them, in a browser that has opened an address of the server."""

    def __init__(self, visit: Visit, page: Page) -> None:
        self._page, self._watches = page, visit.watches
        self._entered = 0
        self.told: dict[int, dict[str, Any]] = {}

    def enter_and_leave(self, now_s: float) -> None:
        """Let those come and go for whom it is time."""
        while self._entered < len(self._watches) and (
                self._watches[self._entered].begin_s <= now_s):
            self._page.evaluate('([number, query]) => { enter(number, query); }',
                                [self._entered, self._watches[self._entered].query])
            self._entered += 1
        for number in range(self._entered):
            end_s = self._watches[number].end_s
            if end_s and end_s <= now_s:
                self._leave(number)

    def end(self) -> None:
        for number in range(self._entered):
            self._leave(number)

    def wait(self) -> None:
        """Let the browser work for a moment, and hear what it says."""
        self._page.wait_for_timeout(_POLL_MS)

    def _leave(self, number: int) -> None:
        if number not in self.told:
            self.told[number] = self._page.evaluate('told', number)


def pictures_of(page: int, told: dict[str, Any]) -> list[Picture]:
    """Return what one page has painted; none where nobody knows how old it was."""
    clock, polls = told['clock'], told['polls']
    if clock.get('rtp_timestamp') is None:
        return []
    times_ms = [poll[0] for poll in polls]
    pictures = []
    for number, (shown_ms, came_ms, rtp, width) in enumerate(told['frames']):
        ticks = (clock['rtp_timestamp'] - rtp + (1 << 31)) % (1 << 32) - (1 << 31)
        stamp_ns = round(clock['stamp_ms'] * 1e6 - ticks * 1e9 / _HZ)
        pictures.append(Picture(
            page, round(came_ms * 1e6), round(shown_ms * 1e6), stamp_ns,
            _WHOLE if width == WIDTH else f'{width} wide', H264, False, number,
            _size(polls, bisect_left(times_ms, came_ms))))
    return pictures


def _size(polls: list[tuple[float, int, int]], at: int) -> int:
    """Return the mean of the frames that came between two looks, before the one at `at`."""
    if not 0 < at < len(polls):
        return 0
    (_, bytes_before, before), (_, bytes_then, then) = polls[at - 1], polls[at]
    return round((bytes_then - bytes_before) / (then - before)) if then > before else 0


def note(told: dict[str, Any]) -> str:
    """Return what the browser counted, in words."""
    of = told['statistics'].get
    return (f'{of("packetsReceived", 0)} packets, {of("packetsLost", 0)} lost, '
            f'{of("retransmittedPacketsReceived", 0)} sent again; {of("nackCount", 0)} NACKs, '
            f'{of("pliCount", 0)} PLIs, {of("keyFramesDecoded", 0)} key frames, '
            f'{of("framesDropped", 0)} dropped, {of("freezeCount", 0)} freezes; tier '
            f'{told["clock"].get("tier")}, estimate {told["clock"].get("estimate_bps")} bit/s')


def main() -> None:
    """Watch, and write down what came."""
    end_at_once()
    visit = Visit.read(sys.argv[1])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_OPTIONS)
        page = browser.new_page(viewport={'width': 1280, 'height': 800})
        _open(page, f'http://{visit.address}:{visit.port}/healthz')
        page.add_script_tag(content=_SCRIPT)
        pages, began_s = Pages(visit, page), time.monotonic()
        pages.enter_and_leave(0.0)
        print(json.dumps(time.time_ns()), flush=True)
        while not select.select([sys.stdin], [], [], 0)[0]:
            pages.wait()
            pages.enter_and_leave(time.monotonic() - began_s)
        pages.end()
        browser.close()
    told = [pages.told[number] for number in sorted(pages.told)]
    Path(visit.result).write_text(json.dumps({
        'pictures': [picture for number, one in enumerate(told)
                     for picture in pictures_of(number, one)],
        'asked_ns': [round(one['askedMs'] * 1e6) for one in told],
        'reasons': [one['fault'].strip() or None for one in told],
        'broken': [0] * len(told), 'stale': [0] * len(told),
        'lost': [f'page {number} was let go' for number, one in enumerate(told) if one['gone']],
        'cpu_s': time.process_time(), 'notes': [note(one) for one in told]}))


def _open(page: Page, address: str) -> None:
    deadline_s = time.monotonic() + _START_S
    while True:
        try:
            page.goto(address)
            return
        except Error:
            if time.monotonic() > deadline_s:
                sys.exit(f'nobody listens at {address} after {_START_S:g} s')
            page.wait_for_timeout(_POLL_MS)


if __name__ == '__main__':
    main()
