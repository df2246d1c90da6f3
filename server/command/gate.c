/*
 * gate.c - closing is Dekker's rule once more: each side writes its own word, then reads the
 * other's.
 *
 *     worker     inside = true;  closed?  -> step back, wait        inside = false;  closed?  ->
 * tell exclusive  closed = true;  anyone inside?  -> wait until told
 *
 * All four are sequentially consistent, so at least one of the two sees the other, and the one who
 * looks second under the lock sees both.
 *
 *          begin                     all left                   end
 *     OPEN -----> CLOSED, draining ----------> CLOSED, taken ---------> OPEN, or with another turn
 *                                                                       waiting CLOSED, draining
 *                                                                       those who waited at doors
 */
#include "command/gate.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define LOOKS_MAX 4000u /* at doors, some microseconds: most batches are over by then */

struct gate_turn {
    pthread_cond_t come;
    gate_turn *next;
    bool mine;
};

hc_status gate_init(gate *of, unsigned workers)
{
    memset(of, 0, sizeof *of);
    of->doors = aligned_alloc(64, workers * sizeof *of->doors);
    if (of->doors == NULL) return HC_ERR_NO_MEMORY;
    memset(of->doors, 0, workers * sizeof *of->doors);
    of->count = workers;
    of->turns_last = &of->turns;
    (void)pthread_mutex_init(&of->lock, NULL); /* plain ones cannot fail on Linux */
    (void)pthread_cond_init(&of->left, NULL);
    (void)pthread_cond_init(&of->opened, NULL);
    return HC_OK;
}

void gate_fini(gate *of)
{
    if (of->doors == NULL) return;
    assert(!of->taken && of->turns == NULL);
    (void)pthread_cond_destroy(&of->opened);
    (void)pthread_cond_destroy(&of->left);
    (void)pthread_mutex_destroy(&of->lock);
    free(of->doors);
    of->doors = NULL;
}

static bool anyone_inside(const gate *of)
{
    for (unsigned i = 0; i < of->count; i++)
        if (atomic_load(&of->doors[i].inside)) return true;
    return false;
}

/* ---- workers that find it closed ---- */

void gate_enter_closed(gate *of, gate_door *door)
{
    (void)pthread_mutex_lock(&of->lock);
    if (atomic_load(&of->closed)) {
        atomic_store(&door->inside, false);
        (void)pthread_cond_signal(&of->left);
        door->waits = true;
        while (door->waits)
            (void)pthread_cond_wait(&of->opened, &of->lock);
    }
    assert(atomic_load(&door->inside));
    (void)pthread_mutex_unlock(&of->lock);
}

void gate_leave_closed(gate *of)
{
    (void)pthread_mutex_lock(&of->lock);
    (void)pthread_cond_signal(&of->left);
    (void)pthread_mutex_unlock(&of->lock);
}

/* ---- exclusive steps ---- */

/* Lock held: waits for those that came before. */
static void turn_await(gate *of)
{
    if (!of->taken) {
        of->taken = true;
        return;
    }
    gate_turn turn = {.mine = false};
    (void)pthread_cond_init(&turn.come, NULL);
    *of->turns_last = &turn;
    of->turns_last = &turn.next;
    while (!turn.mine)
        (void)pthread_cond_wait(&turn.come, &of->lock);
    (void)pthread_cond_destroy(&turn.come);
}

void gate_exclusive_begin(gate *of)
{
    (void)pthread_mutex_lock(&of->lock);
    turn_await(of);
    atomic_store(&of->closed, true);
    (void)pthread_mutex_unlock(&of->lock);
    for (unsigned looks = 0; looks < LOOKS_MAX; looks += of->count)
        if (!anyone_inside(of)) return;
    (void)pthread_mutex_lock(&of->lock);
    while (anyone_inside(of))
        (void)pthread_cond_wait(&of->left, &of->lock);
    (void)pthread_mutex_unlock(&of->lock);
}

void gate_exclusive_end(gate *of)
{
    (void)pthread_mutex_lock(&of->lock);
    assert(of->taken); /* a door may say `inside` for the moment until its worker steps back */
    bool any = false;
    for (unsigned i = 0; i < of->count; i++) {
        if (!of->doors[i].waits) continue;
        of->doors[i].waits = false;
        atomic_store(&of->doors[i].inside, true);
        any = true;
    }
    gate_turn *next = of->turns;
    if (next != NULL) { /* stays closed for those who come to a door from now on */
        of->turns = next->next;
        if (of->turns == NULL) of->turns_last = &of->turns;
        next->mine = true;
        (void)pthread_cond_signal(&next->come);
    } else {
        of->taken = false;
        atomic_store(&of->closed, false);
    }
    if (any) (void)pthread_cond_broadcast(&of->opened);
    (void)pthread_mutex_unlock(&of->lock);
}
