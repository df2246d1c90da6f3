/*
 * posix_io.c - files of the operating system: pread, pwritev, fdatasync, flock.
 *
 * A hc_file is an open descriptor.  Directories are opened to be synced, for a new name is durable
 * only when its directory is.  Interrupted and short calls go on where they stopped.
 */
#include "host/posix/defaults.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#define FILE_MODE 0640
#define DIR_MODE 0750

struct hc_file {
    int descriptor;
};

static hc_status status_of(int error)
{
    switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return HC_ERR_NO_SPACE;
    case ENOMEM:
        return HC_ERR_NO_MEMORY;
    case ENOENT:
        return HC_ERR_NOT_FOUND;
    case EEXIST:
        return HC_ERR_EXISTS;
    case EOPNOTSUPP:
        return HC_ERR_UNSUPPORTED;
    case EWOULDBLOCK:
        return HC_ERR_BUSY;
    default:
        return HC_ERR_IO;
    }
}

static hc_status result_of(int result)
{
    return result == 0 ? HC_OK : status_of(errno);
}

static hc_status file_make(const char *path, int flags, hc_file **file_out)
{
    *file_out = NULL;
    hc_file *file = malloc(sizeof *file);
    if (file == NULL) return HC_ERR_NO_MEMORY;
    do {
        file->descriptor = open(path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, FILE_MODE);
    } while (file->descriptor < 0 && errno == EINTR);
    hc_status status = file->descriptor < 0 ? status_of(errno) : HC_OK;
    struct stat about;
    if (status == HC_OK && fstat(file->descriptor, &about) != 0) status = status_of(errno);
    if (status == HC_OK && !S_ISREG(about.st_mode)) status = HC_ERR_INVALID;
    if (status == HC_OK) {
        *file_out = file;
        return HC_OK;
    }
    if (file->descriptor >= 0) (void)close(file->descriptor);
    free(file);
    return status;
}

static hc_status posix_open(void *ctx, const char *path, uint32_t flags, hc_file **file_out)
{
    (void)ctx;
    if (flags == HC_OPEN_CREATE) return file_make(path, O_RDWR | O_CREAT | O_EXCL, file_out);
    return file_make(path, flags == HC_OPEN_WRITE ? O_RDWR : O_RDONLY, file_out);
}

static void posix_close(void *ctx, hc_file *file)
{
    (void)ctx;
    if (file == NULL) return;
    (void)close(file->descriptor); /* whatever mattered was synced, or is not trusted */
    free(file);
}

static hc_status posix_length(void *ctx, hc_file *file, uint64_t *bytes_out)
{
    (void)ctx;
    struct stat about;
    *bytes_out = 0;
    if (fstat(file->descriptor, &about) != 0) return status_of(errno);
    *bytes_out = (uint64_t)about.st_size;
    return HC_OK;
}

