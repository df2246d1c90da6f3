/*
 * peer_update.c - any command of one key, run on that key alone: calls.update of the replica.
 *
 *     what the replica has of the key -> a store with nothing else in it -> the command's handler
 *         -> what is there now: kept, changed or gone      -> its reply, as RESP3
 *
 * The handlers need not know of clusters, and what they decide follows from the key and their
 * arguments alone.  A runner is a session that no client has; it is used under peer.lock.
 * Arguments may come from another node: nothing about them is believed.
 */
#include <stdlib.h>
#include <string.h>

#include "command/command.h"
#include "peer/peer_private.h"

#define ANSWER_BYTES_MAX ((size_t)HC_REPLICA_VALUE_BYTES_MAX)

hc_status peer_update_init(peer *of)
{
    node *on = of->options.node;
    hc_store_options options = {
        .size = sizeof options, .shards = 1, .default_ttl_ms = of->options.default_ttl_ms};
    hc_status status = hc_store_create(of->options.host, &options, &of->scratch);
    if (status != HC_OK) return status;
    resp_encoder_init(&of->answer, ANSWER_BYTES_MAX);
    of->runner.node = on;
    of->runner.store = of->scratch;
    of->runner.worker = of->options.worker;
    of->runner.descriptor = -1;
    atomic_init(&of->runner.queued_count, -1);
    return HC_OK;
}

void peer_update_fini(peer *of)
{
    hc_store_destroy(of->scratch);
    of->scratch = NULL;
    resp_encoder_fini(&of->answer);
    free(of->result);
    of->result = NULL;
}

/* NULL: nothing that may run on one key. */
static const command *row_of(const hc_span *args, size_t argc, hc_span key)
{
    const command *row = command_find(args[0]);
    if (row != NULL && row->subcommand_count > 0) {
        row = argc > 1 ? command_find_sub(row, args[1]) : NULL;
    }
    if (row == NULL || row->run == NULL || (row->flags & COMMAND_EXCLUSIVE) != 0) return NULL;
    if ((row->flags & (COMMAND_READONLY | COMMAND_WRITE)) == 0) return NULL;
    bool fits = row->arity >= 0 ? argc == (size_t)row->arity : argc >= (size_t)-row->arity;
    if (!fits || row->keys.first == 0 || row->keys.access == COMMAND_ACCESS_CHANNEL) return NULL;
    if (command_key_count(row, args, argc) != 1) return NULL;
    hc_span named = args[command_key_at(row, 0)];
    bool same =
        named.size == key.size && (key.size == 0 || memcmp(named.data, key.data, key.size) == 0);
    return same ? row : NULL;
}

/* ---- the store with one key ---- */

static hc_status key_put(peer *of, const hc_update *u)
{
    hc_set_options options = {.size = sizeof options,
                              .expires_at_ms = u->expires_at_ms,
                              .type = u->type,
                              .no_default = true};
    return hc_store_set(of->scratch, u->key, u->value, &options);
}

static void *result_reserve(void *ctx, const hc_item *item)
{
    peer *of = ctx;
    if (item->value.size + 1 > of->result_bytes) {
        free(of->result);
        of->result_bytes = item->value.size + item->value.size / 2 + 64;
        of->result = malloc(of->result_bytes);
        if (of->result == NULL) of->result_bytes = 0;
    }
    return of->result;
}

static bool same_value(const hc_update *u, const hc_item *item, const uint8_t *value)
{
    return u->present && u->type == item->type && u->expires_at_ms == item->expires_at_ms &&
           u->value.size == item->value.size &&
           (item->value.size == 0 || memcmp(u->value.data, value, item->value.size) == 0);
}

/* What the handler made of the key. */
static hc_status key_take(peer *of, hc_update *u)
{
    hc_item item;
    u->action = HC_UPDATE_KEEP;
    if (hc_store_stat(of->scratch, u->key, &item) != HC_OK) {
        if (u->present) u->action = HC_UPDATE_DELETE;
        return HC_OK;
    }
    hc_sink sink = {.ctx = of, .reserve = result_reserve};
    hc_status status = hc_store_read(of->scratch, u->key, &sink);
    if (status != HC_OK) return status == HC_ERR_NO_MEMORY ? status : HC_ERR_FULL;
    if (same_value(u, &item, of->result)) return HC_OK;
    u->action = HC_UPDATE_STORE;
    u->value = hc_span_make(of->result, item.value.size);
    u->expires_at_ms = item.expires_at_ms;
    u->type = item.type;
    return HC_OK;
}

hc_status peer_update(void *ctx, hc_update *u)
{
    peer *of = ctx;
    hc_span args[PEER_ARGUMENTS_MAX];
    size_t argc;
    if (!cluster_update_parse(u->arguments, args, PEER_ARGUMENTS_MAX, &argc)) return HC_ERR_LIMIT;
    const command *row = row_of(args, argc, u->key);
    if (row == NULL) return HC_ERR_UNSUPPORTED;
    hc_status status = u->present ? key_put(of, u) : HC_OK;
    if (status != HC_OK) return status;
    resp_encoder_clear(&of->answer);
    of->answer.base.protocol = 3;
    request runs = {.node = of->options.node,
                    .session = &of->runner,
                    .command = row,
                    .args = args,
                    .argc = argc,
                    .reply = &of->answer.base};
    row->run(&runs);
    u->action = HC_UPDATE_KEEP;
    if ((row->flags & COMMAND_WRITE) != 0) status = key_take(of, u);
    (void)hc_store_delete(of->scratch, u->key);
    if (of->answer.failed) return HC_ERR_LIMIT;
    u->answer = hc_span_make(of->answer.data, of->answer.size);
    return status;
}
