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
from ..sources import registry as sources
from ..vision import registry as processors
from ..web.access.access_rules import NUMBERS_OF_VIEWERS
from ..web.stream.sent_in_all import ABOVE_BPS

CALIBRATION_URL = 'file://${ROS_HOME}/camera_info/${NAME}.yaml'

FRAME_ID = 'camera_optical_frame'

_REPORTING = Parameter('adaptive', True, 'Whether the camera hears what arrives here, and sends '
                                         'no more than the link can take')
_MAX_PIXELS = Parameter('max_pixels', MAX_PIXELS, 'Size of a picture, width times height, beyond '
                                                  'which it is left out, and counted', 'pixels',
                        10_000, 1_000_000_000, setting='max_pixels')
_JPEG_QUALITY = 'JPEG quality of pictures that do not come as JPEG'
_RELIABILITIES = 'best_effort', 'reliable'

CAMERA = (
    Parameter('source', 'auto', 'Where pictures come from', choices=sources.NAMES,
              setting='source'),
    Parameter('path', '', 'Video, picture, folder of pictures, named pipe, device or URL, for the '
                          'sources `file`, `stdin`, `v4l2` and `url`', live=True, setting='path',
              restarts=True, secret=True),  # an address may have a password
    Parameter('tls_ca', '', 'File with the certificate (PEM) that the server of an https:// '
                            "`path` must show, its own or its issuer's; empty takes any",
              live=True, setting='tls_ca', restarts=True),
    Parameter('width', 0, 'Width of the picture; 0 follows from the height, or is the width that '
                          'the source has', 'pixels', 0, 8192, live=True, setting='width',
              restarts=True),
    Parameter('height', 0, 'Height of the picture; 0 follows from the width, or is the height '
                           'that the source has', 'pixels', 0, 8192, live=True, setting='height',
              restarts=True),
    Parameter('fps', 0.0, 'Frames a second at the most; 0 is the rate that the source has',
              'frames/s', 0, 240, live=True, setting='fps'),
    Parameter('jpeg_quality', 80, _JPEG_QUALITY, 'percent', *QUALITIES, live=True,
              setting='quality'),
    Parameter('frame_id', FRAME_ID, 'TF frame of the pictures (REP 103)', live=True),
    Parameter('camera', '', 'Which Raspberry Pi camera: its number, its model or its id; empty is '
                            'the first one', live=True, setting='camera', restarts=True),
    Parameter('hflip', False, 'Whether the picture is mirrored left to right', live=True,
              setting='hflip', restarts=True),
    Parameter('vflip', False, 'Whether the picture is mirrored upside down', live=True,
              setting='vflip', restarts=True),
    Parameter('rotation', 0, 'How far the picture is turned clockwise: 0, 90, 180 or 270; a '
                             'Raspberry Pi camera 0 or 180', 'degrees', 0, 270, live=True,
              setting='rotation', restarts=True),
    Parameter('crop', '', 'Part of the sensor to use, x,y,width,height in its pixels; empty is '
                          'all', live=True, setting='crop', restarts=True),
    Parameter('sensor_mode', '', 'Mode of the sensor, WIDTHxHEIGHT or WIDTHxHEIGHT:BITS; empty '
                                 'leaves it to libcamera', live=True, setting='sensor_mode',
              restarts=True),
    Parameter('noise_reduction', 'auto', 'Noise reduction of a Raspberry Pi camera',
              choices=('auto', 'off', 'fast', 'high_quality'), live=True,
              setting='noise_reduction', restarts=True),
    Parameter('reliability', _RELIABILITIES[0],
              'What `image_raw/compressed` offers: `reliable` sends again what was lost on the '
              'way; `qos_overrides` override it', choices=_RELIABILITIES),
    Parameter('camera_info_url', '', 'Calibration file, as `file:///…` or `package://name/…`; '
                                     f'empty is `{CALIBRATION_URL}`, '
                                     'named by the namespace'),
    Parameter('tuning_file', '', 'Tuning file of libcamera; empty is its own',
              setting='tuning_file'),
    Parameter('picamera2.python', '', 'Python interpreter that can import picamera2; empty looks '
                                      'for one', setting='python'),
    Parameter('standby', False, 'Whether the camera is off while nobody subscribes'),
    Parameter('adaptive', True, 'Whether pictures become smaller, and fewer, as far as the links '
                                'to the receivers that report need it', live=True),
    Parameter('adaptive_floor', 2_000_000, 'Bit rate below which no bad link of one receiver '
                                           'brings the pictures of all', 'bit/s', 100_000,
              1_000_000_000, live=True),
    Parameter('max_bitrate_bps', 0, 'Bit rate of the pictures at the most; 0 is no limit',
              'bit/s', 0, 10_000_000_000, live=True),
    Parameter('h264_bitrate', round(MOST_BPS), 'Bit rate at the most of H.264, which follows '
                                               'pixels and rate: 2 Mbit/s at 1280x720 and 30/s',
              'bit/s', 50_000, 100_000_000, live=True),
    Parameter('lores_width', 320, 'Width of the small pictures on `lores/image_raw`', 'pixels',
              16, 4096, live=True),
    _MAX_PIXELS,
    Parameter('snapshot_folder', '~/snapshots', 'Where `save_snapshot` writes', live=True),
)

