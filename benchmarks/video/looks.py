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

"""How sharp H.264 is beside what JPEG is on a link that carries as many bytes."""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import av
import cv2
import numpy as np
from pi_camera_stream.core.frame import Image
from pi_camera_stream.sources.decoded_frame import to_image

from . import scene
from .attempt import Attempt, attempt, H264, JPEG, QUERIES, Study, tell, VIDEO
from .decoding import luma
from .page import Watch
from .sharpness import look, Sharpness, Source

BITRATE_BPS = 2_000_000
LINK_BPS = 1.05 * BITRATE_BPS  # with what TCP, IP and Ethernet have around it
WIDTH, HEIGHT = 1280, 720
SOURCE_QUALITY = 97  # so that it is the source, and not its JPEG, that decides
LEAST_MEAN, LEAST = 0.98, 0.965
_BITRATE = '--h264-bitrate', str(BITRATE_BPS)
SOME = 5  # each such picture is looked at, where it is not for the least one
_KEYS = 3  # that are asked for by others while it is looked at how sharp it is
_JOINING, _JOIN_EVERY_S = 10, 1.0
_GAP_MS = 100.0  # three frame intervals: a gap that is seen


def sharpness(study: Study, film: Path | None) -> bool:
    """Look at a panning scene, and at a film, if there is one."""
    folder = _fine_pictures(study)
    well = [_sharpness(study, 'panning scene', folder, of_folder(folder))]
    if film is not None:
        well.append(_sharpness(study, film.name, film, of_film(film)))
    return all(well)


def joins(study: Study) -> bool:
    """Let ten viewers join one second apart, and look at what the first one sees."""
    folder = _fine_pictures(study)
    study = replace(study, seconds=max(study.seconds, (_JOINING + 2) * _JOIN_EVERY_S))
    keep = study.folder / 'kept'
    outcome = attempt(study, Attempt(
        f'{_JOINING} viewers join, H.264',
        ((_keeping(keep),), _joining(study, _JOINING, _JOIN_EVERY_S)),
        options=_BITRATE, source=folder, only_first=True))
    seen = Sharpness.of(look(keep, Source(of_folder(folder)), outcome.since_ns))
    gap_ms = outcome.figures([0]).gap_ms
    print(f'  who was there before: {seen}')
    return all((tell('least SSIM', seen.least_ssim, LEAST, '', at_least=True, digits=4),
                tell('longest gap', gap_ms, _GAP_MS, ' ms', digits=0)))


def _sharpness(study: Study, name: str, path: Path, lumas: list[Image]) -> bool:
    source, keep = Source(lumas), study.folder / 'kept'
    size = ('--width', str(WIDTH), '--height', str(HEIGHT)) if path.is_file() else ()
    groups = {H264: ((_keeping(keep),), _joining(study, _KEYS, study.seconds / (_KEYS + 1))),
              JPEG: ((Watch(QUERIES[JPEG], decodes=True, keep=str(keep)),),)}
    seen: dict[str, Sharpness] = {}
    for kind, pages in groups.items():
        outcome = attempt(study, Attempt(
            f'{name}, {kind}', pages, LINK_BPS if kind == JPEG else None,
            options=(*size, *_BITRATE), source=path, only_first=True))
        seen[kind] = Sharpness.of(look(keep, source, outcome.since_ns,
                                       1 if kind == H264 else SOME))
        print(f'  {kind}: {seen[kind]}', flush=True)
    return all((
        tell('SSIM, mean', seen[H264].ssim, LEAST_MEAN, '', at_least=True, digits=4),
        tell('SSIM, least', seen[H264].least_ssim, LEAST, '', at_least=True, digits=4)))


def _keeping(keep: Path) -> Watch:
    return Watch(VIDEO, decodes=True, keep=str(keep))


def _joining(study: Study, count: int, every_s: float) -> tuple[Watch, ...]:
    """Return one who is there, and others who come while it is measured and need key frames."""
    return Watch(VIDEO), *(Watch(VIDEO, begin_s=study.warm_up_s + (number + 0.5) * every_s)
                           for number in range(count))


def _fine_pictures(study: Study) -> Path:
    """Return a folder with the scene in JPEGs that show nothing of it."""
    folder = study.folder / 'fine'
    if not folder.exists():
        folder.mkdir()
        scene.write(folder, WIDTH, HEIGHT, SOURCE_QUALITY)
    return folder


@lru_cache(maxsize=1)  # 140 MB
def of_folder(folder: Path) -> list[Image]:
    """Return the brightness of its pictures, as their receivers decode them."""
    return [luma(cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR))
            for path in sorted(folder.glob('*.jpg'))]


def of_film(path: Path) -> list[Image]:
    """Return that of a film's pictures, as the source `file` makes them."""
    with av.open(str(path)) as container:
        return [luma(to_image(frame, lambda *_: (WIDTH, HEIGHT), 1))
                for frame in container.decode(video=0)]
