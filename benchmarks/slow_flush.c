/* Preloaded, makes each flush to the disk take FLUSH_MS milliseconds more, as those of laptops and of clouds do.
 * Built by benchmarks/flushing.py; both calls hand over to the kernel as the C library's do. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void wait_more(void) {
    const char *text = getenv("FLUSH_MS");
    long ms = text ? atol(text) : 0;
    struct timespec pause = {ms / 1000, (ms % 1000) * 1000000L};
    nanosleep(&pause, NULL);
}

int fsync(int fd) {
    wait_more();
    return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd) {
    wait_more();
    return (int)syscall(SYS_fdatasync, fd);
}
