/*
 * test_rdb.c - Redis's bytes mean what they mean to Redis; damaged ones mean nothing.
 */
#include "support/test.h"
#include "support/test_host.h"

#include "base/crc64.h"

#include <hypercache/hypercache.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES_MAX (1u << 20)
#define GOLDEN "tests/golden/rdb/redis-7.0-all-types.rdb"

/* ---- files in memory ---- */

typedef struct memory_file {
    uint8_t bytes[FILE_BYTES_MAX];
    size_t size;
    size_t writes_left; /* then the sink fails */
    size_t reads_left;
} memory_file;

static memory_file file;

static bool file_write(void *ctx, hc_span bytes)
{
    memory_file *to = ctx;
    if (to->writes_left == 0) return false;
    to->writes_left--;
    assert_true(to->size + bytes.size <= FILE_BYTES_MAX);
    memcpy(to->bytes + to->size, bytes.data, bytes.size);
    to->size += bytes.size;
    return true;
}

static bool file_read(void *ctx, uint64_t offset, void *to, size_t bytes)
{
    memory_file *from = ctx;
    if (from->reads_left == 0) return false;
    from->reads_left--;
    assert_true(offset + bytes <= from->size);
    memcpy(to, from->bytes + offset, bytes);
    return true;
}

static hc_rdb_sink sink_of(memory_file *to)
{
    to->size = 0;
    to->writes_left = SIZE_MAX;
    return (hc_rdb_sink){.size = sizeof(hc_rdb_sink), .ctx = to, .write = file_write};
}

static void put(const void *bytes, size_t size)
{
    file.writes_left = SIZE_MAX;
    assert_true(file_write(&file, hc_span_make(bytes, size)));
}

/* Begins a file of any version. */
static void file_begin(const char *magic)
{
    (void)sink_of(&file);
    put(magic, strlen(magic));
}

static void file_sign(void)
{
    uint64_t crc = hci_crc64(0, hc_span_make(file.bytes, file.size));
    uint8_t bytes[8];
    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(crc >> 8 * i);
    put(bytes, sizeof bytes);
}

typedef struct seen {
    unsigned count;
    uint32_t database;
    int64_t expires_at_ms;
    char key[64], value[64];
    size_t value_bytes;
    hc_status answer;
} seen;

static hc_status see(void *ctx, const hc_rdb_entry *entry)
{
    seen *s = ctx;
    s->count++;
    s->database = entry->database;
    s->expires_at_ms = entry->expires_at_ms;
    s->value_bytes = entry->value.size;
    snprintf(s->key, sizeof s->key, "%.*s", (int)entry->key.size, (const char *)entry->key.data);
    snprintf(s->value, sizeof s->value, "%.*s",
             entry->value.size < 60 ? (int)entry->value.size : 60, (const char *)entry->value.data);
    return s->answer;
}

static hc_rdb_report report;

static hc_status read_file(bool skip_others, seen *s)
{
    hc_rdb_source source = {
        .size = sizeof source, .ctx = &file, .bytes = file.size, .read = file_read};
    file.reads_left = SIZE_MAX;
    *s = (seen){.answer = s->answer};
    report = (hc_rdb_report){.size = sizeof report};
    return hc_rdb_read(NULL, &source, skip_others, see, s, &report);
}

static void golden_load(void)
{
    FILE *from = fopen(GOLDEN, "rb");
    assert_non_null(from);
    file.size = fread(file.bytes, 1, FILE_BYTES_MAX, from);
    assert_int_equal(fclose(from), 0);
    assert_true(file.size > 1000);
}

/* ---- payloads ---- */

