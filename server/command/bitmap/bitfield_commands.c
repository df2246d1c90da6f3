/*
 * bitfield_commands.c - BITFIELD, BITFIELD_RO: integers of any width at any bit of a value.
 *
 * The arguments are read twice: once to find what is wrong with them and how far they write, and
 * once, under the key's lock, to do them.  So a request with many operations takes no memory, and
 * an error in its last one leaves the value alone.  The value is made long enough before the first
 * operation; after that none can fail (hc_txn_patch).
 */
#include <string.h>

#include "command/bits.h"
#include "command/command_args.h"
#include "command/handlers.h"
#include "command/notify.h"

enum { WINDOW_BYTES = 9 /* 64 bits that begin within a byte */ };

__extension__ typedef __int128 wide; /* holds every sum of two 64-bit integers */

typedef enum field_action { FIELD_GET, FIELD_SET, FIELD_INCREMENT } field_action;
typedef enum field_overflow { OVERFLOW_WRAP, OVERFLOW_SATURATE, OVERFLOW_FAIL } field_overflow;

typedef struct field_operation {
    field_action action;
    field_overflow overflow; /* what OVERFLOW said last */
    bool is_signed;
    unsigned width; /* bits */
    uint64_t offset;
    int64_t operand; /* of SET and INCRBY */
} field_operation;

/* ---- reading arguments ---- */

/* "i16", "u8": signed up to 64 bits, unsigned up to 63. */
static bool type_parse(hc_span text, field_operation *operation)
{
    int64_t width;
    if (text.size < 2 || (text.data[0] != 'i' && text.data[0] != 'u')) return false;
    operation->is_signed = text.data[0] == 'i';
    if (!integer_parse(hc_span_make(text.data + 1, text.size - 1), &width)) return false;
    if (width < 1 || width > (operation->is_signed ? 64 : 63)) return false;
    operation->width = (unsigned)width;
    return true;
}

static bool overflow_parse(hc_span text, field_overflow *overflow_out)
{
    static const char *const words[] = {
        [OVERFLOW_WRAP] = "wrap", [OVERFLOW_SATURATE] = "sat", [OVERFLOW_FAIL] = "fail"};
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
        *overflow_out = (field_overflow)i;
        if (argument_is(text, words[i])) return true;
    }
    return false;
}

static bool action_parse(hc_span word, size_t rest, field_action *action_out)
{
    static const struct {
        const char *word;
        size_t arguments;
        field_action action;
    } actions[] = {{"get", 2, FIELD_GET}, {"set", 3, FIELD_SET}, {"incrby", 3, FIELD_INCREMENT}};
    for (unsigned i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (rest < actions[i].arguments || !argument_is(word, actions[i].word)) continue;
        *action_out = actions[i].action;
        return true;
    }
    return false;
}

/* Reads the operation at args[*at] and moves past it; an OVERFLOW before it is taken along.
 *   NULL    *operation, or *done_out: there is none left
 *   else the error */
static const char *next_operation(const request *of, size_t *at, field_operation *operation,
                                  bool *done_out)
{
    const hc_span *args = of->args;
    for (; *at + 1 < of->argc && argument_is(args[*at], "overflow"); *at += 2) {
        if (!overflow_parse(args[*at + 1], &operation->overflow))
            return "ERR Invalid OVERFLOW type specified";
    }
    *done_out = *at == of->argc;
    if (*done_out) return NULL;
    if (!action_parse(args[*at], of->argc - *at - 1, &operation->action)) return ERROR_SYNTAX;
    if (!type_parse(args[*at + 1], operation))
        return "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not "
               "supported but i64 is.";
    if (!bits_offset_parse(args[*at + 2], operation->width, &operation->offset))
        return ERROR_BIT_OFFSET;
    bool has_operand = operation->action != FIELD_GET;
    if (has_operand && !integer_parse(args[*at + 3], &operation->operand)) return ERROR_NOT_INTEGER;
    *at += has_operand ? 4 : 3;
    return NULL;
}

typedef struct field_plan {
    size_t count;        /* operations */
    size_t size_written; /* bytes the value must have; 0: nothing is written */
    bool changes;        /* of the value, made so far */
    bool grown;
} field_plan;

/* NULL, or the error. */
static const char *plan_make(const request *of, field_plan *plan_out)
{
    field_operation operation = {0};
    size_t at = 2;
    bool done = false;
    *plan_out = (field_plan){0};
    for (;;) {
        const char *error = next_operation(of, &at, &operation, &done);
        if (error != NULL || done) return error;
        plan_out->count++;
        size_t end = (size_t)((operation.offset + operation.width - 1) / 8) + 1;
        if (operation.action != FIELD_GET && end > plan_out->size_written)
            plan_out->size_written = end;
    }
}

/* ---- numbers ---- */

