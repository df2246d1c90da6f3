/*
 * cluster_exec.c - WATCH, and MULTI with what is queued behind it, in a cluster.
 *
 *     WATCH k      asks the acting primary for the version of k, which the session remembers
 *     MULTI        the session queues, as on a node alone; all keys must be of one slot
 *     EXEC         one request to the acting primary of that slot: the commands, and the versions.
 *                  Is any of them another one, nothing runs; else all run in one step
 *
 * What has no key is refused while it is queued, for it would run on another node than the client
 * thinks; but for PING, ECHO, TIME and UNWATCH, which are the same everywhere.
 */
#include <stdlib.h>
#include <string.h>

#include "command/cluster/cluster_private.h"
#include "command/handlers.h"
#include "command/transaction.h"
#include "command/watchers.h"

/* ---- WATCH ---- */

struct cluster_watch {
    cluster_watch *next;
    uint64_t version; /* 0: there was no such key */
    bool known;       /* false: the answer was an error */
    size_t size;
    uint8_t key[];
};

static hc_span key_of(const cluster_watch *one)
{
    return hc_span_make(one->key, one->size);
}

void cluster_watch_drop(session *who)
{
    while (who->cluster_watches != NULL) {
        cluster_watch *gone = who->cluster_watches;
        who->cluster_watches = gone->next;
        free(gone);
    }
    who->cluster_watch_count = 0;
}

static cluster_watch *watch_new(session *who, hc_span key)
{
    cluster_watch *one = malloc(sizeof *one + key.size);
    if (one == NULL) return NULL;
    *one = (cluster_watch){.next = who->cluster_watches, .size = key.size};
    if (key.size > 0) memcpy(one->key, key.data, key.size);
    who->cluster_watches = one;
    who->cluster_watch_count++;
    return one;
}

void cluster_watch_render(const cluster_job *job)
{
    for (uint32_t i = 0; i < job->part_count; i++) {
        job->parts[i].watch->version = job->parts[i].version;
        job->parts[i].watch->known = true;
    }
}

/* NULL: it can be asked. */
static const char *watch_refusal(const request *of)
{
    uint32_t slot;
    if (of->session->transaction != NULL) return "ERR WATCH inside MULTI is not allowed";
    if (!cluster_slot_of(of, &slot)) return ERROR_CROSS_SLOT;
    if (of->argc - 1 + of->session->cluster_watch_count > CLUSTER_KEYS_MAX)
        return "ERR too many keys are watched";
    return NULL;
}

/* TYPE says little, and comes with the version. */
void cluster_take_watch(request *of, const cluster_calls *calls)
{
    cluster_watch *watches[CLUSTER_KEYS_MAX] = {NULL};
    const char *why = watch_refusal(of);
    for (size_t i = 1; why == NULL && i < of->argc; i++) {
        watches[i - 1] = watch_new(of->session, of->args[i]);
        if (watches[i - 1] == NULL) why = ERROR_NO_MEMORY;
    }
    if (why != NULL) {
        cluster_answer_error(of, why);
        return;
    }
    cluster_job *job = cluster_job_add(of, JOB_WATCH, (uint32_t)(of->argc - 1));
    if (job == NULL) {
        request_error(of, ERROR_NO_MEMORY);
        return;
    }
    for (size_t i = 1; i < of->argc; i++)
        job->parts[i - 1].watch = watches[i - 1];
    for (size_t i = 1; i < of->argc; i++) {
        const hc_span args[] = {HC_SPAN("TYPE"), of->args[i]};
        const cluster_line line = {args, 2};
        cluster_ask_script(calls, &job->parts[i - 1], of->args[i],
                           &(cluster_script_parts){.lines = &line, .line_count = 1}, true);
    }
}

/* ---- queueing ---- */

/* Answers, and true: it cannot be part of the transaction. */
bool cluster_spoils(request *of)
{
    char where[CLUSTER_MOVED_CHARS];
    uint32_t slot;
    transaction *queue = of->session->transaction;
    if (transaction_runs_at_once(of->command) || cluster_runs_anywhere(of->command)) return false;
    if (!cluster_runs(of->command)) {
        request_error(of, "ERR this command is not allowed in a transaction of a cluster");
        return true;
    }
    if (!cluster_slot_of(of, &slot) || (queue->has_slot && queue->slot != slot)) {
        request_error(of, ERROR_CROSS_SLOT);
        return true;
    }
    if (cluster_moved_from(of->session, slot, where)) {
        request_errorf(of, "%s", where);
        return true;
    }
    queue->slot = slot;
    queue->has_slot = true;
    return false;
}

