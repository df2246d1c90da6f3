/*
 * three_nodes.c - a cluster of three nodes in one program, on one thread, without a socket.
 *
 * A node is three things that the program ties together:
 *
 *     hc_membership   who is there             --members-->   hc_replica   who holds what
 *     hc_store        what this node holds     <------------
 *
 * Neither does I/O: what they want to send lands in a queue here, and the loop delivers it.  A
 * program with a network puts its own transport in the place of `deliver`; own_transport.c does.
 *
 * Prints:
 *
 *     three nodes know each other
 *     set on node 0, read on node 0: hello
 *     set on node 0, read on node 1: hello
 *     set on node 0, read on node 2: hello
 *     node 0 is gone, read on node 1: hello
 */
#include <hypercache/hypercache.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { NODES = 3, LETTERS_MAX = 4096, SECONDS_MAX = 30 };

typedef struct node {
    unsigned number;
    bool runs, members_changed;
    hc_membership *members;
    hc_replica *replica;
    hc_store *store;
} node;

/* A message on its way: of membership, with the sender's address, or of the replica. */
typedef struct letter {
    unsigned from, to;
    bool of_members, reliable;
    uint8_t *bytes;
    size_t size;
} letter;

static node nodes[NODES];
static letter letters[LETTERS_MAX]; /* a ring of those that wait */
static size_t first_letter, letter_count;
static char answer[64]; /* of the request under way */
static bool answered;

/* ---- time and places ---- */

