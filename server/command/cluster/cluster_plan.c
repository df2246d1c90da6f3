/*
 * cluster_plan.c - which command becomes which requests to the cluster.
 *
 *     GET k                          GET
 *     SET k v                        SET
 *     FLUSHALL, FLUSHDB              FLUSH
 *     DEL EXISTS TOUCH MGET MSET     one request a key; not one step
 *     any other of one key           UPDATE: its handler runs on the acting primary, on that key
 *     any other of several, and MSET if they are of one slot
 *                                    GROUP: likewise, on those keys, in one step
 *     WATCH, EXEC                    cluster_exec.c
 *     WAIT                           cluster_wait.c
 *
 * What can be none of these is refused, with the words that clients know where there are any.
 */
#include <stdlib.h>
#include <string.h>

#include "command/cluster/cluster_private.h"
#include "command/durable.h"
#include "command/flush_argument.h"
#include "command/handlers.h"

void cluster_answer_error(request *of, const char *text)
{
    cluster_job *job = cluster_job_add(of, JOB_ERROR, 0);
    if (job == NULL) {
        request_error(of, ERROR_NO_MEMORY);
        return;
    }
    job->error = text;
    cluster_job_added(job);
}

void cluster_answer_moved(request *of, const char *text)
{
    cluster_job *job = cluster_job_add(of, JOB_MOVED, 0);
    if (job == NULL) {
        request_error(of, ERROR_NO_MEMORY);
        return;
    }
    memcpy(job->moved, text, sizeof job->moved);
    cluster_job_added(job);
}

const char *cluster_refusal(const request *of, uint32_t flags)
{
    uint64_t wait_ns;
    if (of->session->answered == NULL)
        return "ERR keys of a cluster cannot be reached over this connection";
    if (durable_is_loading(of->node)) return "LOADING Redis is loading the dataset in memory";
    hc_persistence *log = durable_log(of->node);
    if (log == NULL || (flags & COMMAND_WRITE) == 0) return NULL;
    if (hc_persistence_admit(log, &wait_ns) == HC_OK) return NULL;
    return "MISCONF Errors writing to the log file: the disk failed, and writes are refused until "
           "it works again (persistence.on_disk_error)";
}

/* Its part of a job; a refusal is its answer. */
void cluster_ask(const cluster_calls *calls, cluster_part *part, hc_request q)
{
    q.trace = part->job->trace;
    q.correlation = part->job->correlation;
    if (part->job->run != NULL) cluster_part_trace(part, &q);
    q.size = sizeof q;
    q.id = (uint64_t)(uintptr_t)part;
    const cluster_job *job = part->job;
    if (job->writes && q.kind != HC_REQUEST_FLUSH)
        part->write = cluster_write_note(job->turn->session, q.key_count > 0 ? q.keys[0] : q.key);
    hc_status status = calls->ask(calls->ctx, &q);
    if (status == HC_OK) return;
    hc_reply refused = {
        .size = sizeof refused, .id = q.id, .outcome = HC_OUTCOME_REFUSED, .status = status};
    cluster_part_answer(q.id, &refused);
}

#define ERROR_TOO_MANY_KEYS "ERR too many keys for one command in a cluster, the limit is 1024"

static int64_t usual_expiry(const request *of, const cluster_calls *calls)
{
    if (calls->default_ttl_ms == 0) return HC_EXPIRY_NONE;
    return node_now_ms(of->node) + calls->default_ttl_ms;
}

static void ask_keys(request *of, const cluster_calls *calls, cluster_job_kind kind, hc_request q,
                     size_t step)
{
    size_t count = (of->argc - 1) / step;
    if ((of->argc - 1) % step != 0) {
        cluster_answer_error(of, "ERR wrong number of arguments for 'mset' command");
        return;
    }
    if (count > CLUSTER_KEYS_MAX) {
        cluster_answer_error(of, ERROR_TOO_MANY_KEYS);
        return;
    }
    cluster_job *job = cluster_job_add(of, kind, (uint32_t)count);
    if (job == NULL) {
        request_error(of, ERROR_NO_MEMORY);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        q.key = of->args[1 + i * step];
        if (step == 2) q.value = of->args[2 + i * step];
        cluster_ask(calls, &job->parts[i], q);
    }
}

