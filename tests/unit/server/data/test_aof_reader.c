/* test_aof_reader.c - commands of an append-only file, whole or not, wherever a read may end. */
#include <stdio.h>
#include <stdlib.h>

#include "data/aof_reader.h"
#include "support/test.h"
#include "support/test_random.h"

#define TEXT_BYTES_MAX 4096u

typedef struct source_text {
    const uint8_t *bytes;
    size_t reads_left;
} source_text;

static bool text_read(void *ctx, uint64_t offset, void *to, size_t bytes)
{
    source_text *of = ctx;
    if (of->reads_left == 0) return false;
    of->reads_left--;
    memcpy(to, of->bytes + offset, bytes);
    return true;
}

/* What was told, as "name arg arg@offset;". */
typedef struct told {
    char text[TEXT_BYTES_MAX];
    size_t used;
    uint64_t count;
    hc_status answer;
} told;

static hc_status tell(void *ctx, const aof_command *commands, size_t count)
{
    told *to = ctx;
    assert_in_range(count, 1, AOF_BATCH_MAX);
    for (size_t i = 0; i < count; i++) {
        to->count++;
        for (size_t a = 0; a < commands[i].argc && to->used + 64 < sizeof to->text; a++) {
            hc_span arg = commands[i].args[a];
            to->used +=
                (size_t)snprintf(to->text + to->used, 32, "%s%.*s", a > 0 ? " " : "",
                                 arg.size < 20 ? (int)arg.size : 20, (const char *)arg.data);
        }
        if (to->used + 64 < sizeof to->text)
            to->used += (size_t)snprintf(to->text + to->used, 32, "@%d;", (int)commands[i].offset);
    }
    return to->answer;
}

static aof_report report;
static told said;

static hc_status read_bytes(hc_span bytes, uint64_t from)
{
    source_text text = {.bytes = bytes.data, .reads_left = SIZE_MAX};
    const hc_rdb_source source = {
        .size = sizeof source, .ctx = &text, .bytes = bytes.size, .read = text_read};
    memset(said.text, 0, sizeof said.text);
    said.used = 0;
    said.count = 0;
    return aof_read(&source, from, UINT64_MAX, tell, &said, &report);
}

#define PING "*1\r\n$4\r\nPING\r\n" /* 14 bytes */
#define SET "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\nvv\r\n"
#define MULTI "*1\r\n$5\r\nMULTI\r\n"
#define EXEC "*1\r\n$4\r\nEXEC\r\n"

static void test_commands_are_told_with_their_offsets(void **state)
{
    (void)state;
    assert_int_equal(read_bytes(span(PING SET "#TS:17\r\n" PING), 0), HC_OK);
    assert_string_equal(said.text, "PING@0;SET k vv@14;PING@50;");
    assert_true(report.commands == 3 && report.whole_bytes == 64);
    assert_int_equal(read_bytes(span("REDIS" PING), 5), HC_OK);
    assert_string_equal(said.text, "PING@5;");
    assert_int_equal(read_bytes(span(""), 0), HC_OK);
    assert_true(report.commands == 0 && !report.truncated);
}

static void test_what_is_between_multi_and_exec_is_told_without_them(void **state)
{
    (void)state;
    assert_int_equal(read_bytes(span(PING MULTI SET "#note\n" PING EXEC MULTI EXEC), 0), HC_OK);
    assert_string_equal(said.text, "PING@0;SET k vv@29;PING@63;");
    assert_true(report.transactions == 2);
}

static void test_faults_name_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *fault;
    } rows[] = {
        {"GET a\r\n", "no command begins here"},
        {"\r\n", "no command begins here"},
        {"*0\r\n", "a command without a name"},
        {"*-1\r\n", "a command without a name"},
        {"*x\r\n", "invalid multibulk length"},
        {"*1\r\n+OK\r\n", "expected '$', got '+'"},
        {"*1\r\n$-1\r\n", "invalid bulk length"},
        {"*1\r\n$1\r\nabc", "invalid bulk length"},
        {"*1\r\n$99999999999\r\n", "invalid bulk length"},
        {"*2000000\r\n", "invalid multibulk length"},
        {EXEC, "EXEC without MULTI"},
        {MULTI MULTI, "MULTI inside MULTI"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char bytes[256];
        (void)snprintf(bytes, sizeof bytes, "%s%s", PING, rows[i].bytes);
        assert_int_equal(read_bytes(span(bytes), 0), HC_ERR_CORRUPT);
        assert_string_equal(report.fault, rows[i].fault);
        assert_false(report.truncated);
        assert_string_equal(said.text, "PING@0;");
        assert_true(report.fault_offset == (strcmp(rows[i].bytes, MULTI MULTI) == 0 ? 29u : 14u));
        assert_true(report.whole_bytes == 14);
    }
    char note[256] = "#";
    memset(note + 1, 'x', AOF_NOTE_BYTES_MAX);
    assert_int_equal(read_bytes(span(note), 0), HC_ERR_CORRUPT);
    assert_false(report.truncated);
}

