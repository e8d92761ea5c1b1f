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

"""The processors by name, each imported when it is wanted."""

from importlib import import_module

from .processor import Processor
from ..core.errors import PermanentError

# name -> module of this package and class
PROCESSORS = {
    'edges': ('edges', 'EdgesProcessor'),
    'motion': ('motion', 'MotionProcessor'),
}
NAMES = tuple(PROCESSORS)


def create_processor(name: str) -> Processor:
    """
    Return a new processor.

    Raises
    ------
    PermanentError
        There is none of this name.

    """
    if name not in PROCESSORS:
        raise PermanentError(f"there is no processor '{name}': choose one of {', '.join(NAMES)}")
    module_name, class_name = PROCESSORS[name]
    processor: Processor = getattr(import_module(f'.{module_name}', __package__), class_name)()
    return processor
