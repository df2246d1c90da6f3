/*
 * test_record.c - records, blocks, headers and names come back as they were, and nothing else does.
 */
#include "support/test.h"
#include "support/test_random.h"

#include "persistence/block.h"
#include "persistence/persistence_private.h"

static size_t record_put(const record *r, uint8_t *to)
{
    uint64_t word;
    size_t size = record_fields_put(r, to, &word);
    if (r->key.size > 0) memcpy(to + size, r->key.data, r->key.size);
    size += r->key.size;
    if (r->value.size > 0) memcpy(to + size, r->value.data, r->value.size);
    size += r->value.size;
    size_t stride = (size_t)record_stride((uint32_t)size);
    memset(to + size, 0, stride - size);
    assert_memory_equal(&word, to, sizeof word);
    return stride;
}

static void test_every_kind_of_record_comes_back(void **state)
{
    (void)state;
    const record records[] = {
        {.kind = RECORD_SET, .store = 7, .type = 1, .key = HC_SPAN("k"), .value = HC_SPAN("v")},
        {.kind = RECORD_SET,
         .expires_at_ms = 5,
         .group = 9,
         .key = HC_SPAN(""),
         .value = HC_SPAN("")},
        {.kind = RECORD_SET,
         .flags = RECORD_MORE,
         .group = 1,
         .key = HC_SPAN("key"),
         .value = HC_SPAN("piece")},
        {.kind = RECORD_APPEND,
         .offset = UINT64_MAX,
         .key = HC_SPAN("k"),
         .value = HC_SPAN("tail")},
        {.kind = RECORD_EXPIRY, .expires_at_ms = HC_EXPIRY_MAX_MS, .key = HC_SPAN("k")},
        {.kind = RECORD_DELETE, .key = HC_SPAN("kk")},
        {.kind = RECORD_EXPIRED, .key = HC_SPAN("kk")},
        {.kind = RECORD_EVICTED, .key = HC_SPAN("kk")},
        {.kind = RECORD_FLUSH, .store = 65535},
        {.kind = RECORD_COMMIT, .group = UINT64_MAX},
        {.kind = RECORD_PIECE, .group = 2, .value = HC_SPAN("more")},
        {.kind = RECORD_STORE, .type = 3, .key = HC_SPAN("name"), .value = HC_SPAN("settings")},
        {.kind = RECORD_DROP, .store = 3},
        {.kind = RECORD_GAP},
    };
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        uint8_t bytes[256];
        record back;
        const record *r = &records[i];
        size_t stride = record_put(r, bytes);
        assert_int_equal(hci_record_get(bytes, stride, &back), stride);
        assert_int_equal(back.kind, r->kind);
        assert_int_equal(back.flags, r->flags);
        assert_int_equal(back.type, r->type);
        assert_int_equal(back.store, r->store);
        assert_true(back.group == r->group && back.offset == r->offset);
        assert_true(back.expires_at_ms == r->expires_at_ms);
        test_assert_span(back.key, r->key);
        test_assert_span(back.value, r->value);
        for (size_t cut = 0; cut < stride; cut++)
            assert_int_equal(hci_record_get(bytes, cut, &back), 0);
    }
}

static void test_what_is_no_record_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[64];
    record back;
    const record set = {.kind = RECORD_SET, .key = HC_SPAN("key"), .value = HC_SPAN("v")};
#define REFUSED(at, value)                                                                         \
    do {                                                                                           \
        size_t stride = record_put(&set, bytes);                                                   \
        bytes[at] = (uint8_t)(value);                                                              \
        assert_int_equal(hci_record_get(bytes, stride, &back), 0);                                 \
    } while (0)
    REFUSED(0, 7);    /* shorter than its header */
    REFUSED(3, 1);    /* longer than any */
    REFUSED(4, 0);    /* no kind */
    REFUSED(4, 13);   /* a kind from later on */
    REFUSED(5, 1);    /* an expiry that is not there */
    REFUSED(8, 0x80); /* a key's size in two bytes where one does */
    REFUSED(8, 100);  /* a key longer than the record */
    record expiry = {.kind = RECORD_EXPIRY, .key = HC_SPAN("k"), .expires_at_ms = 1};
    size_t stride = record_put(&expiry, bytes);
    bytes[15] = 0x80; /* before the epoch */
    assert_int_equal(hci_record_get(bytes, stride, &back), 0);
}

