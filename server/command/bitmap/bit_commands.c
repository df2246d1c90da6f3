/*
 * bit_commands.c - SETBIT, GETBIT, BITCOUNT, BITPOS: a value as a row of bits.
 *
 * A single bit is read and written under its shard's lock, and written where it lies.  Counting and
 * searching may take long, so they look at the value through a view, which holds no lock; a write
 * that comes meanwhile leaves the viewed bytes alone.
 */
#include "command/bits.h"
#include "command/command_args.h"
#include "command/handlers.h"
#include "command/notify.h"

#define ERROR_BIT "ERR bit is not an integer or out of range"

static bool request_bit_offset(request *of, uint64_t *offset_out)
{
    if (bits_offset_parse(of->args[2], 0, offset_out)) return true;
    request_error(of, ERROR_BIT_OFFSET);
    return false;
}

/* The value of args[1], empty when there is none. */
static hc_status value_get(request *of, hc_txn *txn, hc_span *value_out)
{
    hc_item item;
    hc_status status = string_get(txn, of->args[1], &item);
    *value_out = status == HC_OK ? item.value : hc_span_make(NULL, 0);
    return status == HC_ERR_NOT_FOUND ? HC_OK : status;
}

void run_getbit(request *of)
{
    uint64_t offset;
    hc_span value;
    hc_txn txn;
    if (!request_bit_offset(of, &offset)) return;
    request_begin(of, &of->args[1], 1, &txn);
    hc_status status = value_get(of, &txn, &value);
    uint64_t bit = status == HC_OK ? bits_get(value, offset, 1) : 0;
    hc_store_end(&txn);
    if (status == HC_OK)
        of->reply->ops->integer(of->reply, (int64_t)bit);
    else
        request_fail(of, status, of->args[1]);
}

void run_setbit(request *of)
{
    uint64_t offset, old = 0;
    int64_t bit;
    bool changes = false;
    hc_span value;
    hc_txn txn;
    if (!request_bit_offset(of, &offset)) return;
    if (!integer_parse(of->args[3], &bit) || (bit != 0 && bit != 1)) {
        request_error(of, ERROR_BIT);
        return;
    }
    size_t at = (size_t)(offset / 8);
    request_begin(of, &of->args[1], 1, &txn);
    hc_status status = value_get(of, &txn, &value);
    if (status == HC_OK) {
        old = bits_get(value, offset, 1);
        changes = at >= value.size || (int64_t)old != bit;
        if (changes) {
            uint8_t byte = at < value.size ? value.data[at] : 0;
            bits_put(&byte, offset & 7, 1, (uint64_t)bit);
            status = hc_txn_patch(&txn, of->args[1], at, hc_span_make(&byte, 1), NULL);
        }
    }
    hc_store_end(&txn);
    if (status == HC_OK && changes) notify(of, NOTIFY_STRING, "setbit", of->args[1]);
    if (status == HC_OK)
        of->reply->ops->integer(of->reply, (int64_t)old);
    else
        request_fail(of, status, of->args[1]);
}

/* ---- ranges ---- */

/* A range in bytes or bits, either end perhaps counted from the end of the value. */
typedef struct bit_range {
    int64_t first, last;
    bool in_bits;
    bool has_last;
} bit_range;

/* Is it "BIT" or "BYTE"? */
static bool unit_parse(request *of, hc_span text, bit_range *range)
{
    range->in_bits = argument_is(text, "bit");
    if (range->in_bits || argument_is(text, "byte")) return true;
    request_error(of, ERROR_SYNTAX);
    return false;
}

static int64_t from_end(int64_t index, int64_t size)
{
    if (index < 0) index += size;
    return index < 0 ? 0 : index;
}

/* The range of bits in a value of `bytes`.  False: it is empty. */
static bool range_resolve(const bit_range *range, size_t bytes, uint64_t *first_out,
                          uint64_t *last_out)
{
    int64_t size = (int64_t)bytes * (range->in_bits ? 8 : 1);
    int64_t first = from_end(range->first, size);
    int64_t last = from_end(range->last, size);
    if (last >= size) last = size - 1;
    if (first > last) return false;
    *first_out = (uint64_t)first * (range->in_bits ? 1 : 8);
    *last_out = range->in_bits ? (uint64_t)last : (uint64_t)last * 8 + 7;
    return true;
}

