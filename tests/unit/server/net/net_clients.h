/*
 * net_clients.h - clients of the server under test, over real sockets.  Included by the fixtures.
 */
#ifndef HYPERCACHE_TESTS_NET_CLIENTS_H
#define HYPERCACHE_TESTS_NET_CLIENTS_H

#include "support/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/net.h"
#include "support/test_wait.h"

#define REPLY_WAIT_MS 30000

static net *server;

static inline int client_open(void)
{
    struct timeval patience = {.tv_sec = REPLY_WAIT_MS / 1000};
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(net_port(server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static inline void client_send(int fd, const char *bytes, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t sent = send(fd, bytes + at, size - at, MSG_NOSIGNAL);
        assert_true(sent > 0);
        at += (size_t)sent;
    }
}

static inline void say(int fd, const char *text)
{
    client_send(fd, text, strlen(text));
}

/* Reads exactly `size` bytes. */
static inline void client_read(int fd, char *to, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t got = recv(fd, to + at, size - at, 0);
        assert_true(got > 0);
        at += (size_t)got;
    }
}

static inline void expect(int fd, const char *want)
{
    char got[512] = "";
    assert_true(strlen(want) < sizeof got);
    client_read(fd, got, strlen(want));
    assert_string_equal(got, want);
}

/* Reads and drops until the server ends the connection; returns how many bytes came. */
static inline size_t read_to_end(int fd)
{
    static char dropped[65536];
    size_t count = 0;
    for (;;) {
        ssize_t got = recv(fd, dropped, sizeof dropped, 0);
        if (got < 0) assert_int_equal(errno, ECONNRESET);
        if (got <= 0) return count;
        count += (size_t)got;
    }
}

static inline void expect_end(int fd)
{
    assert_int_equal(read_to_end(fd), 0);
    (void)close(fd);
}

static inline bool none_connected(void *ctx)
{
    (void)ctx;
    return net_connections(server) == 0;
}

static inline void assert_serves(void)
{
    int fd = client_open();
    say(fd, "PING\r\n");
    expect(fd, "+PONG\r\n");
    (void)close(fd);
}

#endif