static hc_status posix_read(void *ctx, hc_file *file, void *buffer, size_t bytes, uint64_t offset,
                            size_t *read_out)
{
    (void)ctx;
    uint8_t *to = buffer;
    size_t done = 0;
    while (done < bytes) {
        ssize_t got = pread(file->descriptor, to + done, bytes - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return status_of(errno);
        if (got == 0) break;
        done += (size_t)got;
    }
    *read_out = done;
    return HC_OK;
}

/* Takes `bytes` that were written off the front of `parts`; returns how many parts are done. */
static size_t parts_advance(struct iovec *parts, size_t count, size_t bytes)
{
    size_t at = 0;
    while (at < count && bytes >= parts[at].iov_len) {
        bytes -= parts[at].iov_len;
        at++;
    }
    if (at < count) {
        parts[at].iov_base = (uint8_t *)parts[at].iov_base + bytes;
        parts[at].iov_len -= bytes;
    }
    return at;
}

static hc_status posix_write(void *ctx, hc_file *file, const hc_span *parts, size_t count,
                             uint64_t offset)
{
    (void)ctx;
    assert(count <= HC_IO_PARTS_MAX);
    struct iovec left[HC_IO_PARTS_MAX];
    for (size_t i = 0; i < count; i++) {
        left[i] = (struct iovec){(void *)(uintptr_t)parts[i].data, parts[i].size};
    }
    size_t at = parts_advance(left, count, 0);
    while (at < count) {
        ssize_t put = pwritev(file->descriptor, left + at, (int)(count - at), (off_t)offset);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return status_of(errno);
        if (put == 0) return HC_ERR_IO;
        offset += (uint64_t)put;
        at += parts_advance(left + at, count - at, (size_t)put);
    }
    return HC_OK;
}

/* Not repeated when interrupted either: what a failed sync leaves cannot be told. */
static hc_status posix_sync(void *ctx, hc_file *file)
{
    (void)ctx;
    return result_of(fdatasync(file->descriptor));
}

static hc_status posix_allocate(void *ctx, hc_file *file, uint64_t bytes)
{
    (void)ctx;
    int result;
    do {
        result = fallocate(file->descriptor, 0, 0, (off_t)bytes);
    } while (result != 0 && errno == EINTR);
    return result_of(result);
}

static hc_status posix_truncate(void *ctx, hc_file *file, uint64_t bytes)
{
    (void)ctx;
    int result;
    do {
        result = ftruncate(file->descriptor, (off_t)bytes);
    } while (result != 0 && errno == EINTR);
    return result_of(result);
}

static hc_status posix_rename(void *ctx, const char *from, const char *to)
{
    (void)ctx;
    return result_of(rename(from, to));
}

static hc_status posix_unlink(void *ctx, const char *path)
{
    (void)ctx;
    return result_of(unlink(path));
}

static hc_status posix_make_dir(void *ctx, const char *path)
{
    (void)ctx;
    return result_of(mkdir(path, DIR_MODE));
}

static hc_status posix_sync_dir(void *ctx, const char *path)
{
    (void)ctx;
    int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return status_of(errno);
    hc_status status = result_of(fsync(descriptor));
    (void)close(descriptor);
    return status;
}

static hc_status posix_list(void *ctx, const char *path, void (*visit)(void *to, const char *name),
                            void *to)
{
    (void)ctx;
    DIR *dir = opendir(path);
    if (dir == NULL) return status_of(errno);
    struct dirent *entry;
    errno = 0;
    while ((entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            visit(to, entry->d_name);
        }
        errno = 0;
    }
    hc_status status = errno == 0 ? HC_OK : status_of(errno);
    (void)closedir(dir);
    return status;
}

/* Says who holds it, for people; nobody reads it back. */
static void lock_describe(int descriptor)
{
    char text[32];
    int length = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(descriptor, 0) != 0) return;
    if (pwrite(descriptor, text, (size_t)length, 0) < 0) return;
}

static hc_status posix_lock(void *ctx, const char *path, hc_file **file_out)
{
    hc_status status = file_make(path, O_RDWR | O_CREAT, file_out);
    if (status != HC_OK) return status;
    int result;
    do {
        result = flock((*file_out)->descriptor, LOCK_EX | LOCK_NB);
    } while (result != 0 && errno == EINTR);
    if (result == 0) {
        lock_describe((*file_out)->descriptor);
        return HC_OK;
    }
    status = status_of(errno);
    posix_close(ctx, *file_out);
    *file_out = NULL;
    return status;
}

static hc_status posix_free_space(void *ctx, const char *path, uint64_t *bytes_out)
{
    (void)ctx;
    struct statvfs about;
    *bytes_out = 0;
    if (statvfs(path, &about) != 0) return status_of(errno);
    *bytes_out = (uint64_t)about.f_bavail * about.f_frsize;
    return HC_OK;
}

const hc_io hci_posix_io = {
    .size = sizeof(hc_io),
    .open = posix_open,
    .close = posix_close,
    .length = posix_length,
    .read = posix_read,
    .write = posix_write,
    .sync = posix_sync,
    .allocate = posix_allocate,
    .truncate = posix_truncate,
    .rename = posix_rename,
    .unlink = posix_unlink,
    .make_dir = posix_make_dir,
    .sync_dir = posix_sync_dir,
    .list = posix_list,
    .lock = posix_lock,
    .free_space = posix_free_space,
};
