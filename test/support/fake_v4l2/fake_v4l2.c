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

// USB cameras for tests: loaded with LD_PRELOAD, this answers as the kernel's V4L2 does at each file
// whose path is FAKE_V4L2_PATH and a number, and delivers FAKE_V4L2_PICTURES/MJPG/0, 1, 2 ..., or those
// of another format, in turn, at 30 a second. FAKE_V4L2_FORMATS has the formats, else MJPG and YUYV.
// A camera is unplugged when its file goes. What is set is written to PATH.set, a line each. These
// files, when they appear, change it: PATH.gone (unplugged), PATH.stall (no more pictures),
// PATH.damaged, PATH.empty (nothing else than such buffers), PATH.narrow (the bus is full), PATH.busy,
// PATH.denied, PATH.plain (it is no camera), PATH.stubborn (its gain cannot be set), and what else has
// a /dev/video: PATH.codec, PATH.meta, PATH.isp, PATH.csi. A JPEG that begins with the comment "given "
// and 19 digits gets the time in ns there, and FAKE_V4L2_LOG, if set, a line with its number and that.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/videodev2.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
  {V4L2_PIX_FMT_UYVY, 640, 480, {30}}, {V4L2_PIX_FMT_YVYU, 640, 480, {30}},
  {V4L2_PIX_FMT_VYUY, 640, 480, {30}}, {V4L2_PIX_FMT_NV12, 640, 480, {30}},
  {V4L2_PIX_FMT_NV21, 640, 480, {30}}, {V4L2_PIX_FMT_YUV420, 640, 480, {30}},
  {V4L2_PIX_FMT_YVU420, 640, 480, {30}}, {V4L2_PIX_FMT_RGB24, 640, 480, {30}},
  {V4L2_PIX_FMT_BGR24, 640, 480, {30}}, {V4L2_PIX_FMT_GREY, 640, 480, {30}},
  {V4L2_PIX_FMT_Y16, 640, 480, {30}}, {V4L2_PIX_FMT_H264, 640, 480, {30}},
  {V4L2_PIX_FMT_SRGGB10P, 640, 480, {30}},
};
#define MODES (int)(sizeof modes / sizeof *modes)

static int camera = -1, again = -1, memory = -1;  // again: what a program has duplicated it as
static int filler = -1;  // of a pipe, as a camera can never be written to: a byte for each event
static pthread_t timer;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_int streaming;
static struct mode now = {V4L2_PIX_FMT_YUYV, 640, 480, {30}};
static __u32 rate = 30, count, sequence;
static struct v4l2_buffer queued[BUFFERS], filled[BUFFERS];
static int queued_count, filled_count;

static char path[PATH_MAX];  // of the camera that was opened last

static int is(const char *state) {
  char name[PATH_MAX + 16];
  snprintf(name, sizeof name, "%s.%s", path, state);
  return access(name, F_OK) == 0;
}

static int is_gone(void) { return is("gone") || access(path, F_OK) != 0; }

static int has(__u32 format) {
  const char *formats = getenv("FAKE_V4L2_FORMATS");
  return memmem(formats ? formats : "MJPG YUYV", strlen(formats ? formats : "MJPG YUYV"), &format,
                (format >> 24) == ' ' ? 3 : 4) != NULL;
}

static void picture_name(char *name, size_t size, __u32 number) {
  char code[5] = {0};
  memcpy(code, &now.format, 4);
  if (code[3] == ' ') code[3] = 0;
  snprintf(name, size, "%s/%s/%u", getenv("FAKE_V4L2_PICTURES"), code, number);
}

static size_t load(__u32 number, void *where) {
  char name[4096];
  for (int attempt = 0; attempt < 2; attempt++, number = 0) {
    picture_name(name, sizeof name, number);
    FILE *file = fopen(name, "rb");
    if (file) {
      size_t size = fread(where, 1, BUFFER_BYTES, file);
      fclose(file);
      return size;
    }
  }
  return 0;
}

static void wake(void) {
  if (write(filler, "", 1) < 0) return;  // as many as that are enough
}

