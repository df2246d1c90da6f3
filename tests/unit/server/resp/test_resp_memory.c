/*
 * test_resp_memory.c - the parser and the encoder when memory is short: the 1st allocation fails,
 * then the 2nd, until none does.
 */
#include "support/test.h"

#include "unit/server/short_memory.h"

#include "resp/resp_encoder.h"
#include "resp/resp_parser.h"

#define GRANTS_MAX 100u

/* Shows `first` bytes, then all of them; returns the last outcome. */
static resp_outcome parse(char *text, size_t size, size_t first)
{
    resp_parser parser;
    resp_scratch scratch = {0};
    size_t used;
    resp_parser_init(&parser, &resp_limits_default);
    resp_outcome outcome = resp_parse(&parser, (uint8_t *)text, first, &scratch, &used);
    if (outcome == RESP_MORE) outcome = resp_parse(&parser, (uint8_t *)text, size, &scratch, &used);
    if (outcome == RESP_REQUEST)
        assert_int_equal(used, size);
    else
        assert_int_equal(scratch.count, 0);
    resp_parser_fini(&parser);
    resp_scratch_fini(&scratch);
    return outcome;
}

static void test_a_request_without_memory_is_refused_or_comes_whole(void **state)
{
    (void)state;
    if (!memory_obeys()) skip();
    enum { ARGS = 1000, ARG_BYTES = 7 };
    char array[16 + ARGS * ARG_BYTES] = "*1000\r\n", line[2 * ARGS + 1];
    size_t size = strlen(array);
    for (int i = 0; i < ARGS; i++, size += ARG_BYTES)
        memcpy(array + size, "$1\r\nx\r\n", ARG_BYTES);
    size_t refused = 0, grants = 0;
    for (; grants < GRANTS_MAX; grants++) {
        memset(line, ' ', sizeof line);
        for (int i = 0; i < ARGS; i++)
            line[2 * i] = 'x';
        line[2 * ARGS] = '\n';
        memory_grants = grants;
        resp_outcome whole = parse(array, size, size);
        memory_grants = grants;
        resp_outcome cut = parse(array, size, size / 2);
        memory_grants = grants;
        resp_outcome typed = parse(line, sizeof line, sizeof line);
        memory_grants = SIZE_MAX;
        assert_true(whole == RESP_REQUEST || whole == RESP_NO_MEMORY);
        assert_true(cut == RESP_REQUEST || cut == RESP_NO_MEMORY);
        assert_true(typed == RESP_REQUEST || typed == RESP_NO_MEMORY);
        refused += whole == RESP_NO_MEMORY;
        refused += cut == RESP_NO_MEMORY;
        refused += typed == RESP_NO_MEMORY;
        if (whole == RESP_REQUEST && cut == RESP_REQUEST && typed == RESP_REQUEST) break;
    }
    assert_in_range(grants, 1, GRANTS_MAX - 1);
    assert_true(refused >= 3);
}

static void test_a_reply_without_memory_fails_and_leaves_earlier_ones_whole(void **state)
{
    (void)state;
    if (!memory_obeys()) skip();
    resp_encoder encoder;
    resp_encoder_init(&encoder, 1u << 30);
    const reply_ops *ops = encoder.base.ops;
    memory_grants = 0;
    ops->integer(&encoder.base, 1);
    memory_grants = SIZE_MAX;
    assert_true(encoder.failed);
    resp_encoder_clear(&encoder);
    ops->integer(&encoder.base, 1);
    memory_grants = 0;
    assert_null(ops->bulk(&encoder.base, 1u << 20));
    ops->integer(&encoder.base, 2);
    memory_grants = SIZE_MAX;
    assert_true(encoder.failed);
    test_assert_span(hc_span_make(encoder.data, encoder.size), span(":1\r\n"));
    resp_encoder_fini(&encoder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_without_memory_is_refused_or_comes_whole),
        cmocka_unit_test(test_a_reply_without_memory_fails_and_leaves_earlier_ones_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
