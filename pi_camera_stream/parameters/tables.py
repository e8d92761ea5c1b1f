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

"""Every parameter of every node: declared, checked and documented from here."""

from ..codecs.h264_effort import MOST_BPS
from ..codecs.limits import MAX_PIXELS
from ..core.driving.limits import PARAMETERS as LIMITS
from ..core.parameters import Parameter
from ..core.rendition_spec import QUALITIES
from ..recording.settings import PARAMETERS as RECORDING
from ..sources import registry as sources
from ..vision import registry as processors
from ..web.access.access_rules import NUMBERS_OF_VIEWERS
from ..web.stream.sent_in_all import ABOVE_BPS

CALIBRATION_URL = 'file://${ROS_HOME}/camera_info/${NAME}.yaml'

FRAME_ID = 'camera_optical_frame'

_REPORTING = Parameter('adaptive', True, 'Report what arrives here to the camera, so that it '
                                         'sends no more than the link carries')
_MAX_PIXELS = Parameter('max_pixels', MAX_PIXELS, 'Largest image to accept, width times height; '
                                                  'larger ones are dropped and counted', 'pixels',
                        10_000, 1_000_000_000, setting='max_pixels')
_JPEG_QUALITY = 'JPEG quality of frames that do not arrive as JPEG'
_RELIABILITIES = 'best_effort', 'reliable'

CAMERA = (
    Parameter('source', 'auto', 'Where frames come from', choices=sources.NAMES,
              setting='source'),
    Parameter('path', '', 'Video, image, folder of images, named pipe, device or URL, for the '
                          'sources `file`, `stdin`, `v4l2` and `url`', live=True, setting='path',
              restarts=True, secret=True),  # an address may have a password
    Parameter('tls_ca', '', 'File with the certificate (PEM) that the server of an https:// '
                            "`path` must present, its own or its issuer's; empty: accept any",
              live=True, setting='tls_ca', restarts=True),
    Parameter('width', 0, "Image width; 0: in proportion to the height, or the source's "
                          'own', 'pixels', 0, 8192, live=True, setting='width',
              restarts=True),
    Parameter('height', 0, "Image height; 0: in proportion to the width, or the source's "
                           'own', 'pixels', 0, 8192, live=True, setting='height',
              restarts=True),
    Parameter('fps', 0.0, "Maximum frame rate; 0: the source's own",
              'frames/s', 0, 240, live=True, setting='fps'),
    Parameter('jpeg_quality', 80, _JPEG_QUALITY, 'percent', *QUALITIES, live=True,
              setting='quality'),
    Parameter('frame_id', FRAME_ID, 'TF frame of the images (REP 103)', live=True),
    Parameter('camera', '', 'Which Raspberry Pi camera: its number, model or ID; empty: the first '
                            'one', live=True, setting='camera', restarts=True),
    Parameter('hflip', False, 'Mirror the image left to right', live=True,
              setting='hflip', restarts=True),
    Parameter('vflip', False, 'Flip the image upside down', live=True,
              setting='vflip', restarts=True),
    Parameter('rotation', 0, 'Clockwise rotation of the image: 0, 90, 180 or 270; Raspberry Pi '
                             'cameras: 0 or 180', 'degrees', 0, 270, live=True,
              setting='rotation', restarts=True),
    Parameter('crop', '', 'Part of the sensor to use, as x,y,width,height in its pixels; empty: '
                          'all of it', live=True, setting='crop', restarts=True),
    Parameter('sensor_mode', '', 'Sensor mode, WIDTHxHEIGHT or WIDTHxHEIGHT:BITS; empty: '
                                 'libcamera chooses', live=True, setting='sensor_mode',
              restarts=True),
    Parameter('noise_reduction', 'auto', 'Noise reduction of a Raspberry Pi camera',
              choices=('auto', 'off', 'fast', 'high_quality'), live=True,
              setting='noise_reduction', restarts=True),
    Parameter('reliability', _RELIABILITIES[0],
              'Reliability offered on `image_raw/compressed`: `reliable` retransmits what was '
              'lost; `qos_overrides` take precedence', choices=_RELIABILITIES),
    Parameter('camera_info_url', '', 'Calibration file, `file:///…` or `package://name/…`; empty: '
                                     f'`{CALIBRATION_URL}`, where NAME is the namespace'),
    Parameter('tuning_file', '', "libcamera tuning file; empty: libcamera's own",
              setting='tuning_file'),
    Parameter('picamera2.python', '', 'Python interpreter that can import picamera2; empty: look '
                                      'for one', setting='python'),
    Parameter('standby', False, 'Turn the camera off while nobody subscribes'),
    Parameter('adaptive', True, 'Lower quality, size and frame rate as far as the links to '
                                'reporting receivers require it', live=True),
    Parameter('adaptive_floor', 2_000_000, "Lowest bit rate that one receiver's bad link can "
                                           'force on all', 'bit/s', 100_000,
              1_000_000_000, live=True),
    Parameter('max_bitrate_bps', 0, 'Maximum bit rate of the JPEGs; 0: no limit',
              'bit/s', 0, 10_000_000_000, live=True),
    Parameter('h264_bitrate', round(MOST_BPS), 'Maximum bit rate of H.264; below it, the rate '
                                               'follows size and frame rate: 2 Mbit/s at 1280x720 '
                                               'and 30/s',
              'bit/s', 50_000, 100_000_000, live=True),
    Parameter('lores_width', 320, 'Width of the small images on `lores/image_raw`', 'pixels',
              16, 4096, live=True),
    _MAX_PIXELS,
    Parameter('snapshot_folder', '~/snapshots', 'Folder that `save_snapshot` writes '
                                                'to', live=True),
)

