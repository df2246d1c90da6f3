/*
 * asker.c - see asker.h: a blocking socket with time-outs, RESP2 read value by value.
 *
 *     bytes  |......read......|at....received....size|......room......capacity|
 *
 * What has been read is dropped when an answer is complete, so the buffer never holds more than
 * one.
 */
#include "operate/asker.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { RECEIVE_BYTES = 16384, LINE_BYTES_MAX = 4096 };

static bool fail(asker *of, const char *what)
{
    if (of->fd < 0) return false;
    (void)snprintf(of->why, sizeof of->why, "%s: %s", of->where, what);
    (void)close(of->fd);
    of->fd = -1;
    return false;
}

static const char *system_text(void)
{
    return errno == EAGAIN || errno == EINPROGRESS ? "no answer in time" : strerror(errno);
}

/* ---- connecting ---- */

static bool address_split(const char *address, char *host, size_t host_bytes, const char **port_out)
{
    const char *colon = strrchr(address, ':'), *end = colon != NULL ? colon : strchr(address, 0);
    *port_out = colon != NULL ? colon + 1 : "6379";
    if (address[0] == '[') {
        address++;
        end = strchr(address, ']');
        if (end == NULL) return false;
        if (end[1] == '\0') *port_out = "6379";
    }
    if (end == address) {
        address = "127.0.0.1";
        end = strchr(address, 0);
    }
    if ((size_t)(end - address) >= host_bytes || **port_out == '\0') return false;
    memcpy(host, address, (size_t)(end - address));
    host[end - address] = '\0';
    return true;
}

static int connect_to(const struct addrinfo *to, unsigned timeout_ms)
{
    struct timeval timeout = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    int on = 1, fd = socket(to->ai_family, to->ai_socktype | SOCK_CLOEXEC, to->ai_protocol);
    if (fd < 0) return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout); /* of connect, too */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, to->ai_addr, to->ai_addrlen) == 0) return fd;
    int error = errno;
    (void)close(fd);
    errno = error;
    return -1;
}

void asker_adopt(asker *to, int fd, const char *where)
{
    *to = (asker){.fd = fd};
    (void)snprintf(to->where, sizeof to->where, "%s", where);
}

bool asker_open(asker *to, const char *address, unsigned timeout_ms, char why[ASKER_WHY_CHARS])
{
    char host[ASKER_WHERE_CHARS];
    const char *port;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    asker_adopt(to, -1, address);
    if (!address_split(address, host, sizeof host, &port)) {
        (void)snprintf(why, ASKER_WHY_CHARS, "%s: an address is host:port", to->where);
        return false;
    }
    int status = getaddrinfo(host, port, &hints, &found);
    if (status != 0) {
        (void)snprintf(why, ASKER_WHY_CHARS, "%s: %s", to->where, gai_strerror(status));
        return false;
    }
    for (const struct addrinfo *at = found; at != NULL && to->fd < 0; at = at->ai_next)
        to->fd = connect_to(at, timeout_ms);
    if (to->fd < 0) (void)snprintf(why, ASKER_WHY_CHARS, "%s: %s", to->where, system_text());
    freeaddrinfo(found);
    return to->fd >= 0;
}

void asker_close(asker *of)
{
    if (of->fd >= 0) (void)close(of->fd);
    of->fd = -1;
    free(of->bytes);
    of->bytes = NULL;
}

/* ---- sending ---- */