static uint64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static hc_moment now(void)
{
    struct timespec wall;
    (void)clock_gettime(CLOCK_REALTIME, &wall);
    return (hc_moment){.now_ns = now_ns(),
                       .wall_ms = (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000};
}

static hc_node_id id_of(unsigned number)
{
    return (hc_node_id){.bytes = {(uint8_t)(number + 1)}};
}

/* An address is what the transport can find a node by: here the port is its number. */
static hc_address address_of(unsigned number)
{
    return (hc_address){.ip = {[10] = 0xFF, [11] = 0xFF, [12] = 127, [15] = 1},
                        .port = (uint16_t)(number + 1)};
}

/* ---- what they want sent ---- */

static void post(unsigned from, unsigned to, bool of_members, bool reliable, hc_span message)
{
    if (letter_count == LETTERS_MAX || to >= NODES) return; /* may be lost */
    uint8_t *bytes = malloc(message.size);
    if (bytes == NULL) return;
    memcpy(bytes, message.data, message.size);
    letters[(first_letter + letter_count++) % LETTERS_MAX] =
        (letter){from, to, of_members, reliable, bytes, message.size};
}

static void members_send(void *ctx, const hc_address *to, bool reliable, hc_span message)
{
    post(((node *)ctx)->number, to->port - 1u, true, reliable, message);
}

static void replica_send(void *ctx, const hc_node_id *to, hc_span message)
{
    post(((node *)ctx)->number, to->bytes[0] - 1u, false, true, message);
}

/* ---- what they say ---- */

static void members_changed(void *ctx, const hc_member *before, const hc_member *after)
{
    (void)before, (void)after;
    ((node *)ctx)->members_changed = true; /* told to the replica by the loop: not from inside */
}

static void members_superseded(void *ctx, const hc_member *by)
{
    (void)by;
    ((node *)ctx)->runs = false;
}

static void replica_reply(void *ctx, const hc_reply *reply)
{
    (void)ctx;
    bool done = reply->outcome == HC_OUTCOME_DONE;
    (void)snprintf(answer, sizeof answer, "%.*s", done ? (int)reply->value.size : 0,
                   (const char *)reply->value.data);
    answered = done;
}

/* ---- life ---- */

static bool start(unsigned number)
{
    node *of = &nodes[number];
    of->number = number;
    hc_membership_options m = {.size = sizeof m,
                               .cluster_id = 1,
                               .self = {.id = id_of(number),
                                        .boot_id = 1,
                                        .ring = HC_RING_ACTIVE, /* one of the first */
                                        .address = address_of(number)}};
    hc_membership_calls mc = {.size = sizeof mc,
                              .ctx = of,
                              .send = members_send,
                              .changed = members_changed,
                              .superseded = members_superseded};
    hc_replica_options r = {
        .size = sizeof r, .cluster_id = 1, .store_id = 1, .self = id_of(number), .boot_id = 1};
    hc_replica_calls rc = {
        .size = sizeof rc, .ctx = of, .send = replica_send, .reply = replica_reply};
    hc_address seed = address_of(0);
    if (hc_store_create(NULL, NULL, &of->store) != HC_OK) return false;
    if (hc_membership_create(NULL, &m, &mc, now_ns(), &of->members) != HC_OK) return false;
    r.store = of->store;
    if (hc_replica_create(NULL, &r, &rc, now(), &of->replica) != HC_OK) return false;
    hc_membership_seeds(of->members, now_ns(), &seed, 1);
    of->runs = of->members_changed = true;
    return true;
}

static void stop(node *of)
{
    of->runs = false;
    hc_replica_destroy(of->replica);
    hc_membership_destroy(of->members);
    hc_store_destroy(of->store);
    of->replica = NULL;
    of->members = NULL;
    of->store = NULL;
}

static void members_tell(node *of)
{
    hc_member list[NODES];
    size_t count = hc_membership_count(of->members);
    for (size_t i = 0; i < count && i < NODES; i++)
        list[i] = *hc_membership_at(of->members, i);
    of->members_changed = hc_replica_members(of->replica, now(), list, count) != HC_OK;
}

static void deliver(const letter *one)
{
    node *to = &nodes[one->to];
    hc_span message = hc_span_make(one->bytes, one->size);
    hc_address from = address_of(one->from);
    if (!to->runs) return;
    if (one->of_members)
        (void)hc_membership_receive(to->members, now_ns(), &from, one->reliable, message);
    else
        (void)hc_replica_receive(to->replica, now(), message);
}

/* One turn of the loop.  A program with sockets would wait in poll until the earlier of what the
 * two ticks return; here a short nap does. */
static void turn(void)
{
    if (letter_count == 0) (void)nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    for (unsigned i = 0; i < NODES; i++) {
        if (!nodes[i].runs) continue;
        (void)hc_membership_tick(nodes[i].members, now_ns());
        if (nodes[i].members_changed) members_tell(&nodes[i]);
        (void)hc_replica_tick(nodes[i].replica, now());
    }
    for (size_t i = letter_count; i > 0; i--) { /* those they send meanwhile have the next turn */
        letter one = letters[first_letter];
        first_letter = (first_letter + 1) % LETTERS_MAX;
        letter_count--;
        deliver(&one);
        free(one.bytes);
    }
}

/* ---- the program ---- */

static bool all_agree(void)
{
    for (unsigned i = 0; i < NODES; i++) {
        if (hc_membership_count(nodes[i].members) != NODES) return false;
        if (hc_replica_topology_id(nodes[i].replica) != hc_replica_topology_id(nodes[0].replica))
            return false;
    }
    return true;
}

/* Asks until it is done: while nodes find each other a request may be refused. */
static bool ask(unsigned at, hc_request_kind kind, const char *key, const char *value)
{
    hc_request q = {.size = sizeof q,
                    .kind = kind,
                    .level = HC_LEVEL_QUORUM,
                    .key = hc_span_make(key, strlen(key)),
                    .value = hc_span_make(value, strlen(value))};
    hc_replica_stats open = {.size = sizeof open};
    uint64_t until_ns = now_ns() + (uint64_t)SECONDS_MAX * 1000000000u;
    for (answered = false; !answered && now_ns() < until_ns; turn()) {
        hc_replica_stats_get(nodes[at].replica, &open);
        if (open.requests_open == 0) (void)hc_replica_request(nodes[at].replica, now(), &q);
    }
    return answered;
}

static int run(void)
{
    uint64_t until_ns = now_ns() + (uint64_t)SECONDS_MAX * 1000000000u;
    for (unsigned i = 0; i < NODES; i++) {
        if (!start(i)) return 1;
    }
    while (!all_agree() && now_ns() < until_ns)
        turn();
    if (!all_agree()) return 1;
    (void)puts("three nodes know each other");
    if (!ask(0, HC_REQUEST_SET, "greeting", "hello")) return 1;
    for (unsigned i = 0; i < NODES; i++) {
        if (!ask(i, HC_REQUEST_GET, "greeting", "")) return 1;
        (void)printf("set on node 0, read on node %u: %s\n", i, answer);
    }
    stop(&nodes[0]); /* without a word: the others find out */
    if (!ask(1, HC_REQUEST_GET, "greeting", "")) return 1;
    (void)printf("node 0 is gone, read on node 1: %s\n", answer);
    return 0;
}

int main(void)
{
    int status = run();
    for (unsigned i = 0; i < NODES; i++)
        stop(&nodes[i]);
    for (; letter_count > 0; letter_count--, first_letter++)
        free(letters[first_letter % LETTERS_MAX].bytes);
    return status;
}
