/*
 * fuzz_replication.c - any bytes as a message between replicas: dropped, or taken within their
 * bounds.
 *
 * With the first byte odd, the rest is the records of a message that is otherwise as a faulty node
 * that knows the secret would send it.  Afterwards the replica still works: time goes on, and a
 * value can be written and read.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <hypercache/replication.h>

#include "base/siphash.h"

#define HEAD_BYTES 88u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) abort();
}

static void on_send(void *ctx, const hc_node_id *to, hc_span message)
{
    (void)ctx;
    require(to->bytes[0] == 2 && message.size <= HC_REPLICA_MESSAGE_BYTES_MAX);
}

static void on_reply(void *ctx, const hc_reply *reply)
{
    require(reply->id == 1 && reply->outcome <= HC_OUTCOME_REFUSED);
    (*(unsigned *)ctx)++;
}

static void number_put(uint8_t *to, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        to[i] = (uint8_t)(value >> 8 * i);
}

static uint8_t *message_make(const hc_replica_options *o, hc_span records, size_t *bytes_out)
{
    size_t bytes = HEAD_BYTES + records.size;
    uint8_t *made = calloc(1, bytes + HCI_SIPHASH_BYTES);
    require(made != NULL);
    number_put(made, 0x15248, 3);
    number_put(made + 4, bytes + HCI_SIPHASH_BYTES, 4);
    number_put(made + 8, o->cluster_id, 8);
    number_put(made + 16, o->store_id, 8);
    made[24] = 2; /* the other node's id */
    number_put(made + 48, 20, 8);
    number_put(made + 56, o->boot_id, 8);
    memcpy(made + HEAD_BYTES, records.data, records.size);
    hci_siphash(o->secret, hc_span_make(made, bytes), made + bytes);
    *bytes_out = bytes + HCI_SIPHASH_BYTES;
    return made;
}

static hc_replica *replica_make(hc_replica_options *o, unsigned *replies, hc_moment now)
{
    hc_replica *made;
    hc_replica_calls calls = {
        .size = sizeof calls, .ctx = replies, .send = on_send, .reply = on_reply};
    hc_member members[2] = {
        {.id = {{1}}, .boot_id = 10, .ring = HC_RING_ACTIVE, .weight = 1, .tag = 1},
        {.id = {{2}}, .boot_id = 20, .ring = HC_RING_ACTIVE, .weight = 1, .tag = 2}};
    require(hc_replica_create(NULL, o, &calls, now, &made) == HC_OK);
    require(hc_replica_members(made, now, members, 2) == HC_OK);
    return made;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned replies = 0;
    hc_moment now = {UINT64_C(1000000000), INT64_C(1800000000000)};
    hc_store_options store_options = {.size = sizeof store_options, .shards = 1};
    hc_replica_options o = {.size = sizeof o,
                            .cluster_id = 7,
                            .store_id = 3,
                            .secret = {9},
                            .self = {{1}},
                            .boot_id = 10,
                            .blocks = 16};
    if (size < 1) return 0;
    require(hc_store_create(NULL, &store_options, &o.store) == HC_OK);
    hc_replica *r = replica_make(&o, &replies, now);
    hc_span rest = hc_span_make(data + 1, size - 1);
    size_t bytes = rest.size;
    uint8_t *message = data[0] & 1 ? message_make(&o, rest, &bytes) : NULL;
    for (unsigned i = 0; i < 2; i++)
        (void)hc_replica_receive(r, now, message != NULL ? hc_span_make(message, bytes) : rest);
    hc_request q = {.size = sizeof q, .id = 1, .kind = HC_REQUEST_SET, .key = HC_SPAN("k")};
    require(hc_replica_request(r, now, &q) == HC_OK);
    for (unsigned i = 0; i < 30; i++) {
        now.now_ns += 100000000;
        now.wall_ms += 100;
        (void)hc_replica_tick(r, now);
    }
    require(replies == 1);
    hc_replica_destroy(r);
    hc_store_destroy(o.store);
    free(message);
    return 0;
}