/* From Redis's documentation of DUMP. */
static void test_dump_is_what_redis_documents(void **state)
{
    (void)state;
    static const uint8_t want[] = {0x00, 0xC0, 0x0A, 0x09, 0x00, 0xBE, 0x6D,
                                   0x06, 0x89, 0x5A, 0x28, 0x00, 0x0A};
    uint8_t got[2 + HC_RDB_DUMP_BYTES_MORE];
    size_t size = hc_rdb_dump(HC_TYPE_STRING, span("10"), got);
    test_assert_span(hc_span_make(got, size), hc_span_make(want, sizeof want));
}

static void assert_there_and_back(hc_type type, hc_span value)
{
    uint8_t *bytes = malloc(value.size + HC_RDB_DUMP_BYTES_MORE), *back = malloc(value.size + 1);
    assert_true(bytes != NULL && back != NULL);
    size_t size = hc_rdb_dump(type, value, bytes);
    hc_rdb_payload payload;
    assert_int_equal(hc_rdb_payload_open(hc_span_make(bytes, size), &payload), HC_OK);
    assert_int_equal(payload.type, type);
    assert_int_equal(payload.value_bytes, value.size);
    assert_int_equal(hc_rdb_payload_value(&payload, back), HC_OK);
    test_assert_span(hc_span_make(back, value.size), value);
    for (size_t i = 0; i < size; i++) {
        bytes[i] ^= 1;
        assert_int_equal(hc_rdb_payload_open(hc_span_make(bytes, size), &payload), HC_ERR_CORRUPT);
        bytes[i] ^= 1;
    }
    for (size_t cut = 0; cut < size; cut++)
        assert_int_not_equal(hc_rdb_payload_open(hc_span_make(bytes, cut), &payload), HC_OK);
    free(bytes);
    free(back);
}

static void test_every_value_comes_back(void **state)
{
    (void)state;
    static const char *const values[] = {
        "",      "0",     "-1",     "127",        "128",        "-128",        "-129",
        "32767", "32768", "-32769", "2147483647", "2147483648", "-2147483648", "-2147483649",
        "007",   "-0",    "+1",     "1 ",         "text",       "99999999999"};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        assert_there_and_back(HC_TYPE_STRING, span(values[i]));
        assert_there_and_back(HC_TYPE_FILTER, span(values[i]));
    }
    static uint8_t large[20000];
    static const size_t sizes[] = {63, 64, 300, 16383, 16384, sizeof large};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        memset(large, 'x', sizes[i]);
        hc_span value = hc_span_make(large, sizes[i]);
        uint8_t *bytes = malloc(value.size + HC_RDB_DUMP_BYTES_MORE);
        hc_rdb_payload payload;
        size_t size = hc_rdb_dump(HC_TYPE_STRING, value, bytes);
        assert_int_equal(hc_rdb_payload_open(hc_span_make(bytes, size), &payload), HC_OK);
        test_assert_span(payload.stored, value);
        free(bytes);
    }
}

/* A payload of these bytes with the right end. */
static hc_status open_signed(const void *bytes, size_t size, unsigned version,
                             hc_rdb_payload *payload)
{
    file_begin("");
    put(bytes, size);
    uint8_t text[2] = {(uint8_t)version, 0};
    put(text, sizeof text);
    file_sign();
    return hc_rdb_payload_open(hc_span_make(file.bytes, file.size), payload);
}

