/* span_post.c - connect, write, read the first line, each until its time is over. */
#include "telemetry/span_post.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HEAD_BYTES 1024u

/* ---- where ---- */

bool span_endpoint_parse(const char *text, const char *path, span_endpoint *out)
{
    static const char scheme[] = "http://";
    if (strncasecmp(text, scheme, sizeof scheme - 1) != 0) return false;
    const char *host = text + sizeof scheme - 1;
    size_t authority = strcspn(host, "/");
    const char *rest = host + authority;
    bool bracketed = host[0] == '[';
    size_t bytes = bracketed ? strcspn(host, "]") : strcspn(host, ":/");
    const char *after = host + bytes + (bracketed && host[bytes] == ']');
    if (bracketed) host++, bytes--;
    if (bytes == 0 || bytes >= sizeof out->host || after > rest) return false;
    if (bracketed && after[-1] != ']') return false;
    size_t digits = *after == ':' ? strspn(after + 1, "0123456789") : 0;
    if (*after == ':' && (digits == 0 || digits > 5 || after + 1 + digits != rest)) return false;
    if (*after != ':' && after != rest) return false;
    if (rest[0] == '\0' || strcmp(rest, "/") == 0) rest = path;
    if (strlen(rest) >= sizeof out->path || strpbrk(rest, " \r\n\t") != NULL) return false;
    (void)snprintf(out->host, sizeof out->host, "%.*s", (int)bytes, host);
    (void)snprintf(out->port, sizeof out->port, "%.*s", digits > 0 ? (int)digits : 2,
                   digits > 0 ? after + 1 : "80");
    (void)snprintf(out->path, sizeof out->path, "%s", rest);
    return true;
}

/* ---- with a limit ---- */

typedef struct line {
    int fd, wake_fd;
    int64_t until_ms;
} line;

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* False: the time is over, or it is to give up. */
static bool ready(const line *of, short events)
{
    struct pollfd both[2] = {{.fd = of->fd, .events = events},
                             {.fd = of->wake_fd, .events = POLLIN}};
    for (;;) {
        int64_t left_ms = of->until_ms - now_ms();
        if (left_ms <= 0) return false;
        int found = poll(both, of->wake_fd >= 0 ? 2 : 1, (int)left_ms);
        if (found < 0 && errno == EINTR) continue;
        return found > 0 && both[0].revents != 0;
    }
}

static bool line_open(line *of, const struct addrinfo *to)
{
    int failed = 0;
    socklen_t bytes = sizeof failed;
    of->fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (of->fd < 0) return false;
    bool open = connect(of->fd, to->ai_addr, to->ai_addrlen) == 0;
    if (!open && errno == EINPROGRESS)
        open = ready(of, POLLOUT) &&
               getsockopt(of->fd, SOL_SOCKET, SO_ERROR, &failed, &bytes) == 0 && failed == 0;
    if (open) return true;
    (void)close(of->fd);
    of->fd = -1;
    return false;
}

static bool line_send(const line *of, const void *data, size_t size)
{
    const uint8_t *at = data;
    while (size > 0) {
        ssize_t sent = send(of->fd, at, size, MSG_NOSIGNAL);
        if (sent > 0) {
            at += sent;
            size -= (size_t)sent;
        } else if (sent < 0 && errno != EINTR && (errno != EAGAIN || !ready(of, POLLOUT))) {
            return false;
        }
    }
    return true;
}

/* "HTTP/1.1 200 ..." */
static unsigned status_read(const line *of)
{
    char text[16];
    size_t size = 0;
    unsigned status = 0;
    while (size < sizeof text - 1) {
        if (!ready(of, POLLIN)) return 0;
        ssize_t got = recv(of->fd, text + size, sizeof text - 1 - size, 0);
        if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) return 0;
        if (got > 0) size += (size_t)got;
    }
    text[size] = '\0';
    return sscanf(text, "HTTP/1.%*1[01] %3u", &status) == 1 ? status : 0;
}

unsigned span_post(const span_endpoint *to, const char *type, hc_span body, int wake_fd)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    line of = {.fd = -1, .wake_fd = wake_fd};
    char head[HEAD_BYTES];
    unsigned status = 0;
    if (getaddrinfo(to->host, to->port, &hints, &found) != 0) return 0;
    of.until_ms = now_ms() + SPAN_POST_MS;
    for (const struct addrinfo *one = found; one != NULL && of.fd < 0; one = one->ai_next)
        if (!line_open(&of, one)) of.fd = -1;
    freeaddrinfo(found);
    if (of.fd < 0) return 0;
    bool v6 = strchr(to->host, ':') != NULL;
    int bytes =
        snprintf(head, sizeof head,
                 "POST %s HTTP/1.1\r\nHost: %s%s%s:%s\r\nContent-Type: %s\r\n"
                 "Content-Length: %zu\r\nConnection: close\r\n\r\n",
                 to->path, v6 ? "[" : "", to->host, v6 ? "]" : "", to->port, type, body.size);
    if (bytes > 0 && (size_t)bytes < sizeof head && line_send(&of, head, (size_t)bytes) &&
        line_send(&of, body.data, body.size))
        status = status_read(&of);
    (void)close(of.fd);
    return status;
}
