/* Loaded before the C library: ends the process by SIGKILL in the n-th write to a file whose name ends as told, with
 * half of the bytes written. CHAOS_FILE is the end of the name, CHAOS_WRITE the number, CHAOS_MARK a file to leave.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

typedef ssize_t (*write_at)(int, const void *, size_t, off64_t);

static atomic_int passed;

static int is_meant(int descriptor) {
    const char *end = getenv("CHAOS_FILE");
    char link[64], name[4096];
    if (end == NULL) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, name, sizeof name - 1);
    if (length < 0) return 0;
    name[length] = '\0';
    size_t wanted = strlen(end);
    return (size_t)length >= wanted && strcmp(name + length - wanted, end) == 0;
}

static void leave_mark(void) {
    int mark = open(getenv("CHAOS_MARK"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    const char *point = getenv("CHAOS_POINT");
    if (mark >= 0 && point != NULL) {
        if (write(mark, point, strlen(point)) < 0) _exit(70);
        close(mark);
    }
}

static ssize_t written(const char *name, int descriptor, const void *bytes, size_t count, off64_t at) {
    write_at original = (write_at)dlsym(RTLD_NEXT, name);
    if (is_meant(descriptor) && atomic_fetch_add(&passed, 1) + 1 == atoi(getenv("CHAOS_WRITE"))) {
        original(descriptor, bytes, count / 2, at);
        leave_mark();
        kill(getpid(), SIGKILL);
        pause();
    }
    return original(descriptor, bytes, count, at);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t at) {
    return written("pwrite64", descriptor, bytes, count, at);
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t at) {
    return written("pwrite", descriptor, bytes, count, (off64_t)at);
}
