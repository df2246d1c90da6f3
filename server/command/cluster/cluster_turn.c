/*
 * cluster_turn.c - turns, their jobs and parts: made, answered, rendered.  Which command becomes
 * what is decided in cluster_plan.c.
 */
#include "command/cluster/cluster_turn.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/caller.h"
#include "command/cluster/cluster_private.h"
#include "command/tracing.h"

/* ---- life ---- */

static cluster_worker *worker_of(node *of, unsigned worker)
{
    return &of->cluster->workers[worker];
}

static void job_fini(cluster_job *job)
{
    if (job->run != NULL) tracing_answered(job->turn->node, job->run, "ERR"); /* never answered */
    for (uint32_t i = 0; i < job->part_count; i++)
        free(job->parts[i].bytes);
    if (job->parts != &job->one) free(job->parts);
}

static void turn_free(cluster_turn *turn)
{
    cluster_worker *w = worker_of(turn->node, turn->worker);
    for (uint32_t i = 0; i < turn->job_count; i++)
        job_fini(&turn->jobs[i]);
    if (turn->next != NULL) turn->next->previous = turn->previous;
    if (turn->previous != NULL)
        turn->previous->next = turn->next;
    else
        w->turns = turn->next;
    if (w->spare == NULL)
        w->spare = turn;
    else
        free(turn);
}

static cluster_turn *turn_create(session *who)
{
    cluster_worker *w = worker_of(who->node, who->worker);
    cluster_turn *turn = w->spare != NULL ? w->spare : malloc(sizeof *turn);
    w->spare = NULL;
    if (turn == NULL) return NULL;
    memset(turn, 0, offsetof(cluster_turn, jobs));
    turn->node = who->node;
    turn->session = who;
    turn->worker = who->worker;
    turn->running = true;
    turn->next = w->turns;
    if (turn->next != NULL) turn->next->previous = turn;
    w->turns = turn;
    who->turn = turn;
    return turn;
}

void cluster_workers_fini(cluster *c, unsigned count)
{
    for (unsigned i = 0; c->workers != NULL && i < count; i++) {
        cluster_worker *w = &c->workers[i];
        while (w->turns != NULL) /* never answered */
            turn_free(w->turns);
        free(w->spare);
        (void)pthread_mutex_destroy(&w->lock);
    }
    free(c->workers);
    c->workers = NULL;
}

/* ---- in a batch ---- */

const cluster_calls *cluster_resume(session *who)
{
    cluster *c = who->node->cluster;
    if (who->in_cluster) return &c->calls;
    const cluster_calls *calls = cluster_calls_hold(who->node);
    if (calls == NULL) return NULL;
    calls->enter(calls->ctx);
    who->in_cluster = true;
    return calls;
}

void cluster_pause(session *who)
{
    if (!who->in_cluster) return;
    const cluster_calls *calls = &who->node->cluster->calls;
    who->in_cluster = false;
    calls->exit(calls->ctx);
    cluster_calls_let(who->node);
}

cluster_job *cluster_job_add(request *of, cluster_job_kind kind, uint32_t part_count)
{
    session *who = of->session;
    cluster_turn *turn = who->turn != NULL ? who->turn : turn_create(who);
    if (turn == NULL || turn->job_count == REQUEST_BATCH_MAX) return NULL;
    cluster_job *job = &turn->jobs[turn->job_count];
    *job = (cluster_job){.turn = turn,
                         .kind = kind,
                         .command = of->command,
                         .reply = of->reply,
                         .muted = of->reply->ops == &reply_mute_ops,
                         .writes = (of->command->flags & COMMAND_WRITE) != 0,
                         .part_count = part_count,
                         .left = part_count};
    job->parts = part_count <= 1 ? &job->one : calloc(part_count, sizeof *job->parts);
    if (job->parts == NULL) return NULL;
    for (uint32_t i = 0; i < part_count; i++)
        job->parts[i].job = job;
    caller_tell(of, &job->trace, &job->correlation);
    if (who->running != NULL) {
        job->since_ns = who->running->since_ns;
        job->run = tracing_take(who);
    }
    turn->job_count++;
    if (part_count > 0) turn->open++;
    return job;
}

static void writes_know(const cluster_job *job)
{
    for (uint32_t i = 0; i < job->part_count && job->writes; i++) {
        const cluster_part *part = &job->parts[i];
        if (part->write != 0 && part->outcome <= HC_OUTCOME_ABSENT)
            cluster_write_known(job->turn->session, part->write, part->version);
    }
}

