/*
 * fuzz_membership.c - any bytes as a message between members: dropped, or taken within their
 * bounds.
 *
 * With the first byte odd, the rest gets its length and checksum put right, as a faulty member that
 * knows the secret would send it.  Afterwards the member still works: time goes on, and its image
 * loads.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <hypercache/membership.h>

#include "base/siphash.h"

#define LENGTH_AT 16u
#define MESSAGE_BYTES_MIN (24u + 28u + HCI_SIPHASH_BYTES)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) abort();
}

static void on_send(void *ctx, const hc_address *to, bool reliable, hc_span message)
{
    (void)ctx;
    (void)to;
    require(reliable ? message.size <= HC_MEMBERSHIP_MESSAGE_BYTES_MAX
                     : message.size <= HC_MEMBERSHIP_DATAGRAM_BYTES_MAX);
}

static void on_changed(void *ctx, const hc_member *before, const hc_member *after)
{
    (void)ctx;
    require(before != NULL || after != NULL);
}

static void on_superseded(void *ctx, const hc_member *by)
{
    *(bool *)ctx = true;
    require(by->boot_id > 0);
}

static void sign(const hc_membership_options *options, uint8_t *bytes, size_t size)
{
    if (size < MESSAGE_BYTES_MIN) return;
    static const uint8_t head[3] = {0x48, 0x43, 1};
    memcpy(bytes, head, sizeof head);
    for (unsigned i = 0; i < 8; i++)
        bytes[8 + i] = (uint8_t)(options->cluster_id >> 8 * i);
    for (unsigned i = 0; i < 4; i++)
        bytes[LENGTH_AT + i] = (uint8_t)(size >> 8 * i);
    hci_siphash(options->secret, hc_span_make(bytes, size - HCI_SIPHASH_BYTES),
                bytes + size - HCI_SIPHASH_BYTES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t image[HC_MEMBERSHIP_MESSAGE_BYTES_MAX];
    bool superseded = false;
    hc_membership_options options = {.size = sizeof options,
                                     .cluster_id = 7,
                                     .secret = {9},
                                     .self = {.id = {{1}}, .boot_id = 10, .zone = "a"}};
    hc_membership_calls calls = {.size = sizeof calls,
                                 .ctx = &superseded,
                                 .send = on_send,
                                 .changed = on_changed,
                                 .superseded = on_superseded};
    hc_membership *members, *again;
    if (size < 1) return 0;
    uint8_t *bytes = malloc(size);
    require(bytes != NULL);
    memcpy(bytes, data + 1, size - 1);
    if (data[0] & 1) sign(&options, bytes, size - 1);
    uint64_t now_ns = UINT64_C(1000000000);
    require(hc_membership_create(NULL, &options, &calls, now_ns, &members) == HC_OK);
    hc_address from = {.port = 1};
    for (unsigned i = 0; i < 2; i++)
        (void)hc_membership_receive(members, now_ns, &from, data[0] & 2,
                                    hc_span_make(bytes, size - 1));
    for (unsigned i = 0; i < 40; i++)
        (void)hc_membership_tick(members, now_ns += UINT64_C(150000000));
    size_t image_bytes = hc_membership_image(members, image, sizeof image);
    require(image_bytes <= sizeof image);
    options.image = hc_span_make(image, image_bytes);
    if (!superseded) {
        require(hc_membership_create(NULL, &options, &calls, now_ns, &again) == HC_OK);
        hc_membership_destroy(again);
    }
    hc_membership_destroy(members);
    free(bytes);
    return 0;
}
