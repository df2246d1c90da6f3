/*
 * echo_server.c - a server that understands nothing: the ceiling for any server on this machine.
 *
 * It has the daemon's loop - libevent, one read into a shared buffer, one send - and nothing else.
 *
 *     echo_server PORT                         sends back what it reads
 *     echo_server PORT REQUEST_BYTES REPLY     counts bytes, and sends REPLY for each
 * REQUEST_BYTES: echo_server 7000 45 +OK  suits redis-benchmark -t set
 *
 * REPLY is a line without its CRLF; "$3" stands for the bulk string xxx, "@N" for N bytes, which
 * come in slices like the daemon's: what moving large values costs, if nothing else is done.
 * redis-benchmark asks for the configuration first; a connection whose first bytes are CONFIG is
 * answered with errors.
 *
 * One thread; serves 127.0.0.1 until it is killed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define INPUT_BYTES (64u << 10)
#define OUTPUT_BYTES (1024u << 10) /* of repeated replies; no turn makes more */
#define REPLY_BYTES_MAX 64u
#define SLICE_READ (16u << 10) /* of something large, as in server/net beside other clients */
#define SLICE_SEND (32u << 10)

static struct event_base *base;
static uint8_t input[INPUT_BYTES];
static uint8_t replies[OUTPUT_BYTES];
static size_t request_bytes; /* 0: echo */
static size_t reply_bytes;
static bool reply_large; /* "@N" */

typedef struct client {
    struct event *readable, *writable;
    size_t counted;  /* bytes of an unfinished request */
    size_t owed;     /* of large replies; nothing is read meanwhile */
    uint8_t *unsent; /* NULL: none */
    size_t unsent_from, unsent_to;
    bool known; /* its first bytes were looked at */
} client;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void client_drop(client *c, int fd)
{
    event_free(c->readable);
    event_free(c->writable);
    (void)close(fd);
    free(c->unsent);
    free(c);
}

/* Keeps the rest and stops reading until it is sent.  False: the client is gone. */
static bool client_send(client *c, int fd, const uint8_t *bytes, size_t size)
{
    ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) {
        client_drop(c, fd);
        return false;
    }
    size_t from = sent < 0 ? 0 : (size_t)sent;
    if (from == size) return true;
    c->unsent = malloc(size - from);
    if (c->unsent == NULL) die("malloc");
    memcpy(c->unsent, bytes + from, size - from);
    c->unsent_from = 0;
    c->unsent_to = size - from;
    event_del(c->readable);
    event_add(c->writable, NULL);
    return true;
}

static void owed_send(client *c, int fd)
{
    ssize_t sent = send(fd, replies, c->owed < SLICE_SEND ? c->owed : SLICE_SEND, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) {
        client_drop(c, fd);
        return;
    }
    if (sent > 0) c->owed -= (size_t)sent;
    if (c->owed > 0) return;
    event_del(c->writable);
    event_add(c->readable, NULL);
}

static void on_writable(evutil_socket_t fd, short what, void *ctx)
{
    (void)what;
    client *c = ctx;
    if (reply_large) {
        owed_send(c, fd);
        return;
    }
    ssize_t sent =
        send(fd, c->unsent + c->unsent_from, c->unsent_to - c->unsent_from, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) {
        client_drop(c, fd);
        return;
    }
    if (sent > 0) c->unsent_from += (size_t)sent;
    if (c->unsent_from < c->unsent_to) return;
    free(c->unsent);
    c->unsent = NULL;
    event_del(c->writable);
    event_add(c->readable, NULL);
}

/* Answers redis-benchmark's CONFIG GETs, of which each has one G, and which come alone. */
static bool config_refuse(client *c, int fd, size_t got)
{
    static const char config[] = "*3\r\n$6\r\nCONFIG\r\n", refusal[] = "-ERR none\r\n";
    if (c->known) return false;
    c->known = true;
    if (got < sizeof config - 1 || memcmp(input, config, sizeof config - 1) != 0) return false;
    for (size_t i = 0; i + 3 <= got; i++) {
        if (memcmp(input + i, "GET", 3) == 0 &&
            !client_send(c, fd, (const uint8_t *)refusal, sizeof refusal - 1))
            break;
    }
    return true;
}

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
    (void)what;
    client *c = ctx;
    ssize_t got = read(fd, input, reply_large ? SLICE_READ : sizeof input);
    if (got <= 0) {
        if (got == 0 || (errno != EAGAIN && errno != EINTR)) client_drop(c, fd);
        return;
    }
    if (request_bytes == 0) {
        (void)client_send(c, fd, input, (size_t)got);
        return;
    }
    if (config_refuse(c, fd, (size_t)got)) return;
    size_t counted = c->counted + (size_t)got;
    size_t bytes = counted / request_bytes * reply_bytes;
    c->counted = counted % request_bytes;
    if (reply_large && bytes > 0) {
        c->owed += bytes;
        event_del(c->readable);
        event_add(c->writable, NULL);
        return;
    }
    if (bytes > OUTPUT_BYTES) bytes = OUTPUT_BYTES / reply_bytes * reply_bytes;
    if (bytes > 0) (void)client_send(c, fd, replies, bytes);
}

static void on_acceptable(evutil_socket_t listener, short what, void *ctx)
{
    (void)what;
    (void)ctx;
    int on = 1;
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    client *c = calloc(1, sizeof *c);
    if (c == NULL) die("calloc");
    c->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, c);
    c->writable = event_new(base, fd, EV_WRITE | EV_PERSIST, on_writable, c);
    if (c->readable == NULL || c->writable == NULL) die("event_new");
    event_add(c->readable, NULL);
}

static void replies_fill(const char *reply)
{
    if (reply[0] == '@') {
        reply_large = true;
        reply_bytes = strtoul(reply + 1, NULL, 10);
        return;
    }
    char text[REPLY_BYTES_MAX];
    const char *body = strcmp(reply, "$3") == 0 ? "\r\nxxx" : "";
    int size = snprintf(text, sizeof text, "%s%s\r\n", reply, body);
    if (size <= 0 || (size_t)size >= sizeof text) die("REPLY is too long");
    reply_bytes = (size_t)size;
    for (size_t at = 0; at + reply_bytes <= OUTPUT_BYTES; at += reply_bytes)
        memcpy(replies + at, text, reply_bytes);
}

int main(int argc, char **argv)
{
    if (argc != 2 && argc != 4) {
        fprintf(stderr, "usage: echo_server PORT [REQUEST_BYTES REPLY]\n");
        return 2;
    }
    if (argc == 4) {
        request_bytes = strtoul(argv[2], NULL, 10);
        replies_fill(argv[3]);
    }
    int on = 1;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (listener < 0) die("socket");
    (void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 511) != 0)
        die("listen");
    base = event_base_new();
    if (base == NULL) die("event_base_new");
    struct event *acceptable = event_new(base, listener, EV_READ | EV_PERSIST, on_acceptable, NULL);
    if (acceptable == NULL) die("event_new");
    event_add(acceptable, NULL);
    return event_base_dispatch(base) == 0 ? 0 : 1;
}
