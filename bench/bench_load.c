/*
 * bench_load.c - a load generator lean enough that the server is what is measured.
 *
 * One thread, one epoll, `--clients` sockets.  All requests are laid out before the clock starts as
 * one long text of commands with random keys; a client sends `--pipeline` commands by pointing one
 * write at the text, and counts complete replies without looking into them:
 *
 *     text   |SET k7 v|SET k2 v|SET k9 v|SET k4 v|...      offsets[i] = start of command i
 *             ^------ one batch, P = 3 --^
 *
 * It understands RESP2 replies, nested arrays among them, so a server that merely sends requests
 * back counts as well.  One batch of each client is on its way at any time; its latency is the
 * time from the write to its last reply.  With --pid it reads what CPU time that process took, user
 * and system, over the same interval.
 *
 * Output: one line of name=value pairs, for bench_server.py.
 *
 * Usage: bench_load --port=6379 --test=set|get|incr|ping|mgetN|msetN [--clients=50]
 *                   [--pipeline=1] [--keys=1000000] [--value-bytes=32] [--ms=3000] [--warm-ms=300]
 *                   [--pid=n] [--tell]   N: keys of one command, 1..1000; mget alone is mget10
 *                   --tell: a line "measuring" when the warm-up is over
 *                   [--random-values]    of set: base64 of nothing, which no codec makes small
 *        bench_load --port=6379 --fill=n   sets keys 0..n-1 once, without measuring
 *
 * Several nodes of one cluster: --port=7001,7002,7003 spreads the clients over them, each node a
 * lane.
 * --slots=FILE says by 16384 characters '0'.. which lane has the keys of which slot, so that each
 * client asks for such keys only: those that its node owns, or those that it does not.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <hypercache/ring.h>

#include "measure.h"

#define CLIENTS_MAX 1024u
#define LANES_MAX 10u     /* '0' to '9' */
#define COMMANDS 1048576u /* laid out; PIPELINE_MAX more follow so that no batch wraps */
#define PIPELINE_MAX 1024u
#define MANY_KEYS 10u /* of mget and mset, when no number says how many */
#define MANY_KEYS_MAX 1000u
#define COMMAND_BYTES_MAX 131072u
#define TEXT_BYTES_MAX (512u << 20) /* fewer commands are laid out when they are long */
#define VALUE_BYTES_MAX 8192u
#define READ_BYTES 65536u

/* ---- requests ---- */

typedef struct request_text {
    char *text;
    uint32_t *offsets; /* count + 1 */
    size_t count;
} request_text;

/* Appends one bulk string; returns how many bytes. */
static size_t bulk(char *to, const void *bytes, size_t size)
{
    size_t head = (size_t)sprintf(to, "$%zu\r\n", size);
    memcpy(to + head, bytes, size);
    memcpy(to + head + size, "\r\n", 2);
    return head + size + 2;
}

static size_t bulk_key(char *to, uint64_t index)
{
    uint8_t key[BENCH_KEY_BYTES];
    bench_key(key, index);
    return bulk(to, key, sizeof key);
}

typedef struct request_mix {
    const char *test;
    uint64_t keys;
    size_t value_bytes;
    bool random_values;
    const char *slots; /* HC_RING_SLOTS characters, or NULL: any lane may ask for any key */
} request_mix;

/* May this lane ask for the key? */
static bool key_fits(const request_mix *mix, uint64_t index, size_t lane)
{
    if (mix->slots == NULL) return true;
    uint8_t key[BENCH_KEY_BYTES];
    bench_key(key, index);
    hc_span span = {key, sizeof key};
    return mix->slots[hc_ring_slot(span)] == (char)('0' + lane);
}

static void value_make(const request_mix *mix, uint64_t index, char *value)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    memset(value, 'v', mix->value_bytes);
    uint64_t bits = index;
    for (size_t i = 0; mix->random_values && i < mix->value_bytes; i++) {
        if (i % 10 == 0) bits = (bits + i + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ bits >> 29;
        value[i] = digits[bits >> (4 + 6 * (i % 10)) & 63];
    }
}

