// Copyright 2026 pi_camera_stream contributors
//
// Licensed under the Apache License, Version 2.0 (the "License");
// you may not use this file except in compliance with the License.
// You may obtain a copy of the License at
//
//     http://www.apache.org/licenses/LICENSE-2.0
//
// Unless required by applicable law or agreed to in writing, software
// distributed under the License is distributed on an "AS IS" BASIS,
// WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
// See the License for the specific language governing permissions and
// limitations under the License.

// A USB camera for tests: loaded with LD_PRELOAD, it answers at the path FAKE_V4L2_PATH as the
// kernel's V4L2 does, and delivers FAKE_V4L2_PICTURES/MJPG/0, 1, 2 ..., or those of YUYV, in turn,
// at 30 a second. FAKE_V4L2_FORMATS=YUYV leaves MJPG out. These files, when they appear, change it:
// PATH.gone (unplugged), PATH.stall (no more pictures), PATH.busy, PATH.denied, PATH.plain (it is
// no camera), PATH.codec (it is one of the other devices that have a /dev/video).
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BUFFERS 8
#define BUFFER_BYTES (4 * 1024 * 1024)

struct mode { __u32 format, width, height, fps[3]; };
static const struct mode modes[] = {
  {V4L2_PIX_FMT_YUYV, 640, 480, {30, 15}}, {V4L2_PIX_FMT_YUYV, 320, 240, {30}},
  {V4L2_PIX_FMT_MJPEG, 640, 480, {30, 15}}, {V4L2_PIX_FMT_MJPEG, 1280, 720, {30}},
  {V4L2_PIX_FMT_MJPEG, 1920, 1080, {15}},
};
#define MODES (int)(sizeof modes / sizeof *modes)

static int camera = -1, memory = -1;
static pthread_t timer;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_int streaming;
static struct mode now = {V4L2_PIX_FMT_YUYV, 640, 480, {30}};
static __u32 rate = 30, count, sequence;
static struct v4l2_buffer queued[BUFFERS], filled[BUFFERS];
static int queued_count, filled_count;

static const char *path(void) { const char *p = getenv("FAKE_V4L2_PATH"); return p ? p : ""; }

static int is(const char *state) {
  char name[4096];
  snprintf(name, sizeof name, "%s.%s", path(), state);
  return access(name, F_OK) == 0;
}

static int hidden(__u32 format) {
  const char *only = getenv("FAKE_V4L2_FORMATS");
  return only && memcmp(only, &format, 4) != 0;
}

static size_t load(__u32 number, void *where) {
  char name[4096];
  for (int attempt = 0; attempt < 2; attempt++, number = 0) {
    snprintf(name, sizeof name, "%s/%.4s/%u", getenv("FAKE_V4L2_PICTURES"),
             (const char *)&now.format, number);
    FILE *file = fopen(name, "rb");
    if (file) {
      size_t size = fread(where, 1, BUFFER_BYTES, file);
      fclose(file);
      return size;
    }
  }
  return 0;
}

static void fill(char *base) {
  static __u32 next;
  pthread_mutex_lock(&lock);
  sequence++;  // a camera without a buffer leaves a picture out
  if (queued_count && !is("stall") && !is("gone")) {
    struct v4l2_buffer buffer = queued[0];
    memmove(queued, queued + 1, sizeof *queued * --queued_count);
    char name[4096];
    snprintf(name, sizeof name, "%s/%.4s/%u", getenv("FAKE_V4L2_PICTURES"),
             (const char *)&now.format, next);
    if (access(name, F_OK) != 0) next = 0;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    buffer.timestamp.tv_sec = t.tv_sec;
    buffer.timestamp.tv_usec = t.tv_nsec / 1000;
    buffer.bytesused = load(next++, base + (size_t)buffer.index * BUFFER_BYTES);
    buffer.sequence = sequence - 1;
    buffer.flags = V4L2_BUF_FLAG_DONE | V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
    filled[filled_count++] = buffer;
    eventfd_write(camera, 1);
  }
  pthread_mutex_unlock(&lock);
  if (is("gone")) eventfd_write(camera, 1);
}

static void *run(void *unused) {
  char *base = mmap(NULL, (size_t)BUFFERS * BUFFER_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
                    memory, 0);
  while (streaming) {
    usleep(1000000 / rate);
    fill(base);
  }
  return unused;
}

static int fail(int number) { errno = number; return -1; }

static int open_camera(void) {
  if (is("gone")) return fail(ENOENT);
  if (is("denied")) return fail(EACCES);
  if (is("plain")) return -2;
  camera = eventfd(0, EFD_NONBLOCK | EFD_SEMAPHORE | EFD_CLOEXEC);
  memory = memfd_create("buffers", MFD_CLOEXEC);
  if (ftruncate(memory, (off_t)BUFFERS * BUFFER_BYTES)) return -1;
  return camera;
}

#define OPEN(NAME) \
int NAME(const char *name, int flags, ...) { \
  va_list list; \
  va_start(list, flags); \
  int mode = va_arg(list, int), found = -2; \
  va_end(list); \
  if (*path() && strcmp(name, path()) == 0) found = open_camera(); \
  if (found != -2) return found; \
  int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, #NAME); \
  return real(name, flags, mode); \
}
OPEN(open)
OPEN(open64)

