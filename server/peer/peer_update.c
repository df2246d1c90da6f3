/*
 * peer_update.c - commands on keys of one slot, run on those keys alone: calls.update and
 * calls.update_group of the replica.
 *
 *     what the replica has of the keys -> a store with nothing else in it -> the commands' handlers
 *         -> what is there now: kept, changed or gone       -> their replies, as RESP3
 *
 * The handlers need not know of clusters, and what they decide follows from the keys and their
 * arguments alone.  A runner is a session that no client has; it is used under peer.lock.
 * Arguments may come from another node: nothing about them is believed.
 */
#include <stdlib.h>
#include <string.h>

#include "command/cluster/cluster_script.h"
#include "peer/peer_private.h"

#define ANSWER_BYTES_MAX ((size_t)HC_REPLICA_VALUE_BYTES_MAX)
/* What a command may make of its keys: two of the largest values, as RENAME needs. */
#define SCRATCH_BYTES_MAX (2 * (uint64_t)HC_VALUE_BYTES_MAX + (64u << 20))

static void results_free(peer *of)
{
    for (size_t i = 0; i < of->result_count; i++)
        free(of->results[i]);
    of->result_count = 0;
}

hc_status peer_update_init(peer *of)
{
    node *on = of->options.node;
    hc_store_options options = {.size = sizeof options,
                                .shards = 1,
                                .default_ttl_ms = of->options.default_ttl_ms,
                                .max_memory_bytes = SCRATCH_BYTES_MAX,
                                .eviction = HC_EVICTION_NONE};
    hc_status status = hc_store_create(of->options.host, &options, &of->scratch);
    if (status != HC_OK) return status;
    resp_encoder_init(&of->answer, ANSWER_BYTES_MAX);
    of->runner.node = on;
    of->runner.store = of->scratch;
    of->runner.leased = node_store(on, 0);
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
    results_free(of);
    free(of->arguments);
    of->arguments = NULL;
}

/* ---- the store with those keys alone ---- */

static hc_status key_put(peer *of, const hc_update *u)
{
    hc_set_options options = {.size = sizeof options,
                              .expires_at_ms = u->expires_at_ms,
                              .type = u->type,
                              .no_default = true};
    if (!u->present) return HC_OK;
    return hc_store_set(of->scratch, u->key, u->value, &options);
}

/* One more result: good until the next update. */
static void *result_reserve(void *ctx, const hc_item *item)
{
    peer *of = ctx;
    uint8_t *made = malloc(item->value.size + 1);
    if (made == NULL) return NULL;
    if (of->result_count > 0 && of->results[of->result_count - 1] == of->result)
        free(of->results[--of->result_count]); /* of the same key: it is read once more */
    of->results[of->result_count++] = of->result = made;
    return made;
}

static bool same_value(const hc_update *u, const hc_item *item, const uint8_t *value)
{
    return u->present && u->type == item->type && u->expires_at_ms == item->expires_at_ms &&
           u->value.size == item->value.size &&
           (item->value.size == 0 || memcmp(u->value.data, value, item->value.size) == 0);
}

/* What the handlers made of the key. */
static hc_status key_take(peer *of, hc_update *u)
{
    hc_item item;
    of->result = NULL;
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

/* ---- commands ---- */

/* NULL: nothing that may run here. */
static const command *row_of(const hc_span *args, size_t argc, bool in_exec)
{
    const command *row = command_find(args[0]);
    if (row != NULL && row->subcommand_count > 0)
        row = argc > 1 ? command_find_sub(row, args[1]) : NULL;
    if (row == NULL || row->run == NULL) return NULL;
    bool fits = row->arity >= 0 ? argc == (size_t)row->arity : argc >= (size_t)-row->arity;
    bool runs = cluster_runs(row) || (in_exec && cluster_runs_anywhere(row));
    return fits && runs ? row : NULL;
}

static hc_status lines_run(peer *of, cluster_script *script, bool *wrote)
{
    size_t argc;
    hc_status status;
    reply *to = &of->answer.base;
    if (script->exec) to->ops->array(to, script->lines);
    while ((status = cluster_script_next(script, &of->arguments, &of->argument_room, &argc)) ==
           HC_OK) {
        const command *row = row_of(of->arguments, argc, script->exec);
        if (row == NULL) return HC_ERR_UNSUPPORTED;
        request runs = {.node = of->options.node,
                        .session = &of->runner,
                        .command = row,
                        .args = of->arguments,
                        .argc = argc,
                        .reply = to};
        row->run(&runs);
        *wrote = *wrote || (row->flags & COMMAND_WRITE) != 0;
    }
    return status == HC_ERR_NOT_FOUND ? HC_OK : status;
}

/* HC_ERR_CONFLICT: a watched key is another one now. */
static hc_status watches_look(const cluster_script *script, const hc_update *updates, size_t count)
{
    if (script->watched > count) return HC_ERR_INVALID;
    for (uint32_t i = 0; i < script->watched; i++)
        if (cluster_script_version(script, i) != updates[i].version) return HC_ERR_CONFLICT;
    return HC_OK;
}

hc_status peer_update_group(void *ctx, hc_update *updates, size_t count)
{
    peer *of = ctx;
    cluster_script script;
    bool wrote = false;
    if (count > CLUSTER_KEYS_MAX || !cluster_script_open(updates[0].arguments, &script))
        return HC_ERR_INVALID;
    hc_status status = watches_look(&script, updates, count);
    if (status != HC_OK) return status;
    results_free(of);
    resp_encoder_clear(&of->answer);
    of->answer.base.protocol = 3;
    for (size_t i = 0; i < count && status == HC_OK; i++) {
        updates[i].action = HC_UPDATE_KEEP;
        status = key_put(of, &updates[i]);
    }
    if (status == HC_OK) status = lines_run(of, &script, &wrote);
    for (size_t i = 0; i < count && status == HC_OK && wrote; i++)
        status = key_take(of, &updates[i]);
    for (size_t i = 0; i < count; i++)
        (void)hc_store_delete(of->scratch, updates[i].key);
    if (hc_store_count(of->scratch) != 0) { /* a key that is none of the group's */
        hc_store_flush(of->scratch);
        return HC_ERR_INVALID;
    }
    if (of->answer.failed) return HC_ERR_LIMIT;
    updates[0].answer = hc_span_make(of->answer.data, of->answer.size);
    return status;
}

hc_status peer_update(void *ctx, hc_update *update)
{
    return peer_update_group(ctx, update, 1);
}
