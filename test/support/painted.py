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

"""What a page paints: each picture that is drawn, and the time in its blocks."""

_WATCH = """
    window.painted = [];
    let readBlocks = null;
    if (location.host) import(`${location.origin}/static/shared/block_code.js`).then((blocks) => {
        readBlocks = blocks.readBlocks;
    }, () => {});
    const small = document.createElement('canvas');
    small.width = 64;
    small.height = 28;
    const { drawImage } = CanvasRenderingContext2D.prototype;
    CanvasRenderingContext2D.prototype.drawImage = function (image, ...place) {
        drawImage.call(this, image, ...place);
        const { canvas } = this;
        if (!readBlocks || canvas.className !== 'picture') return;
        const band = Math.floor(0.28 * canvas.height);
        const copy = small.getContext('2d', { willReadFrequently: true });
        drawImage.call(copy, canvas, 0, canvas.height - band, canvas.width, band, 0, 0, 64, 28);
        const pixels = copy.getImageData(0, 0, 64, 28);
        const code = readBlocks(pixels);
        const black = pixels.data.every((value, index) => index % 4 === 3 || value < 40);
        window.painted.push([image.constructor.name, black ? 'black' : code && code.timeMs]);
    };"""


def watch_painting(page):
    """Note from now on what is painted; before the page is opened."""
    page.add_init_script(_WATCH)


def painted(page):
    """
    Return the kind of each picture that was painted, and its time in ms.

    In place of that, it is `black`, or None where the blocks are too blurred to be read.
    """
    return page.evaluate('window.painted')
