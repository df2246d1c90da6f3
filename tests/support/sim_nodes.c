/*
 * sim_nodes.c - the glue that a daemon would have: membership tells the replica who is there, the
 * replica tells membership when it has its data, and both share one wire by a first byte.
 */
#include "support/sim_nodes.h"

#include "support/sim_members.h"
#include "support/sim_rules.h"
#include "support/sim_versions.h"
#include "support/test_host.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define ENDPOINTS (2 * SIM_NODES_MAX)
#define WIRE_MEMBERS 1u
#define WIRE_REPLICA 2u
#define PUMP_ROUNDS_MAX 8u
#define STROBE_NS (70 * SIM_MS)
#define TICK_NS_MIN (SIM_MS / 5) /* what a loop of a daemon would take, at least */

hc_node_id sim_node_id(uint32_t number)
{
    return sim_member_id(number);
}

int sim_node_of_id(const hc_node_id *id)
{
    for (uint32_t i = 0; i < SIM_NODES_MAX; i++) {
        hc_node_id one = sim_node_id(i);
        if (memcmp(one.bytes, id->bytes, sizeof one.bytes) == 0) return (int)i;
    }
    return -1;
}

uint64_t sim_world_now(const sim_world *world)
{
    return sim_now(world->network);
}

void sim_world_timer(sim_world *world, uint32_t timer, uint64_t at_ns)
{
    assert(timer < SIM_TIMERS_MAX);
    sim_wake(world->network, ENDPOINTS + timer, at_ns);
}

bool sim_node_up(const sim_node *at)
{
    return at->replica != NULL && !at->frozen;
}

/* ---- clocks ---- */

static int64_t wall_ms(const sim_node *at)
{
    uint64_t now = sim_world_now(at->in);
    int64_t drifted_us = (int64_t)((now - at->drift_from_ns) / SIM_MS) * at->drift_ppm / 1000;
    int64_t strobe_ms = now / STROBE_NS % 2 != 0 ? (int64_t)at->strobe_ms : 0;
    return SIM_WALL_START_MS + (int64_t)(now / SIM_MS) + at->offset_ms + strobe_ms +
           drifted_us / 1000;
}

static int64_t clock_wall(void *ctx)
{
    return wall_ms(ctx);
}

static uint64_t clock_monotonic(void *ctx)
{
    const sim_node *at = ctx;
    return sim_world_now(at->in);
}

void sim_node_clock(sim_node *at, int64_t offset_ms, int64_t drift_ppm)
{
    at->offset_ms = offset_ms;
    at->drift_ppm = drift_ppm;
    at->drift_from_ns = sim_world_now(at->in);
}

hc_moment sim_node_moment(const sim_node *at)
{
    return (hc_moment){.now_ns = sim_world_now(at->in), .wall_ms = wall_ms(at)};
}

/* ---- what a node asks for ---- */

static const uint8_t members_secret[HC_MEMBERSHIP_SECRET_BYTES] = {1, 2, 3};
static const uint8_t replica_secret[HC_MEMBERSHIP_SECRET_BYTES] = {9};

static void wire_send(sim_node *from, uint32_t to, uint8_t kind, bool reliable, hc_span message)
{
    uint8_t *framed = malloc(message.size + SIM_LATER_BYTES_MAX + 1);
    size_t bytes = message.size;
    assert(framed != NULL);
    framed[0] = kind;
    if (!from->later)
        memcpy(framed + 1, message.data, message.size);
    else if (kind == WIRE_REPLICA)
        bytes = sim_later_replica(message, replica_secret, &from->in->random, framed + 1);
    else
        bytes = sim_later_members(message, members_secret, &from->in->random,
                                  reliable ? 0 : HC_MEMBERSHIP_DATAGRAM_BYTES_MAX, framed + 1);
    sim_send(from->in->network, from->endpoint, to, reliable, hc_span_make(framed, bytes + 1));
    free(framed);
}

static void members_send(void *ctx, const hc_address *to, bool reliable, hc_span message)
{
    uint32_t endpoint = sim_member_number(to);
    if (endpoint < ENDPOINTS) wire_send(ctx, endpoint, WIRE_MEMBERS, reliable, message);
}

static void members_changed(void *ctx, const hc_member *before, const hc_member *after)
{
    sim_node *at = ctx;
    const hc_member *of = after != NULL ? after : before;
    at->members_changed = true;
    if (before != NULL && after != NULL && after->state == HC_MEMBER_DEAD &&
        before->state != HC_MEMBER_DEAD)
        at->in->deaths++;
    static const char *const states[] = {"alive", "suspect", "dead", "left"};
    static const char *const rings[] = {"joining", "active", "leaving", "out"};
    sim_log_add(&at->in->log, sim_world_now(at->in), "node", at->number, "member %d: %s %s%s",
                sim_node_of_id(&of->id), after == NULL ? "forgotten" : states[of->state],
                rings[of->ring], of->ready ? " ready" : "");
}

