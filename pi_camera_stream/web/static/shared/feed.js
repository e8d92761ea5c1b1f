/*
 * Copyright 2026 pi_camera_stream contributors
 *
 * Licensed under the Apache License, Version 2.0 (the "License");
 * you may not use this file except in compliance with the License.
 * You may obtain a copy of the License at
 *
 *     http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS,
 * WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 * See the License for the specific language governing permissions and
 * limitations under the License.
 */

// What brings pictures, and what it tells: websocket_feed.js and mjpeg_feed.js are such feeds.

/**
 * A picture that is on the screen.
 *
 * @typedef {object} PaintedPicture
 * @property {number | null} ageMs at that moment, where it is known
 * @property {boolean} [ageAtMost] it may be less
 * @property {number | null} stampMs where it is known
 * @property {number | null} sequence as the robot counts them, where it does
 * @property {'jpeg' | 'h264'} codec
 * @property {'websocket' | 'webrtc'} transport
 * @property {number} [loss] part of the packets
 * @property {string} tier
 * @property {number} width
 * @property {number} height
 * @property {number} paintedMs of performance.now()
 * @property {import('./painter.js').Drawable | HTMLVideoElement} image as long as the call lasts
 */

/**
 * What a feed that does not paint by itself knows of its pictures.
 *
 * @typedef {object} StreamStats
 * @property {number} rate
 * @property {number | null} ageMs
 * @property {'jpeg' | 'h264'} codec
 * @property {'mjpeg'} transport
 * @property {string} tier
 * @property {number} width
 * @property {number} height
 */

/**
 * What a feed calls.
 *
 * @typedef {object} FeedOwner
 * @property {(topic: string, tiers: string[] | null, viewer?: string | null) => void} greeted the
 *   stream's full name, the names of its quality tiers, and what the robot calls this viewer of it
 * @property {(byteCount: number) => void} received a picture
 * @property {(picture: PaintedPicture) => void} painted
 * @property {(stats: StreamStats) => void} reported
 * @property {(sentence: string) => void} withoutH264 why it cannot be had of this camera; empty
 *   when it can
 * @property {(sentence: string) => void} withoutWebRtc the same for WebRTC
 * @property {(sentence: string) => void} noted is said over the picture; empty when it is over
 * @property {(signal: import('./ws_messages.js').Signal) => void} signalled
 * @property {() => void} lost the robot cannot be reached
 * @property {(sentence: string) => void} refused the robot does not want to
 * @property {() => void} unavailable this kind of feed does not get through here
 */

/**
 * What brings pictures.
 *
 * @typedef {object} Feed
 * @property {HTMLElement} element for the picture
 * @property {() => void} start
 * @property {() => void} stop
 * @property {() => void} wake
 * @property {(name: string) => void} setTier
 * @property {(change: { transport?: string, drives?: boolean }) => void} set what it goes by: the
 *   transport that was chosen, and whether somebody drives by its pictures
 */

export {};
