/*
 * value_test.h - conditions on the value that is there: IFEQ, IFNE, IFDEQ, IFDNE of Redis 8.4.
 *
 * A key that is absent is equal to nothing: IFEQ and IFDEQ fail on it, IFNE and IFDNE hold.
 * The digest is XXH3 of the value, 64 bits, seed 0, in 16 hexadecimal digits: clients compute it
 * themselves to compare with a large value without sending it.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_VALUE_TEST_H
#define HYPERCACHE_SERVER_COMMAND_VALUE_TEST_H

#include <hypercache/hypercache.h>

#define VALUE_DIGEST_CHARS 16u

typedef enum value_test_kind {
    VALUE_TEST_NONE = 0,
    VALUE_TEST_EQUAL,
    VALUE_TEST_NOT_EQUAL,
    VALUE_TEST_DIGEST_EQUAL,
    VALUE_TEST_DIGEST_NOT_EQUAL
} value_test_kind;

typedef struct value_test {
    value_test_kind kind;
    hc_span operand;
} value_test;

/* VALUE_TEST_NONE: it is not the name of a test. */
value_test_kind value_test_named(hc_span word);

/* `value` NULL: the key is absent.  VALUE_TEST_NONE holds for all.
 *   HC_ERR_CONFLICT  it does not hold
 *   HC_ERR_INVALID   there is a value, and the operand is no digest */
hc_status value_test_check(const value_test *test, const hc_span *value);

/* Without a NUL. */
void value_digest(hc_span value, char digits[VALUE_DIGEST_CHARS]);

#define ERROR_DIGEST "ERR must be exactly 16 hexadecimal characters"

#endif