static void test_payloads_that_lie_are_refused(void **state)
{
    (void)state;
    hc_rdb_payload payload;
    uint8_t value[300];
    assert_int_equal(open_signed("\x00\x01x", 3, 12, &payload), HC_OK);
    assert_int_equal(open_signed("\x00\x01x", 3, 13, &payload), HC_ERR_CORRUPT);
    assert_int_equal(open_signed("\x00\x05x", 3, 9, &payload), HC_ERR_INVALID);
    assert_int_equal(open_signed("\x00\x01xy", 4, 9, &payload), HC_ERR_INVALID);
    assert_int_equal(open_signed("", 0, 9, &payload), HC_ERR_INVALID);
    assert_int_equal(open_signed("\x00\xC4", 2, 9, &payload), HC_ERR_INVALID);
    assert_int_equal(open_signed("\x00\x82", 2, 9, &payload), HC_ERR_INVALID);
    assert_int_equal(open_signed("\x08\x00", 2, 9, &payload), HC_ERR_INVALID);
    assert_int_equal(open_signed("\x01\x01\x01x", 4, 9, &payload), HC_ERR_UNSUPPORTED);
    assert_int_equal(open_signed("\x07\x01\x00", 3, 9, &payload), HC_ERR_UNSUPPORTED);
    /* LZF: "aaaaaaaaaa" as one letter and a copy of nine */
    assert_int_equal(open_signed("\x00\xC3\x05\x0A\x00"
                                 "a\xE0\x00\x00",
                                 9, 9, &payload),
                     HC_OK);
    assert_int_equal(payload.value_bytes, 10);
    assert_int_equal(hc_rdb_payload_value(&payload, value), HC_OK);
    test_assert_span(hc_span_make(value, 10), span("aaaaaaaaaa"));
    static const char *const bad[] = {"\x00\xC3\x05\x0B\x00"
                                      "a\xE0\x00\x00", /* a letter short */
                                      "\x00\xC3\x05\x09\x00"
                                      "a\xE0\x00\x00", /* a letter more */
                                      "\x00\xC3\x05\x0A\x00"
                                      "a\xE0\x00\x05", /* from before the start */
                                      "\x00\xC3\x05\x0A\x1F"
                                      "aaaa"}; /* ends early */
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(open_signed(bad[i], 9, 9, &payload), HC_OK);
        assert_int_equal(hc_rdb_payload_value(&payload, value), HC_ERR_INVALID);
    }
    assert_int_equal(open_signed("\x00\xC3\x01\x80\xFF\xFF\xFF\xFF\x00", 9, 9, &payload),
                     HC_ERR_INVALID);
}

/* ---- files ---- */

static void write_some(hc_rdb_writer *writer, hc_rdb_sink *sink, hc_status want)
{
    hc_rdb_entry entries[] = {
        {0, span("a"), span("1"), HC_EXPIRY_NONE},
        {0, span("b"), span("text"), 4102444800123},
        {3, span("c"), span(""), HC_EXPIRY_NONE},
    };
    hc_status status = hc_rdb_write_begin(writer, sink);
    for (size_t i = 0; i < 3; i++)
        status = hc_rdb_write_entry(writer, &entries[i]);
    status = hc_rdb_write_end(writer);
    assert_int_equal(status, want);
}

static void test_what_is_written_is_read(void **state)
{
    (void)state;
    hc_rdb_writer writer;
    hc_rdb_sink sink = sink_of(&file);
    seen s = {.answer = HC_OK};
    write_some(&writer, &sink, HC_OK);
    assert_int_equal(read_file(false, &s), HC_OK);
    assert_int_equal(s.count, 3);
    assert_int_equal(s.database, 3);
    assert_string_equal(s.key, "c");
    assert_int_equal(report.version, 9);
    assert_int_equal(report.strings, 3);
    assert_int_equal(report.expiring, 1);
    assert_int_equal(report.databases, 4);
    assert_true(report.has_checksum);
    assert_null(report.fault);
}

static void test_a_sink_that_fails_fails_the_file(void **state)
{
    (void)state;
    hc_rdb_writer writer;
    hc_rdb_sink sink = sink_of(&file);
    write_some(&writer, &sink, HC_OK);
    size_t writes = SIZE_MAX - file.writes_left;
    for (size_t i = 0; i < writes; i++) {
        sink = sink_of(&file);
        file.writes_left = i;
        write_some(&writer, &sink, HC_ERR_IO);
    }
}