static void members_superseded(void *ctx, const hc_member *by)
{
    sim_node *at = ctx;
    (void)by;
    at->superseded = true;
}

/* Over the address at which membership knows it now. */
static void replica_send(void *ctx, const hc_node_id *to, hc_span message)
{
    sim_node *at = ctx;
    const hc_member *found = hc_membership_find(at->members, to);
    if (found == NULL) return;
    uint32_t endpoint = sim_member_number(&found->address);
    if (endpoint < ENDPOINTS) wire_send(at, endpoint, WIRE_REPLICA, true, message);
}

static void replica_reply(void *ctx, const hc_reply *reply)
{
    sim_node *at = ctx;
    at->in->options.reply(at->in->options.ctx, at, reply);
}

static hc_status replica_update(void *ctx, hc_update *update)
{
    sim_node *at = ctx;
    return at->in->options.update(at->in->options.ctx, update);
}

static void replica_changed(void *ctx, bool ready, bool may_flip)
{
    sim_node *at = ctx;
    uint64_t now = sim_world_now(at->in);
    const hc_member *self = hc_membership_at(at->members, 0);
    sim_log_add(&at->in->log, now, "node", at->number, "%s%s", ready ? "ready" : "not ready",
                may_flip ? ", may flip" : "");
    bool flips = may_flip && (self->ring == HC_RING_JOINING || self->ring == HC_RING_LEAVING);
    at->members_changed = at->members_changed || flips || self->ready != ready;
    at->unreadied += self->ready && !ready;
    if (flips && self->ring == HC_RING_LEAVING) at->gone = true;
    if (flips) {
        hc_membership_set_ring(at->members, now,
                               self->ring == HC_RING_JOINING ? HC_RING_ACTIVE : HC_RING_OUT);
    }
    if (self->ready != ready) hc_membership_set_ready(at->members, now, ready);
}

static void replica_flushed(void *ctx, uint64_t version)
{
    sim_node *at = ctx;
    at->flush = version;
}

/* ---- turning the wheels ---- */

static void members_tell(sim_node *at)
{
    hc_member list[SIM_NODES_MAX];
    size_t count = hc_membership_count(at->members);
    assert(count <= SIM_NODES_MAX);
    for (size_t i = 0; i < count; i++)
        list[i] = *hc_membership_at(at->members, i);
    hc_status status = hc_replica_members(at->replica, sim_node_moment(at), list, count);
    assert(status == HC_OK);
    (void)status;
}

static void pump(sim_node *at)
{
    if (!sim_node_up(at) || at->in_calls) return;
    at->in_calls = true;
    uint64_t now = sim_world_now(at->in), next = hc_membership_tick(at->members, now), other = now;
    for (unsigned i = 0; i < PUMP_ROUNDS_MAX; i++) {
        if (at->members_changed) {
            at->members_changed = false;
            members_tell(at);
        }
        other = hc_replica_tick(at->replica, sim_node_moment(at));
        if (!at->members_changed) break;
    }
    if (at->members_changed) other = now + SIM_MS;
    if (other < next) next = other;
    if (next < now + TICK_NS_MIN) next = now + TICK_NS_MIN;
    sim_wake(at->in->network, at->endpoint, next);
    at->in_calls = false;
}

static sim_node *node_at(sim_world *world, uint32_t endpoint)
{
    for (uint32_t i = 0; i < world->count; i++) {
        if (world->nodes[i].endpoint == endpoint) return &world->nodes[i];
    }
    return NULL;
}

static void on_wake(void *ctx, uint32_t endpoint)
{
    sim_world *world = ctx;
    sim_node *at = endpoint < ENDPOINTS ? node_at(world, endpoint) : NULL;
    if (at != NULL) pump(at);
    if (endpoint >= ENDPOINTS) world->options.timer(world->options.ctx, endpoint - ENDPOINTS);
}

static void on_deliver(void *ctx, uint32_t to, uint32_t from, bool reliable, hc_span bytes)
{
    sim_world *world = ctx;
    sim_node *at = node_at(world, to);
    if (at == NULL || at->replica == NULL || bytes.size == 0) return;
    hc_span message = hc_span_make(bytes.data + 1, bytes.size - 1);
    hc_address source = sim_member_address(from);
    if (bytes.data[0] == WIRE_MEMBERS) {
        (void)hc_membership_receive(at->members, sim_world_now(world), &source, reliable, message);
    } else if (bytes.data[0] == WIRE_REPLICA) {
        (void)hc_replica_receive(at->replica, sim_node_moment(at), message);
    }
    pump(at);
}

