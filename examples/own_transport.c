/*
 * own_transport.c - two processes share their keys over a transport of the program's own.
 *
 * The library needs of a transport what `send` and the loop below show:
 *
 *     datagrams      may be lost, doubled, overtake each other      (membership, reliable false)
 *     a link         in order and unchanged, or not at all; it may break and lose what it held
 *                                                  (membership, reliable true; all of the replica)
 *
 * Here both are one local socket that keeps the borders of messages: a byte in front says for whom
 * a message is.  What the socket does not take is dropped, which both are made for.  Everything
 * else is the loop: wait for a message or until the next tick, hand it over, tick.
 *
 * Prints:
 *
 *     the parent wrote, and both processes have it
 *     the child's counter, from the parent: 3
 */
#include <errno.h>
#include <hypercache/hypercache.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SECONDS_MAX = 30, MESSAGE_BYTES_MAX = 160 << 10, FOR_MEMBERS = 1, FOR_REPLICA = 2 };

typedef struct node {
    int socket;
    uint16_t number; /* 1 or 2 */
    bool members_changed, answered;
    hc_outcome outcome;
    char value[64], next[64];
    uint8_t message[MESSAGE_BYTES_MAX];
    hc_store *store;
    hc_membership *members;
    hc_replica *replica;
} node;

static uint64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static hc_moment now(void)
{
    return (hc_moment){.now_ns = now_ns(), .wall_ms = (int64_t)time(NULL) * 1000};
}

static hc_address address_of(uint16_t number)
{
    return (hc_address){.ip = {[10] = 0xFF, [11] = 0xFF, [12] = 127, [15] = 1}, .port = number};
}

/* ---- the transport ---- */

