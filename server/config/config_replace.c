/* config_replace.c - write beside, fsync, rename, fsync of the folder. */
#include "config/config_replace.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool write_all(int fd, const char *text, size_t bytes)
{
    while (bytes > 0) {
        ssize_t wrote = write(fd, text, bytes);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return false;
        text += wrote;
        bytes -= (size_t)wrote;
    }
    return true;
}

/* Its owner and mode may be others' than ours; only the mode is a must. */
static bool looks_take(int fd, const struct stat *as)
{
    if (fchown(fd, as->st_uid, as->st_gid) != 0 && errno != EPERM) return false;
    return fchmod(fd, as->st_mode & 07777) == 0;
}

static bool folder_sync(char *path)
{
    int fd = open(dirname(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return false;
    bool done = fsync(fd) == 0;
    (void)close(fd);
    return done;
}

bool config_replace(const char *path, const char *text, size_t bytes)
{
    char real[PATH_MAX], beside[PATH_MAX];
    struct stat as;
    if (realpath(path, real) == NULL || stat(real, &as) != 0) return false;
    if ((size_t)snprintf(beside, sizeof beside, "%s.XXXXXX", real) >= sizeof beside) {
        errno = ENAMETOOLONG;
        return false;
    }
    int fd = mkostemp(beside, O_CLOEXEC);
    if (fd < 0) return false;
    bool done = write_all(fd, text, bytes) && looks_take(fd, &as) && fsync(fd) == 0;
    int why = errno;
    if (close(fd) != 0 && done) {
        done = false;
        why = errno;
    }
    if (done && rename(beside, real) != 0) {
        done = false;
        why = errno;
    }
    if (!done) {
        (void)unlink(beside);
        errno = why;
        return false;
    }
    (void)folder_sync(real); /* the new file is there; at worst a crash brings the old one back */
    return true;
}
