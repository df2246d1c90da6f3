/*
 * cluster_reply.c - the answers of a command's parts become its reply.
 *
 * What a handler answered on another node arrives as the bytes of a RESP3 reply and is replayed
 * into this client's reply, whatever that speaks.  The bytes come from another process, so they are
 * checked as a whole before the first is replayed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/cluster/cluster_private.h"
#include "command/handlers.h"

#define DEPTH_MAX 8u

/* ---- errors ---- */

static void render_refusal(const cluster_part *part, reply *to)
{
    switch (part->status) {
    case HC_ERR_LIMIT:
        reply_errorf(to, "ERR key or value is too long for a cluster, or too many requests wait");
        break;
    case HC_ERR_FULL:
        reply_errorf(to, "OOM command not allowed when used memory > 'maxmemory'.");
        break;
    case HC_ERR_NO_MEMORY:
        reply_errorf(to, ERROR_NO_MEMORY);
        break;
    default:
        reply_errorf(to, "ERR %s", hc_status_text(part->status));
        break;
    }
}

/* True: it was an error. */
static bool render_error(const cluster_part *part, reply *to)
{
    switch (part->outcome) {
    case HC_OUTCOME_DONE:
    case HC_OUTCOME_ABSENT:
        return false;
    case HC_OUTCOME_NO_REPLICAS:
        reply_errorf(to, "NOREPLICAS need %" PRIu32 " have %" PRIu32, part->need, part->have);
        break;
    case HC_OUTCOME_UNCERTAIN:
        reply_errorf(to, "UNCERTAIN %" PRIu32 "/%" PRIu32 " acks", part->have, part->need);
        break;
    case HC_OUTCOME_TRY_AGAIN:
        reply_errorf(to, "TRYAGAIN topology settling");
        break;
    case HC_OUTCOME_DOWN:
        reply_errorf(to, "CLUSTERDOWN Hash slot not served");
        break;
    case HC_OUTCOME_CLOCK:
        reply_errorf(to, "CLOCKSKEW this node's clock is wrong");
        break;
    case HC_OUTCOME_REFUSED:
        render_refusal(part, to);
        break;
    }
    return true;
}

/* ---- RESP3 that another node wrote ---- */

typedef struct scan {
    hc_span text;
    size_t at;
} scan;

/* The line behind the kind, without its end.  False: none. */
static bool line_take(scan *s, hc_span *line)
{
    size_t from = s->at;
    const uint8_t *end = memchr(s->text.data + from, '\r', s->text.size - from);
    if (end == NULL) return false;
    size_t size = (size_t)(end - s->text.data) - from;
    if (s->text.size - from - size < 2 || end[1] != '\n') return false;
    *line = hc_span_make(s->text.data + from, size);
    s->at = from + size + 2;
    return true;
}

static bool count_read(hc_span line, size_t most, size_t *out)
{
    int64_t value;
    if (!integer_parse(line, &value) || value < 0 || (uint64_t)value > most) return false;
    *out = (size_t)value;
    return true;
}

static bool bulk_take(scan *s, hc_span line, hc_span *bulk)
{
    size_t size, left = s->text.size - s->at;
    if (!count_read(line, left, &size) || left - size < 2) return false;
    *bulk = hc_span_make(s->text.data + s->at, size);
    s->at += size + 2;
    return true;
}

static void real_replay(hc_span line, reply *to)
{
    char text[64];
    size_t size = line.size < sizeof text - 1 ? line.size : sizeof text - 1;
    memcpy(text, line.data, size);
    text[size] = '\0';
    to->ops->real(to, strtod(text, NULL));
}

/* `to` NULL: only looks. */
static bool take_one(scan *s, reply *to, unsigned depth);

static bool take_many(scan *s, reply *to, unsigned depth, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!take_one(s, to, depth + 1)) return false;
    }
    return true;
}

static bool take_aggregate(scan *s, reply *to, unsigned depth, uint8_t kind, hc_span line)
{
    size_t count, left = s->text.size - s->at;
    if (depth >= DEPTH_MAX || !count_read(line, left, &count)) return false;
    if (to != NULL) {
        if (kind == '%')
            to->ops->map(to, count);
        else if (kind == '~')
            to->ops->set(to, count);
        else
            to->ops->array(to, count);
    }
    return take_many(s, to, depth, kind == '%' ? 2 * count : count);
}