/* ---- EXEC ---- */

typedef struct gathering {
    hc_span *keys; /* CLUSTER_KEYS_MAX of them */
    uint64_t *versions;
    cluster_line *lines;
    size_t key_count, watched;
    bool full;
} gathering;

static bool gathering_init(gathering *g, const transaction *queue)
{
    *g = (gathering){.keys = malloc(CLUSTER_KEYS_MAX * sizeof *g->keys),
                     .versions = malloc(CLUSTER_KEYS_MAX * sizeof *g->versions),
                     .lines = malloc((queue->count + 1) * sizeof *g->lines)};
    return g->keys != NULL && g->versions != NULL && g->lines != NULL;
}

static void gathering_fini(gathering *g)
{
    free(g->keys);
    free(g->versions);
    free(g->lines);
}

/* Each key once: of one that is watched twice the first version counts, as it is the later watch
 * that is first in the list and an earlier one that must hold. */
static void gather_watches(gathering *g, const session *who)
{
    for (const cluster_watch *one = who->cluster_watches; one != NULL; one = one->next) {
        if (!one->known) continue;
        size_t at = cluster_key_add(g->keys, &g->key_count, key_of(one));
        if (at == CLUSTER_KEYS_MAX)
            g->full = true;
        else
            g->versions[at] = one->version;
    }
    g->watched = g->key_count;
}

static void gather_commands(gathering *g, const transaction *queue)
{
    for (size_t i = 0; i < queue->count; i++) {
        const queued *one = queue->commands[i];
        size_t count = command_key_count(one->command, one->args, one->argc);
        g->lines[i] = (cluster_line){one->args, one->argc};
        for (size_t k = 0; k < count && !g->full; k++) {
            hc_span key = one->args[command_key_at(one->command, k)];
            g->full = cluster_key_add(g->keys, &g->key_count, key) == CLUSTER_KEYS_MAX;
        }
    }
}

/* NULL: it can be asked. */
static const char *exec_refusal(const gathering *g)
{
    if (g->full) return "ERR too many keys in one transaction of a cluster, the limit is 1024";
    for (size_t i = 1; i < g->key_count; i++)
        if (hc_ring_slot(g->keys[i]) != hc_ring_slot(g->keys[0])) return ERROR_CROSS_SLOT;
    return NULL;
}

static void exec_ask(request *of, const cluster_calls *calls, const transaction *queue)
{
    gathering g;
    bool made = gathering_init(&g, queue);
    if (made) {
        gather_watches(&g, of->session);
        gather_commands(&g, queue);
    }
    const char *why = made ? exec_refusal(&g) : ERROR_NO_MEMORY;
    if (why == NULL) {
        const cluster_script_parts script = {.exec = true,
                                             .versions = g.versions,
                                             .watched = g.watched,
                                             .lines = g.lines,
                                             .line_count = queue->count};
        bool writes = (queue->flags & COMMAND_WRITE) != 0;
        cluster_ask_group(of, calls, g.keys, g.key_count, &script, writes);
    } else {
        cluster_answer_error(of, why);
    }
    gathering_fini(&g);
}

void cluster_take_exec(request *of)
{
    char where[CLUSTER_MOVED_CHARS];
    session *who = of->session;
    const transaction *queue = who->transaction;
    if (queue == NULL) {
        cluster_answer_error(of, "ERR EXEC without MULTI");
        return;
    }
    bool any_key = queue->has_slot || who->cluster_watches != NULL;
    if (queue->spoiled || !any_key) { /* nothing of the cluster's */
        cluster_pause(who);
        run_exec(of);
        return;
    }
    const char *why = cluster_refusal(of, queue->flags);
    const cluster_calls *calls = why == NULL ? cluster_resume(who) : NULL;
    if (why == NULL && calls == NULL) why = ERROR_NOT_IN_CLUSTER;
    if (why != NULL)
        cluster_answer_error(of, why);
    else if (queue->has_slot && cluster_moved_from(who, queue->slot, where))
        cluster_answer_moved(of, where);
    else
        exec_ask(of, calls, queue);
    if ((queue->flags & COMMAND_WRITE) != 0) who->wrote = true;
    transaction_drop(who);
    watch_drop(who);
}
