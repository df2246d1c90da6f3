/*
 * cluster_plan.c - which command becomes which requests to the cluster.
 *
 *     GET k                          GET
 *     SET k v                        SET
 *     FLUSHALL, FLUSHDB              FLUSH
 *     DEL EXISTS TOUCH MGET MSET     one request a key; not one step
 *     any other of one key           UPDATE: its handler runs on the acting primary, on that key
 *
 * What can be none of these is refused, with the words that clients know where there are any.
 */
#include <stdlib.h>
#include <string.h>

#include "command/cluster_private.h"
#include "command/durable.h"
#include "command/handlers.h"

static void answer_error(request *of, const char *text)
{
    cluster_job *job = cluster_job_add(of, JOB_ERROR, 0);
    if (job == NULL) {
        request_error(of, ERROR_NO_MEMORY);
        return;
    }
    job->error = text;
    cluster_job_added(job);
}

/* False: nothing was answered, the command is to be run. */
static bool answer_moved(request *of)
{
    char where[CLUSTER_MOVED_CHARS];
    if (!cluster_moved(of, where)) return false;
    cluster_job *job = cluster_job_add(of, JOB_MOVED, 0);
    if (job == NULL) {
        request_error(of, ERROR_NO_MEMORY);
        return true;
    }
    memcpy(job->moved, where, sizeof where);
    cluster_job_added(job);
    return true;
}

/* NULL: the node may run it. */
static const char *refusal(const request *of)
{
    uint64_t wait_ns;
    if (of->session->answered == NULL)
        return "ERR keys of a cluster cannot be reached over this connection";
    if (durable_is_loading(of->node)) return "LOADING Redis is loading the dataset in memory";
    hc_persistence *log = durable_log(of->node);
    if (log == NULL || (of->command->flags & COMMAND_WRITE) == 0) return NULL;
    if (hc_persistence_admit(log, &wait_ns) == HC_OK) return NULL;
    return "MISCONF Errors writing to the log file: the disk failed, and writes are refused until "
           "it works again (persistence.on_disk_error)";
}

/* Its part of a job; a refusal is its answer. */
static void ask(const cluster_calls *calls, cluster_part *part, hc_request q)
{
    q.size = sizeof q;
    q.id = (uint64_t)(uintptr_t)part;
    hc_status status = calls->ask(calls->ctx, &q);
    if (status == HC_OK) return;
    hc_reply refused = {
        .size = sizeof refused, .id = q.id, .outcome = HC_OUTCOME_REFUSED, .status = status};
    cluster_part_answer(q.id, &refused);
}

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
        answer_error(of, "ERR wrong number of arguments for 'mset' command");
        return;
    }
    if (count > CLUSTER_KEYS_MAX) {
        answer_error(of, "ERR too many keys for one command in a cluster, the limit is 1024");
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
        ask(calls, &job->parts[i], q);
    }
}

static void ask_update(request *of, const cluster_calls *calls, hc_span key)
{
    size_t size;
    uint8_t *text = cluster_update_write(of, &size);
    cluster_job *job = text != NULL ? cluster_job_add(of, JOB_RAW, 1) : NULL;
    if (job == NULL) {
        free(text);
        request_error(of, ERROR_NO_MEMORY);
        return;
    }
    bool writes = (of->command->flags & COMMAND_WRITE) != 0;
    hc_request q = {.kind = HC_REQUEST_UPDATE,
                    .level = writes ? calls->writes : calls->reads,
                    .key = key,
                    .value = hc_span_make(text, size)};
    ask(calls, &job->parts[0], q);
    free(text);
}

static void ask_one(request *of, const cluster_calls *calls, cluster_job_kind kind, hc_request q)
{
    cluster_job *job = cluster_job_add(of, kind, 1);
    if (job == NULL)
        request_error(of, ERROR_NO_MEMORY);
    else
        ask(calls, &job->parts[0], q);
}

/* Handlers that use more of the node than their key. */
static bool is_of_node(const command *row)
{
    return row->run == run_hc_get || row->run == run_hc_set || row->run == run_hc_release ||
           (row->flags & COMMAND_EXCLUSIVE) != 0;
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
    if (command_key_count(row, of->args, of->argc) != 1 || is_of_node(row)) return false;
    ask_update(of, calls, of->args[command_key_at(row, 0)]);
    return true;
}

static bool plan_keys(request *of, const cluster_calls *calls)
{
    const command *row = of->command;
    hc_request get = {.kind = HC_REQUEST_GET, .level = calls->reads};
    if (row->run == run_del) {
        ask_keys(of, calls, JOB_COUNT,
                 (hc_request){.kind = HC_REQUEST_DELETE, .level = calls->writes}, 1);
    } else if (row->run == run_exists || row->run == run_touch) {
        ask_keys(of, calls, JOB_COUNT, get, 1);
    } else if (row->run == run_mget) {
        ask_keys(of, calls, JOB_GETS, get, 1);
    } else if (row->run == run_mset) {
        hc_request set = {.kind = HC_REQUEST_SET,
                          .level = calls->writes,
                          .expires_at_ms = usual_expiry(of, calls)};
        ask_keys(of, calls, JOB_OK, set, 2);
    } else if (row->run == run_flushall || row->run == run_flushdb) {
        ask_one(of, calls, JOB_OK, (hc_request){.kind = HC_REQUEST_FLUSH, .level = calls->writes});
    } else {
        return false;
    }
    return true;
}

static const char *why_not(const request *of)
{
    const command *row = of->command;
    if (row->keys.first == 0) return "ERR this command is not allowed in a cluster";
    size_t count = command_key_count(row, of->args, of->argc);
    for (size_t i = 1; i < count; i++) {
        uint32_t first = hc_ring_slot(of->args[command_key_at(row, 0)]);
        if (hc_ring_slot(of->args[command_key_at(row, i)]) != first)
            return "CROSSSLOT Keys in request don't hash to the same slot";
    }
    return "ERR this command is not allowed in a cluster";
}

void cluster_take(request *of)
{
    const char *why = refusal(of);
    if (why == NULL && answer_moved(of)) return;
    const cluster_calls *calls = why == NULL ? cluster_resume(of->session) : NULL;
    if (why == NULL && calls == NULL) why = "LOADING this node is not in its cluster yet";
    if (why == NULL && (plan_keys(of, calls) || plan_key(of, calls))) return;
    answer_error(of, why != NULL ? why : why_not(of));
}

bool cluster_holds(const request *of)
{
    const command *row = of->command;
    if (of->session->turn->open == 0) return false;
    if (row == NULL || row->run == NULL || !cluster_may_take(of)) return true;
    bool fits = row->arity >= 0 ? of->argc == (size_t)row->arity : of->argc >= (size_t)-row->arity;
    return !fits || of->session->transaction != NULL || of->session->subscribed != NULL;
}
