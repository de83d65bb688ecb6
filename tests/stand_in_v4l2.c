/* A webcam for tests, preloaded into a process: /dev/video77, 960x720 YUYV at 50 frames a second.
 *
 * Every frame is grey, with luma 20 + its number, modulo 200. As with a driver, a frame goes into a buffer that was
 * queued, oldest first, and is lost when none is. STAND_IN_DEVICE names another path, which may change while it runs.
 * What goes wrong is named by STAND_IN_FAULT:
 *   denied   opening is not permitted          codec    it is a memory-to-memory device
 *   busy     another program has it            unplug   after ten frames the device is gone
 *   stall    after ten frames no more come     mjpeg    it lists MJPEG only, and gives garbage
 *   metadata what it captures is no video
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
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

static struct slot slots[SLOTS];
static int camera = -1, streaming;
static unsigned frames, turns;
static long long started;

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

/* Put what the sensor has taken since the last call into the buffers that were queued then. */
static void expose(void)
{
    for (; started + (frames + 1) * (1000000LL / RATE) <= now(); frames++) {
        struct slot *free_one = NULL;
        if (fault("stall") && frames >= LAST) continue;
        for (int i = 0; i < SLOTS; i++)
            if (slots[i].queued && !slots[i].when && (!free_one || slots[i].turn < free_one->turn)) free_one = &slots[i];
        if (!free_one) continue;
        free_one->number = frames;
        free_one->when = started + (frames + 1) * (1000000LL / RATE);
        for (int i = 0; i < SIZE; i += 2) {
            free_one->memory[i] = 20 + frames % 200;
            free_one->memory[i + 1] = 128;
        }
    }
}

static int dequeue(struct v4l2_buffer *b)
{
    struct slot *first = NULL;
    if (fault("unplug") && frames > LAST) return fail(ENODEV);
    expose();
    for (int i = 0; i < SLOTS; i++)
        if (slots[i].queued && slots[i].when && (!first || slots[i].when < first->when)) first = &slots[i];
    if (!first) return fail(EAGAIN);
    b->index = first - slots;
    b->bytesused = b->length = SIZE;
    b->sequence = first->number;
    b->timestamp.tv_sec = first->when / 1000000;
    b->timestamp.tv_usec = first->when % 1000000;
    b->flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
    b->field = V4L2_FIELD_NONE;
    first->queued = 0;
    return 0;
}

static int control(unsigned long request, void *data)
{
    unsigned layout = fault("mjpeg") ? V4L2_PIX_FMT_MJPEG : V4L2_PIX_FMT_YUYV;
    switch ((unsigned)request) {
    case VIDIOC_QUERYCAP: {
        struct v4l2_capability *c = data;
        memset(c, 0, sizeof *c);
        strcpy((char *)c->driver, "stand-in");
        strcpy((char *)c->card, "A webcam for tests");
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
            slots[i].memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            slots[i].queued = 0;
        }
        return 0;
    case VIDIOC_QUERYBUF: {
        struct v4l2_buffer *b = data;
        b->length = SIZE;
        b->m.offset = b->index << 24;
        return 0;
    }
    case VIDIOC_QBUF: {
        struct slot *s = &slots[((struct v4l2_buffer *)data)->index];
        if (streaming) expose();
        s->queued = 1;
        s->when = 0;
        s->turn = turns++;
        return 0;
    }
    case VIDIOC_DQBUF:
        return dequeue(data);
    case VIDIOC_STREAMON:
        started = now();
        frames = 0;
        streaming = 1;
        return 0;
    case VIDIOC_STREAMOFF:
        streaming = 0;
        return 0;
    }
    return fail(EINVAL);
}

static void *real(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

static int opened(const char *path)
{
    const char *device = getenv("STAND_IN_DEVICE");
    if (strcmp(path, device ? device : "/dev/video77")) return -2;
    if (fault("denied")) return fail(EACCES);
    return camera = ((int (*)(const char *, int, ...))real("open"))("/dev/null", O_RDWR | O_CLOEXEC);
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
    if (camera >= 0 && handle == camera) return control(request, data);
    return ((int (*)(int, unsigned long, ...))real("ioctl"))(handle, request, data);
}

void *mmap64(void *where, size_t size, int allowed, int flags, int handle, off64_t offset)
{
    if (camera >= 0 && handle == camera) return slots[offset >> 24].memory;
    return ((void *(*)(void *, size_t, int, int, int, off64_t))real("mmap64"))(where, size, allowed, flags, handle, offset);
}

void *mmap(void *where, size_t size, int allowed, int flags, int handle, off_t offset)
{
    if (camera >= 0 && handle == camera) return slots[offset >> 24].memory;
    return ((void *(*)(void *, size_t, int, int, int, off_t))real("mmap"))(where, size, allowed, flags, handle, offset);
}

int munmap(void *where, size_t size)
{
    for (int i = 0; i < SLOTS; i++)
        if (where && where == slots[i].memory) return 0;
    return ((int (*)(void *, size_t))real("munmap"))(where, size);
}

int close(int handle)
{
    if (handle == camera) camera = -1;
    return ((int (*)(int))real("close"))(handle);
}