/* ---- counting and searching ---- */

/* Looks at the value of args[1] without a lock.  HC_ERR_NOT_FOUND, HC_ERR_TYPE, HC_ERR_NO_MEMORY;
 * when HC_OK, hc_view_release follows. */
static hc_status value_view(request *of, uint8_t scratch[HC_STORE_PACKED_BYTES_MAX],
                            hc_view *view_out)
{
    hc_status status = request_view(of, of->args[1], scratch, HC_STORE_PACKED_BYTES_MAX, view_out);
    if (status != HC_OK || view_out->type == HC_TYPE_STRING) return status;
    hc_view_release(view_out);
    return HC_ERR_TYPE;
}

/* Two ends counted from the end of the value, in the wrong order, are an empty range however short
 * the value is; else both would mean its first byte. */
static bool is_backward(const bit_range *range)
{
    return range->first < 0 && range->last < 0 && range->first > range->last;
}

/* False: the answer was given. */
static bool count_range(request *of, bit_range *range)
{
    *range = (bit_range){.first = 0, .last = -1};
    if (of->argc == 2) return true;
    if (of->argc != 4 && of->argc != 5) {
        request_error(of, ERROR_SYNTAX);
        return false;
    }
    if (!request_integer(of, of->args[2], &range->first)) return false;
    if (!request_integer(of, of->args[3], &range->last)) return false;
    if (is_backward(range)) {
        of->reply->ops->integer(of->reply, 0);
        return false;
    }
    return of->argc == 4 || unit_parse(of, of->args[4], range);
}

/* As in Redis 7, the key is looked for before the range is read: a bad range of no key is no
 * error. */
void run_bitcount(request *of)
{
    uint8_t scratch[HC_STORE_PACKED_BYTES_MAX];
    hc_view view;
    bit_range range;
    uint64_t first, last, count = 0;
    hc_status status = value_view(of, scratch, &view);
    if (status == HC_ERR_NOT_FOUND) {
        of->reply->ops->integer(of->reply, 0);
        return;
    }
    if (status != HC_OK) {
        request_fail(of, status, of->args[1]);
        return;
    }
    if (count_range(of, &range)) {
        if (range_resolve(&range, view.value.size, &first, &last))
            count = bits_count(view.value, first, last);
        of->reply->ops->integer(of->reply, (int64_t)count);
    }
    hc_view_release(&view);
}

static bool find_range(request *of, bit_range *range)
{
    *range = (bit_range){.first = 0, .last = -1, .has_last = of->argc > 4};
    if (of->argc > 6) {
        request_error(of, ERROR_SYNTAX);
        return false;
    }
    if (of->argc > 3 && !request_integer(of, of->args[3], &range->first)) return false;
    if (of->argc > 5 && !unit_parse(of, of->args[5], range)) return false;
    return of->argc <= 4 || request_integer(of, of->args[4], &range->last);
}

/* Without an end given, a value is followed by zero bits without end. */
static int64_t find(hc_span value, const bit_range *range, bool bit)
{
    uint64_t first, last;
    if (!range_resolve(range, value.size, &first, &last)) return -1;
    int64_t found = bits_find(value, first, last, bit);
    return found < 0 && !bit && !range->has_last ? (int64_t)value.size * 8 : found;
}

void run_bitpos(request *of)
{
    uint8_t scratch[HC_STORE_PACKED_BYTES_MAX];
    hc_view view;
    bit_range range;
    int64_t bit;
    if (!request_integer(of, of->args[2], &bit)) return;
    if (bit != 0 && bit != 1) {
        request_error(of, "ERR The bit argument must be 1 or 0.");
        return;
    }
    hc_status status = value_view(of, scratch, &view);
    if (status == HC_ERR_NOT_FOUND) {
        of->reply->ops->integer(of->reply, bit == 0 ? 0 : -1);
        return;
    }
    if (status != HC_OK) {
        request_fail(of, status, of->args[1]);
        return;
    }
    if (find_range(of, &range))
        of->reply->ops->integer(of->reply, find(view.value, &range, bit == 1));
    hc_view_release(&view);
}
