/* value_test.c - see value_test.h. */
#include "command/value_test.h"

#include <string.h>

#include "command/command_args.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

value_test_kind value_test_named(hc_span word)
{
    static const char *const names[] = {[VALUE_TEST_EQUAL] = "ifeq",
                                        [VALUE_TEST_NOT_EQUAL] = "ifne",
                                        [VALUE_TEST_DIGEST_EQUAL] = "ifdeq",
                                        [VALUE_TEST_DIGEST_NOT_EQUAL] = "ifdne"};
    for (value_test_kind kind = VALUE_TEST_EQUAL; kind <= VALUE_TEST_DIGEST_NOT_EQUAL; kind++)
        if (argument_is(word, names[kind])) return kind;
    return VALUE_TEST_NONE;
}

void value_digest(hc_span value, char digits[VALUE_DIGEST_CHARS])
{
    uint64_t hash = XXH3_64bits(value.data, value.size);
    for (unsigned i = 0; i < VALUE_DIGEST_CHARS; i++)
        digits[i] = "0123456789abcdef"[hash >> (60 - 4 * i) & 15];
}

static bool same_bytes(hc_span a, hc_span b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static bool same_digest(hc_span operand, hc_span value)
{
    char digits[VALUE_DIGEST_CHARS + 1];
    value_digest(value, digits);
    digits[VALUE_DIGEST_CHARS] = '\0';
    return argument_is(operand, digits);
}

hc_status value_test_check(const value_test *test, const hc_span *value)
{
    bool by_digest =
        test->kind == VALUE_TEST_DIGEST_EQUAL || test->kind == VALUE_TEST_DIGEST_NOT_EQUAL;
    bool wants_equal = test->kind == VALUE_TEST_EQUAL || test->kind == VALUE_TEST_DIGEST_EQUAL;
    if (test->kind == VALUE_TEST_NONE) return HC_OK;
    if (value == NULL) return wants_equal ? HC_ERR_CONFLICT : HC_OK;
    if (by_digest && test->operand.size != VALUE_DIGEST_CHARS) return HC_ERR_INVALID;
    bool equal = by_digest ? same_digest(test->operand, *value) : same_bytes(test->operand, *value);
    return equal == wants_equal ? HC_OK : HC_ERR_CONFLICT;
}