/* Those at the front that are answered, in their order. */
static void front_render(cluster_turn *turn, reply *to)
{
    while (turn->rendered < turn->job_count && turn->jobs[turn->rendered].left == 0) {
        cluster_job *job = &turn->jobs[turn->rendered++];
        writes_know(job);
        if (!job->muted) cluster_job_render(job, to);
    }
}

void cluster_job_added(cluster_job *job)
{
    if (job->left != 0) return;
    if (job->since_ns != 0) cluster_job_traced(job);
    front_render(job->turn, job->reply);
}

void cluster_batch_end(session *who)
{
    cluster_turn *turn = who->turn;
    if (turn != NULL) {
        assert(turn->open == 0 || who->in_cluster); /* so that nobody answers meanwhile */
        turn->running = false;
        if (turn->open == 0) {
            assert(turn->rendered == turn->job_count);
            who->turn = NULL;
            turn_free(turn);
        }
    }
    cluster_pause(who);
}

/* ---- answers ---- */

static void turn_done(cluster_turn *turn)
{
    cluster_worker *w = worker_of(turn->node, turn->worker);
    (void)pthread_mutex_lock(&w->lock);
    turn->done_next = NULL;
    if (w->done_last != NULL)
        w->done_last->done_next = turn;
    else
        w->done_first = turn;
    w->done_last = turn;
    if (w->wake != NULL) w->wake(w->wake_ctx);
    (void)pthread_mutex_unlock(&w->lock);
}

void cluster_part_answer(uint64_t id, const hc_reply *said)
{
    cluster_part *part = (cluster_part *)(uintptr_t)id;
    cluster_job *job = part->job;
    cluster_turn *turn = job->turn;
    part->outcome = said->outcome;
    part->status = said->status;
    part->have = said->have;
    part->need = said->need;
    part->type = said->type;
    part->version = said->version;
    bool direct = turn->running && job->part_count == 1 && turn->jobs + turn->rendered == job;
    assert(job->left > 0);
    job->left--;
    if (job->left == 0) turn->open--;
    if (job->since_ns != 0) {
        part->value = said->value; /* for a look */
        if (job->run != NULL) cluster_part_traced(part);
        if (job->left == 0) cluster_job_traced(job);
        part->value = (hc_span){.size = 0};
    }
    if (direct) { /* while its command runs: the value need not be copied */
        part->value = said->value;
        front_render(turn, job->reply);
        part->value = (hc_span){.size = 0};
        return;
    }
    if (said->value.size > 0) {
        part->bytes = malloc(said->value.size);
        if (part->bytes == NULL) {
            part->outcome = HC_OUTCOME_REFUSED;
            part->status = HC_ERR_NO_MEMORY;
        } else {
            memcpy(part->bytes, said->value.data, said->value.size);
            part->value = hc_span_make(part->bytes, said->value.size);
        }
    }
    if (turn->running)
        front_render(turn, job->reply);
    else if (turn->open == 0)
        turn_done(turn); /* its worker may free it from here on */
}

/* ---- the transport's side ---- */

void cluster_wake_by(node *of, unsigned worker, void (*wake)(void *ctx), void *ctx)
{
    cluster_worker *w = worker_of(of, worker);
    (void)pthread_mutex_lock(&w->lock);
    w->wake = wake;
    w->wake_ctx = ctx;
    (void)pthread_mutex_unlock(&w->lock);
}

void cluster_turns_answered(node *of, unsigned worker)
{
    cluster_worker *w = worker_of(of, worker);
    for (;;) {
        (void)pthread_mutex_lock(&w->lock);
        cluster_turn *turn = w->done_first;
        if (turn != NULL) w->done_first = turn->done_next;
        if (w->done_first == NULL) w->done_last = NULL;
        (void)pthread_mutex_unlock(&w->lock);
        if (turn == NULL) return;
        if (turn->session != NULL)
            turn->session->answered(turn->session); /* which calls cluster_turn_render */
        else
            turn_free(turn);
    }
}

void cluster_turn_render(session *who, reply *to)
{
    cluster_turn *turn = who->turn;
    assert(turn != NULL && turn->open == 0);
    front_render(turn, to);
    assert(turn->rendered == turn->job_count);
    who->turn = NULL;
    turn_free(turn);
}

void cluster_turn_abandon(session *who)
{
    if (who->turn == NULL) return;
    who->turn->session = NULL; /* cluster_turns_answered frees it */
    who->turn = NULL;
}
