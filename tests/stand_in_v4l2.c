/* Webcams for tests, preloaded into a process: /dev/video77, 960x720 YUYV at 50 frames per second.
 *
 * Every frame is grey. The luma of the first webcam is 20 + the frame's number, modulo 200; that of the second is 230.
 * As with a driver, a frame goes into a buffer that was queued, oldest first, and is lost if there is none.
 * STAND_IN_DEVICE names other paths, of one webcam or, with a colon between them, of two; it may change while the process
 * runs, and an empty path is a webcam that is unplugged. Timestamps are of the frame's end, or with
 * STAND_IN_TIMESTAMP=soe of the start of its exposure. STAND_IN_FAULT names what goes wrong:
 *   denied   opening is not permitted          codec    it is a memory-to-memory device
 *   busy     another program has it            unplug   after ten frames the device is gone
 *   stall    after ten frames no more come     mjpeg    it lists MJPEG only, and gives garbage
 *   metadata what it captures is no video      receiver it is part of a Raspberry Pi's own camera
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { WIDTH = 960, HEIGHT = 720, SIZE = WIDTH * HEIGHT * 2, SLOTS = 4, RATE = 50, LAST = 10 };

struct slot {
    unsigned char *memory;
    int queued;
    unsigned number, turn;
    long long when; /* microseconds; 0 while it is empty */
};

struct webcam {
    struct slot slots[SLOTS];
    int streaming;
    unsigned frames, turns;
    long long started;
};

static struct webcam webcams[2];
static struct webcam *opened_by[1024]; /* by file descriptor */

static int fault(const char *name)
{
    const char *set = getenv("STAND_IN_FAULT");
    return set && !strcmp(set, name);
}

static int fail(int reason)
{
    errno = reason;
    return -1;
}

static long long now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static unsigned timestamp_source(void)
{
    const char *set = getenv("STAND_IN_TIMESTAMP");
    return set && !strcmp(set, "soe") ? V4L2_BUF_FLAG_TSTAMP_SRC_SOE : V4L2_BUF_FLAG_TSTAMP_SRC_EOF;
}

static int plugged(const struct webcam *w)
{
    const char *devices = getenv("STAND_IN_DEVICE");
    if (w == &webcams[0]) return !devices || (*devices && *devices != ':');
    return devices && strchr(devices, ':') && strchr(devices, ':')[1];
}

/* Put what the sensor has taken since the last call into the buffers that were queued then. */
static void expose(struct webcam *w)
{
    for (; w->started + (w->frames + 1) * (1000000LL / RATE) <= now(); w->frames++) {
        struct slot *free_one = NULL;
        if (fault("stall") && w->frames >= LAST) continue;
        for (int i = 0; i < SLOTS; i++)
            if (w->slots[i].queued && !w->slots[i].when && (!free_one || w->slots[i].turn < free_one->turn)) free_one = &w->slots[i];
        if (!free_one) continue;
        free_one->number = w->frames;
        free_one->when = w->started + (w->frames + 1) * (1000000LL / RATE);
        for (int i = 0; i < SIZE; i += 2) {
            free_one->memory[i] = w == &webcams[1] ? 230 : 20 + w->frames % 200;
            free_one->memory[i + 1] = 128;
        }
    }
}

static int dequeue(struct webcam *w, struct v4l2_buffer *b)
{
    struct slot *first = NULL;
    if (!plugged(w) || (fault("unplug") && w->frames > LAST)) return fail(ENODEV);
    expose(w);
    for (int i = 0; i < SLOTS; i++)
        if (w->slots[i].queued && w->slots[i].when && (!first || w->slots[i].when < first->when)) first = &w->slots[i];
    if (!first) return fail(EAGAIN);
    b->index = first - w->slots;
    b->bytesused = b->length = SIZE;
    b->sequence = first->number;
    b->timestamp.tv_sec = first->when / 1000000;
    b->timestamp.tv_usec = first->when % 1000000;
    b->flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC | timestamp_source();
    b->field = V4L2_FIELD_NONE;
    first->queued = 0;
    return 0;
}