/* MGET or MSET of as many keys as the test's name says. */
static size_t many_write(char *to, const request_mix *mix, uint64_t index, uint64_t *random)
{
    static char value[VALUE_BYTES_MAX];
    bool sets = strncmp(mix->test, "mset", 4) == 0;
    if (!sets && strncmp(mix->test, "mget", 4) != 0)
        bench_die("--test is set, get, incr, ping, mget or mset");
    unsigned long keys = mix->test[4] == 0 ? MANY_KEYS : strtoul(mix->test + 4, NULL, 10);
    if (keys == 0 || keys > MANY_KEYS_MAX ||
        keys * (64 + (sets ? mix->value_bytes : 0)) > COMMAND_BYTES_MAX)
        bench_die("too many keys, or values too long");
    size_t size = (size_t)sprintf(to, "*%lu\r\n$4\r\n%s\r\n", (sets ? 2 : 1) * keys + 1,
                                  sets ? "MSET" : "MGET");
    memset(value, 'v', mix->value_bytes);
    for (unsigned long i = 0; i < keys; i++) {
        size += bulk_key(to + size, i == 0 ? index : bench_random_below(random, mix->keys));
        if (sets) size += bulk(to + size, value, mix->value_bytes);
    }
    return size;
}

/* Writes the command for `index`; more keys, where it has them, come from `random`. */
static size_t command_write(char *to, const request_mix *mix, uint64_t index, uint64_t *random)
{
    static char value[VALUE_BYTES_MAX];
    size_t size = 0;
    if (strcmp(mix->test, "ping") == 0) return (size_t)sprintf(to, "*1\r\n$4\r\nPING\r\n");
    if (strcmp(mix->test, "set") == 0) {
        value_make(mix, index, value);
        size = (size_t)sprintf(to, "*3\r\n$3\r\nSET\r\n");
        size += bulk_key(to + size, index);
        return size + bulk(to + size, value, mix->value_bytes);
    }
    if (strcmp(mix->test, "get") == 0) {
        size = (size_t)sprintf(to, "*2\r\n$3\r\nGET\r\n");
        return size + bulk_key(to + size, index);
    }
    if (strcmp(mix->test, "incr") == 0) { /* beside the string keys, which are no numbers */
        size = (size_t)sprintf(to, "*2\r\n$4\r\nINCR\r\n");
        return size + bulk_key(to + size, index + 500000000000u);
    }
    return many_write(to, mix, index, random);
}

/* `in_order`: key 0, 1, 2 ...; else keys at random. */
static request_text requests_make(const request_mix *mix, size_t count, bool in_order, size_t lane)
{
    static char command[COMMAND_BYTES_MAX];
    uint64_t random = 7 + lane;
    size_t each = command_write(command, mix, mix->keys, &random) + 64;
    if (!in_order && count > TEXT_BYTES_MAX / each) count = TEXT_BYTES_MAX / each;
    request_text made = {bench_alloc(count, each), bench_alloc(count + 1, sizeof(uint32_t)), count};
    if (count > UINT32_MAX / each) bench_die("too many bytes of requests");
    size_t at = 0, written = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t index = in_order ? i : bench_random_below(&random, mix->keys);
        while (!in_order && !key_fits(mix, index, lane))
            index = bench_random_below(&random, mix->keys);
        if (in_order && !key_fits(mix, index, lane)) continue;
        made.offsets[written++] = (uint32_t)at;
        at += command_write(made.text + at, mix, index, &random);
    }
    made.offsets[written] = (uint32_t)at;
    made.count = written;
    return made;
}

/* ---- replies ---- */

/* Counts replies in a stream.  Between calls it is inside a line, or skipping a bulk string. */
typedef struct reply_counter {
    uint64_t skip_bytes; /* of a bulk string and its CRLF, still to come */
    uint64_t elements;   /* of arrays, still to come for the reply at hand */
    char kind;           /* first byte of the line at hand; 0: at its start */
    bool negative;       /* of the number in the line at hand */
    uint64_t number;
} reply_counter;

