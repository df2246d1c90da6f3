/*
 * store_segment.c - the shard's data, 64 KiB at a time.
 *
 *     UNTOUCHED --take--> OPEN --full--> SEALED --victimize--> VICTIM --free--> FREE --take--> OPEN
 *         ^                                ^---------restore------'               |
 *         '------------------------------- discard --------------------------------'
 *
 * Accounts, exact at all times under the lock:
 *   S1  memory_bytes counts every segment that is not UNTOUCHED;
 *   S2  a segment's `live` is the sum of the items in it that the index points at;
 *   S3  a SEALED segment is in the queue of its class, oldest first, and in its bin
 *       (segment_bin), so the emptiest one is found without a search;
 *   S4  a SEALED segment with live 0 does not exist: it is freed at once.
 *
 * Readers may still be looking at the items of a segment that is freed.  The sequence moves before
 * it is given back or filled again, so they notice.
 */
#include "store/store_private.h"

/* Bytes of extents in one segment; more would make it too coarse a unit to evict. */
#define OPEN_WEIGHT_MAX (4u << 20)

/* ---- queues and bins ---- */

static void queue_push(shard *s, segment_queue *queue, uint32_t number, bool as_oldest)
{
    segment *seg = &s->segments[number];
    seg->next = as_oldest ? queue->first : NONE;
    seg->previous = as_oldest ? NONE : queue->last;
    *(seg->next != NONE ? &s->segments[seg->next].previous : &queue->last) = number;
    *(seg->previous != NONE ? &s->segments[seg->previous].next : &queue->first) = number;
    queue->count++;
}

static void queue_remove(shard *s, segment_queue *queue, uint32_t number)
{
    segment *seg = &s->segments[number];
    *(seg->next != NONE ? &s->segments[seg->next].previous : &queue->last) = seg->previous;
    *(seg->previous != NONE ? &s->segments[seg->previous].next : &queue->first) = seg->next;
    queue->count--;
}

static void bin_push(shard *s, uint32_t number)
{
    segment *seg = &s->segments[number];
    seg->bin = segment_bin(seg);
    uint32_t first = s->bins[seg->bin];
    seg->bin_previous = NONE;
    seg->bin_next = first;
    if (first != NONE) s->segments[first].bin_previous = number;
    s->bins[seg->bin] = number;
}

static void bin_remove(shard *s, uint32_t number)
{
    segment *seg = &s->segments[number];
    if (seg->bin_next != NONE) s->segments[seg->bin_next].bin_previous = seg->bin_previous;
    if (seg->bin_previous != NONE) {
        s->segments[seg->bin_previous].bin_next = seg->bin_next;
    } else {
        s->bins[seg->bin] = seg->bin_next;
    }
}

/* ---- taking ---- */

static uint32_t take_free(shard *s)
{
    uint32_t number = s->free_first;
    s->free_first = s->segments[number].next;
    s->free_count--;
    return number;
}

/* A segment that costs no memory yet, or NONE at the end of the address space. */
static uint32_t take_untouched(hc_store *store, shard *s)
{
    uint32_t number = s->untouched_first;
    if (number != NONE) {
        s->untouched_first = s->segments[number].next;
    } else if (s->fresh < SEGMENTS_MAX) {
        number = s->fresh++;
        if (number < s->resident) return number; /* counted since before the flush */
    } else {
        return NONE;
    }
    memory_add(store, SEGMENT_BYTES);
    s->segment_count++;
    return number;
}

bool hci_segment_available(const hc_store *store, const shard *s)
{
    uint64_t kept_back = memory_kept_back(store);
    if (s->free_count > 1) return true;
    bool counted = s->free_count == 1 || s->fresh < s->resident;
    return memory_fits(store, counted ? 0 : SEGMENT_BYTES, kept_back);
}

static uint32_t segment_take(hc_store *store, shard *s, bool for_reclaim)
{
    if (!for_reclaim && !hci_segment_available(store, s)) return NONE;
    if (s->free_count > 0) return take_free(s);
    if (for_reclaim && s->fresh >= s->resident && !memory_fits(store, SEGMENT_BYTES, 0)) {
        return NONE;
    }
    return take_untouched(store, s);
}

static void segment_seal(hc_store *store, shard *s, segment_class class)
{
    uint32_t number = s->open[class];
    s->open[class] = NONE;
    if (number == NONE) return;
    segment *seg = &s->segments[number];
    if (seg->live == 0) {
        hci_segment_free(store, s, number);
        return;
    }
    seg->state = SEGMENT_SEALED;
    seg->heavy = s->open_weight[class] > OPEN_WEIGHT_MAX;
    queue_push(s, &s->queues[class], number, false);
    bin_push(s, number);
}

void hci_segment_seal(hc_store *store, shard *s)
{
    for (unsigned class = 0; class < SEGMENT_CLASSES; class ++) {
        segment_seal(store, s, (segment_class) class);
    }
}

static bool segment_open(hc_store *store, shard *s, segment_class class, bool for_reclaim)
{
    uint32_t number = segment_take(store, s, for_reclaim);
    if (number == NONE) return false;
    segment_seal(store, s, class);
    s->open_weight[class] = 0;
    s->segments[number] = (segment){.sweep_at_ms = INT64_MAX,
                                    .last_expiry_ms = INT64_MIN,
                                    .state = SEGMENT_OPEN,
                                    .class = (uint8_t) class,
                                    .next = NONE,
                                    .previous = NONE,
                                    .bin_next = NONE,
                                    .bin_previous = NONE};
    s->open[class] = number;
    return true;
}