bool sim_node_request(sim_node *at, const hc_request *request)
{
    assert(sim_node_up(at));
    hc_status status = hc_replica_request(at->replica, sim_node_moment(at), request);
    pump(at);
    return status == HC_OK;
}

/* ---- disks: items as (key size, value size, expiry, type, key, value) ---- */

typedef struct item_head {
    uint64_t key_bytes, value_bytes;
    int64_t expires_at_ms;
    uint64_t type;
} item_head;

static void disk_put(sim_disk *disk, const void *bytes, size_t count)
{
    if (disk->keys_bytes + count > disk->keys_capacity) {
        disk->keys_capacity = (disk->keys_bytes + count) * 2;
        disk->keys = realloc(disk->keys, disk->keys_capacity);
        assert(disk->keys != NULL);
    }
    if (count > 0) memcpy(disk->keys + disk->keys_bytes, bytes, count);
    disk->keys_bytes += count;
}

static void save_item(void *ctx, const hc_item *item)
{
    item_head head = {item->key.size, item->value.size, item->expires_at_ms, item->type};
    disk_put(ctx, &head, sizeof head);
    disk_put(ctx, item->key.data, item->key.size);
    disk_put(ctx, item->value.data, item->value.size);
}

void sim_node_save(sim_node *at)
{
    uint64_t cursor = 0;
    sim_disk *disk = &at->disk;
    disk->keys_bytes = 0;
    disk->flush = at->flush;
    do {
        hc_store_scan(at->store, &cursor, HC_SCAN_COUNT_MAX, save_item, disk);
    } while (cursor != 0);
    free(disk->members);
    disk->members_bytes = hc_membership_image(at->members, NULL, 0);
    disk->members = malloc(disk->members_bytes + 1);
    assert(disk->members != NULL);
    (void)hc_membership_image(at->members, disk->members, disk->members_bytes);
}

static void load_keys(sim_node *at, bool torn)
{
    const sim_disk *disk = &at->disk;
    for (size_t i = 0; i < disk->keys_bytes;) {
        item_head head;
        memcpy(&head, disk->keys + i, sizeof head);
        hc_span key = hc_span_make(disk->keys + i + sizeof head, head.key_bytes);
        hc_span value = hc_span_make(key.data + key.size, head.value_bytes);
        i += sizeof head + head.key_bytes + head.value_bytes;
        if (torn && test_random_below(&at->in->random, 3) == 0) continue;
        hc_set_options o = {
            .size = sizeof o, .expires_at_ms = head.expires_at_ms, .type = (hc_type)head.type};
        (void)hc_store_set(at->store, key, value, &o);
    }
}

/* ---- life ---- */

static void members_start(sim_node *at, bool image)
{
    hc_membership_options o = {.size = sizeof o, .cluster_id = 77};
    memcpy(o.secret, members_secret, sizeof o.secret);
    o.self = (hc_member){.id = sim_node_id(at->number),
                         .boot_id = at->boot_id,
                         .ring = at->ring,
                         .address = sim_member_address(at->endpoint),
                         .zone = ""};
    if (image) o.image = hc_span_make(at->disk.members, at->disk.members_bytes);
    hc_membership_calls calls = {.size = sizeof calls,
                                 .ctx = at,
                                 .send = members_send,
                                 .changed = members_changed,
                                 .superseded = members_superseded};
    uint64_t now = sim_world_now(at->in);
    hc_status status = hc_membership_create(&at->host, &o, &calls, now, &at->members);
    assert(status == HC_OK);
    (void)status;
    hc_address seeds[2 * SIM_NODES_MAX];
    for (uint32_t i = 0; i < ENDPOINTS; i++)
        seeds[i] = sim_member_address(i);
    hc_membership_seeds(at->members, now, seeds, at->in->options.nodes);
}