static void test_redis_file_with_all_types(void **state)
{
    (void)state;
    seen s = {.answer = HC_OK};
    golden_load();
    assert_int_equal(read_file(false, &s), HC_ERR_UNSUPPORTED);
    assert_int_equal(s.count, 0);
    assert_int_equal(report.others, 10);
    assert_int_equal(report.named, 10);
    assert_int_equal(read_file(true, &s), HC_OK);
    assert_int_equal(s.count, 9);
    assert_int_equal(report.strings, 9);
    assert_int_equal(report.version, 10);
    assert_int_equal(s.database, 5);
    assert_string_equal(s.value, "five");
}

static void test_no_key_of_a_damaged_file_is_seen(void **state)
{
    (void)state;
    seen s = {.answer = HC_OK};
    golden_load();
    size_t size = file.size;
    for (size_t at = 0; at < size; at += 1 + at / 200) {
        file.bytes[at] ^= 0x10;
        assert_int_not_equal(read_file(true, &s), HC_OK);
        assert_int_equal(s.count, 0);
        assert_non_null(report.fault);
        file.bytes[at] ^= 0x10;
    }
    for (size_t cut = 0; cut < size; cut += 1 + cut / 100) {
        file.size = cut;
        assert_int_equal(read_file(true, &s), HC_ERR_CORRUPT);
        assert_int_equal(s.count, 0);
    }
}

/* As of an append-only file with a preamble, and cut at every place. */
static void test_the_end_is_found_where_other_bytes_follow(void **state)
{
    (void)state;
    golden_load();
    const size_t size = file.size;
    uint64_t bytes;
    put("*1\r\n$4\r\nPING\r\n", 14);
    for (size_t shown = 0; shown <= file.size; shown += shown < size - 9 ? 1 + shown / 100 : 1) {
        hc_rdb_source source = {
            .size = sizeof source, .ctx = &file, .bytes = shown, .read = file_read};
        file.reads_left = SIZE_MAX;
        report = (hc_rdb_report){.size = sizeof report};
        hc_status status = hc_rdb_extent(NULL, &source, &bytes, &report);
        assert_int_equal(status, shown < size ? HC_ERR_CORRUPT : HC_OK);
        assert_true(bytes == (shown < size ? 0 : size));
        assert_true((report.fault == NULL) == (status == HC_OK));
    }
    assert_int_equal(report.others, 10);
}

static void test_a_source_that_fails_is_no_damage(void **state)
{
    (void)state;
    seen s = {.answer = HC_OK};
    golden_load();
    hc_rdb_source source = {
        .size = sizeof source, .ctx = &file, .bytes = file.size, .read = file_read};
    hc_status status = HC_ERR_IO;
    for (size_t reads = 0; status == HC_ERR_IO; reads++) {
        file.reads_left = reads;
        report = (hc_rdb_report){.size = sizeof report};
        status = hc_rdb_read(NULL, &source, true, see, &s, &report);
    }
    assert_int_equal(status, HC_OK);
}

static void test_short_memory_is_said(void **state)
{
    (void)state;
    hc_rdb_source source = {.size = sizeof source, .ctx = &file, .read = file_read};
    seen s = {.answer = HC_OK};
    golden_load();
    source.bytes = file.size;
    hc_status status = HC_ERR_NO_MEMORY;
    for (size_t grants = 0; status == HC_ERR_NO_MEMORY; grants++) {
        test_memory memory = {.grants = grants};
        hc_host host = test_host(&memory);
        file.reads_left = SIZE_MAX;
        report = (hc_rdb_report){.size = sizeof report};
        status = hc_rdb_read(&host, &source, true, see, &s, &report);
        assert_int_equal(memory.live_bytes, 0);
    }
    assert_int_equal(status, HC_OK);
}

static void test_a_visitor_ends_the_reading(void **state)
{
    (void)state;
    seen s = {.answer = HC_ERR_FULL};
    golden_load();
    assert_int_equal(read_file(true, &s), HC_ERR_FULL);
    assert_int_equal(s.count, 1);
    assert_null(report.fault);
}

