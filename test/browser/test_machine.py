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

import json


def test_what_is_wrong_with_the_robots_computer_is_shown_and_nothing_else(camera, viewer):
    problems = []

    def answer(route):
        state = route.fetch().json()
        assert isinstance(state['machine']['problems'], list)
        state['machine']['problems'] = problems
        route.fulfill(body=json.dumps(state), content_type='application/json')

    viewer.page.route('**/state', answer)
    with viewer.bridge():
        viewer.open()
        viewer.wait_for_pictures()
        assert not viewer.page.is_visible('#machine')
        problems.append('the power supply is too weak (under-voltage): use the official one, and '
                        'a short, thick cable')
        viewer.page.reload(wait_until='commit')
        viewer.page.locator('#machine', has_text='Robot: the power supply is too weak').wait_for()
        for width, height in ((320, 568), (568, 320), (1280, 800)):
            viewer.page.set_viewport_size({'width': width, 'height': height})
            box = viewer.page.locator('#machine').bounding_box()
            assert box['x'] >= 0
            assert box['x'] + box['width'] <= width
            assert box['y'] + box['height'] <= height