/* One element ends here, or an array opens; true when a whole reply is complete. */
static bool line_ends(reply_counter *self)
{
    uint64_t number = self->negative ? 0 : self->number;
    if (self->kind == '-') bench_die("the server answered with an error");
    if (self->kind == '$' && !self->negative) self->skip_bytes = number + 2;
    if (self->elements > 0) self->elements--;
    if (self->kind == '*') self->elements += number;
    self->kind = 0;
    self->negative = false;
    self->number = 0;
    return self->elements == 0;
}

/* Replies completed by these bytes; one whose bulk string is still on its way counts with its
 * header, and so do the bytes that follow it: at the end of a batch nothing is left over. */
static size_t replies_count(reply_counter *self, const char *bytes, size_t size)
{
    size_t complete = 0;
    for (size_t at = 0; at < size;) {
        if (self->skip_bytes > 0) {
            size_t here = size - at < self->skip_bytes ? size - at : (size_t)self->skip_bytes;
            self->skip_bytes -= here;
            at += here;
            continue;
        }
        char byte = bytes[at++];
        if (self->kind == 0 && byte == '-') /* the end, once the line is whole */
            fprintf(stderr, "%.*s", (int)strcspn(bytes + at, "\r"), bytes + at);
        if (self->kind == 0)
            self->kind = byte;
        else if (byte == '\n')
            complete += line_ends(self);
        else if (byte == '-')
            self->negative = true;
        else if (byte != '\r')
            self->number = self->number * 10 + (uint64_t)(byte - '0');
    }
    return complete;
}

/* ---- clients ---- */

typedef struct load_client {
    int socket;
    size_t pending;           /* replies */
    size_t unsent, unsent_at; /* bytes of the batch that the socket did not take yet */
    uint32_t waits_for;       /* what epoll was told */
    uint64_t sent_ns;
    size_t lane;
    reply_counter replies;
} load_client;

typedef struct load_lane { /* one server */
    uint16_t port;
    request_text requests;
    size_t next;
} load_lane;

typedef struct load_state {
    load_lane lanes[LANES_MAX];
    size_t lane_count, pipeline;
    load_client *clients;
    size_t client_count;
    int epoll;
    bool measuring, stopping;
    uint64_t done;
    bench_latency latency;
} load_state;

static int connect_to(uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int on = 1, made = socket(AF_INET, SOCK_STREAM, 0);
    if (made < 0 || connect(made, (struct sockaddr *)&to, sizeof to) != 0)
        bench_die("cannot connect");
    setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(made, F_SETFL, fcntl(made, F_GETFL) | O_NONBLOCK);
    return made;
}

static void client_send(load_state *self, load_client *client)
{
    const char *text = self->lanes[client->lane].requests.text;
    while (client->unsent > 0) {
        ssize_t sent = write(client->socket, text + client->unsent_at, client->unsent);
        if (sent < 0 && errno == EAGAIN) break;
        if (sent < 0) bench_die("the server closed a connection");
        client->unsent -= (size_t)sent;
        client->unsent_at += (size_t)sent;
    }
    /* only while it has something to write does a client wait to be writable */
    uint32_t wanted = client->unsent > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN;
    if (wanted == client->waits_for) return;
    struct epoll_event event = {.events = wanted, .data.u32 = (uint32_t)(client - self->clients)};
    int verb = client->waits_for == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if (epoll_ctl(self->epoll, verb, client->socket, &event) != 0) bench_die("epoll_ctl");
    client->waits_for = wanted;
}

static void batch_begin(load_state *self, load_client *client)
{
    load_lane *lane = &self->lanes[client->lane];
    size_t first = lane->next, last = first + self->pipeline;
    if (last > lane->requests.count) {
        first = 0;
        last = self->pipeline;
    }
    lane->next = last;
    client->unsent_at = lane->requests.offsets[first];
    client->unsent = lane->requests.offsets[last] - client->unsent_at;
    client->pending = self->pipeline;
    client->sent_ns = bench_now_ns();
    client_send(self, client);
}