HTTP_BRIDGE = (
    Parameter('address', '0.0.0.0',  # noqa: S104 - the local network may watch
              'Address to listen on; 127.0.0.1 admits this machine only'),
    Parameter('port', 8080, 'TCP port to listen on; 0: any free port', '', 0, 65535),
    Parameter('access_token', '', 'Secret of at least 8 characters that viewers need; empty: '
                                  'everyone may watch', secret=True),
    Parameter('driver_token', '', 'Secret of at least 8 characters that is needed to drive, or to '
                                  'change the camera; empty: every viewer may', secret=True),
    Parameter('certfile', '', 'Certificate (PEM) for HTTPS; empty: plain HTTP'),
    Parameter('keyfile', '', 'Private key (PEM) of the certificate'),
    Parameter('allowed_hosts', '', 'Host names, separated by commas, under which browsers may '
                                   'reach this machine besides its addresses and its own name'),
    Parameter('allowed_origins', '', 'Origins of web sites, separated by commas, whose pages may '
                                     'use the streams: https://example.org'),
    Parameter('trusted_proxies', '', 'Addresses or networks, separated by commas, of reverse '
                                     'proxies whose X-Forwarded-For is trusted'),
    *NUMBERS_OF_VIEWERS,
    Parameter('access_log', False, 'Log every request'),
    _REPORTING,
    _MAX_PIXELS,
    Parameter('jpeg_quality', 80, 'JPEG quality of topics whose images are not JPEG', 'percent',
              *QUALITIES),
    Parameter('h264_bitrate', round(MOST_BPS), 'Maximum bit rate of H.264; below it, the rate '
                                               'follows size and frame rate (2 Mbit/s at 1280x720 '
                                               'and 30/s) and the links of the '
                                               'viewers', 'bit/s', 50_000,
              100_000_000),
    Parameter('h264_above_bps', round(ABOVE_BPS), 'Total bit rate of all viewers above which '
                                                  'those who can play H.264 get it', 'bit/s',
              0, 100_000_000_000),
    Parameter('ice_servers', '', 'STUN and TURN servers, separated by commas, for WebRTC through '
                                 'NAT: stun:stun.example.org:3478 or '
                                 'turn:user:password@turn.example.org:3478; empty: none'),
    Parameter('rtsp_port', 0, 'TCP port of the RTSP server for players and recorders, usually '
                              '8554; 0: off', '', 0, 65535),
    Parameter('rtsp_multicast', False, 'Let RTSP players ask for multicast, which sends each '
                                       'frame once for all of them'),
    Parameter('outlets', '', 'Addresses, separated by commas, where players get H.264: '
                             'tcp://:5001 waits for them; rtp://host:5004, udp://host:5000 '
                             '(MPEG-TS), tcp://host:5001 and rtsp://user:secret@host/path send '
                             'to them; with ?topic= and ?tier=h264_small'),
    Parameter('outlets_insecure', False, 'Allow `outlets` and `rtsp_multicast`, which cannot ask '
                                         'for a token, together with `access_token`'),
    *RECORDING,
    Parameter('audio', 'off', 'Microphone of this machine that viewers can hear: `default`, or a '
                              'name that `arecord -L` lists, such as plughw:1; `off`: no sound'),
    Parameter('camera_controls', False, 'Let the page change the camera: exposure, white balance, '
                                        'focus, flips. It needs `access_token`, `driver_token` or '
                                        '`teleop.enabled`'),
    Parameter('teleop.enabled', False, 'Let pages drive: they publish `cmd_vel`'),
    Parameter('teleop.insecure', False, 'Allow driving without access token and HTTPS: on an '
                                        'isolated workbench only'),
    Parameter('teleop.stamped', False, 'Publish `cmd_vel` as TwistStamped'),
    Parameter('teleop.exclusive', True, 'Let nobody drive while other nodes publish '
                                        '`cmd_vel`, too'),
    *LIMITS,
    Parameter('teleop.max_video_age', 0.5, "Age of the driver's video above which the vehicle "
                                           'stops', 's', 0.05, 5, live=True),
    Parameter('teleop.buttons', '', 'Up to four buttons on the page, separated by commas: name, '
                                    'kind (bool, set_bool or trigger), and topic or service'),
    Parameter('teleop.battery_topic', 'battery_state', 'BatteryState topic to show; empty: none',
              may_be_empty=True),
)

OPENCV_CONSUMER = (
    Parameter('processor', 'motion', f'How frames are processed: {", ".join(processors.NAMES)}, '
                                     'or a processor of another package; separate several by '
                                     'commas', live=True),
    _REPORTING,
    _MAX_PIXELS,
    Parameter('jpeg_quality', 80, _JPEG_QUALITY, 'percent', *QUALITIES, live=True),
    Parameter('reliability', _RELIABILITIES[0],
              'Reliability offered on `image_processed/compressed`: `reliable` retransmits what '
              'was lost; `qos_overrides` take precedence', choices=_RELIABILITIES),
)

TABLES = {'camera': CAMERA, 'http_bridge': HTTP_BRIDGE, 'opencv_consumer': OPENCV_CONSUMER}