bool hci_segment_append(hc_store *store, shard *s, segment_class class, bool for_reclaim,
                        size_t bytes, uint32_t *place_out)
{
    assert(bytes > 0 && bytes <= PACKED_BYTES_MAX);
    uint32_t number = s->open[class];
    if (number == NONE || SEGMENT_BYTES - s->segments[number].used < bytes ||
        s->open_weight[class] > OPEN_WEIGHT_MAX) {
        if (!segment_open(store, s, class, for_reclaim)) return false;
        number = s->open[class];
    }
    *place_out = (number << SEGMENT_SHIFT) + s->segments[number].used;
    s->segments[number].used += (uint32_t)bytes;
    return true;
}

/* ---- accounts ---- */

void hci_segment_live_add(shard *s, uint32_t place, size_t bytes)
{
    segment *seg = &s->segments[segment_of(place)];
    assert(seg->state == SEGMENT_OPEN);
    seg->live += (uint32_t)bytes;
    s->live_bytes += bytes;
}

void hci_segment_live_subtract(hc_store *store, shard *s, uint32_t place, size_t bytes)
{
    uint32_t number = segment_of(place);
    segment *seg = &s->segments[number];
    assert(seg->live >= bytes);
    seg->live -= (uint32_t)bytes;
    s->live_bytes -= bytes;
    if (seg->state != SEGMENT_SEALED) return;
    if (seg->live == 0) {
        hci_segment_victimize(s, number);
        hci_segment_free(store, s, number);
    } else if (segment_bin(seg) != seg->bin) {
        bin_remove(s, number);
        bin_push(s, number);
    }
}

void hci_segment_expiry_note(shard *s, uint32_t place, int64_t expires_at_ms)
{
    segment *seg = &s->segments[segment_of(place)];
    if (expires_at_ms == HC_EXPIRY_NONE) expires_at_ms = INT64_MAX;
    if (expires_at_ms < seg->sweep_at_ms) seg->sweep_at_ms = expires_at_ms;
    if (expires_at_ms > seg->last_expiry_ms) seg->last_expiry_ms = expires_at_ms;
}

void hci_segment_weight_add(shard *s, uint32_t place, size_t extent_bytes)
{
    const segment *seg = &s->segments[segment_of(place)];
    assert(seg->state == SEGMENT_OPEN);
    s->open_weight[seg->class] += extent_bytes;
}

void hci_segment_queue(shard *s, uint32_t number, segment_class class)
{
    s->segments[number].class = (uint8_t) class;
    queue_push(s, &s->queues[class], number, false);
}

/* ---- giving back ---- */

void hci_segment_victimize(shard *s, uint32_t number)
{
    segment *seg = &s->segments[number];
    assert(seg->state == SEGMENT_SEALED);
    queue_remove(s, &s->queues[seg->class], number);
    bin_remove(s, number);
    seg->state = SEGMENT_VICTIM;
}

void hci_segment_restore(shard *s, uint32_t number)
{
    segment *seg = &s->segments[number];
    assert(seg->state == SEGMENT_VICTIM && seg->live > 0);
    seg->state = SEGMENT_SEALED;
    queue_push(s, &s->queues[seg->class], number, true);
    bin_push(s, number);
}

void hci_segment_free(hc_store *store, shard *s, uint32_t number)
{
    segment *seg = &s->segments[number];
    assert(seg->live == 0);
    pulse(s);
    seg->state = SEGMENT_FREE;
    seg->next = s->free_first;
    s->free_first = number;
    s->free_count++;
    if (!memory_fits(store, 0, 0)) hci_segment_discard(store, s);
}

bool hci_segment_discard(hc_store *store, shard *s)
{
    bool flushed = s->free_count == 0;
    if (flushed && s->fresh >= s->resident) return false;
    uint32_t number = flushed ? s->resident - 1 : s->free_first;
    uint8_t *data = s->data + ((size_t)number << SEGMENT_SHIFT);
    if (!hci_discard(&store->host, data, SEGMENT_BYTES)) return false;
    if (flushed) {
        s->resident--;
    } else {
        take_free(s);
        s->segments[number].state = SEGMENT_UNTOUCHED;
        s->segments[number].next = s->untouched_first;
        s->untouched_first = number;
    }
    memory_subtract(store, SEGMENT_BYTES);
    s->segment_count--;
    return true;
}

void hci_segment_reset(hc_store *store, shard *s)
{
    pulse(s);
    if (s->fresh > s->resident) s->resident = s->fresh;
    /* those given back before are counted again until maintain comes by: no list to walk here */
    memory_add(store, (size_t)(s->resident - s->segment_count) << SEGMENT_SHIFT);
    s->segment_count = s->resident;
    s->fresh = 0;
    s->free_first = NONE;
    s->free_count = 0;
    s->untouched_first = NONE;
    s->live_bytes = 0;
    for (unsigned class = 0; class < SEGMENT_CLASSES; class ++) {
        s->open[class] = NONE;
        s->queues[class] = (segment_queue){NONE, NONE, 0};
    }
    for (unsigned bin = 0; bin < SEGMENT_BINS; bin++) {
        s->bins[bin] = NONE;
    }
    s->reclaim = (reclaim_state){.victim = NONE};
    s->sweep_next = 0;
}