static void test_any_bytes_are_a_record_or_refused(void **state)
{
    (void)state;
    test_random random;
    test_random_init(&random, 21);
    for (unsigned i = 0; i < 200000; i++) {
        uint8_t bytes[48];
        record back;
        test_random_bytes(&random, bytes, sizeof bytes);
        wire_put_u32(bytes, (uint32_t)test_random_below(&random, 60));
        bytes[4] &= 15;
        uint64_t stride = hci_record_get(bytes, sizeof bytes, &back);
        assert_true(stride <= sizeof bytes && stride % RECORD_ALIGN == 0);
        if (stride == 0) continue;
        if (back.value.size > 0) assert_true(back.value.data + back.value.size <= bytes + stride);
    }
}

static void test_a_block_header_is_of_its_file_only(void **state)
{
    (void)state;
    uint8_t uuid[UUID_BYTES] = {4}, bytes[BLOCK_HEADER_BYTES];
    uint64_t seed = hci_file_seed(uuid, 6);
    block_header header = {.type = BLOCK_DATA,
                           .flags = BLOCK_ZSTD,
                           .raw_bytes = 100,
                           .stored_bytes = 64,
                           .records = 3,
                           .seq = 8,
                           .durable_lsn = 9,
                           .payload_sum = 10,
                           .chain = 11};
    block_header back;
    hci_block_header_put(&header, seed, 6, bytes);
    assert_true(hci_block_header_get(bytes, seed, 6, &back));
    assert_int_equal(back.type, BLOCK_DATA);
    assert_true(back.flags == BLOCK_ZSTD && back.raw_bytes == 100 && back.stored_bytes == 64);
    assert_true(back.records == 3 && back.seq == 8 && back.durable_lsn == 9);
    assert_true(back.payload_sum == 10 && back.chain == 11);
    assert_int_equal(block_stride(64), 128);
    assert_int_equal(block_stride(65), 192);
    assert_false(hci_block_header_get(bytes, hci_file_seed(uuid, 7), 6, &back));
    assert_false(hci_block_header_get(bytes, seed, 7, &back));
    for (unsigned bit = 0; bit < 8 * BLOCK_HEADER_BYTES; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(hci_block_header_get(bytes, seed, 6, &back));
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    header.raw_bytes = BLOCK_RAW_BYTES_MAX + 1;
    hci_block_header_put(&header, seed, 6, bytes);
    assert_false(hci_block_header_get(bytes, seed, 6, &back));
    header = (block_header){.type = BLOCK_DATA, .raw_bytes = 10, .stored_bytes = 9};
    hci_block_header_put(&header, seed, 6, bytes);
    assert_false(hci_block_header_get(bytes, seed, 6, &back));
}

static void test_a_file_header_from_a_newer_version_is_not_supported(void **state)
{
    (void)state;
    uint8_t page[FILE_HEADER_BYTES];
    file_header header = {.kind = FILE_LOG,
                          .uuid = {1, 2},
                          .id = 3,
                          .created_at_ms = 4,
                          .base_lsn = 5,
                          .previous = {6, 7, 8, 9},
                          .part = 10,
                          .parts = 11};
    file_header back;
    hci_file_header_put(&header, page);
    assert_int_equal(hci_file_header_get(page, FILE_LOG, &back), HC_OK);
    assert_memory_equal(&back, &header, sizeof back);
    assert_int_equal(hci_file_header_get(page, FILE_MANIFEST, &back), HC_ERR_CORRUPT);
    page[100] ^= 1;
    assert_int_equal(hci_file_header_get(page, FILE_LOG, &back), HC_ERR_CORRUPT);
}

static void test_names_of_files_come_back(void **state)
{
    (void)state;
    char name[NAME_BYTES_MAX];
    uint64_t number;
    uint32_t part;
    hci_name_log(name, 0x7edcba9876543210u);
    assert_string_equal(name, "log-7edcba9876543210.hcl");
    assert_int_equal(hci_name_parse(name, &number, &part), NAME_LOG);
    assert_true(number == 0x7edcba9876543210u);
    hci_name_snapshot(name, 5, 63);
    assert_string_equal(name, "snap-0000000000000005-063.hcs");
    assert_int_equal(hci_name_parse(name, &number, &part), NAME_SNAPSHOT);
    assert_true(number == 5 && part == 63);
    hci_name_manifest(name, 1);
    assert_int_equal(hci_name_parse(name, &number, &part), NAME_MANIFEST);
    assert_int_equal(hci_name_parse("MANIFEST-0000000000000001.tmp", &number, &part),
                     NAME_TEMPORARY);
    assert_int_equal(hci_name_parse("LOCK", &number, &part), NAME_LOCK);
    assert_int_equal(hci_name_parse("reserve", &number, &part), NAME_RESERVE);
    const char *const others[] = {
        "",
        "log-",
        "log-000000000000000g.hcl",
        "log-0000000000000001.hcx",
        "MANIFEST-1",
        "MANIFEST-0000000000000001x",
        "snap-0000000000000001.hcs",
        "snap-0000000000000001-0x1.hcs",
        "snap-0000000000000001-001.hcl",
        "snap-000000000000000x-001.hcs",
        "dump.rdb",
        "a-name-that-is-longer-than-any-name-of-ours-could-ever-possibly-be"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_int_equal(hci_name_parse(others[i], &number, &part), NAME_OTHER);
}

static void test_the_ring_gives_records_back_in_order_across_its_end(void **state)
{
    (void)state;
    hci_host host;
    log_ring ring;
    uint8_t value[3000];
    uint64_t written = LSN_FIRST, lsn = 0;
    uint32_t expected = 0, records;
    assert_int_equal(hci_host_resolve(NULL, &host), HC_OK);
    assert_int_equal(hci_ring_init(&ring, &host, 256u << 10, LSN_FIRST), HC_OK);
    for (uint32_t i = 0; i < 1000; i++) {
        memset(value, (int)i, sizeof value);
        record r = {.kind = RECORD_SET,
                    .store = (uint16_t)i,
                    .key = HC_SPAN("key"),
                    .value = hc_span_make(value, i % sizeof value)};
        while (!hci_ring_put(&ring, &r, &lsn)) {
            hc_span spans[2];
            static uint8_t joined[1u << 18];
            uint64_t end = hci_ring_published(&ring, written, 20000, &records);
            size_t count = hci_ring_spans(&ring, written, end, spans), at = 0;
            for (size_t k = 0; k < count; k++) {
                memcpy(joined + at, spans[k].data, spans[k].size);
                at += spans[k].size;
            }
            for (size_t from = 0; from < at; records--) {
                record back;
                uint64_t stride = hci_record_get(joined + from, at - from, &back);
                assert_true(stride > 0);
                assert_int_equal(back.store, expected);
                assert_int_equal(back.value.size, expected % sizeof value);
                expected++;
                from += stride;
            }
            assert_int_equal(records, 0);
            written = end;
            hci_ring_release(&ring, end);
        }
    }
    assert_true(lsn == ring_head(&ring));
    assert_true(expected > 400);
    hci_ring_fini(&ring, &host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_of_record_comes_back),
        cmocka_unit_test(test_what_is_no_record_is_refused),
        cmocka_unit_test(test_any_bytes_are_a_record_or_refused),
        cmocka_unit_test(test_a_block_header_is_of_its_file_only),
        cmocka_unit_test(test_a_file_header_from_a_newer_version_is_not_supported),
        cmocka_unit_test(test_names_of_files_come_back),
        cmocka_unit_test(test_the_ring_gives_records_back_in_order_across_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
