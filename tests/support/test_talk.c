/* test_talk.c - see the header. */
#include "support/test_talk.h"

#include "support/test.h"
#include "support/test_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_send(void *ctx, const hc_node_id *to, hc_span message)
{
    test_talk *t = ctx;
    hc_span rest = hc_span_make(message.data + ENVELOPE_BYTES,
                                message.size - ENVELOPE_BYTES - ENVELOPE_TAIL_BYTES);
    record what;
    for (int taken; (taken = hci_wire_take(&rest, &what)) >= 0;) {
        if (taken == 0 || what.kind == RECORD_BEAT || t->said_count == TEST_SAID_MAX) continue;
        test_said *s = &t->said[t->said_count++];
        s->to = to->bytes[0] - 1u;
        s->what = what;
        if (what.key.size + what.value.size > TEST_SAID_BYTES) continue;
        if (what.key.size > 0) memcpy(s->bytes, what.key.data, what.key.size);
        if (what.value.size > 0) memcpy(s->bytes + what.key.size, what.value.data, what.value.size);
        s->what.key = hc_span_make(s->bytes, what.key.size);
        s->what.value = hc_span_make(s->bytes + what.key.size, what.value.size);
    }
}

static void mute_send(void *ctx, const hc_node_id *to, hc_span message)
{
    (void)ctx, (void)to, (void)message;
}

static void on_reply(void *ctx, const hc_reply *reply)
{
    test_talk *t = ctx;
    t->reply = *reply;
    t->reply_count++;
    size_t size = reply->value.size < sizeof t->value ? reply->value.size : sizeof t->value - 1;
    if (size > 0) memcpy(t->value, reply->value.data, size);
    t->value[size] = '\0';
}

static hc_status on_update(void *ctx, hc_update *u)
{
    (void)ctx;
    u->action = HC_UPDATE_STORE;
    u->value = u->arguments;
    return HC_OK;
}

void test_talk_whole(test_talk *t, bool whole)
{
    hc_replica *r = t->parts[0];
    for (uint32_t i = 1; i < 3; i++) {
        peer *p = r->peers[i];
        p->heard_ns = t->now.now_ns;
        p->beat_topology = r->topology.id;
        memset(p->synced, whole ? 0xFF : 0, r->topology.blocks / 8);
    }
}

void test_talk_step(test_talk *t, uint64_t ms)
{
    t->now.now_ns += ms * MS;
    t->now.wall_ms += (int64_t)ms;
    for (uint32_t i = 1; i < 3; i++)
        t->parts[0]->peers[i]->heard_ns = t->now.now_ns;
    (void)hc_replica_tick(t->parts[0], t->now);
}

test_talk *test_talk_start(void)
{
    test_talk *t = calloc(1, sizeof *t);
    assert_non_null(t);
    t->now = (hc_moment){UINT64_C(5000000000), INT64_C(1800000000000)};
    test_random_init_quiet(&t->random, 7);
    t->host = test_host_of(NULL, NULL, &t->random, NULL);
    for (uint8_t i = 0; i < 3; i++)
        t->members[i] = (hc_member){.id = {{(uint8_t)(i + 1)}},
                                    .boot_id = TEST_TALK_BOOT,
                                    .ring = HC_RING_ACTIVE,
                                    .weight = 1,
                                    .tag = (uint16_t)(i + 1)};
    for (uint32_t i = 0; i < 3; i++) {
        hc_store_options so = {.size = sizeof so, .shards = 1};
        assert_int_equal(hc_store_create(&t->host, &so, &t->stores[i]), HC_OK);
        hc_replica_options o = {.size = sizeof o,
                                .cluster_id = 7,
                                .store_id = 3,
                                .self = t->members[i].id,
                                .boot_id = TEST_TALK_BOOT,
                                .store = t->stores[i],
                                .blocks = 16,
                                .stub_hold_ms = 1000,
                                .stub_keep_ms = 5000};
        hc_replica_calls calls = {.size = sizeof calls,
                                  .ctx = t,
                                  .send = i == 0 ? on_send : mute_send,
                                  .reply = on_reply,
                                  .update = on_update};
        assert_int_equal(hc_replica_create(&t->host, &o, &calls, t->now, &t->parts[i]), HC_OK);
        assert_int_equal(hc_replica_members(t->parts[i], t->now, t->members, 3), HC_OK);
    }
    memset(t->parts[0]->synced, 0xFF, t->parts[0]->topology.blocks / 8);
    test_talk_whole(t, true);
    return t;
}

void test_talk_end(test_talk *t)
{
    for (uint32_t i = 0; i < 3; i++) {
        hc_replica_destroy(t->parts[i]);
        hc_store_destroy(t->stores[i]);
    }
    free(t);
}

void test_talk_hear(test_talk *t, uint32_t from, const record *what)
{
    uint8_t message[1024];
    hc_replica *pen = t->parts[from];
    pen->now = t->now;
    hci_wire_head(pen, message, t->parts[0]->options.boot_id);
    size_t bytes = ENVELOPE_BYTES + hci_wire_put(message + ENVELOPE_BYTES, what);
    hci_wire_seal(pen, message, bytes);
    hc_span whole = hc_span_make(message, bytes + ENVELOPE_TAIL_BYTES);
    assert_int_equal(hc_replica_receive(t->parts[0], t->now, whole), HC_OK);
}

uint64_t test_talk_version(test_talk *t, uint32_t by)
{
    t->parts[by]->now = t->now;
    return hci_clock_stamp(t->parts[by], t->parts[0]->clock << 10);
}

const record *test_talk_last(const test_talk *t, record_kind kind, uint32_t to)
{
    for (uint32_t i = t->said_count; i-- > 0;)
        if (t->said[i].what.kind == kind && t->said[i].to == to) return &t->said[i].what;
    return NULL;
}

entry test_value_at(uint64_t version, const char *text)
{
    return (entry){.version = version, .value = hc_span_make(text, strlen(text))};
}

entry test_stub_at(uint64_t version)
{
    return (entry){.version = version, .flags = ENTRY_STUB};
}

hc_span test_talk_key(test_talk *t)
{
    static char text[16];
    for (unsigned i = 0;; i++) {
        (void)snprintf(text, sizeof text, "k%u", i);
        hc_span key = hc_span_make(text, strlen(text));
        if (hci_acting(t->parts[0], hc_ring_slot(key)) == t->parts[0]->self) return key;
    }
}

uint64_t test_talk_here(test_talk *t, hc_span key, bool *live)
{
    return hc_replica_version(t->parts[0], t->now, key, live);
}

void test_talk_ask(test_talk *t, hc_request_kind kind, hc_level level, hc_span key,
                   const char *value)
{
    hc_request q = {.size = sizeof q,
                    .kind = kind,
                    .level = level,
                    .key = key,
                    .value = hc_span_make(value, strlen(value))};
    assert_int_equal(hc_replica_request(t->parts[0], t->now, &q), HC_OK);
}