void sim_node_start(sim_node *at, sim_disk_kind disk)
{
    assert(at->replica == NULL);
    at->boot_id++;
    at->frozen = at->superseded = false;
    hc_store_options so = {.size = sizeof so,
                           .max_memory_bytes = SIM_STORE_BYTES_MAX,
                           .seed = 5,
                           .shards = 4,
                           .by_slot = 1};
    hc_status status = hc_store_create(&at->host, &so, &at->store);
    assert(status == HC_OK);
    if (disk >= SIM_DISK_ALL) load_keys(at, disk == SIM_DISK_TORN);
    members_start(at, disk >= SIM_DISK_MEMBERS && at->disk.members_bytes > 0);
    hc_replica_options o = at->in->options.replica;
    o.size = sizeof o;
    o.cluster_id = 77;
    o.store_id = 1;
    memcpy(o.secret, replica_secret, sizeof o.secret);
    o.self = sim_node_id(at->number);
    o.boot_id = at->boot_id;
    o.store = at->store;
    o.flush_version = at->flush = disk >= SIM_DISK_ALL ? at->disk.flush : 0;
    hc_replica_calls calls = {.size = sizeof calls,
                              .ctx = at,
                              .send = replica_send,
                              .reply = replica_reply,
                              .update = replica_update,
                              .changed = replica_changed,
                              .flushed = replica_flushed};
    status = hc_replica_create(&at->host, &o, &calls, sim_node_moment(at), &at->replica);
    assert(status == HC_OK);
    (void)status;
    sim_rules_off(at->replica, at->in->options.rules_off);
    sim_log_add(&at->in->log, sim_world_now(at->in), "node", at->number, "starts, boot %llu",
                (unsigned long long)at->boot_id);
    at->members_changed = true;
    pump(at);
}

void sim_node_stop(sim_node *at)
{
    hc_replica_destroy(at->replica);
    hc_membership_destroy(at->members);
    hc_store_destroy(at->store);
    at->replica = NULL;
    at->members = NULL;
    at->store = NULL;
    if (at->frozen || at->clogged) sim_release(at->in->network, at->endpoint);
    at->frozen = at->clogged = false;
    sim_drop(at->in->network, at->endpoint);
    sim_log_add(&at->in->log, sim_world_now(at->in), "node", at->number, "killed");
}

void sim_node_freeze(sim_node *at)
{
    at->frozen = true;
    sim_hold(at->in->network, at->endpoint);
    sim_log_add(&at->in->log, sim_world_now(at->in), "node", at->number, "stands still");
}

void sim_node_thaw(sim_node *at)
{
    at->frozen = false;
    if (!at->clogged) sim_release(at->in->network, at->endpoint);
    sim_log_add(&at->in->log, sim_world_now(at->in), "node", at->number, "goes on");
    pump(at);
}

void sim_node_clog(sim_node *at, bool clogged)
{
    if (at->replica == NULL || at->clogged == clogged) return;
    at->clogged = clogged;
    if (clogged)
        sim_hold(at->in->network, at->endpoint);
    else if (!at->frozen)
        sim_release(at->in->network, at->endpoint);
}

void sim_node_move(sim_node *at)
{
    assert(at->replica == NULL);
    at->endpoint = at->endpoint < SIM_NODES_MAX ? at->number + SIM_NODES_MAX : at->number;
}

void sim_node_leave(sim_node *at)
{
    hc_membership_set_ring(at->members, sim_world_now(at->in), HC_RING_LEAVING);
    at->ring = HC_RING_LEAVING;
    at->members_changed = true;
    sim_log_add(&at->in->log, sim_world_now(at->in), "node", at->number, "wants to leave");
    pump(at);
}

/* ---- the world ---- */

sim_world *sim_world_make(const sim_world_options *options)
{
    sim_world *world = calloc(1, sizeof *world);
    assert(world != NULL && options->nodes + options->spare <= SIM_NODES_MAX);
    world->options = *options;
    world->count = options->nodes + options->spare;
    world->network = sim_create(&(sim_options){.seed = options->seed * 3 + 1,
                                               .nodes = ENDPOINTS + SIM_TIMERS_MAX,
                                               .deliver = on_deliver,
                                               .wake = on_wake,
                                               .ctx = world,
                                               .events_max = SIM_EVENTS_MAX});
    test_random_init_quiet(&world->random, options->seed * 3 + 2);
    sim_log_init(&world->log, options->log);
    for (uint32_t i = 0; i < world->count; i++) {
        sim_node *at = &world->nodes[i];
        at->in = world;
        at->number = at->endpoint = i;
        at->boot_id = 100;
        at->ring = i < options->nodes ? HC_RING_ACTIVE : HC_RING_JOINING;
        at->clock = (hc_clock){.size = sizeof at->clock,
                               .ctx = at,
                               .wall_ms = clock_wall,
                               .monotonic_ns = clock_monotonic};
        test_random_init_quiet(&at->random, options->seed * 1000 + i);
        at->host = test_host_of(NULL, NULL, &at->random, NULL);
        at->host.clock = &at->clock;
    }
    return world;
}

void sim_world_end(sim_world *world)
{
    for (uint32_t i = 0; i < world->count; i++) {
        sim_node *at = &world->nodes[i];
        if (at->replica != NULL) sim_node_stop(at);
        free(at->disk.members);
        free(at->disk.keys);
    }
    sim_destroy(world->network);
    sim_log_fini(&world->log);
    free(world);
}