/* At every byte: what is whole before it is told, and the rest is said to break off. */
static void test_a_file_cut_anywhere_is_good_up_to_its_last_whole_command(void **state)
{
    (void)state;
    static const char whole[] = PING "#TS:1\r\n" SET MULTI SET PING EXEC SET;
    static const size_t ends[] = {0, 14, 21, 49, 120, 148};
    for (size_t cut = 0; cut <= sizeof whole - 1; cut++) {
        size_t want = 0;
        for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
            if (ends[i] <= cut) want = ends[i];
        hc_status status = read_bytes(hc_span_make(whole, cut), 0);
        assert_true(report.whole_bytes == want);
        assert_int_equal(status, want == cut ? HC_OK : HC_ERR_CORRUPT);
        assert_true(report.truncated == (want != cut));
    }
    assert_int_equal(sizeof whole - 1, 148);
}

static void test_zeros_at_the_end_are_a_truncated_end(void **state)
{
    (void)state;
    static uint8_t bytes[3 * TEXT_BYTES_MAX];
    static const char *const rows[] = {PING, PING "*3\r\n$3\r\nSET\r\n$9\r\nab", PING MULTI SET,
                                       ""};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        memset(bytes, 0, sizeof bytes);
        memcpy(bytes, rows[i], strlen(rows[i]));
        assert_int_equal(read_bytes(hc_span_make(bytes, sizeof bytes), 0), HC_ERR_CORRUPT);
        assert_true(report.truncated);
        assert_true(report.whole_bytes == (i < 3 ? 14u : 0u));
    }
    memcpy(bytes + sizeof bytes - 14, PING, 14); /* zeros in the middle are damage */
    assert_int_equal(read_bytes(hc_span_make(bytes, sizeof bytes), 0), HC_ERR_CORRUPT);
    assert_false(report.truncated);
}

/* Values larger than the window, and so many commands that batches and windows overlap. */
static void test_windows_and_batches_do_not_show(void **state)
{
    (void)state;
    test_random random;
    test_random_init(&random, 5);
    size_t size = 0, capacity = 16u << 20;
    uint8_t *bytes = malloc(capacity);
    assert_non_null(bytes);
    uint64_t count = 0;
    while (size + (4u << 20) < capacity) {
        uint64_t pick = test_random_next(&random);
        size_t value = pick % 5000 == 0 ? 3u << 20 : pick % 300;
        size += (size_t)sprintf((char *)bytes + size, "*2\r\n$3\r\nSET\r\n$%zu\r\n", value);
        memset(bytes + size, '$', value);
        size += value;
        bytes[size++] = '\r';
        bytes[size++] = '\n';
        count++;
    }
    assert_int_equal(read_bytes(hc_span_make(bytes, size), 0), HC_OK);
    assert_true(said.count == count && report.commands == count && report.whole_bytes == size);
    assert_int_equal(read_bytes(hc_span_make(bytes, size - 1), 0), HC_ERR_CORRUPT);
    assert_true(report.truncated && said.count == count - 1);
    free(bytes);
}

static void test_a_length_beyond_the_file_takes_no_memory(void **state)
{
    (void)state;
    assert_int_equal(read_bytes(span("*2\r\n$3\r\nSET\r\n$536870912\r\nabc"), 0), HC_ERR_CORRUPT);
    assert_true(report.truncated);
}

static void test_a_source_that_fails_is_no_damage(void **state)
{
    (void)state;
    hc_span bytes = span(PING SET);
    for (size_t reads = 0; reads < 2; reads++) {
        source_text text = {.bytes = bytes.data, .reads_left = reads};
        const hc_rdb_source source = {
            .size = sizeof source, .ctx = &text, .bytes = bytes.size, .read = text_read};
        assert_int_equal(aof_read(&source, 0, UINT64_MAX, NULL, NULL, &report), HC_ERR_IO);
        assert_string_equal(report.fault, "the file could not be read");
    }
}

static void test_a_visitor_ends_the_reading(void **state)
{
    (void)state;
    said.answer = HC_ERR_FULL;
    assert_int_equal(read_bytes(span(PING SET), 0), HC_ERR_FULL);
    assert_int_equal(read_bytes(span(PING "x"), 0), HC_ERR_FULL); /* before the fault behind it */
    said.answer = HC_OK;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands_are_told_with_their_offsets),
        cmocka_unit_test(test_what_is_between_multi_and_exec_is_told_without_them),
        cmocka_unit_test(test_faults_name_their_place),
        cmocka_unit_test(test_a_file_cut_anywhere_is_good_up_to_its_last_whole_command),
        cmocka_unit_test(test_zeros_at_the_end_are_a_truncated_end),
        cmocka_unit_test(test_windows_and_batches_do_not_show),
        cmocka_unit_test(test_a_length_beyond_the_file_takes_no_memory),
        cmocka_unit_test(test_a_source_that_fails_is_no_damage),
        cmocka_unit_test(test_a_visitor_ends_the_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