static int control(struct webcam *w, unsigned long request, void *data)
{
    unsigned layout = fault("mjpeg") ? V4L2_PIX_FMT_MJPEG : V4L2_PIX_FMT_YUYV;
    switch ((unsigned)request) {
    case VIDIOC_QUERYCAP: {
        struct v4l2_capability *c = data;
        memset(c, 0, sizeof *c);
        strcpy((char *)c->driver, fault("receiver") ? "unicam" : "stand-in");
        strcpy((char *)c->card, w == &webcams[1] ? "Another webcam for tests" : "A webcam for tests");
        c->device_caps = V4L2_CAP_STREAMING | (fault("codec")      ? V4L2_CAP_VIDEO_M2M | V4L2_CAP_VIDEO_CAPTURE
                                               : fault("metadata") ? V4L2_CAP_META_CAPTURE
                                                                   : V4L2_CAP_VIDEO_CAPTURE);
        c->capabilities = c->device_caps | V4L2_CAP_DEVICE_CAPS;
        return 0;
    }
    case VIDIOC_ENUM_FMT: {
        struct v4l2_fmtdesc *f = data;
        if (f->index) return fail(EINVAL);
        f->pixelformat = layout;
        return 0;
    }
    case VIDIOC_S_FMT:
        if (fault("busy")) return fail(EBUSY); /* fall through */
    case VIDIOC_G_FMT:
    case VIDIOC_TRY_FMT: {
        struct v4l2_pix_format *p = &((struct v4l2_format *)data)->fmt.pix;
        *p = (struct v4l2_pix_format){.width = WIDTH, .height = HEIGHT, .pixelformat = layout, .field = V4L2_FIELD_NONE,
                                      .bytesperline = WIDTH * 2, .sizeimage = SIZE, .colorspace = V4L2_COLORSPACE_SRGB};
        return 0;
    }
    case VIDIOC_S_PARM:
    case VIDIOC_G_PARM: {
        struct v4l2_captureparm *c = &((struct v4l2_streamparm *)data)->parm.capture;
        c->capability = V4L2_CAP_TIMEPERFRAME;
        c->timeperframe = (struct v4l2_fract){1, RATE};
        return 0;
    }
    case VIDIOC_ENUMINPUT:
        if (((struct v4l2_input *)data)->index) return fail(EINVAL);
        ((struct v4l2_input *)data)->type = V4L2_INPUT_TYPE_CAMERA;
        return 0;
    case VIDIOC_G_INPUT:
        *(int *)data = 0;
        return 0;
    case VIDIOC_S_INPUT:
        return 0;
    case VIDIOC_REQBUFS:
        ((struct v4l2_requestbuffers *)data)->count = SLOTS;
        for (int i = 0; i < SLOTS; i++) {
            w->slots[i].memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            w->slots[i].queued = 0;
        }
        return 0;
    case VIDIOC_QUERYBUF: {
        struct v4l2_buffer *b = data;
        b->length = SIZE;
        b->m.offset = b->index << 24;
        b->flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC | timestamp_source();
        return 0;
    }
    case VIDIOC_QBUF: {
        struct slot *s = &w->slots[((struct v4l2_buffer *)data)->index];
        if (w->streaming) expose(w);
        s->queued = 1;
        s->when = 0;
        s->turn = w->turns++;
        return 0;
    }
    case VIDIOC_DQBUF:
        return dequeue(w, data);
    case VIDIOC_STREAMON:
        w->started = now();
        w->frames = 0;
        w->streaming = 1;
        return 0;
    case VIDIOC_STREAMOFF:
        w->streaming = 0;
        return 0;
    }
    return fail(EINVAL);
}

static void *real(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

static struct webcam *of_handle(int handle)
{
    return handle >= 0 && handle < 1024 ? opened_by[handle] : NULL;
}

static struct webcam *named(const char *path)
{
    const char *devices = getenv("STAND_IN_DEVICE");
    char linked[PATH_MAX];
    if (realpath(path, linked)) path = linked;
    if (!devices) devices = "/dev/video77";
    for (int i = 0; i < 2; i++) {
        size_t length = strcspn(devices, ":");
        if (length && length == strlen(path) && !strncmp(path, devices, length)) return &webcams[i];
        if (!devices[length]) return NULL;
        devices += length + 1;
    }
    return NULL;
}

static int opened(const char *path)
{
    struct webcam *webcam = named(path);
    if (!webcam) return -2;
    if (fault("denied")) return fail(EACCES);
    int handle = ((int (*)(const char *, int, ...))real("open"))("/dev/null", O_RDWR | O_CLOEXEC);
    if (handle >= 1024) abort();
    if (handle >= 0) opened_by[handle] = webcam;
    return handle;
}

int open(const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    int mode = va_arg(more, int), handle = opened(path);
    va_end(more);
    return handle != -2 ? handle : ((int (*)(const char *, int, ...))real("open"))(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list more;
    va_start(more, flags);
    int mode = va_arg(more, int), handle = opened(path);
    va_end(more);
    return handle != -2 ? handle : ((int (*)(const char *, int, ...))real("open64"))(path, flags, mode);
}

int ioctl(int handle, unsigned long request, ...)
{
    va_list more;
    va_start(more, request);
    void *data = va_arg(more, void *);
    va_end(more);
    if (of_handle(handle)) return control(of_handle(handle), request, data);
    return ((int (*)(int, unsigned long, ...))real("ioctl"))(handle, request, data);
}

void *mmap64(void *where, size_t size, int allowed, int flags, int handle, off64_t offset)
{
    if (of_handle(handle)) return of_handle(handle)->slots[offset >> 24].memory;
    return ((void *(*)(void *, size_t, int, int, int, off64_t))real("mmap64"))(where, size, allowed, flags, handle, offset);
}

void *mmap(void *where, size_t size, int allowed, int flags, int handle, off_t offset)
{
    if (of_handle(handle)) return of_handle(handle)->slots[offset >> 24].memory;
    return ((void *(*)(void *, size_t, int, int, int, off_t))real("mmap"))(where, size, allowed, flags, handle, offset);
}

int munmap(void *where, size_t size)
{
    for (int i = 0; i < 2 * SLOTS; i++)
        if (where && where == webcams[i / SLOTS].slots[i % SLOTS].memory) return 0;
    return ((int (*)(void *, size_t))real("munmap"))(where, size);
}

int close(int handle)
{
    if (of_handle(handle)) opened_by[handle] = NULL;
    return ((int (*)(int))real("close"))(handle);
}
