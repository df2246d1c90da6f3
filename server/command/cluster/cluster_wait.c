/*
 * cluster_wait.c - WAIT in a cluster: how many other nodes have what this client wrote last?
 *
 *     SET k v      the session remembers k and, when it is answered, the version
 *     WAIT n t     asks, for each key remembered, until n holders have that version; says the least
 *
 * One key a slot, and CLUSTER_WRITES_KEPT slots, the latest: what a holder gets of one slot it gets
 * in order.
 */
#include <stdlib.h>
#include <string.h>

#include "command/cluster/cluster_private.h"
#include "command/wait.h"

#define WAIT_MS_MAX 60000
#define WAIT_LOOK_MS 20u /* of WAIT 0, which takes what is known by then */
enum { CLUSTER_WRITES_KEPT = 16, KEY_BYTES_NEAR = 48 };

typedef struct last_write {
    uint64_t serial, version; /* version 0: not known yet, or nothing was written */
    uint32_t slot;
    uint32_t key_bytes;
    uint8_t *far; /* of a long key; NULL: it is in `near` */
    uint8_t near[KEY_BYTES_NEAR];
} last_write;

struct cluster_writes {
    uint64_t serial; /* of the latest */
    last_write last[CLUSTER_WRITES_KEPT];
};

void cluster_writes_drop(session *who)
{
    for (size_t i = 0; who->cluster_writes != NULL && i < CLUSTER_WRITES_KEPT; i++)
        free(who->cluster_writes->last[i].far);
    free(who->cluster_writes);
    who->cluster_writes = NULL;
}

static last_write *place_of(cluster_writes *of, uint32_t slot)
{
    last_write *oldest = &of->last[0];
    for (size_t i = 0; i < CLUSTER_WRITES_KEPT; i++) {
        last_write *one = &of->last[i];
        if (one->serial != 0 && one->slot == slot) return one;
        if (one->serial < oldest->serial) oldest = one;
    }
    return oldest;
}

uint64_t cluster_write_note(session *who, hc_span key)
{
    if (who->cluster_writes == NULL) who->cluster_writes = calloc(1, sizeof *who->cluster_writes);
    if (who->cluster_writes == NULL) return 0;
    uint32_t slot = hc_ring_slot(key);
    last_write *to = place_of(who->cluster_writes, slot);
    free(to->far);
    *to = (last_write){.slot = slot, .key_bytes = (uint32_t)key.size};
    if (key.size > KEY_BYTES_NEAR) to->far = malloc(key.size);
    if (key.size > KEY_BYTES_NEAR && to->far == NULL) return 0;
    if (key.size > 0) memcpy(to->far != NULL ? to->far : to->near, key.data, key.size);
    to->serial = ++who->cluster_writes->serial;
    return to->serial;
}

void cluster_write_known(session *who, uint64_t serial, uint64_t version)
{
    for (size_t i = 0; who->cluster_writes != NULL && i < CLUSTER_WRITES_KEPT; i++)
        if (who->cluster_writes->last[i].serial == serial)
            who->cluster_writes->last[i].version = version;
}

/* ---- WAIT ---- */

static uint32_t others_there(const request *of)
{
    const cluster_view *view = cluster_view_acquire(of->node);
    uint32_t there = 0;
    for (size_t i = 0; view != NULL && i < view->member_count; i++)
        there += view->members[i].is.ring == HC_RING_ACTIVE &&
                 view->members[i].is.state <= HC_MEMBER_SUSPECT;
    if (view != NULL && there > view->replicas) there = view->replicas;
    cluster_view_release(view);
    return there > 0 ? there - 1 : 0;
}

static size_t known_writes(const session *who, const last_write *found[CLUSTER_WRITES_KEPT])
{
    size_t count = 0;
    for (size_t i = 0; who->cluster_writes != NULL && i < CLUSTER_WRITES_KEPT; i++) {
        const last_write *one = &who->cluster_writes->last[i];
        if (one->version != 0) found[count++] = one;
    }
    return count;
}

void cluster_take_wait(request *of, const cluster_calls *calls)
{
    const last_write *writes[CLUSTER_WRITES_KEPT];
    wait_wish wish;
    const char *why = wait_wish_read(of, &wish);
    if (why != NULL) {
        cluster_answer_error(of, why);
        return;
    }
    size_t count = known_writes(of->session, writes);
    uint32_t there = others_there(of);
    cluster_job *job = cluster_job_add(of, JOB_WAIT, (uint32_t)count);
    if (job == NULL) {
        request_error(of, ERROR_NO_MEMORY);
        return;
    }
    job->have = there; /* of nothing they have everything */
    bool looks = wish.replicas <= 0;
    bool longest = wish.timeout_ms == 0 || wish.timeout_ms > WAIT_MS_MAX;
    for (size_t i = 0; i < count; i++) {
        const last_write *one = writes[i];
        const uint8_t *key = one->far != NULL ? one->far : one->near;
        bool many = looks || wish.replicas > HC_RING_REPLICAS_MAX;
        cluster_ask(calls, &job->parts[i],
                    (hc_request){.kind = HC_REQUEST_WAIT,
                                 .key = hc_span_make(key, one->key_bytes),
                                 .version = one->version,
                                 .holders = looks  ? there
                                            : many ? HC_RING_REPLICAS_MAX
                                                   : (uint32_t)wish.replicas,
                                 .timeout_ms = looks     ? WAIT_LOOK_MS
                                               : longest ? WAIT_MS_MAX
                                                         : (uint32_t)wish.timeout_ms});
    }
    if (count == 0) cluster_job_added(job);
}

/* The least of all. */
void cluster_wait_render(const cluster_job *job, reply *to)
{
    uint32_t have = job->part_count > 0 ? UINT32_MAX : job->have;
    for (uint32_t i = 0; i < job->part_count; i++)
        if (job->parts[i].have < have) have = job->parts[i].have;
    to->ops->integer(to, have);
}
