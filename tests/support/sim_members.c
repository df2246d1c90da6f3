/* sim_members.c - what memberships ask for, done by a network in memory. */
#include "support/sim_members.h"

#include "support/test_host.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

hc_address sim_member_address(uint32_t number)
{
    hc_address made = {.port = 7946};
    made.ip[10] = made.ip[11] = 0xFF;
    made.ip[14] = (uint8_t)(number >> 8);
    made.ip[15] = (uint8_t)number;
    return made;
}

uint32_t sim_member_number(const hc_address *address)
{
    return (uint32_t)address->ip[14] << 8 | address->ip[15];
}

hc_node_id sim_member_id(uint32_t number)
{
    hc_node_id made = {{(uint8_t)(number * 37), (uint8_t)number, 7, (uint8_t)(number >> 8)}};
    return made;
}

/* ---- what members ask for ---- */

static void on_send(void *ctx, const hc_address *to, bool reliable, hc_span message)
{
    sim_member *from = ctx;
    uint32_t number = sim_member_number(to);
    assert(reliable || message.size <= HC_MEMBERSHIP_DATAGRAM_BYTES_MAX);
    if (number < from->in->count) {
        sim_send(from->in->network, from->number, number, reliable, message);
    }
}

static void on_changed(void *ctx, const hc_member *before, const hc_member *after)
{
    sim_member *at = ctx;
    if (after == NULL || before == NULL) return;
    if (after->state == HC_MEMBER_DEAD && before->state != HC_MEMBER_DEAD) at->in->deaths++;
}

static void on_superseded(void *ctx, const hc_member *by)
{
    sim_member *at = ctx;
    assert(by->boot_id > at->boot_id);
    at->superseded = true;
}

static size_t attach(void *ctx, uint8_t to[HC_MEMBERSHIP_ATTACHMENT_BYTES_MAX])
{
    sim_member *from = ctx;
    to[0] = (uint8_t)from->id_number;
    to[1] = (uint8_t)(from->id_number >> 8);
    return 2;
}

static void attached(void *ctx, const hc_node_id *from, hc_span bytes)
{
    sim_member *at = ctx;
    assert(bytes.size == 2);
    hc_node_id want = sim_member_id(bytes.data[0] | (uint32_t)bytes.data[1] << 8);
    assert(memcmp(from->bytes, want.bytes, sizeof want.bytes) == 0);
    at->in->attachments++;
}

uint64_t sim_member_now(const sim_member *at)
{
    return sim_now(at->in->network);
}

void sim_member_tick(sim_member *at)
{
    if (at->members == NULL || at->frozen) return;
    uint64_t next = hc_membership_tick(at->members, sim_member_now(at));
    sim_wake(at->in->network, at->number, next);
}

void sim_member_freeze(sim_member *at)
{
    at->frozen = true;
    sim_hold(at->in->network, at->number);
}

void sim_member_thaw(sim_member *at)
{
    at->frozen = false;
    sim_release(at->in->network, at->number);
    sim_member_tick(at);
}

static void on_wake(void *ctx, uint32_t number)
{
    sim_members *c = ctx;
    sim_member_tick(&c->nodes[number]);
}

static void on_deliver(void *ctx, uint32_t to, uint32_t from, bool reliable, hc_span bytes)
{
    sim_members *c = ctx;
    sim_member *at = &c->nodes[to];
    if (at->members == NULL) return;
    hc_address source = sim_member_address(from);
    (void)hc_membership_receive(at->members, sim_member_now(at), &source, reliable, bytes);
    sim_member_tick(at);
}

/* ---- a cluster ---- */

hc_membership_calls sim_member_calls(sim_member *at)
{
    return (hc_membership_calls){.size = sizeof(hc_membership_calls),
                                 .ctx = at,
                                 .send = on_send,
                                 .changed = on_changed,
                                 .superseded = on_superseded,
                                 .attach = attach,
                                 .attached = attached};
}

void sim_member_start(sim_members *c, uint32_t number, uint32_t id_number, hc_span image)
{
    sim_member *n = &c->nodes[number];
    hc_membership_options o = c->options;
    n->in = c;
    n->number = number;
    n->id_number = id_number;
    n->boot_id++;
    n->superseded = n->frozen = false;
    o.cluster_id = n->cluster_id != 0 ? n->cluster_id : 77;
    o.self = (hc_member){.id = sim_member_id(id_number),
                         .boot_id = n->boot_id,
                         .ring = HC_RING_ACTIVE,
                         .address = sim_member_address(number),
                         .zone = "a"};
    o.image = image;
    hc_membership_calls calls = sim_member_calls(n);
    hc_status status = hc_membership_create(&c->host, &o, &calls, sim_member_now(n), &n->members);
    assert(status == HC_OK);
    (void)status;
    hc_address seed = sim_member_address(0);
    hc_membership_seeds(n->members, sim_member_now(n), &seed, image.size == 0 ? 1 : 0);
    sim_member_tick(n);
}

void sim_member_stop(sim_members *c, uint32_t number)
{
    hc_membership_destroy(c->nodes[number].members);
    c->nodes[number].members = NULL;
    sim_drop(c->network, number);
}

void sim_members_run(sim_members *c, double seconds)
{
    sim_run(c->network, sim_now(c->network) + (uint64_t)(seconds * 1e9));
}

sim_members *sim_members_make(uint64_t seed, uint32_t count)
{
    sim_members *c = calloc(1, sizeof *c);
    assert(c != NULL);
    c->count = count;
    c->nodes = calloc(count, sizeof *c->nodes);
    assert(c->nodes != NULL);
    c->network = sim_create(&(sim_options){
        .seed = seed, .nodes = count, .deliver = on_deliver, .wake = on_wake, .ctx = c});
    test_random_init_quiet(&c->random, seed + 1);
    c->host = test_host_of(NULL, NULL, &c->random, NULL);
    c->options = (hc_membership_options){.size = sizeof c->options, .secret = {1, 2, 3}};
    for (uint32_t i = 0; i < count; i++)
        c->nodes[i].boot_id = 100;
    return c;
}

sim_members *sim_members_start(uint64_t seed, uint32_t count)
{
    sim_members *c = sim_members_make(seed, count);
    for (uint32_t i = 0; i < count; i++)
        sim_member_start(c, i, i, hc_span_make(NULL, 0));
    return c;
}

void sim_members_end(sim_members *c)
{
    for (uint32_t i = 0; i < c->count; i++)
        hc_membership_destroy(c->nodes[i].members);
    sim_destroy(c->network);
    free(c->nodes);
    free(c);
}

bool sim_members_say(const sim_members *c, uint32_t of, hc_member_state state)
{
    hc_node_id id = sim_member_id(of);
    for (uint32_t i = 0; i < c->count; i++) {
        if (c->nodes[i].members == NULL || i == of) continue;
        const hc_member *found = hc_membership_find(c->nodes[i].members, &id);
        if (found == NULL || found->state != state) return false;
    }
    return true;
}