#define MMAP(NAME) \
void *NAME(void *where, size_t size, int protection, int flags, int fd, off_t offset) { \
  void *(*real)(void *, size_t, int, int, int, off_t) = dlsym(RTLD_NEXT, #NAME); \
  return real(where, size, protection, flags, fd == camera && fd >= 0 ? memory : fd, offset); \
}
MMAP(mmap)
MMAP(mmap64)

static int enum_format(struct v4l2_fmtdesc *f) {
  static const __u32 formats[] = {V4L2_PIX_FMT_YUYV, V4L2_PIX_FMT_MJPEG};
  __u32 index = 0;
  for (int i = 0; i < 2; i++)
    if (!hidden(formats[i]) && index++ == f->index) { f->pixelformat = formats[i]; return 0; }
  return fail(EINVAL);
}

static int enum_size(struct v4l2_frmsizeenum *s) {
  __u32 index = 0;
  for (int i = 0; i < MODES; i++)
    if (modes[i].format == s->pixel_format && index++ == s->index) {
      s->type = V4L2_FRMSIZE_TYPE_DISCRETE;
      s->discrete.width = modes[i].width;
      s->discrete.height = modes[i].height;
      return 0;
    }
  return fail(EINVAL);
}

static int enum_interval(struct v4l2_frmivalenum *v) {
  for (int i = 0; i < MODES; i++)
    if (modes[i].format == v->pixel_format && modes[i].width == v->width
        && modes[i].height == v->height && v->index < 3 && modes[i].fps[v->index]) {
      v->type = V4L2_FRMIVAL_TYPE_DISCRETE;
      v->discrete.numerator = 1;
      v->discrete.denominator = modes[i].fps[v->index];
      return 0;
    }
  return fail(EINVAL);
}

static int set_format(struct v4l2_format *f) {
  if (is("busy")) return fail(EBUSY);
  for (int i = 0; i < MODES; i++)
    if (modes[i].format == f->fmt.pix.pixelformat && modes[i].width == f->fmt.pix.width
        && modes[i].height == f->fmt.pix.height) now = modes[i];
  f->fmt.pix.pixelformat = now.format;  // as the kernel: what is nearest, without a word
  f->fmt.pix.width = now.width;
  f->fmt.pix.height = now.height;
  f->fmt.pix.bytesperline = now.format == V4L2_PIX_FMT_YUYV ? now.width * 2 : 0;
  f->fmt.pix.sizeimage = BUFFER_BYTES;
  return 0;
}

static int dequeue(struct v4l2_buffer *b) {
  eventfd_t one;
  if (is("gone")) return fail(ENODEV);
  if (eventfd_read(camera, &one) || !filled_count) return fail(EAGAIN);
  *b = filled[0];
  memmove(filled, filled + 1, sizeof *filled * --filled_count);
  return 0;
}

static int answer(unsigned long request, void *p) {
  struct v4l2_capability *capability = p;
  __u32 *interval;
  struct v4l2_buffer *buffer = p;
  struct v4l2_requestbuffers *wanted = p;
  switch (request) {
    case VIDIOC_QUERYCAP:
      memset(p, 0, sizeof *capability);
      strcpy((char *)capability->card, "Fake Camera: Fake Cam");
      capability->capabilities = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_DEVICE_CAPS;
      capability->device_caps = is("codec") ? V4L2_CAP_VIDEO_M2M_MPLANE
        : V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
      return 0;
    case VIDIOC_ENUM_FMT: return enum_format(p);
    case VIDIOC_ENUM_FRAMESIZES: return enum_size(p);
    case VIDIOC_ENUM_FRAMEINTERVALS: return enum_interval(p);
    case VIDIOC_S_FMT: return set_format(p);
    case VIDIOC_S_PARM:
      interval = ((__u32 *)p) + 3;  // of its capture.timeperframe
      rate = interval[1] / interval[0];
      return 0;
    case VIDIOC_REQBUFS:
      count = wanted->count = wanted->count > BUFFERS ? BUFFERS : wanted->count;
      return 0;
    case VIDIOC_QUERYBUF:
      if (buffer->index >= count) return fail(EINVAL);
      buffer->length = BUFFER_BYTES;
      buffer->m.offset = buffer->index * BUFFER_BYTES;
      return 0;
    case VIDIOC_QBUF: queued[queued_count++] = *buffer; return 0;
    case VIDIOC_DQBUF: return dequeue(p);
    case VIDIOC_STREAMON:
      streaming = 1;
      return pthread_create(&timer, NULL, run, NULL) ? fail(ENOMEM) : 0;
    default: return fail(ENOTTY);
  }
}

int ioctl(int fd, unsigned long request, ...) {
  va_list list;
  va_start(list, request);
  void *argument = va_arg(list, void *);
  va_end(list);
  if (fd == camera && fd >= 0) {
    pthread_mutex_lock(&lock);
    int result = answer((unsigned int)request, argument);
    pthread_mutex_unlock(&lock);
    return result;
  }
  int (*real)(int, unsigned long, void *) = dlsym(RTLD_NEXT, "ioctl");
  return real(fd, request, argument);
}
