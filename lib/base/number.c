/*
 * number.c - counters are stored as text, so INCR lives on these two functions.
 *
 * 18 digits always fit in 63 bits; only the 19th can overflow and is checked.  Formatting takes two
 * digits a division.
 */
#include "base/number.h"

#include <string.h>

#define DIGITS_MAX 19u /* of INT64_MAX and of INT64_MIN */

static const char digit_pairs[201] = "00010203040506070809"
                                     "10111213141516171819"
                                     "20212223242526272829"
                                     "30313233343536373839"
                                     "40414243444546474849"
                                     "50515253545556575859"
                                     "60616263646566676869"
                                     "70717273747576777879"
                                     "80818283848586878889"
                                     "90919293949596979899";

bool hci_parse_int64(hc_span text, int64_t *value_out)
{
    const uint8_t *digits = text.data;
    size_t count = text.size;
    bool negative = count > 0 && digits[0] == '-';
    if (negative) {
        digits++;
        count--;
    }
    if (count == 0 || count > DIGITS_MAX) return false;
    if (digits[0] == '0') {
        if (count > 1 || negative) return false;
        *value_out = 0;
        return true;
    }
    uint64_t magnitude = 0; /* 19 digits stay below 10^19 < 2^64 */
    for (size_t i = 0; i < count; i++) {
        uint8_t digit = (uint8_t)(digits[i] - '0');
        if (digit > 9) return false;
        magnitude = magnitude * 10 + digit;
    }
    uint64_t magnitude_max = (uint64_t)INT64_MAX + (negative ? 1 : 0);
    if (magnitude > magnitude_max) return false;
    /* In two steps, so that INT64_MIN, whose magnitude has no positive int64_t, comes out too. */
    *value_out = negative ? -(int64_t)(magnitude - 1) - 1 : (int64_t)magnitude;
    return true;
}

size_t hci_format_int64(int64_t value, char *to)
{
    char text[HCI_INT64_TEXT_MAX];
    char *first = text + sizeof text;
    uint64_t rest = value < 0 ? (uint64_t)0 - (uint64_t)value : (uint64_t)value;
    while (rest >= 100) {
        first -= 2;
        memcpy(first, digit_pairs + rest % 100 * 2, 2);
        rest /= 100;
    }
    if (rest >= 10) {
        first -= 2;
        memcpy(first, digit_pairs + rest * 2, 2);
    } else {
        *--first = (char)('0' + rest);
    }
    if (value < 0) *--first = '-';
    size_t size = (size_t)(text + sizeof text - first);
    memcpy(to, first, size);
    return size;
}