// Says of a picture when it was taken: in a comment of its own, and as a line of a file.
static void tell(__u32 number, char *jpeg, size_t size) {
  static FILE *log;
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  long long now_ns = t.tv_sec * 1000000000LL + t.tv_nsec;
  char text[32];
  snprintf(text, sizeof text, "%019lld", now_ns);
  if (size > 31 && !memcmp(jpeg + 2, "\xff\xfe\0\x1bgiven ", 10)) memcpy(jpeg + 12, text, 19);
  if (!log && getenv("FAKE_V4L2_LOG")) log = fopen(getenv("FAKE_V4L2_LOG"), "a");
  if (log) {
    fprintf(log, "%u %s\n", number, text);
    fflush(log);
  }
}

static void fill(char *base) {
  static __u32 next;
  pthread_mutex_lock(&lock);
  sequence++;  // a camera without a buffer leaves a picture out
  if (queued_count && !is("stall") && !is_gone()) {
    struct v4l2_buffer buffer = queued[0];
    memmove(queued, queued + 1, sizeof *queued * --queued_count);
    char name[4096];
    picture_name(name, sizeof name, next);
    if (access(name, F_OK) != 0) next = 0;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    buffer.timestamp.tv_sec = t.tv_sec;
    buffer.timestamp.tv_usec = t.tv_nsec / 1000;
    char *where = base + (size_t)buffer.index * BUFFER_BYTES;
    buffer.bytesused = load(next, where);
    tell(next++, where, buffer.bytesused);
    buffer.sequence = sequence - 1;
    buffer.flags = V4L2_BUF_FLAG_DONE | V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
    if (is("damaged")) buffer.flags |= V4L2_BUF_FLAG_ERROR;
    if (is("empty")) buffer.bytesused = 0;
    filled[filled_count++] = buffer;
    wake();
  }
  pthread_mutex_unlock(&lock);
  if (is_gone()) wake();
}

static void *run(void *unused) {
  char *base = mmap(NULL, (size_t)BUFFERS * BUFFER_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
                    memory, 0);
  struct timespec due, t;
  clock_gettime(CLOCK_MONOTONIC, &due);
  while (streaming) {
    due.tv_nsec += 1000000000 / rate;
    due.tv_sec += due.tv_nsec / 1000000000;
    due.tv_nsec %= 1000000000;
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
    clock_gettime(CLOCK_MONOTONIC, &t);
    if (t.tv_sec > due.tv_sec) due = t;  // one that was held up takes none to make up for it
    fill(base);
  }
  return unused;
}

static int fail(int number) { errno = number; return -1; }

static int open_camera(void) {
  if (is_gone()) return fail(ENOENT);
  if (is("denied")) return fail(EACCES);
  if (is("plain")) return -2;
  int ends[2];
  if (pipe2(ends, O_NONBLOCK | O_CLOEXEC)) return -1;
  camera = ends[0];
  filler = ends[1];
  memory = memfd_create("buffers", MFD_CLOEXEC);
  if (ftruncate(memory, (off_t)BUFFERS * BUFFER_BYTES)) return -1;
  queued_count = filled_count = 0;
  return camera;
}

// Whether a path is one of the cameras', also by a link; `path` is, then.
static int find(const char *name) {
  const char *prefix = getenv("FAKE_V4L2_PATH");
  char real[PATH_MAX];
  size_t length = prefix ? strlen(prefix) : 0;
  if (!length || !realpath(name, real)) snprintf(real, sizeof real, "%s", name);
  if (!length || strncmp(real, prefix, length) || !real[length]) return 0;
  if (strspn(real + length, "0123456789") != strlen(real + length)) return 0;
  strcpy(path, real);
  return 1;
}

#define OPEN(NAME) \
int NAME(const char *name, int flags, ...) { \
  va_list list; \
  va_start(list, flags); \
  int mode = va_arg(list, int), found = -2; \
  va_end(list); \
  if (find(name)) found = open_camera(); \
  if (found != -2) return found; \
  int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, #NAME); \
  return real(name, flags, mode); \
}
OPEN(open)
OPEN(open64)

static int is_camera(int fd) { return fd >= 0 && (fd == camera || fd == again); }

int dup(int fd) {
  int (*real)(int) = dlsym(RTLD_NEXT, "dup"), result = real(fd);
  if (fd >= 0 && fd == camera) again = result;
  return result;
}

int close(int fd) {
  int (*real)(int) = dlsym(RTLD_NEXT, "close");
  if (fd >= 0 && fd == again) again = -1;
  if (fd >= 0 && fd == camera) {
    if (streaming) {
      streaming = 0;
      pthread_join(timer, NULL);
    }
    camera = -1;
    real(filler);
    real(memory);
  }
  return real(fd);
}

