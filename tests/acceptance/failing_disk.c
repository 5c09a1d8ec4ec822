/* Loaded before the C library: a disk that fails. Counts the writes and flushes of files under the folder DISK_UNDER,
 * and fails from the one with the number DISK_AT on (DISK_ONCE: that one alone) with the error number DISK_ERROR.
 * DISK_READ_ONLY: none is opened for writing.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_int passed;

static int is_under(const char *name) {
    const char *folder = getenv("DISK_UNDER");
    return folder != NULL && strncmp(name, folder, strlen(folder)) == 0;
}

static int fails(int descriptor) {
    char link[64], name[4096];
    if (getenv("DISK_AT") == NULL) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, name, sizeof name - 1);
    if (length < 0) return 0;
    name[length] = '\0';
    if (!is_under(name)) return 0;
    int number = atomic_fetch_add(&passed, 1) + 1, at = atoi(getenv("DISK_AT"));
    if (getenv("DISK_ONCE") != NULL ? number != at : number < at) return 0;
    errno = atoi(getenv("DISK_ERROR"));
    return 1;
}

#define ORIGINAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int descriptor, const void *bytes, size_t count) {
    return fails(descriptor) ? -1 : ORIGINAL(write)(descriptor, bytes, count);
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t at) {
    return fails(descriptor) ? -1 : ORIGINAL(pwrite)(descriptor, bytes, count, at);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t at) {
    return fails(descriptor) ? -1 : ORIGINAL(pwrite64)(descriptor, bytes, count, at);
}

int fsync(int descriptor) {
    return fails(descriptor) ? -1 : ORIGINAL(fsync)(descriptor);
}

int fdatasync(int descriptor) {
    return fails(descriptor) ? -1 : ORIGINAL(fdatasync)(descriptor);
}

static int refused(const char *name, int flags) {
    char full[4096];
    if (getenv("DISK_READ_ONLY") == NULL || (flags & (O_WRONLY | O_RDWR | O_CREAT)) == 0) return 0;
    if (name[0] != '/') {
        if (getcwd(full, sizeof full) == NULL) return 0;
        strncat(full, "/", sizeof full - strlen(full) - 1);
        strncat(full, name, sizeof full - strlen(full) - 1);
        name = full;
    }
    if (!is_under(name)) return 0;
    errno = EROFS;
    return 1;
}

#define OPENS(function)                                                                    \
    int function(const char *name, int flags, ...) {                                       \
        va_list more;                                                                      \
        va_start(more, flags);                                                             \
        mode_t mode = (flags & O_CREAT) ? va_arg(more, mode_t) : 0;                        \
        va_end(more);                                                                      \
        return refused(name, flags) ? -1 : ORIGINAL(function)(name, flags, mode);          \
    }

OPENS(open)
OPENS(open64)
