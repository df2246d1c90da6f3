/* log_file.c - writing, and the chain of renames. */
#include "telemetry/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WRITABLE_MS 1000
#define NAME_BYTES (PATH_MAX + 16)

uint64_t log_output_write(int fd, const char *text, size_t bytes)
{
    while (bytes > 0) {
        ssize_t done = write(fd, text, bytes);
        if (done >= 0) {
            text += done;
            bytes -= (size_t)done;
            continue;
        }
        if (errno == EINTR) continue;
        struct pollfd ready = {.fd = fd, .events = POLLOUT};
        if (errno == EAGAIN && poll(&ready, 1, WRITABLE_MS) > 0) continue;
        break;
    }
    uint64_t lost = 0;
    for (size_t i = 0; i < bytes; i++)
        lost += text[i] == '\n';
    return lost;
}

/* Replaces the descriptor, if the file of that name can be had. */
static bool open_again(log_file *of)
{
    struct stat about;
    int fd = open(of->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0) return false;
    if (of->fd >= 0) (void)close(of->fd);
    of->fd = fd;
    of->size = fstat(fd, &about) == 0 && S_ISREG(about.st_mode) ? (uint64_t)about.st_size : 0;
    return true;
}

bool log_file_open(log_file *of, const char *path, uint64_t bytes_max, unsigned files_max)
{
    size_t size = strlen(path);
    of->fd = -1;
    if (size >= sizeof of->path) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(of->path, path, size + 1);
    of->bytes_max = bytes_max;
    of->files_max = files_max > 0 ? files_max : 1;
    return open_again(of);
}

void log_file_close(log_file *of)
{
    if (of->fd >= 0) (void)close(of->fd);
    of->fd = -1;
}

bool log_file_reopen(log_file *of)
{
    return open_again(of);
}

static void name_of(const log_file *of, unsigned number, char name[NAME_BYTES])
{
    if (number == 0)
        (void)snprintf(name, NAME_BYTES, "%s", of->path);
    else
        (void)snprintf(name, NAME_BYTES, "%s.%u", of->path, number);
}

/* .8 becomes .9, ... the present one .1; with one file to keep, it just begins again. */
static void rotate(log_file *of)
{
    char from[NAME_BYTES], to[NAME_BYTES];
    struct stat about;
    if (fstat(of->fd, &about) != 0 || !S_ISREG(about.st_mode))
        return; /* a pipe has no older ones */
    if (of->files_max == 1) {
        if (ftruncate(of->fd, 0) == 0) of->size = 0;
        return;
    }
    for (unsigned number = of->files_max - 1; number > 0; number--) {
        name_of(of, number - 1, from);
        name_of(of, number, to);
        if (rename(from, to) != 0 && number == 1) return;
    }
    (void)open_again(of);
}

uint64_t log_file_write(log_file *of, const char *text, size_t bytes)
{
    if (of->fd < 0 || bytes == 0) return 0;
    if (of->bytes_max > 0 && of->size > 0 && of->size + bytes > of->bytes_max) rotate(of);
    of->size += bytes;
    return log_output_write(of->fd, text, bytes);
}
