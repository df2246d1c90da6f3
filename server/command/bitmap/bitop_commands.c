/*
 * bitop_commands.c - BITOP: AND, OR, XOR and NOT of whole values.
 *
 * One pass over the sources, under the locks of all keys, into a buffer that grows to the longest:
 *
 *     source 1   1 1 0 1 | . .       a shorter one ends in zero bits, so what a longer one adds
 *     source 2   0 1 1 1 | 1 0       is its own bits for OR and XOR, and zero for AND
 *
 * The buffer is as large as the result, at most HC_VALUE_BYTES_MAX, and lives while the command
 * runs.
 */
#include <stdlib.h>
#include <string.h>

#include "command/command_args.h"
#include "command/handlers.h"
#include "command/notify.h"

typedef enum bit_operation { BIT_AND, BIT_OR, BIT_XOR, BIT_NOT } bit_operation;

typedef struct bit_result {
    bit_operation operation;
    uint8_t *bytes;
    size_t size;
} bit_result;

static bool operation_parse(hc_span word, bit_operation *operation_out)
{
    static const char *const words[] = {
        [BIT_AND] = "and", [BIT_OR] = "or", [BIT_XOR] = "xor", [BIT_NOT] = "not"};
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
        *operation_out = (bit_operation)i;
        if (argument_is(word, words[i])) return true;
    }
    return false;
}

static uint64_t combine_words(bit_operation operation, uint64_t a, uint64_t b)
{
    switch (operation) {
    case BIT_AND:
        return a & b;
    case BIT_OR:
        return a | b;
    case BIT_XOR:
        return a ^ b;
    default:
        return ~b;
    }
}

/* to[i] = to[i] op from[i]; of NOT, from[i] alone.  Called with a constant operation, so that the
 * loop has no branch. */
static inline __attribute__((always_inline)) void
combine_bytes(bit_operation operation, uint8_t *to, const uint8_t *from, size_t size)
{
    uint64_t a, b;
    size_t i = 0;
    for (; i + sizeof a <= size; i += sizeof a) {
        memcpy(&a, to + i, sizeof a);
        memcpy(&b, from + i, sizeof b);
        a = combine_words(operation, a, b);
        memcpy(to + i, &a, sizeof a);
    }
    for (; i < size; i++)
        to[i] = (uint8_t)combine_words(operation, to[i], from[i]);
}

static void combine(bit_operation operation, uint8_t *to, const uint8_t *from, size_t size)
{
    switch (operation) {
    case BIT_AND:
        combine_bytes(BIT_AND, to, from, size);
        return;
    case BIT_OR:
        combine_bytes(BIT_OR, to, from, size);
        return;
    case BIT_XOR:
        combine_bytes(BIT_XOR, to, from, size);
        return;
    default:
        combine_bytes(BIT_NOT, to, from, size);
        return;
    }
}

static hc_status result_grow(bit_result *result, size_t size)
{
    uint8_t *bytes = realloc(result->bytes, size);
    if (bytes == NULL) return HC_ERR_NO_MEMORY;
    result->bytes = bytes;
    return HC_OK;
}

static hc_status result_add(bit_result *result, hc_span source, bool is_first)
{
    size_t both = source.size < result->size ? source.size : result->size;
    bool is_and = result->operation == BIT_AND;
    if (both > 0) combine(result->operation, result->bytes, source.data, both);
    if (is_and && both < result->size) memset(result->bytes + both, 0, result->size - both);
    if (source.size <= result->size) return HC_OK;
    hc_status status = result_grow(result, source.size);
    if (status != HC_OK) return status;
    uint8_t *added = result->bytes + both;
    size_t added_bytes = source.size - both;
    if (result->operation == BIT_NOT)
        combine(BIT_NOT, added, source.data + both, added_bytes);
    else if (is_and && !is_first)
        memset(added, 0, added_bytes);
    else
        memcpy(added, source.data + both, added_bytes);
    result->size = source.size;
    return HC_OK;
}

static hc_status result_make(const request *of, hc_txn *txn, bit_result *result)
{
    const hc_span *sources = &of->args[3];
    hc_item item;
    hc_status status = HC_OK;
    for (size_t i = 0; i < of->argc - 3 && status == HC_OK; i++) {
        status = string_get(txn, sources[i], &item);
        if (status == HC_ERR_NOT_FOUND) {
            notify(of, NOTIFY_MISS, "keymiss", sources[i]);
            item.value = hc_span_make(NULL, 0);
            status = HC_OK;
        }
        if (status == HC_OK) status = result_add(result, item.value, i == 0);
    }
    return status;
}

void run_bitop(request *of)
{
    bit_result result = {0};
    hc_span to = of->args[2];
    hc_txn txn;
    if (!operation_parse(of->args[1], &result.operation)) {
        request_error(of, ERROR_SYNTAX);
        return;
    }
    if (result.operation == BIT_NOT && of->argc != 4) {
        request_error(of, "ERR BITOP NOT must be called with a single source key.");
        return;
    }
    request_begin(of, &of->args[2], of->argc - 2, &txn);
    bool was_there = false;
    hc_status status = result_make(of, &txn, &result);
    if (status == HC_OK && result.size > 0) {
        status = hc_txn_set(&txn, to, hc_span_make(result.bytes, result.size), NULL);
    } else if (status == HC_OK) {
        was_there = hc_txn_delete(&txn, to) == HC_OK;
    }
    hc_store_end(&txn);
    free(result.bytes);
    if (status == HC_OK && result.size > 0) notify(of, NOTIFY_STRING, "set", to);
    if (was_there) notify(of, NOTIFY_GENERIC, "del", to);
    if (status == HC_OK)
        of->reply->ops->integer(of->reply, (int64_t)result.size);
    else
        request_fail(of, status, to);
}
