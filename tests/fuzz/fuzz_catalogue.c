/*
 * fuzz_catalogue.c - any bytes as a message between catalogues, or as an image: dropped, or taken
 * within their bounds.
 *
 * With the first byte odd, the second is the kind and the rest the definitions of a message that is
 * otherwise as a faulty node that knows the secret would send it.  Afterwards the catalogue still
 * works.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <hypercache/catalogue.h>

#include "base/siphash.h"

#define HEAD_BYTES 48u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) abort();
}

static void on_send(void *ctx, const hc_node_id *to, hc_span message)
{
    (void)ctx;
    require(to->bytes[0] == 2 && message.size <= HC_CATALOGUE_MESSAGE_BYTES_MAX);
}

static void on_changed(void *ctx, const hc_definition *d)
{
    (void)ctx;
    require(hc_store_name_fits(d->name) && d->generation != 0 && d->store_id != 0 &&
            d->settings.size <= HC_CATALOGUE_SETTINGS_BYTES_MAX);
}

static void on_deliver(void *ctx, uint64_t store_id, hc_span message)
{
    (void)ctx;
    require(store_id != 0 && message.size > 0);
}

static void number_put(uint8_t *to, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        to[i] = (uint8_t)(value >> 8 * i);
}

static uint8_t *message_make(const hc_catalogue_options *o, uint8_t kind, hc_span rest,
                             size_t *bytes_out)
{
    size_t bytes = HEAD_BYTES + rest.size;
    uint8_t *made = calloc(1, bytes + HCI_SIPHASH_BYTES);
    require(made != NULL);
    number_put(made, 0x14348, 3);
    made[3] = kind;
    number_put(made + 4, bytes + HCI_SIPHASH_BYTES, 4);
    number_put(made + 8, o->cluster_id, 8);
    made[16] = 2;
    number_put(made + 40, 1, 8);
    if (rest.size > 0) memcpy(made + HEAD_BYTES, rest.data, rest.size);
    hci_siphash(o->secret, hc_span_make(made, bytes), made + bytes);
    *bytes_out = bytes + HCI_SIPHASH_BYTES;
    return made;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t id;
    hc_catalogue *c, *image;
    hc_node_id two = {{2}};
    hc_moment now = {UINT64_C(1000000000), INT64_C(1800000000000)};
    hc_member members[2] = {{.id = {{1}}}, {.id = {{2}}}};
    hc_catalogue_options o = {
        .size = sizeof o, .cluster_id = 7, .secret = {9}, .self = {{1}}, .stores_max = 8};
    hc_catalogue_calls calls = {
        .size = sizeof calls, .send = on_send, .changed = on_changed, .deliver = on_deliver};
    if (size < 2) return 0;
    require(hc_catalogue_create(NULL, &o, &calls, now, &c) == HC_OK);
    require(hc_catalogue_members(c, now, members, 2) == HC_OK);
    require(hc_catalogue_add(c, now, HC_SPAN("a"), HC_SPAN("s"), &id) == HC_OK);
    require(hc_catalogue_hold(c, now, 12345, &two, HC_SPAN("m")) == HC_OK);
    hc_span rest = hc_span_make(data + 2, size - 2);
    size_t bytes = rest.size;
    uint8_t *message = data[0] & 1 ? message_make(&o, data[1], rest, &bytes) : NULL;
    hc_span whole = message != NULL ? hc_span_make(message, bytes) : rest;
    for (unsigned i = 0; i < 2; i++)
        (void)hc_catalogue_receive(c, now, whole);
    o.image = whole;
    if (hc_catalogue_create(NULL, &o, &calls, now, &image) == HC_OK) hc_catalogue_destroy(image);
    now.now_ns += UINT64_C(5000000000);
    (void)hc_catalogue_tick(c, now);
    hc_catalogue_stats s = {.size = sizeof s};
    hc_catalogue_stats_get(c, &s);
    require(s.stores <= 8 && s.held == 0);
    hc_catalogue_destroy(c);
    free(message);
    return 0;
}
