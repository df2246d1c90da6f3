/* log_journal.c - what a line says of itself, as fields of the journal. */
#include "telemetry/log_journal.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "telemetry/log_sink.h"

#define WRITABLE_MS 1000
#define FIELD_BYTES_MAX 128u

int log_journal_open(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (path == NULL) path = LOG_JOURNAL_PATH;
    if (strlen(path) >= sizeof to.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(to.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -1;
    if (connect(fd, (const struct sockaddr *)&to, sizeof to) == 0) return fd;
    int reason = errno;
    (void)close(fd);
    errno = reason;
    return -1;
}

/* The text of `"name":"..."`, which cannot stand inside another text, for quotes are escaped there;
 * size 0: the line has none. */
static size_t text_of(const char *line, size_t size, const char *name, const char **text_out)
{
    char start[32];
    int bytes = snprintf(start, sizeof start, "\"%s\":\"", name);
    const char *at = memmem(line, size, start, (size_t)bytes);
    if (at == NULL) return 0;
    at += bytes;
    const char *end = memchr(at, '"', size - (size_t)(at - line));
    if (end == NULL || (size_t)(end - at) > FIELD_BYTES_MAX) return 0;
    *text_out = at;
    return (size_t)(end - at);
}

static int priority_of(const char *line, size_t size)
{
    static const struct {
        const char *level;
        int priority; /* of syslog */
    } levels[] = {{"ERROR", 3}, {"WARN", 4}, {"INFO", 6}, {"DEBUG", 7}, {"TRACE", 7}};
    const char *text = line;
    size_t bytes = text_of(line, size, "level", &text);
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        size_t chars = strlen(levels[i].level);
        if (bytes == chars && memcmp(text, levels[i].level, chars) == 0) return levels[i].priority;
    }
    return 6;
}

static size_t field_add(char *to, const char *name, const char *line, size_t size, const char *from)
{
    const char *text = NULL;
    size_t bytes = text_of(line, size, from, &text);
    if (bytes == 0) return 0;
    size_t chars = strlen(name);
    memcpy(to, name, chars);
    to[chars] = '=';
    memcpy(to + chars + 1, text, bytes);
    to[chars + 1 + bytes] = '\n';
    return chars + bytes + 2;
}

/* A line has no newline inside, so no field needs the form with a length. */
static bool line_send(int fd, const char *line, size_t size)
{
    char datagram[LOG_LINE_BYTES_MAX + 1024];
    size_t used = (size_t)snprintf(
        datagram, sizeof datagram,
        "PRIORITY=%d\nSYSLOG_IDENTIFIER=hypercached\nMESSAGE=", priority_of(line, size));
    memcpy(datagram + used, line, size);
    used += size;
    datagram[used++] = '\n';
    used += field_add(datagram + used, "COMPONENT", line, size, "component");
    used += field_add(datagram + used, "CORRELATION_ID", line, size, "correlationId");
    used += field_add(datagram + used, "EVENT", line, size, "event");
    used += field_add(datagram + used, "NODE_ID", line, size, "nodeId");
    for (;;) {
        if (send(fd, datagram, used, MSG_NOSIGNAL) >= 0) return true;
        struct pollfd ready = {.fd = fd, .events = POLLOUT};
        if (errno == EINTR) continue;
        if (errno != EAGAIN || poll(&ready, 1, WRITABLE_MS) <= 0) return false;
    }
}

uint64_t log_journal_write(int fd, const char *text, size_t bytes)
{
    uint64_t lost = 0;
    while (bytes > 0) {
        const char *end = memchr(text, '\n', bytes);
        size_t size = end != NULL ? (size_t)(end - text) : bytes;
        if (size <= LOG_LINE_BYTES_MAX && !line_send(fd, text, size)) lost++;
        if (end == NULL) break;
        bytes -= size + 1;
        text = end + 1;
    }
    return lost;
}