static void post(node *of, uint8_t kind, hc_span message)
{
    uint8_t framed[MESSAGE_BYTES_MAX];
    if (message.size >= sizeof framed) return;
    framed[0] = kind;
    memcpy(framed + 1, message.data, message.size);
    (void)send(of->socket, framed, message.size + 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void members_send(void *ctx, const hc_address *to, bool reliable, hc_span message)
{
    (void)reliable; /* one socket is both */
    if (to->port != ((node *)ctx)->number) post(ctx, FOR_MEMBERS, message);
}

static void replica_send(void *ctx, const hc_node_id *to, hc_span message)
{
    (void)to; /* there is one other */
    post(ctx, FOR_REPLICA, message);
}

/* False: the other process is gone. */
static bool take_one(node *of)
{
    ssize_t got = recv(of->socket, of->message, sizeof of->message, MSG_DONTWAIT);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) return false;
    hc_span message = hc_span_make(of->message + 1, (size_t)got - 1);
    hc_address from = address_of((uint16_t)(3 - of->number));
    if (of->message[0] == FOR_MEMBERS)
        (void)hc_membership_receive(of->members, now_ns(), &from, true, message);
    else if (of->message[0] == FOR_REPLICA)
        (void)hc_replica_receive(of->replica, now(), message);
    return true;
}

/* Waits for a message or until something is due.  False: the other process is gone. */
static bool turn(node *of)
{
    uint64_t next = hc_membership_tick(of->members, now_ns());
    if (of->members_changed) {
        hc_member list[2];
        size_t count = hc_membership_count(of->members);
        for (size_t i = 0; i < count && i < 2; i++)
            list[i] = *hc_membership_at(of->members, i);
        of->members_changed = hc_replica_members(of->replica, now(), list, count) != HC_OK;
    }
    uint64_t other = hc_replica_tick(of->replica, now()), present = now_ns();
    if (other < next) next = other;
    int wait_ms = next > present ? (int)((next - present) / 1000000u) + 1 : 1;
    struct pollfd look = {.fd = of->socket, .events = POLLIN};
    if (poll(&look, 1, wait_ms) <= 0) return true;
    return take_one(of);
}

/* ---- what the library says ---- */

static void members_changed(void *ctx, const hc_member *before, const hc_member *after)
{
    (void)before, (void)after;
    ((node *)ctx)->members_changed = true;
}

static void members_superseded(void *ctx, const hc_member *by)
{
    (void)ctx, (void)by; /* cannot be: each id is started once */
}

static void replica_reply(void *ctx, const hc_reply *reply)
{
    node *of = ctx;
    of->answered = true;
    of->outcome = reply->outcome;
    (void)snprintf(of->value, sizeof of->value, "%.*s", (int)reply->value.size,
                   (const char *)reply->value.data);
}

/* A read-modify-write: runs where the key lives, and may run again if another write came first. */
static hc_status replica_update(void *ctx, hc_update *u)
{
    node *of = ctx;
    char before[32] = "0";
    if (u->present)
        (void)snprintf(before, sizeof before, "%.*s", (int)u->value.size,
                       (const char *)u->value.data);
    (void)snprintf(of->next, sizeof of->next, "%ld", strtol(before, NULL, 10) + 1);
    u->action = HC_UPDATE_STORE;
    u->value = u->answer = hc_span_make(of->next, strlen(of->next));
    return HC_OK;
}

/* ---- the program ---- */

static bool start(node *of)
{
    hc_node_id id = {.bytes = {(uint8_t)of->number}};
    hc_membership_options m = {
        .size = sizeof m,
        .cluster_id = 1,
        .self = {
            .id = id, .boot_id = 1, .ring = HC_RING_ACTIVE, .address = address_of(of->number)}};
    hc_membership_calls mc = {.size = sizeof mc,
                              .ctx = of,
                              .send = members_send,
                              .changed = members_changed,
                              .superseded = members_superseded};
    hc_replica_options r = {
        .size = sizeof r, .cluster_id = 1, .store_id = 1, .self = id, .boot_id = 1, .replicas = 2};
    hc_replica_calls rc = {.size = sizeof rc,
                           .ctx = of,
                           .send = replica_send,
                           .reply = replica_reply,
                           .update = replica_update};
    hc_address seed = address_of((uint16_t)(3 - of->number));
    if (hc_store_create(NULL, NULL, &of->store) != HC_OK) return false;
    if (hc_membership_create(NULL, &m, &mc, now_ns(), &of->members) != HC_OK) return false;
    r.store = of->store;
    if (hc_replica_create(NULL, &r, &rc, now(), &of->replica) != HC_OK) return false;
    hc_membership_seeds(of->members, now_ns(), &seed, 1);
    of->members_changed = true;
    return true;
}

static void stop(node *of)
{
    hc_replica_destroy(of->replica);
    hc_membership_destroy(of->members);
    hc_store_destroy(of->store);
    (void)close(of->socket);
    free(of);
}

/* At ALL: both processes have it.  Asks again while they do not know each other yet. */
static bool ask(node *of, hc_request_kind kind, const char *key, const char *value)
{
    hc_request q = {.size = sizeof q,
                    .kind = kind,
                    .level = HC_LEVEL_ALL,
                    .key = hc_span_make(key, strlen(key)),
                    .value = hc_span_make(value, strlen(value)),
                    .timeout_ms = 20000};
    uint64_t until_ns = now_ns() + (uint64_t)SECONDS_MAX * 1000000000u;
    bool waits = false;
    while (now_ns() < until_ns) {
        bool known = hc_membership_count(of->members) == 2;
        if (known && !waits) {
            of->answered = false;
            waits = hc_replica_request(of->replica, now(), &q) == HC_OK;
        }
        if (!turn(of)) return false;
        if (!of->answered) continue;
        if (of->outcome == HC_OUTCOME_DONE) return true;
        if (of->outcome == HC_OUTCOME_UNCERTAIN && kind == HC_REQUEST_UPDATE) return false;
        waits = of->answered = false;
    }
    return false;
}

static int child_run(node *of)
{
    bool ok = start(of);
    for (int i = 0; ok && i < 3; i++)
        ok = ask(of, HC_REQUEST_UPDATE, "counter", "");
    ok = ok && ask(of, HC_REQUEST_SET, "child", "done");
    while (ok && turn(of)) /* until the parent goes */
        continue;
    stop(of);
    return ok ? 0 : 1;
}

static int parent_run(node *of)
{
    bool ok = start(of) && ask(of, HC_REQUEST_SET, "greeting", "hello");
    if (ok) (void)puts("the parent wrote, and both processes have it");
    do
        ok = ok && ask(of, HC_REQUEST_GET, "counter", "");
    while (ok && strcmp(of->value, "3") != 0);
    if (ok) (void)printf("the child's counter, from the parent: %s\n", of->value);
    ok = ok && ask(of, HC_REQUEST_GET, "child", "");
    stop(of);
    return ok ? 0 : 1;
}

int main(void)
{
    int ends[2], child_status = 1;
    node *of = calloc(1, sizeof *of);
    if (of == NULL || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return 1;
    pid_t child = fork();
    if (child < 0) return 1;
    of->socket = ends[child == 0];
    of->number = child == 0 ? 2 : 1;
    (void)close(ends[child != 0]);
    if (child == 0) _exit(child_run(of));
    int status = parent_run(of);
    (void)waitpid(child, &child_status, 0);
    return status != 0 || child_status != 0;
}