/* The low `width` bits as the number they are. */
static int64_t number_of(uint64_t bits, const field_operation *operation)
{
    unsigned unused = 64 - operation->width;
    if (!operation->is_signed) return (int64_t)bits;
    uint64_t sign = UINT64_C(1) << (operation->width - 1);
    return unused == 0 ? (int64_t)bits : (int64_t)((bits ^ sign) - sign);
}

/* The new value of a field that was `old`.  False: it does not fit, and OVERFLOW FAIL was asked. */
static bool field_next(const field_operation *operation, int64_t old, int64_t *next_out)
{
    wide one = 1;
    wide greatest = (one << (operation->width - (operation->is_signed ? 1 : 0))) - 1;
    wide least = operation->is_signed ? -greatest - 1 : 0;
    wide exact = (wide)old + operation->operand;
    if (operation->action == FIELD_SET)
        exact =
            operation->is_signed ? (wide)operation->operand : (wide)(uint64_t)operation->operand;
    bool fits = exact >= least && exact <= greatest;
    if (!fits && operation->overflow == OVERFLOW_FAIL) return false;
    if (!fits && operation->overflow == OVERFLOW_SATURATE) exact = exact < least ? least : greatest;
    uint64_t bits = (uint64_t)exact;
    if (operation->width < 64) bits &= (UINT64_C(1) << operation->width) - 1;
    *next_out = number_of(bits, operation);
    return true;
}

/* ---- doing them ---- */

static hc_status field_write(hc_txn *txn, hc_span key, hc_span value,
                             const field_operation *operation, int64_t number)
{
    uint8_t window[WINDOW_BYTES] = {0};
    size_t first = (size_t)(operation->offset / 8);
    size_t last = (size_t)((operation->offset + operation->width - 1) / 8);
    size_t size = last - first + 1;
    memcpy(window, value.data + first, size); /* it is long enough: see size_written */
    bits_put(window, operation->offset & 7, operation->width, (uint64_t)number);
    return hc_txn_patch(txn, key, first, hc_span_make(window, size), NULL);
}

/* Does one operation and answers it. */
static void field_run(request *of, hc_txn *txn, const field_operation *operation, field_plan *plan)
{
    hc_item item;
    hc_span key = of->args[1];
    hc_status status = hc_txn_get(txn, key, &item);
    hc_span value = status == HC_OK ? item.value : hc_span_make(NULL, 0);
    if (status == HC_ERR_NOT_FOUND) status = HC_OK;
    int64_t old = number_of(bits_get(value, operation->offset, operation->width), operation);
    int64_t next = old;
    bool fits = operation->action == FIELD_GET || field_next(operation, old, &next);
    plan->changes |= fits && operation->action != FIELD_GET && (next != old || plan->grown);
    if (status == HC_OK && next != old) status = field_write(txn, key, value, operation, next);
    if (status != HC_OK)
        request_fail(of, status, key);
    else if (!fits)
        of->reply->ops->null(of->reply);
    else
        of->reply->ops->integer(of->reply, operation->action == FIELD_INCREMENT ? next : old);
}

/* Finds a value of another type, and makes room for what is to be written. */
static hc_status prepare(hc_txn *txn, hc_span key, field_plan *plan)
{
    hc_item item;
    hc_status status = string_get(txn, key, &item);
    if (status != HC_OK && status != HC_ERR_NOT_FOUND) return status;
    if (plan->size_written == 0) return HC_OK;
    plan->grown = status == HC_ERR_NOT_FOUND || item.value.size < plan->size_written;
    return hc_txn_patch(txn, key, plan->size_written, hc_span_make(NULL, 0), NULL);
}

static void fields_run(request *of, bool may_write)
{
    field_plan plan;
    field_operation operation = {0};
    const char *error = plan_make(of, &plan);
    if (error == NULL && !may_write && plan.size_written > 0)
        error = "ERR BITFIELD_RO only supports the GET subcommand";
    if (error != NULL) {
        request_error(of, error);
        return;
    }
    hc_txn txn;
    request_begin(of, &of->args[1], 1, &txn);
    hc_status status = prepare(&txn, of->args[1], &plan);
    if (status == HC_OK) of->reply->ops->array(of->reply, plan.count);
    size_t at = 2;
    for (size_t i = 0; i < plan.count && status == HC_OK; i++) {
        bool done;
        (void)next_operation(of, &at, &operation, &done); /* it was right the first time */
        field_run(of, &txn, &operation, &plan);
    }
    hc_store_end(&txn);
    if (plan.changes) notify(of, NOTIFY_STRING, "setbit", of->args[1]);
    if (may_write && plan.size_written == 0 && notify_wants(of->node, NOTIFY_MISS))
        notify_misses(of);
    if (status != HC_OK) request_fail(of, status, of->args[1]);
}

void run_bitfield(request *of)
{
    fields_run(of, true);
}

void run_bitfield_ro(request *of)
{
    fields_run(of, false);
}