static bool take_one(scan *s, reply *to, unsigned depth)
{
    hc_span line, bulk;
    int64_t number;
    if (s->at >= s->text.size) return false;
    uint8_t kind = s->text.data[s->at++];
    if (!line_take(s, &line)) return false;
    switch (kind) {
    case '+':
        if (to != NULL) to->ops->status(to, line);
        return true;
    case '-':
        if (to != NULL) to->ops->error(to, line);
        return true;
    case ':':
        if (!integer_parse(line, &number)) return false;
        if (to != NULL) to->ops->integer(to, number);
        return true;
    case ',':
        if (to != NULL) real_replay(line, to);
        return true;
    case '#':
        if (line.size != 1) return false;
        if (to != NULL) to->ops->boolean(to, line.data[0] == 't');
        return true;
    case '_':
        if (to != NULL) to->ops->null(to);
        return true;
    case '$':
        if (!bulk_take(s, line, &bulk)) return false;
        if (to != NULL) reply_text(to, bulk);
        return true;
    case '=':
        if (!bulk_take(s, line, &bulk) || bulk.size < 4) return false;
        if (to != NULL) to->ops->verbatim(to, hc_span_make(bulk.data + 4, bulk.size - 4));
        return true;
    case '*':
    case '~':
    case '%':
        return take_aggregate(s, to, depth, kind, line);
    default:
        return false;
    }
}

bool cluster_reply_replay(hc_span text, reply *to)
{
    scan look = {.text = text}, play = {.text = text};
    if (!take_one(&look, NULL, 0) || look.at != text.size) return false;
    return take_one(&play, to, 0);
}

/* ---- jobs ---- */

static void render_get(const cluster_part *part, reply *to)
{
    if (part->outcome == HC_OUTCOME_ABSENT)
        to->ops->null(to);
    else if (part->type != HC_TYPE_STRING)
        reply_errorf(to, "WRONGTYPE Operation against a key holding the wrong kind of value");
    else
        reply_text(to, part->value);
}

static void render_many(const cluster_job *job, reply *to)
{
    int64_t count = 0;
    for (uint32_t i = 0; i < job->part_count; i++) { /* the first error speaks for all */
        if (render_error(&job->parts[i], to)) return;
        count += job->parts[i].outcome == HC_OUTCOME_DONE;
    }
    if (job->kind == JOB_WATCH) cluster_watch_render(job);
    if (job->kind == JOB_OK || job->kind == JOB_WATCH) {
        reply_ok(to);
    } else if (job->kind == JOB_COUNT) {
        to->ops->integer(to, count);
    } else {
        to->ops->array(to, job->part_count);
        for (uint32_t i = 0; i < job->part_count; i++) {
            const cluster_part *part = &job->parts[i];
            bool there = part->outcome == HC_OUTCOME_DONE && part->type == HC_TYPE_STRING;
            if (there)
                reply_text(to, part->value);
            else
                to->ops->null(to);
        }
    }
}

void cluster_job_render(const cluster_job *job, reply *to)
{
    if (job->kind == JOB_ERROR) {
        reply_errorf(to, "%s", job->error);
        return;
    }
    if (job->kind == JOB_WAIT) {
        cluster_wait_render(job, to);
        return;
    }
    if (job->kind == JOB_MOVED) {
        reply_errorf(to, "%s", job->moved);
        return;
    }
    if (job->kind == JOB_GET || job->kind == JOB_RAW) {
        const cluster_part *part = &job->parts[0];
        bool broken = part->outcome == HC_OUTCOME_REFUSED && part->status == HC_ERR_CONFLICT;
        if (broken && job->command->run == run_exec) { /* a watched key is another one now */
            to->ops->null_array(to);
            return;
        }
        if (render_error(part, to)) return;
        if (job->kind == JOB_GET)
            render_get(part, to);
        else if (!cluster_reply_replay(part->value, to))
            reply_errorf(to, "ERR another node gave an answer that cannot be read");
        return;
    }
    render_many(job, to);
}
