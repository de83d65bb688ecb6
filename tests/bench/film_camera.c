/* A camera for uStreamer, preloaded into it: a file of bare YUYV pictures, FILM_SIDES=1280x720, FILM_FPS=30.
 *
 * The file itself is opened and mapped where the device would be, one picture a buffer, so only ioctl and select are
 * answered here, and no picture is ever copied: as with a driver, whose device writes to memory for free. The film is as long as there
 * are buffers. select, which finds any file ready at any time, waits here until the next frame is due.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <time.h>

enum { MOST = 32 };

static int camera = -1, width, height;
static unsigned queue[MOST], taken, queued;
static long long period, due; /* nanoseconds */

static void learn(void)
{
    sscanf(getenv("FILM_SIDES"), "%dx%d", &width, &height);
    period = 1000000000LL / atoi(getenv("FILM_FPS"));
}

static void wait_until_due(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    while (due + period < t.tv_sec * 1000000000LL + t.tv_nsec) due += period; /* nobody came: lost, as at a sensor */
    t.tv_sec = due / 1000000000LL;
    t.tv_nsec = due % 1000000000LL;
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static void expose(struct v4l2_buffer *buffer)
{
    buffer->index = queue[taken++ % MOST];
    buffer->bytesused = buffer->length = width * height * 2;
    buffer->timestamp.tv_sec = due / 1000000000LL;
    buffer->timestamp.tv_usec = due / 1000 % 1000000;
    buffer->flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
    due += period;
}

static int answer(unsigned request, void *data)
{
    switch (request) {
    case VIDIOC_QUERYCAP: {
        struct v4l2_capability *c = data;
        memset(c, 0, sizeof *c);
        strcpy((char *)c->card, "film");
        c->capabilities = c->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
        return 0;
    }
    case VIDIOC_S_FMT:
    case VIDIOC_G_FMT: {
        struct v4l2_pix_format *p = &((struct v4l2_format *)data)->fmt.pix;
        *p = (struct v4l2_pix_format){.width = width, .height = height, .pixelformat = V4L2_PIX_FMT_YUYV,
                                      .bytesperline = width * 2, .sizeimage = width * height * 2};
        return 0;
    }
    case VIDIOC_S_PARM:
    case VIDIOC_G_PARM: {
        struct v4l2_captureparm *c = &((struct v4l2_streamparm *)data)->parm.capture;
        c->capability = V4L2_CAP_TIMEPERFRAME;
        c->timeperframe = (struct v4l2_fract){1, 1000000000LL / period};
        return 0;
    }
    case VIDIOC_REQBUFS:
        return ((struct v4l2_requestbuffers *)data)->count <= MOST ? 0 : (errno = ENOMEM, -1);
    case VIDIOC_QUERYBUF: {
        struct v4l2_buffer *b = data;
        b->length = width * height * 2;
        b->m.offset = b->index * b->length;
        return 0;
    }
    case VIDIOC_QBUF:
        queue[queued++ % MOST] = ((struct v4l2_buffer *)data)->index;
        return 0;
    case VIDIOC_DQBUF:
        if (taken == queued) return errno = EAGAIN, -1;
        wait_until_due();
        expose(data);
        return 0;
    case VIDIOC_S_INPUT:
    case VIDIOC_STREAMON:
    case VIDIOC_STREAMOFF:
        return 0;
    }
    return errno = EINVAL, -1;
}

int ioctl(int file, unsigned long request, ...)
{
    static int (*real)(int, unsigned long, ...);
    va_list more;
    va_start(more, request);
    void *data = va_arg(more, void *);
    va_end(more);
    if (!real) real = (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
    if ((unsigned)request == VIDIOC_QUERYCAP) learn(), camera = file; /* what every program asks first */
    return file == camera ? answer(request, data) : real(file, request, data);
}

int select(int count, fd_set *reading, fd_set *writing, fd_set *errors, struct timeval *timeout)
{
    static int (*real)(int, fd_set *, fd_set *, fd_set *, struct timeval *);
    if (!real) real = (int (*)(int, fd_set *, fd_set *, fd_set *, struct timeval *))dlsym(RTLD_NEXT, "select");
    if (camera < 0 || !reading || !FD_ISSET(camera, reading)) return real(count, reading, writing, errors, timeout);
    wait_until_due();
    if (writing) FD_ZERO(writing);
    if (errors) FD_ZERO(errors);
    return 1;
}