HTTP_BRIDGE = (
    Parameter('address', '0.0.0.0',  # noqa: S104 - the local network may watch
              'Address to listen at; 127.0.0.1 admits this machine only'),
    Parameter('port', 8080, 'TCP port to listen at; 0 takes a free one', '', 0, 65535),
    Parameter('access_token', '', 'Secret of at least 8 characters that whoever watches must '
                                  'know; empty admits everyone', secret=True),
    Parameter('driver_token', '', 'Secret of at least 8 characters that whoever drives, or '
                                  'changes the camera, must know; empty lets whoever watches do '
                                  'so', secret=True),
    Parameter('certfile', '', 'Certificate (PEM) for HTTPS; empty is HTTP'),
    Parameter('keyfile', '', 'Private key (PEM) of the certificate'),
    Parameter('allowed_hosts', '', 'Names, separated by commas, under which browsers may reach '
                                   'this machine beside its addresses and its host name'),
    Parameter('allowed_origins', '', 'Web sites, separated by commas, whose pages may use the '
                                     'streams: https://example.org'),
    Parameter('trusted_proxies', '', 'Addresses or networks, separated by commas, of reverse '
                                     'proxies whose X-Forwarded-For says who asks'),
    *NUMBERS_OF_VIEWERS,
    Parameter('access_log', False, 'Whether each request is logged'),
    _REPORTING,
    _MAX_PIXELS,
    Parameter('jpeg_quality', 80, 'JPEG quality of topics whose pictures are not JPEG', 'percent',
              *QUALITIES),
    Parameter('h264_bitrate', round(MOST_BPS), 'Bit rate at the most of H.264, which follows '
                                               'pixels and rate, 2 Mbit/s at 1280x720 and 30/s, '
                                               'and those who watch', 'bit/s', 50_000,
              100_000_000),
    Parameter('h264_above_bps', round(ABOVE_BPS), 'Bit rate of all viewers together, above which '
                                                  'those who can show H.264 get that', 'bit/s',
              0, 100_000_000_000),
    Parameter('ice_servers', '', 'STUN and TURN servers, separated by commas, for WebRTC through '
                                 'routers: stun:stun.example.org:3478 or '
                                 'turn:user:password@turn.example.org:3478; empty is none'),
    Parameter('rtsp_port', 0, 'TCP port of the RTSP server for players and recorders, usually '
                              '8554; 0 for none', '', 0, 65535),
    Parameter('rtsp_multicast', False, 'Whether RTSP players may have pictures sent to a '
                                       'multicast group, once for all of them'),
    Parameter('outlets', '', 'Addresses, separated by commas, where players get H.264: '
                             'tcp://:5001 waits for them; rtp://host:5004, udp://host:5000 '
                             '(MPEG-TS), tcp://host:5001 and rtsp://user:secret@host/path send '
                             'it; behind them ?topic= and ?tier=h264_small'),
    Parameter('outlets_insecure', False, 'Whether `outlets` and `rtsp_multicast`, which cannot '
                                         'ask for a token, are allowed beside `access_token`'),
    Parameter('audio', 'off', 'Microphone of this machine that whoever watches may hear: '
                              '`default`, or a name that `arecord -L` lists, such as plughw:1; '
                              '`off` is none'),
    Parameter('camera_controls', False, 'Whether the page may change the camera: its exposure, '
                                        'white balance, focus, flips. It needs `access_token`, '
                                        '`driver_token` or `teleop.enabled`'),
    Parameter('teleop.enabled', False, 'Whether pages may drive: they publish `cmd_vel`'),
    Parameter('teleop.insecure', False, 'Whether driving is allowed without access token and '
                                        'HTTPS: on a closed workbench only'),
    Parameter('teleop.stamped', False, 'Whether `cmd_vel` is a TwistStamped'),
    Parameter('teleop.exclusive', True, 'Whether nobody may have the wheel while others send '
                                        '`cmd_vel`, too'),
    *LIMITS,
    Parameter('teleop.max_video_age', 0.5, 'Age of the picture that the driver sees, beyond which '
                                           'the vehicle stops', 's', 0.05, 5, live=True),
    Parameter('teleop.buttons', '', 'Up to four buttons of the page, separated by commas: name, '
                                    'kind (bool, set_bool or trigger), and topic or service'),
    Parameter('teleop.battery_topic', 'battery_state', 'BatteryState to show; empty for none',
              may_be_empty=True),
)

OPENCV_CONSUMER = (
    Parameter('processor', 'motion', 'What is done with the pictures: '
                                     f'{", ".join(processors.NAMES)}, or a processor of another '
                                     'package; several are separated by commas', live=True),
    _REPORTING,
    _MAX_PIXELS,
    Parameter('jpeg_quality', 80, _JPEG_QUALITY, 'percent', *QUALITIES, live=True),
    Parameter('reliability', _RELIABILITIES[0],
              'What `image_processed/compressed` offers: `reliable` sends again what was lost on '
              'the way; `qos_overrides` override it', choices=_RELIABILITIES),
)

TABLES = {'camera': CAMERA, 'http_bridge': HTTP_BRIDGE, 'opencv_consumer': OPENCV_CONSUMER}
