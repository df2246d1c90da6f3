/* data_file.c - pread(2) until all is there. */
#include "data/data_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static bool read_at(void *ctx, uint64_t offset, void *to, size_t bytes)
{
    const data_file *of = ctx;
    uint8_t *at = to;
    uint64_t end = offset + bytes;
    while (offset < end) {
        ssize_t size = pread(of->fd, at, (size_t)(end - offset), (off_t)offset);
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) return false; /* it became shorter meanwhile, or the disk failed */
        at += size;
        offset += (uint64_t)size;
    }
    if (of->bar != NULL) data_bar_move(of->bar, offset, of->source.bytes);
    return true;
}

bool data_file_open(data_file *of, const char *path)
{
    struct stat about;
    *of = (data_file){.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (of->fd < 0) return false;
    int failure = fstat(of->fd, &about) != 0 ? errno
                  : S_ISDIR(about.st_mode)   ? EISDIR
                  : S_ISREG(about.st_mode)   ? 0
                                             : EINVAL;
    if (failure != 0) {
        data_file_close(of);
        errno = failure;
        return false;
    }
    of->source = (hc_rdb_source){.size = sizeof(hc_rdb_source),
                                 .ctx = of,
                                 .bytes = (uint64_t)about.st_size,
                                 .read = read_at};
    return true;
}

void data_file_close(data_file *of)
{
    if (of->fd >= 0) (void)close(of->fd);
    of->fd = -1;
}