#define MMAP(NAME) \
void *NAME(void *where, size_t size, int protection, int flags, int fd, off_t offset) { \
  void *(*real)(void *, size_t, int, int, int, off_t) = dlsym(RTLD_NEXT, #NAME); \
  return real(where, size, protection, flags, is_camera(fd) ? memory : fd, offset); \
}
MMAP(mmap)
MMAP(mmap64)

static int enum_format(struct v4l2_fmtdesc *f) {
  __u32 index = 0;
  for (int i = 0; i < MODES; i++)
    if ((!i || modes[i].format != modes[i - 1].format) && has(modes[i].format)
        && index++ == f->index) { f->pixelformat = modes[i].format; return 0; }
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

static __u32 bytes_per_line(void) {  // of the first plane
  switch (now.format) {
    case V4L2_PIX_FMT_MJPEG: case V4L2_PIX_FMT_H264: return 0;
    case V4L2_PIX_FMT_RGB24: case V4L2_PIX_FMT_BGR24: return now.width * 3;
    case V4L2_PIX_FMT_NV12: case V4L2_PIX_FMT_NV21: case V4L2_PIX_FMT_YUV420:
    case V4L2_PIX_FMT_YVU420: case V4L2_PIX_FMT_GREY: return now.width;
    default: return now.width * 2;
  }
}

static void get_format(struct v4l2_format *f) {
  f->fmt.pix.pixelformat = now.format;
  f->fmt.pix.width = now.width;
  f->fmt.pix.height = now.height;
  f->fmt.pix.field = V4L2_FIELD_NONE;
  f->fmt.pix.bytesperline = bytes_per_line();
  f->fmt.pix.sizeimage = BUFFER_BYTES;
}

static int set_format(struct v4l2_format *f) {
  if (is("busy")) return fail(EBUSY);
  for (int i = 0; i < MODES; i++)
    if (modes[i].format == f->fmt.pix.pixelformat && modes[i].width == f->fmt.pix.width
        && modes[i].height == f->fmt.pix.height) now = modes[i];
  get_format(f);  // as the kernel: what is nearest, without a word
  return 0;
}

struct control {
  __u32 id, type;
  const char *name;
  __s32 minimum, maximum, step, value;
  __u32 flags, switched_by;  // it has no effect unless that one is `off`
  __s32 off;
  const char *menu[4];
};
static struct control controls[] = {
  {V4L2_CID_USER_CLASS, V4L2_CTRL_TYPE_CTRL_CLASS, "User Controls", 0, 0, 0, 0,
   V4L2_CTRL_FLAG_READ_ONLY | V4L2_CTRL_FLAG_WRITE_ONLY, 0, 0, {0}},
  {V4L2_CID_BRIGHTNESS, V4L2_CTRL_TYPE_INTEGER, "Brightness", -64, 64, 1, 0, 0, 0, 0, {0}},
  {V4L2_CID_HUE, V4L2_CTRL_TYPE_INTEGER, "Hue", -40, 40, 1, 0, V4L2_CTRL_FLAG_DISABLED, 0, 0, {0}},
  {V4L2_CID_AUTO_WHITE_BALANCE, V4L2_CTRL_TYPE_BOOLEAN, "White Balance, Automatic", 0, 1, 1, 1, 0, 0,
   0, {0}},
  {V4L2_CID_DO_WHITE_BALANCE, V4L2_CTRL_TYPE_BUTTON, "Do White Balance", 0, 0, 0, 0,
   V4L2_CTRL_FLAG_WRITE_ONLY | V4L2_CTRL_FLAG_EXECUTE_ON_WRITE, 0, 0, {0}},
  {V4L2_CID_GAIN, V4L2_CTRL_TYPE_INTEGER, "Gain", 0, 100, 1, 20, 0, 0, 0, {0}},
  {V4L2_CID_POWER_LINE_FREQUENCY, V4L2_CTRL_TYPE_MENU, "Power Line Frequency", 0, 2, 1, 1, 0, 0, 0,
   {"Disabled", "50 Hz", "60 Hz"}},
  {V4L2_CID_WHITE_BALANCE_TEMPERATURE, V4L2_CTRL_TYPE_INTEGER, "White Balance Temperature", 2800,
   6500, 10, 4600, 0, V4L2_CID_AUTO_WHITE_BALANCE, 0, {0}},
  {V4L2_CID_CAMERA_CLASS, V4L2_CTRL_TYPE_CTRL_CLASS, "Camera Controls", 0, 0, 0, 0,
   V4L2_CTRL_FLAG_READ_ONLY | V4L2_CTRL_FLAG_WRITE_ONLY, 0, 0, {0}},
  {V4L2_CID_EXPOSURE_AUTO, V4L2_CTRL_TYPE_MENU, "Auto Exposure", 0, 3, 1, 3, 0, 0, 0,
   {0, "Manual Mode", 0, "Aperture Priority Mode"}},
  {V4L2_CID_EXPOSURE_ABSOLUTE, V4L2_CTRL_TYPE_INTEGER, "Exposure Time, Absolute", 3, 2047, 1, 250, 0,
   V4L2_CID_EXPOSURE_AUTO, 1, {0}},
  {V4L2_CID_PAN_ABSOLUTE, V4L2_CTRL_TYPE_INTEGER, "Pan, Absolute", -36000, 36000, 3600, 0, 0, 0, 0,
   {0}},
  {V4L2_CID_PRIVACY, V4L2_CTRL_TYPE_BOOLEAN, "Privacy", 0, 1, 1, 0, V4L2_CTRL_FLAG_READ_ONLY, 0, 0,
   {0}},
  {V4L2_CID_AUTO_EXPOSURE_BIAS, V4L2_CTRL_TYPE_INTEGER_MENU, "Auto Exposure, Bias", 0, 2, 1, 1, 0, 0,
   0, {"-1000", "0", "1000"}},
};
#define CONTROLS (int)(sizeof controls / sizeof *controls)

static struct control *find_control(__u32 id) {
  for (int i = 0; i < CONTROLS; i++)
    if (controls[i].id == id) return &controls[i];
  return NULL;
}

static int inactive(const struct control *c) {
  return c->switched_by && find_control(c->switched_by)->value != c->off;
}

static int query_control(struct v4l2_query_ext_ctrl *q) {
  const __u32 next = V4L2_CTRL_FLAG_NEXT_CTRL | V4L2_CTRL_FLAG_NEXT_COMPOUND;
  struct control *c = NULL;
  if (!(q->id & next)) {
    c = find_control(q->id);
  } else {
    for (int i = 0; i < CONTROLS && !c; i++)
      if (controls[i].id > (q->id & ~next)) c = &controls[i];
  }
  if (!c) return fail(EINVAL);
  memset(q, 0, sizeof *q);
  q->id = c->id;
  q->type = c->type;
  strcpy(q->name, c->name);
  q->minimum = c->minimum;
  q->maximum = c->maximum;
  q->step = c->step;
  q->flags = c->flags | (inactive(c) ? V4L2_CTRL_FLAG_INACTIVE : 0);
  q->elem_size = 4;
  q->elems = 1;
  return 0;
}

static int query_menu(struct v4l2_querymenu *m) {
  struct control *c = find_control(m->id);
  if (!c || (c->type != V4L2_CTRL_TYPE_MENU && c->type != V4L2_CTRL_TYPE_INTEGER_MENU)
      || m->index > (__u32)c->maximum || !c->menu[m->index]) return fail(EINVAL);
  if (c->type == V4L2_CTRL_TYPE_MENU) strcpy((char *)m->name, c->menu[m->index]);
  else m->value = atoll(c->menu[m->index]);
  m->reserved = 0;
  return 0;
}

static int set_control(struct control *c, __s32 *value) {  // as uvcvideo does
  if (c->flags & V4L2_CTRL_FLAG_READ_ONLY) return EACCES;
  if (inactive(c)) return EACCES;  // "wrong state", says the camera
  if (c->id == V4L2_CID_GAIN && is("stubborn")) return EIO;
  if (c->type == V4L2_CTRL_TYPE_MENU || c->type == V4L2_CTRL_TYPE_INTEGER_MENU) {
    if (*value < c->minimum || *value > c->maximum) return ERANGE;
    if (!c->menu[*value]) return EINVAL;
  } else if (c->type != V4L2_CTRL_TYPE_BUTTON) {
    if (*value < c->minimum) *value = c->minimum;
    if (*value > c->maximum) *value = c->maximum;
    *value = c->minimum + (*value - c->minimum + c->step / 2) / c->step * c->step;
  }
  c->value = *value;
  char name[PATH_MAX + 16];
  snprintf(name, sizeof name, "%s.set", path);
  FILE *file = fopen(name, "a");
  fprintf(file, "%s=%d\n", c->name, *value);
  fclose(file);
  return 0;
}

static int each_control(struct v4l2_ext_controls *list, int set) {
  for (__u32 i = 0; i < list->count; i++) {
    struct v4l2_ext_control *item = &list->controls[i];
    struct control *c = find_control(item->id);
    __s32 value = set ? item->value : c ? c->value : 0;
    int error = !c || c->type == V4L2_CTRL_TYPE_CTRL_CLASS ? EINVAL
      : set ? set_control(c, &value) : c->flags & V4L2_CTRL_FLAG_WRITE_ONLY ? EACCES : 0;
    list->error_idx = error ? list->count : list->error_idx;
    if (error) return fail(error);
    item->value = value;
  }
  return 0;
}

static int dequeue(struct v4l2_buffer *b) {
  char one;
  if (is_gone()) return fail(ENODEV);
  if (read(camera, &one, 1) != 1 || !filled_count) return fail(EAGAIN);
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
      strcpy((char *)capability->driver, is("codec") ? "bcm2835-codec" : is("isp") ? "bcm2835-isp"
             : is("csi") ? "rp1-cfe" : "uvcvideo");
      strcpy((char *)capability->card, is("codec") ? "bcm2835-codec-decode" : is("isp")
             ? "bcm2835-isp" : is("csi") ? "rp1-cfe" : "Fake Camera: Fake Cam");
      // Those of the whole device; a camera has a second node for its metadata.
      capability->capabilities = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_META_CAPTURE
        | V4L2_CAP_STREAMING | V4L2_CAP_DEVICE_CAPS;
      capability->device_caps = V4L2_CAP_STREAMING | (
        is("codec") ? V4L2_CAP_VIDEO_M2M_MPLANE : is("meta") ? V4L2_CAP_META_CAPTURE
        : is("csi") ? V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_META_CAPTURE | V4L2_CAP_IO_MC
        : V4L2_CAP_VIDEO_CAPTURE);
      return 0;
    case VIDIOC_ENUM_FMT: return enum_format(p);
    case VIDIOC_ENUM_FRAMESIZES: return enum_size(p);
    case VIDIOC_ENUM_FRAMEINTERVALS: return enum_interval(p);
    case VIDIOC_S_FMT: return set_format(p);
    case VIDIOC_TRY_FMT: return set_format(p);
    case VIDIOC_G_FMT: get_format(p); return 0;
    case VIDIOC_ENUMINPUT:
      if (((struct v4l2_input *)p)->index) return fail(EINVAL);
      memset(p, 0, sizeof(struct v4l2_input));
      ((struct v4l2_input *)p)->type = V4L2_INPUT_TYPE_CAMERA;
      return 0;
    case VIDIOC_G_INPUT: *(int *)p = 0; return 0;
    case VIDIOC_S_INPUT: return *(int *)p ? fail(EINVAL) : 0;
    case VIDIOC_S_PARM:
      interval = ((__u32 *)p) + 3;  // of its capture.timeperframe
      rate = interval[1] / interval[0];
      return 0;
    case VIDIOC_G_PARM:
      interval = ((__u32 *)p) + 1;
      interval[0] = V4L2_CAP_TIMEPERFRAME;
      interval[2] = 1;
      interval[3] = rate;
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
    case VIDIOC_QUERY_EXT_CTRL: return query_control(p);
    case VIDIOC_QUERYMENU: return query_menu(p);
    case VIDIOC_G_EXT_CTRLS: return each_control(p, 0);
    case VIDIOC_S_EXT_CTRLS: return each_control(p, 1);
    case VIDIOC_STREAMON:
      if (is("narrow")) return fail(ENOSPC);
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
  if (is_camera(fd)) {
    pthread_mutex_lock(&lock);
    int result = answer((unsigned int)request, argument);
    pthread_mutex_unlock(&lock);
    return result;
  }
  int (*real)(int, unsigned long, void *) = dlsym(RTLD_NEXT, "ioctl");
  return real(fd, request, argument);
}