static void client_read(load_state *self, load_client *client)
{
    static char buffer[READ_BYTES + 1]; /* ends in NUL */
    ssize_t got = read(client->socket, buffer, READ_BYTES);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) bench_die("the server closed a connection");
    size_t complete = replies_count(&client->replies, buffer, (size_t)got);
    if (complete > client->pending) bench_die("the server sent too many replies");
    client->pending -= complete;
    if (self->measuring) self->done += complete;
    if (client->pending > 0 || client->replies.skip_bytes > 0) return;
    if (self->measuring) bench_latency_add(&self->latency, bench_now_ns() - client->sent_ns);
    if (!self->stopping) batch_begin(self, client);
}

/* Serves the clients until `until_ns`, or until all replies are in when that is 0. */
static void load_run(load_state *self, uint64_t until_ns)
{
    struct epoll_event events[64];
    for (;;) {
        int ready = epoll_wait(self->epoll, events, 64, 1000);
        for (int i = 0; i < ready; i++) {
            load_client *client = &self->clients[events[i].data.u32];
            if (events[i].events & EPOLLOUT) client_send(self, client);
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) client_read(self, client);
        }
        if (until_ns != 0 && bench_now_ns() >= until_ns) return;
        size_t pending = 0;
        for (size_t i = 0; until_ns == 0 && i < self->client_count; i++)
            pending += self->clients[i].pending + (self->clients[i].replies.skip_bytes > 0);
        if (until_ns == 0 && pending == 0) return;
    }
}

static void load_init(load_state *self, size_t clients, size_t pipeline)
{
    if (clients == 0 || clients > CLIENTS_MAX) bench_die("--clients is 1..1024");
    if (pipeline == 0 || pipeline > PIPELINE_MAX) bench_die("--pipeline is 1..1024");
    self->pipeline = pipeline;
    self->client_count = clients;
    self->clients = bench_alloc(clients, sizeof *self->clients);
    self->epoll = epoll_create1(0);
    if (self->epoll < 0) bench_die("epoll_create1");
    for (size_t i = 0; i < clients; i++) {
        self->clients[i].lane = i % self->lane_count;
        self->clients[i].socket = connect_to(self->lanes[i % self->lane_count].port);
    }
    for (size_t i = 0; i < clients; i++)
        batch_begin(self, &self->clients[i]);
}

/* ---- the server's CPU time ---- */

typedef struct cpu_time {
    double user_s, system_s;
} cpu_time;

static cpu_time cpu_time_of(uint64_t pid)
{
    char path[64], line[1024] = "";
    cpu_time time = {0};
    snprintf(path, sizeof path, "/proc/%" PRIu64 "/stat", pid);
    FILE *file = pid == 0 ? NULL : fopen(path, "r");
    if (file == NULL) return time;
    if (fgets(line, sizeof line, file) == NULL) line[0] = '\0';
    fclose(file);
    const char *after_name = strrchr(line, ')');
    uint64_t user = 0, system = 0;
    if (after_name != NULL &&
        sscanf(after_name + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64,
               &user, &system) != 2)
        bench_die("cannot read the server's CPU time");
    double ticks = (double)sysconf(_SC_CLK_TCK);
    return (cpu_time){(double)user / ticks, (double)system / ticks};
}

/* Sets the keys of one lane. */
static void fill(const load_lane *lane, size_t number, uint64_t keys, request_mix mix)
{
    mix.test = "set";
    mix.keys = keys;
    load_state load = {.lane_count = 1, .stopping = true};
    load.lanes[0] = (load_lane){lane->port, requests_make(&mix, keys, true, number), 0};
    load_lane *only = &load.lanes[0];
    load.epoll = -1;
    size_t count = only->requests.count, whole = count / 64 * 64;
    if (count == 0) return;
    load_init(&load, 1, whole > 0 ? 64 : count);
    while (load_run(&load, 0), only->next < whole)
        batch_begin(&load, load.clients);
    if (only->next < count) {
        load.pipeline = count - only->next;
        batch_begin(&load, load.clients);
        load_run(&load, 0);
    }
    close(load.clients[0].socket);
    free(only->requests.text);
    free(only->requests.offsets);
}