static bool send_all(asker *of, const char *bytes, size_t size)
{
    while (size > 0 && of->fd >= 0) {
        ssize_t sent = send(of->fd, bytes, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return fail(of, system_text());
        bytes += sent;
        size -= (size_t)sent;
    }
    return of->fd >= 0;
}

static bool send_words(asker *of, const char *const *words, size_t count)
{
    size_t room = 32;
    for (size_t i = 0; i < count; i++)
        room += strlen(words[i]) + 32;
    char *text = malloc(room);
    if (text == NULL) return fail(of, "no memory");
    size_t size = (size_t)snprintf(text, room, "*%zu\r\n", count);
    for (size_t i = 0; i < count; i++)
        size += (size_t)snprintf(text + size, room - size, "$%zu\r\n%s\r\n", strlen(words[i]),
                                 words[i]);
    bool sent = send_all(of, text, size);
    free(text);
    return sent;
}

/* ---- receiving ---- */

/* One piece more. */
static bool receive(asker *of)
{
    if (of->size + RECEIVE_BYTES > of->capacity) {
        size_t wanted = 2 * of->capacity + RECEIVE_BYTES;
        if (wanted > 2 * ASKER_ANSWER_BYTES_MAX) return fail(of, "the answer is too long");
        char *grown = realloc(of->bytes, wanted);
        if (grown == NULL) return fail(of, "no memory");
        of->bytes = grown;
        of->capacity = wanted;
    }
    for (;;) {
        ssize_t got = recv(of->fd, of->bytes + of->size, RECEIVE_BYTES, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail(of, system_text());
        if (got == 0) return fail(of, "the connection was closed");
        of->size += (size_t)got;
        return true;
    }
}

/* The next line without its CRLF, as an offset, since the buffer may move; SIZE_MAX: failed. */
static size_t line_read(asker *of, size_t *size_out)
{
    size_t looked = of->at;
    for (;;) {
        char *end = looked < of->size ? memchr(of->bytes + looked, '\n', of->size - looked) : NULL;
        if (end != NULL) {
            size_t from = of->at, to = (size_t)(end - of->bytes);
            of->at = to + 1;
            if (to > from && of->bytes[to - 1] == '\r') {
                *size_out = to - 1 - from;
                return from;
            }
            (void)fail(of, "this is no Redis protocol");
            return SIZE_MAX;
        }
        looked = of->size;
        if (looked - of->at > LINE_BYTES_MAX) (void)fail(of, "this is no Redis protocol");
        if (of->fd < 0 || !receive(of)) return SIZE_MAX;
    }
}

static bool text_copy(asker *of, heard *to, size_t from, size_t size)
{
    to->text = malloc(size + 1);
    if (to->text == NULL) return fail(of, "no memory");
    memcpy(to->text, of->bytes + from, size);
    to->text[size] = '\0';
    to->size = size;
    return true;
}

static bool bulk_read(asker *of, heard *to, size_t size)
{
    if (size > ASKER_ANSWER_BYTES_MAX) return fail(of, "the answer is too long");
    while (of->size - of->at < size + 2)
        if (!receive(of)) return false;
    to->kind = HEARD_TEXT;
    size_t from = of->at;
    of->at += size + 2;
    return text_copy(of, to, from, size);
}

static bool value_read(asker *of, heard *to, unsigned depth);

static bool list_read(asker *of, heard *to, size_t count, unsigned depth)
{
    if (count > ASKER_ITEMS_MAX || depth == ASKER_DEPTH_MAX)
        return fail(of, "the answer is too long");
    to->kind = HEARD_LIST;
    to->items = calloc(count + 1, sizeof *to->items);
    if (to->items == NULL) return fail(of, "no memory");
    for (; to->size < count; to->size++)
        if (!value_read(of, &to->items[to->size], depth + 1)) return false;
    return true;
}

static bool value_read(asker *of, heard *to, unsigned depth)
{
    size_t size = 0, from = line_read(of, &size);
    if (from == SIZE_MAX) return false;
    char kind = size > 0 ? of->bytes[from] : '\0', number_text[24] = "";
    if (kind == '+' || kind == '-') {
        to->kind = kind == '+' ? HEARD_TEXT : HEARD_ERROR;
        return text_copy(of, to, from + 1, size - 1);
    }
    if (size < 2 || size > sizeof number_text) return fail(of, "this is no Redis protocol");
    memcpy(number_text, of->bytes + from + 1, size - 1);
    char *end;
    long long number = strtoll(number_text, &end, 10);
    if (*end != '\0') return fail(of, "this is no Redis protocol");
    if (kind == ':') {
        to->kind = HEARD_NUMBER;
        to->number = number;
        return true;
    }
    if (kind != '$' && kind != '*') return fail(of, "this is no Redis protocol");
    if (number < 0) return true; /* null */
    return kind == '$' ? bulk_read(of, to, (size_t)number)
                       : list_read(of, to, (size_t)number, depth);
}

/* ---- questions ---- */

heard asker_ask_words(asker *of, const char *const *words)
{
    size_t count = 0;
    while (words[count] != NULL)
        count++;
    heard got = {0};
    of->at = of->size = 0; /* an answer ends where the bytes end: one question at a time */
    if (of->fd >= 0 && send_words(of, words, count) && value_read(of, &got, 0)) return got;
    heard_fini(&got);
    got = (heard){.kind = HEARD_FAILED, .text = strdup(of->why)};
    got.size = got.text != NULL ? strlen(got.text) : 0;
    return got;
}

heard asker_ask(asker *of, const char *first, ...)
{
    const char *words[ASKER_WORDS_MAX + 1] = {first};
    va_list rest;
    va_start(rest, first);
    for (size_t i = 1; i <= ASKER_WORDS_MAX && words[i - 1] != NULL; i++)
        words[i] = i < ASKER_WORDS_MAX ? va_arg(rest, const char *) : NULL;
    va_end(rest);
    return asker_ask_words(of, words);
}

void heard_fini(heard *of)
{
    for (size_t i = 0; of->items != NULL && i <= of->size; i++)
        heard_fini(&of->items[i]); /* the last one may be half read */
    free(of->items);
    free(of->text);
    *of = (heard){0};
}

bool heard_is(const heard *of, const char *text)
{
    return of->kind == HEARD_TEXT && of->text != NULL && strcmp(of->text, text) == 0;
}

bool heard_field(const heard *info, const char *name, char *to, size_t to_bytes)
{
    size_t name_size = strlen(name);
    to[0] = '\0';
    if (info->kind != HEARD_TEXT) return false;
    for (const char *line = info->text; line != NULL && *line != '\0';) {
        const char *end = strpbrk(line, "\r\n");
        size_t size = end != NULL ? (size_t)(end - line) : strlen(line);
        if (size > name_size && strncmp(line, name, name_size) == 0 && line[name_size] == ':') {
            size_t value = size - name_size - 1;
            if (value >= to_bytes) value = to_bytes - 1;
            memcpy(to, line + name_size + 1, value);
            to[value] = '\0';
            return true;
        }
        line = end != NULL ? end + strspn(end, "\r\n") : NULL;
    }
    return false;
}

int64_t heard_number(const heard *info, const char *name)
{
    char text[32];
    return heard_field(info, name, text, sizeof text) ? strtoll(text, NULL, 10) : 0;
}
