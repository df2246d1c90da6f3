/*
 * number.h - decimal text and 64-bit integers.
 */
#ifndef HYPERCACHE_BASE_NUMBER_H
#define HYPERCACHE_BASE_NUMBER_H

#include <hypercache/types.h>

#define HCI_INT64_TEXT_MAX 20u /* bytes: "-9223372036854775808" */

/* Reads `text` as a whole.  As strict as Redis: an optional '-', then digits without a leading
 * zero; no '+', no blanks, no "-0".  Returns false, and leaves *value_out alone, for anything else
 * and for what does not fit. */
bool hci_parse_int64(hc_span text, int64_t *value_out);

/* Writes `value` without a final NUL and returns its length, 1..HCI_INT64_TEXT_MAX bytes. */
size_t hci_format_int64(int64_t value, char *to);

#endif