void cluster_ask_script(const cluster_calls *calls, cluster_part *part, hc_span key,
                        const cluster_script_parts *script, bool reads)
{
    size_t size;
    uint8_t *text = cluster_script_write(script, &size);
    cluster_ask(calls, part,
                (hc_request){.kind = HC_REQUEST_UPDATE,
                             .level = reads ? calls->reads : calls->writes,
                             .key = key,
                             .value = hc_span_make(text, text != NULL ? size : 0),
                             .flags = reads ? HC_REQUEST_READS : 0});
    free(text);
}

static void ask_update(request *of, const cluster_calls *calls, hc_span key)
{
    cluster_job *job = cluster_job_add(of, JOB_RAW, 1);
    if (job == NULL) {
        request_error(of, ERROR_NO_MEMORY);
        return;
    }
    const cluster_line line = {of->args, of->argc};
    cluster_ask_script(calls, &job->parts[0], key,
                       &(cluster_script_parts){.lines = &line, .line_count = 1},
                       (of->command->flags & COMMAND_WRITE) == 0);
}

/* ---- several keys of one slot ---- */

size_t cluster_key_add(hc_span *keys, size_t *count, hc_span key)
{
    for (size_t i = 0; i < *count; i++) {
        if (keys[i].size != key.size) continue;
        if (key.size == 0 || memcmp(keys[i].data, key.data, key.size) == 0) return i;
    }
    if (*count == CLUSTER_KEYS_MAX) return CLUSTER_KEYS_MAX;
    keys[*count] = key;
    return (*count)++;
}

void cluster_ask_group(request *of, const cluster_calls *calls, const hc_span *keys, size_t count,
                       const cluster_script_parts *script, bool writes)
{
    size_t size;
    cluster_job *job = cluster_job_add(of, JOB_RAW, 1);
    if (job == NULL) {
        request_error(of, ERROR_NO_MEMORY);
        return;
    }
    job->writes = writes;
    uint8_t *text = cluster_script_write(script, &size);
    cluster_ask(calls, &job->parts[0],
                (hc_request){.kind = HC_REQUEST_GROUP,
                             .level = writes ? calls->writes : HC_LEVEL_ONE,
                             .value = hc_span_make(text, text != NULL ? size : 0),
                             .keys = keys,
                             .key_count = count});
    free(text);
}

/* What only reads is answered by the acting primary alone. */
static void ask_together(request *of, const cluster_calls *calls)
{
    hc_span keys[CLUSTER_KEYS_MAX];
    size_t count = 0, named = command_key_count(of->command, of->args, of->argc);
    bool writes = (of->command->flags & COMMAND_WRITE) != 0;
    for (size_t i = 0; i < named; i++) {
        hc_span key = of->args[command_key_at(of->command, i)];
        if (cluster_key_add(keys, &count, key) == CLUSTER_KEYS_MAX) {
            cluster_answer_error(of, ERROR_TOO_MANY_KEYS);
            return;
        }
    }
    const cluster_line line = {of->args, of->argc};
    cluster_ask_group(of, calls, keys, count,
                      &(cluster_script_parts){.lines = &line, .line_count = 1}, writes);
}

static void ask_one(request *of, const cluster_calls *calls, cluster_job_kind kind, hc_request q)
{
    cluster_job *job = cluster_job_add(of, kind, 1);
    if (job == NULL)
        request_error(of, ERROR_NO_MEMORY);
    else
        cluster_ask(calls, &job->parts[0], q);
}