static hc_status read_signed(const char *magic, const void *bytes, size_t size, seen *s)
{
    file_begin(magic);
    put(bytes, size);
    file_sign();
    return read_file(false, s);
}

static void test_versions_and_opcodes(void **state)
{
    (void)state;
    seen s = {.answer = HC_OK};
    /* of version 1: seconds, and no checksum */
    file_begin("REDIS0001");
    put("\xFE\x00\xFD\x10\x27\x00\x00\x00\x01k\x01v\xFF", 13);
    assert_int_equal(read_file(false, &s), HC_OK);
    assert_int_equal(s.expires_at_ms, 10000000);
    assert_false(report.has_checksum);
    /* idle time, frequency, sizes, slots, function, a module's own data */
    assert_int_equal(read_signed("REDIS0012",
                                 "\xF8\x05\xF9\x07\xFB\x01\x00\xF4\x01\x01\x00\xF5\x02lb"
                                 "\xF7\x01\x02\x02\x01\x05\x03\x00\x00\x00\x00\x04"
                                 "\x00\x00\x00\x00\x00\x00\x00\x00\x05\x01x\x00"
                                 "\x00\x01k\xC0\x07\xFF",
                                 45, &s),
                     HC_OK);
    assert_string_equal(s.value, "7");
    assert_int_equal(read_signed("VALKEY080", "\x00\x01k\x01v\xFF", 6, &s), HC_OK);
    assert_int_equal(read_signed("REDIS0099", "\x00\x01k\x01v\xFF", 6, &s), HC_OK);
    assert_int_equal(read_signed("VALKEY012", "\xFF", 1, &s), HC_ERR_CORRUPT);
    assert_int_equal(read_signed("REDIS0000", "\xFF", 1, &s), HC_ERR_CORRUPT);
    assert_int_equal(read_signed("REDISabcd", "\xFF", 1, &s), HC_ERR_CORRUPT);
    assert_int_equal(read_signed("VCS000000", "\xFF", 1, &s), HC_ERR_UNSUPPORTED);
    assert_int_equal(read_signed("REDIS0011", "\xF6\xFF", 2, &s), HC_ERR_UNSUPPORTED);
    assert_int_equal(read_signed("REDIS0011", "\xF3\xFF", 2, &s), HC_ERR_UNSUPPORTED);
    assert_int_equal(read_signed("REDIS0011", "\x06\x01k\xFF", 4, &s), HC_ERR_CORRUPT);
    assert_int_equal(read_signed("REDIS0011", "\xFFxx", 3, &s), HC_ERR_CORRUPT);
    assert_int_equal(read_signed("REDIS0011", "\x00\x01k\x01v", 5, &s), HC_ERR_CORRUPT);
    assert_int_equal(
        read_signed("REDIS0011", "\xFE\x81\x01\x00\x00\x00\x00\x00\x00\x00\xFF", 11, &s),
        HC_ERR_CORRUPT);
    /* a key longer than a store takes, said before it is read */
    assert_int_equal(read_signed("REDIS0011", "\x00\x80\x00\x02\x00\x00", 6, &s), HC_ERR_LIMIT);
    assert_int_equal(s.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dump_is_what_redis_documents),
        cmocka_unit_test(test_every_value_comes_back),
        cmocka_unit_test(test_payloads_that_lie_are_refused),
        cmocka_unit_test(test_what_is_written_is_read),
        cmocka_unit_test(test_a_sink_that_fails_fails_the_file),
        cmocka_unit_test(test_redis_file_with_all_types),
        cmocka_unit_test(test_no_key_of_a_damaged_file_is_seen),
        cmocka_unit_test(test_the_end_is_found_where_other_bytes_follow),
        cmocka_unit_test(test_a_source_that_fails_is_no_damage),
        cmocka_unit_test(test_short_memory_is_said),
        cmocka_unit_test(test_a_visitor_ends_the_reading),
        cmocka_unit_test(test_versions_and_opcodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
