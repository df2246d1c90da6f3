/*
 * log_put.c - noting a change in the ring, under the lock of the key's shard.
 *
 * When the ring is full the writer does the log's work itself rather than wait for somebody who may
 * not come.  When that fails too, the disk being gone, the change is in memory only, and so is
 * everything after it (`lost`) until a snapshot has made up for it: a log with a hole would be
 * worse than one that ends.
 *
 * Groups.  Records of a group carry its number wherever they lie in the log, and count only if its
 * COMMIT follows.  A thread has one open group at most: that of hc_persistence_begin_group, or of a
 * store's transaction, or of a value in pieces.  A snapshot must not end inside a group, so open
 * groups are counted, in two counters that take turns: `flip` makes new groups use the other one.
 */
#include "persistence/persistence_private.h"

#include "host/relax.h"

static _Thread_local struct {
    const hc_persistence *p; /* NULL: no open group */
    uint64_t id;
    uint32_t epoch;
    bool is_explicit;
    bool is_used; /* a record was put */
} group_mine;

/* ---- the ring ---- */

static void wake(hc_persistence *p)
{
    if (p->hooks.wake == NULL) return;
    /* Whichever of the two exchanges comes second sees what the other side did before its own. */
    if (atomic_exchange_explicit(&p->log.idle, 0, memory_order_acq_rel) == 0) return;
    p->hooks.wake(p->hooks.ctx);
}

/* Makes room in the ring; false: there is none to be had. */
static bool room_make(hc_persistence *p)
{
    log_state *log = &p->log;
    atomic_fetch_add_explicit(&log->ring_full, 1, memory_order_relaxed);
    if (!hci_lock_try_acquire(&log->lock)) {
        hci_cpu_relax(); /* somebody is making room */
        return true;
    }
    hc_status status = hci_log_work(p, true);
    hci_lock_release(&log->lock);
    return status == HC_OK;
}

bool hci_log_put(hc_persistence *p, record *r)
{
    log_state *log = &p->log;
    uint64_t lsn;
    if (!atomic_load_explicit(&log->lost, memory_order_acquire)) {
        for (;;) {
            if (hci_ring_put(&log->ring, r, &lsn)) {
                wake(p);
                return true;
            }
            if (!room_make(p)) break;
        }
        atomic_store_explicit(&log->lost, true, memory_order_release);
    }
    atomic_fetch_add_explicit(&log->dropped, 1, memory_order_relaxed);
    return false;
}

static size_t piece_bytes_max(const hc_persistence *p)
{
    uint64_t ring_part = (p->log.ring.mask + 1) / 8;
    return ring_part < RECORD_PIECE_BYTES_MAX ? (size_t)ring_part : RECORD_PIECE_BYTES_MAX;
}

void hci_log_put_value(hc_persistence *p, record *r)
{
    size_t piece_max = piece_bytes_max(p);
    hc_span rest = r->value;
    if (rest.size <= piece_max) {
        (void)hci_log_put(p, r);
        return;
    }
    bool is_mine = group_mine.p == NULL;
    if (is_mine) hci_group_begin(p, true);
    if (r->group == 0) r->group = hci_group_now(p, true);
    while (true) {
        size_t piece = rest.size < piece_max ? rest.size : piece_max;
        r->value = hc_span_make(rest.data, piece);
        r->flags = piece < rest.size ? RECORD_MORE : 0;
        if (!hci_log_put(p, r) || piece == rest.size) break;
        rest = hc_span_make(rest.data + piece, rest.size - piece);
        *r = (record){.kind = RECORD_PIECE, .store = r->store, .group = r->group};
    }
    if (is_mine) hci_group_commit(p, true);
}

/* ---- groups ---- */

uint64_t hci_group_now(const hc_persistence *p, bool in_txn)
{
    if (group_mine.p != p || !(in_txn || group_mine.is_explicit)) return 0;
    group_mine.is_used = true;
    return group_mine.id;
}

void hci_group_begin(hc_persistence *p, bool is_explicit)
{
    log_state *log = &p->log;
    if (group_mine.p != NULL) return;
    uint32_t epoch;
    for (;;) {
        epoch = atomic_load_explicit(&log->group_epoch, memory_order_seq_cst);
        atomic_fetch_add_explicit(&log->groups_open[epoch & 1], 1, memory_order_seq_cst);
        if (atomic_load_explicit(&log->group_epoch, memory_order_seq_cst) == epoch) break;
        atomic_fetch_sub_explicit(&log->groups_open[epoch & 1], 1, memory_order_seq_cst);
    }
    group_mine.p = p;
    group_mine.id = atomic_fetch_add_explicit(&log->group_next, 1, memory_order_relaxed);
    group_mine.epoch = epoch;
    group_mine.is_explicit = is_explicit;
    group_mine.is_used = false;
}

void hci_group_commit(hc_persistence *p, bool is_explicit)
{
    if (group_mine.p != p || group_mine.is_explicit != is_explicit) return;
    if (group_mine.is_used) {
        record commit = {.kind = RECORD_COMMIT, .group = group_mine.id};
        (void)hci_log_put(p, &commit);
    }
    atomic_fetch_sub_explicit(&p->log.groups_open[group_mine.epoch & 1], 1, memory_order_seq_cst);
    group_mine.p = NULL;
}

uint32_t hci_groups_flip(hc_persistence *p)
{
    return atomic_fetch_add_explicit(&p->log.group_epoch, 1, memory_order_seq_cst);
}

bool hci_groups_closed(hc_persistence *p, uint32_t epoch)
{
    return atomic_load_explicit(&p->log.groups_open[epoch & 1], memory_order_seq_cst) == 0;
}

void hc_persistence_begin_group(hc_persistence *p)
{
    hci_group_begin(p, true);
}

void hc_persistence_end_group(hc_persistence *p)
{
    hci_group_commit(p, true);
}
