/* key_walk.c - see key_walk.h. */
#include "command/key_walk.h"

#include <string.h>

void key_gather(void *ctx, const hc_item *item)
{
    text *keys = ctx;
    uint32_t size = (uint32_t)item->key.size; /* <= HC_KEY_BYTES_MAX */
    text_add(keys, &size, sizeof size);
    text_add(keys, item->key.data, item->key.size);
}

bool key_next(const text *keys, size_t *at, hc_span *key_out)
{
    if (*at >= keys->size) return false;
    uint32_t size;
    memcpy(&size, keys->data + *at, sizeof size);
    *key_out = hc_span_make(keys->data + *at + sizeof size, size);
    *at += sizeof size + size;
    return true;
}

size_t key_filter(text *keys, size_t at, const hc_span *pattern)
{
    size_t kept = 0, end = at;
    hc_span key;
    size_t begin = at;
    while (key_next(keys, &at, &key)) {
        if (hc_glob_match(*pattern, key)) {
            memmove(keys->data + end, keys->data + begin, at - begin);
            end += at - begin;
            kept++;
        }
        begin = at;
    }
    keys->size = end;
    return kept;
}

size_t key_count(const text *keys)
{
    size_t count = 0, at = 0;
    hc_span key;
    while (key_next(keys, &at, &key))
        count++;
    return count;
}

bool key_cursor_parse(hc_span digits, uint64_t *cursor_out)
{
    uint64_t value = 0;
    bool negative = digits.size > 1 && digits.data[0] == '-';
    bool has_sign = negative || (digits.size > 1 && digits.data[0] == '+');
    for (size_t i = has_sign; i < digits.size; i++) {
        unsigned digit = (unsigned)digits.data[i] - '0';
        if (digit > 9) return false;
        if (__builtin_mul_overflow(value, 10u, &value)) return false;
        if (__builtin_add_overflow(value, digit, &value)) return false;
    }
    *cursor_out = negative ? 0 - value : value;
    return true;
}

hc_status key_delete_match(hc_store *store, hc_span pattern, uint64_t *cursor, size_t count,
                           const key_deleted *each, uint64_t *deleted_out)
{
    *deleted_out = 0;
    if (pattern.size > HC_GLOB_PATTERN_BYTES_MAX) return HC_ERR_LIMIT;
    hc_status status = HC_OK;
    text keys;
    text_init(&keys, KEY_SLICE_BYTES_MAX);
    do {
        size_t slice = count < KEY_SLICE_KEYS ? count : KEY_SLICE_KEYS;
        uint64_t next = *cursor;
        keys.size = 0;
        hc_store_scan_keys(store, &next, slice, key_gather, &keys);
        if (keys.failed) {
            status = HC_ERR_NO_MEMORY;
            break;
        }
        size_t at = 0, looked = 0;
        hc_span key;
        for (; key_next(&keys, &at, &key); looked++) {
            if (!hc_glob_match(pattern, key) || hc_store_delete(store, key) != HC_OK) continue;
            ++*deleted_out;
            if (each != NULL) each->told(each->ctx, key);
        }
        *cursor = next;
        count -= looked < count ? looked : count;
    } while (*cursor != 0 && count > 0);
    text_fini(&keys);
    return status;
}
