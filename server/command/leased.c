/*
 * leased.c - see leased.h.
 *
 * A fresh value is read as any other, without a lock.  Otherwise the key's shard is locked, and
 * value and lease are looked at in one step.
 */
#include "command/leased.h"

#include <string.h>

#include "command/leases.h"

enum { NS_PER_MS = 1000000 };

typedef struct watch_sink {
    const hc_sink *to;
    hc_type type;
    int64_t expires_at_ms;
} watch_sink;

static void *reserve(void *ctx, const hc_item *item)
{
    watch_sink *sink = ctx;
    sink->type = item->type;
    sink->expires_at_ms = item->expires_at_ms;
    return item->type == HC_TYPE_STRING ? sink->to->reserve(sink->to->ctx, item) : NULL;
}

/* How long a value stays fresh; -1: for ever, 0: it is stale. */
static int64_t fresh_ms(int64_t expires_at_ms, int64_t now_ms, int64_t stale_ms)
{
    if (expires_at_ms == HC_EXPIRY_NONE) return -1;
    int64_t left_ms = expires_at_ms - now_ms;
    return left_ms > stale_ms ? left_ms - stale_ms : 0;
}

static int64_t whole_ms(uint64_t ends_ns, uint64_t now_ns)
{
    return ends_ns > now_ns ? (int64_t)((ends_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS) : 0;
}

/* Gives a value that is borrowed to the sink. */
static hc_status deliver(const hc_sink *sink, const hc_item *item)
{
    hc_item announced = *item;
    announced.key.data = announced.value.data = NULL;
    void *place = sink->reserve(sink->ctx, &announced);
    if (place == NULL) return HC_ERR_BUFFER;
    if (item->value.size > 0) memcpy(place, item->value.data, item->value.size);
    return HC_OK;
}

/* Leases are looked at under the lock of their key.  False: `txn` is that. */
static bool leased_begin(const hc_txn *txn, hc_store *leased, hc_span key, hc_txn *own)
{
    if (leased == txn->store) return false;
    hc_store_begin(leased, &key, 1, own);
    return true;
}

/* Value and lease in one step: the key's shard is locked. */
static hc_status decide(node *of, hc_txn *txn, hc_store *leased, hc_span key,
                        const leased_wish *wish, const hc_sink *sink, leased_answer *answer)
{
    hc_item item;
    hc_status status = hc_txn_get(txn, key, &item);
    if (status == HC_OK && item.type != HC_TYPE_STRING) return HC_ERR_TYPE;
    if (status != HC_OK && status != HC_ERR_NOT_FOUND) return status;
    answer->found = status == HC_OK;
    if (answer->found) {
        int64_t ms = fresh_ms(item.expires_at_ms, node_now_ms(of), wish->stale_ms);
        status = deliver(sink, &item);
        if (ms != 0) { /* somebody has just set it */
            answer->ms = ms;
            return status;
        }
    }
    lease given;
    uint64_t now_ns = node_now_ns(of);
    hc_txn own;
    bool apart = leased_begin(txn, leased, key, &own);
    bool won =
        leases_take(of->leases, leased, key, now_ns, (uint64_t)wish->lease_ms * NS_PER_MS, &given);
    if (apart) hc_store_end(&own);
    answer->state = won ? LEASED_WON : LEASED_WAIT;
    answer->token = won ? given.token : 0;
    answer->ms = whole_ms(given.ends_ns, now_ns);
    return status == HC_ERR_NOT_FOUND ? HC_OK : status;
}

hc_status leased_get(node *of, const leased_place *at, hc_span key, const leased_wish *wish,
                     const hc_sink *sink, leased_answer *answer)
{
    watch_sink watch = {.to = sink};
    const hc_sink first = {.ctx = &watch, .reserve = reserve, .quiet = sink->quiet};
    *answer = (leased_answer){.state = LEASED_HIT};
    hc_status status = hc_store_read(at->values, key, &first);
    if (status == HC_ERR_BUFFER && watch.type != HC_TYPE_STRING) return HC_ERR_TYPE;
    if (status == HC_OK || status == HC_ERR_BUFFER) {
        answer->ms = fresh_ms(watch.expires_at_ms, node_now_ms(of), wish->stale_ms);
        answer->found = true;
        if (answer->ms != 0) return status;
    } else if (status != HC_ERR_NOT_FOUND) {
        return status;
    }
    *answer = (leased_answer){.state = LEASED_HIT};
    status = leases_follow(of->leases, at->leases);
    if (status != HC_OK) return status;
    hc_txn txn;
    hc_store_begin(at->values, &key, 1, &txn);
    txn.quiet = sink->quiet;
    status = decide(of, &txn, at->leases, key, wish, sink, answer);
    hc_store_end(&txn);
    return status;
}

/* It would be written to where the leases are, which ends them; unless it is there already. */
static bool is_there(hc_txn *txn, hc_span key, hc_span value, int64_t expires_at_ms)
{
    hc_item item;
    return hc_txn_get(txn, key, &item) == HC_OK && item.type == HC_TYPE_STRING &&
           item.expires_at_ms == expires_at_ms && item.value.size == value.size &&
           (value.size == 0 || memcmp(item.value.data, value.data, value.size) == 0);
}

hc_status leased_set(node *of, const leased_place *at, hc_span key, hc_span value, uint64_t token,
                     const hc_set_options *options)
{
    hc_status status = leases_follow(of->leases, at->leases);
    if (status != HC_OK) return status;
    hc_txn txn, own;
    hc_store_begin(at->values, &key, 1, &txn);
    bool apart = leased_begin(&txn, at->leases, key, &own);
    bool holds = leases_hold(of->leases, at->leases, key, token);
    int64_t expires_at_ms = options != NULL ? options->expires_at_ms : HC_EXPIRY_NONE;
    if (apart && holds && is_there(&txn, key, value, expires_at_ms))
        (void)leases_end(of->leases, at->leases, key, token);
    if (apart) hc_store_end(&own);
    status = holds ? hc_txn_set(&txn, key, value, options) : HC_ERR_CONFLICT;
    hc_store_end(&txn);
    return status;
}

hc_status leased_end(node *of, const leased_place *at, hc_span key, uint64_t token)
{
    hc_status status = leases_follow(of->leases, at->leases);
    if (status != HC_OK) return status;
    hc_txn txn;
    hc_store_begin(at->leases, &key, 1, &txn);
    status = leases_end(of->leases, at->leases, key, token) ? HC_OK : HC_ERR_CONFLICT;
    hc_store_end(&txn);
    return status;
}