static void lanes_read(load_state *to, const char *ports)
{
    char *end = NULL;
    for (const char *at = ports; *at != '\0' && to->lane_count < LANES_MAX; at = end) {
        to->lanes[to->lane_count++].port = (uint16_t)strtoul(at, &end, 10);
        end += *end == ',';
        if (end == at) bench_die("--port is a number, or several with commas");
    }
}

static char *slots_read(const char *path, size_t lanes)
{
    if (path[0] == '\0') return NULL;
    char *slots = bench_alloc(HC_RING_SLOTS, 1);
    FILE *file = fopen(path, "r");
    if (file == NULL || fread(slots, 1, HC_RING_SLOTS, file) != HC_RING_SLOTS)
        bench_die("--slots is a file of 16384 characters");
    for (size_t i = 0; i < lanes; i++)
        if (memchr(slots, (int)('0' + i), HC_RING_SLOTS) == NULL)
            bench_die("--slots gives a server nothing");
    fclose(file);
    return slots;
}

int main(int argc, char **argv)
{
    static load_state load;
    lanes_read(&load, bench_option(argc, argv, "--port", "6379"));
    request_mix mix = {.test = bench_option(argc, argv, "--test", "get"),
                       .keys = bench_option_number(argc, argv, "--keys", 1000000),
                       .value_bytes =
                           bench_option_number(argc, argv, "--value-bytes", BENCH_VALUE_BYTES),
                       .random_values = bench_option_set(argc, argv, "--random-values")};
    if (mix.value_bytes > VALUE_BYTES_MAX) bench_die("--value-bytes is 0..8192");
    if (mix.keys == 0) bench_die("--keys is 1 or more");
    mix.slots = slots_read(bench_option(argc, argv, "--slots", ""), load.lane_count);
    uint64_t filled = bench_option_number(argc, argv, "--fill", 0);
    for (size_t i = 0; filled > 0 && i < (mix.slots != NULL ? load.lane_count : 1); i++)
        fill(&load.lanes[i], i, filled, mix);
    if (filled > 0) return 0;
    uint64_t pid = bench_option_number(argc, argv, "--pid", 0);
    uint64_t ms = bench_option_number(argc, argv, "--ms", 3000);
    for (size_t i = 0; i < load.lane_count; i++)
        load.lanes[i].requests = requests_make(&mix, COMMANDS / load.lane_count, false, i);
    load_init(&load, bench_option_number(argc, argv, "--clients", 50),
              bench_option_number(argc, argv, "--pipeline", 1));
    load_run(&load, bench_now_ns() + bench_option_number(argc, argv, "--warm-ms", 300) * 1000000);
    if (bench_option_set(argc, argv, "--tell")) {
        printf("measuring\n");
        fflush(stdout);
    }
    cpu_time before = cpu_time_of(pid);
    uint64_t began_ns = bench_now_ns(), own_ns = bench_own_ns();
    load.measuring = true;
    load_run(&load, began_ns + ms * 1000000);
    double seconds = (double)(bench_now_ns() - began_ns) / 1e9;
    double own = (double)(bench_own_ns() - own_ns) / 1e9 / seconds;
    cpu_time after = cpu_time_of(pid);
    double ops = (double)load.done;
    load.measuring = false;
    load.stopping = true;
    load_run(&load, 0);
    printf("ops_per_s=%.0f user_ns=%.1f system_ns=%.1f p50_us=%.1f p99_us=%.1f p999_us=%.1f "
           "generator_busy=%.2f server_busy=%.2f\n",
           ops / seconds, (after.user_s - before.user_s) / ops * 1e9,
           (after.system_s - before.system_s) / ops * 1e9,
           (double)bench_latency_at(&load.latency, .5) / 1e3,
           (double)bench_latency_at(&load.latency, .99) / 1e3,
           (double)bench_latency_at(&load.latency, .999) / 1e3, own,
           (after.user_s - before.user_s + after.system_s - before.system_s) / seconds);
    return 0;
}