/* False: it has to be refused. */
static bool plan_key(request *of, const cluster_calls *calls)
{
    const command *row = of->command;
    if (row->run == run_get) {
        ask_one(of, calls, JOB_GET,
                (hc_request){.kind = HC_REQUEST_GET, .level = calls->reads, .key = of->args[1]});
        return true;
    }
    if (row->run == run_set && of->argc == 3) {
        ask_one(of, calls, JOB_OK,
                (hc_request){.kind = HC_REQUEST_SET,
                             .level = calls->writes,
                             .key = of->args[1],
                             .value = of->args[2],
                             .expires_at_ms = usual_expiry(of, calls)});
        return true;
    }
    uint32_t slot;
    if (!cluster_runs(row) || !cluster_slot_of(of, &slot)) return false;
    if (row->one_key != 0 || row->keys.last == row->keys.first)
        ask_update(of, calls, of->args[command_key_at(row, 0)]);
    else
        ask_together(of, calls);
    return true;
}

static bool plan_keys(request *of, const cluster_calls *calls)
{
    const command *row = of->command;
    hc_request get = {.kind = HC_REQUEST_GET, .level = calls->reads};
    uint32_t slot;
    if (row->run == run_del) {
        ask_keys(of, calls, JOB_COUNT,
                 (hc_request){.kind = HC_REQUEST_DELETE, .level = calls->writes}, 1);
    } else if (row->run == run_exists || row->run == run_touch) {
        ask_keys(of, calls, JOB_COUNT, get, 1);
    } else if (row->run == run_mget) {
        ask_keys(of, calls, JOB_GETS, get, 1);
    } else if (row->run == run_mset && !cluster_slot_of(of, &slot)) {
        hc_request set = {.kind = HC_REQUEST_SET,
                          .level = calls->writes,
                          .expires_at_ms = usual_expiry(of, calls)};
        ask_keys(of, calls, JOB_OK, set, 2);
    } else if (row->run == run_flushall || row->run == run_flushdb) {
        if (!flush_argument_fits(of)) {
            cluster_answer_error(of, ERROR_SYNTAX);
            return true;
        }
        ask_one(of, calls, JOB_OK, (hc_request){.kind = HC_REQUEST_FLUSH, .level = calls->writes});
    } else {
        return false;
    }
    return true;
}

static const char *why_not(const request *of)
{
    uint32_t slot;
    const command *row = of->command;
    if (row->run == run_move) return "ERR MOVE is not allowed in cluster mode";
    if (row->run == run_swapdb) return "ERR SWAPDB is not allowed in cluster mode";
    if (row->run == run_msetex && command_key_count(row, of->args, of->argc) == 0)
        return "ERR invalid numkeys value";
    bool apart = row->keys.first != 0 && !cluster_slot_of(of, &slot);
    return apart ? ERROR_CROSS_SLOT : "ERR this command is not allowed in a cluster";
}

void cluster_take(request *of)
{
    char where[CLUSTER_MOVED_CHARS];
    if (of->command->run == run_exec) {
        cluster_take_exec(of);
        return;
    }
    const char *why = cluster_refusal(of, of->command->flags);
    if (why == NULL && cluster_moved(of, where)) {
        cluster_answer_moved(of, where);
        return;
    }
    const cluster_calls *calls = why == NULL ? cluster_resume(of->session) : NULL;
    if (why == NULL && calls == NULL) why = ERROR_NOT_IN_CLUSTER;
    if (why == NULL && of->command->run == run_watch)
        cluster_take_watch(of, calls);
    else if (why == NULL && of->command->run == run_wait)
        cluster_take_wait(of, calls);
    else if (why != NULL || (!plan_keys(of, calls) && !plan_key(of, calls)))
        cluster_answer_error(of, why != NULL ? why : why_not(of));
}

bool cluster_holds(const request *of)
{
    const command *row = of->command;
    if (of->session->turn->open == 0) return false;
    if (row != NULL && row->run == run_wait) return true; /* for what is being written */
    if (row == NULL || row->run == NULL || !cluster_may_take(of)) return true;
    bool fits = row->arity >= 0 ? of->argc == (size_t)row->arity : of->argc >= (size_t)-row->arity;
    return !fits || of->session->transaction != NULL || of->session->subscribed != NULL;
}
