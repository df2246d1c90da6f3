/*
 * policy_exact.c - the textbook policies, item by item, with a budget of bytes.
 *
 *   queues   fifo, lru, sieve (Zhang et al. 2024), s3fifo (Yang et al. 2023): an item is in at
 *            most one queue, so all queues of a policy share one pair of link arrays
 *   heap     lfu (fewest uses since it came in, then least recent), ttl (soonest expiry)
 *   array    random (any item, each as likely)
 *
 * Every policy evicts until the new item fits.  An item larger than the cache is not cached.
 */
#include "measure.h"
#include "policy.h"

/* ---- queues: head is the newest, tail the oldest; link 0..count-1 are items ---- */

enum { QUEUE_NONE = 0, QUEUE_FIRST = 1, QUEUE_SMALL = 1, QUEUE_MAIN = 2, QUEUE_GHOST = 3, QUEUES };

#define ITEM_NONE UINT32_MAX
#define USES_MAX 3u    /* S3-FIFO: a 2-bit counter */
#define SMALL_SHARE 10 /* S3-FIFO: the small queue has a tenth of the cache */

typedef struct queue {
    uint32_t head, tail;
    uint64_t bytes;
} queue;

typedef struct queued {
    policy base;
    queue queues[QUEUES];
    uint32_t *newer, *older;
    uint8_t *in;   /* which queue an item is in */
    uint8_t *uses; /* sieve: visited; s3fifo: 0..USES_MAX */
    uint32_t hand; /* sieve */
} queued;

static void queue_push(queued *p, unsigned where, uint32_t item)
{
    queue *q = &p->queues[where];
    p->newer[item] = ITEM_NONE;
    p->older[item] = q->head;
    if (q->head != ITEM_NONE) p->newer[q->head] = item;
    q->head = item;
    if (q->tail == ITEM_NONE) q->tail = item;
    q->bytes += policy_item_bytes(&p->base, item);
    p->in[item] = (uint8_t)where;
}

static void queue_take(queued *p, uint32_t item)
{
    queue *q = &p->queues[p->in[item]];
    uint32_t newer = p->newer[item], older = p->older[item];
    if (newer != ITEM_NONE)
        p->older[newer] = older;
    else
        q->head = older;
    if (older != ITEM_NONE)
        p->newer[older] = newer;
    else
        q->tail = newer;
    if (p->hand == item) p->hand = newer;
    q->bytes -= policy_item_bytes(&p->base, item);
    p->in[item] = QUEUE_NONE;
}

static void queued_expire(policy *self, uint32_t item)
{
    queued *p = (queued *)self;
    if (p->in[item] == QUEUE_FIRST || p->in[item] == QUEUE_MAIN) queue_take(p, item);
}

static void queued_destroy(policy *self)
{
    queued *p = (queued *)self;
    free(p->newer);
    free(p->older);
    free(p->in);
    free(p->uses);
    free(p);
}

static policy *queued_create(const catalogue *items, uint64_t capacity_bytes,
                             uint32_t overhead_bytes, const policy_ops *ops)
{
    queued *p = bench_alloc(1, sizeof *p);
    p->base = (policy){ops, items, capacity_bytes, overhead_bytes, 0};
    p->newer = bench_alloc(items->count, sizeof *p->newer);
    p->older = bench_alloc(items->count, sizeof *p->older);
    p->in = bench_alloc(items->count, 1);
    p->uses = bench_alloc(items->count, 1);
    p->hand = ITEM_NONE;
    for (unsigned i = 0; i < QUEUES; i++)
        p->queues[i] = (queue){ITEM_NONE, ITEM_NONE, 0};
    return &p->base;
}

static bool fifo_access(policy *self, uint32_t item, int64_t now_ms)
{
    (void)now_ms;
    queued *p = (queued *)self;
    queue *q = &p->queues[QUEUE_FIRST];
    uint64_t bytes = policy_item_bytes(self, item);
    if (p->in[item]) return true;
    if (bytes > self->capacity_bytes) return false;
    while (q->bytes + bytes > self->capacity_bytes)
        queue_take(p, q->tail);
    queue_push(p, QUEUE_FIRST, item);
    return false;
}

policy *policy_fifo_create(const catalogue *items, uint64_t capacity_bytes, uint32_t overhead_bytes)
{
    static const policy_ops ops = {fifo_access, queued_expire, queued_destroy};
    return queued_create(items, capacity_bytes, overhead_bytes, &ops);
}

static bool lru_access(policy *self, uint32_t item, int64_t now_ms)
{
    queued *p = (queued *)self;
    if (!fifo_access(self, item, now_ms)) return false;
    queue_take(p, item);
    queue_push(p, QUEUE_FIRST, item);
    return true;
}

policy *policy_lru_create(const catalogue *items, uint64_t capacity_bytes, uint32_t overhead_bytes)
{
    static const policy_ops ops = {lru_access, queued_expire, queued_destroy};
    return queued_create(items, capacity_bytes, overhead_bytes, &ops);
}

/* The hand walks from old to new, wraps, spares visited items once, and stays where it evicted. */
static void sieve_evict(queued *p)
{
    uint32_t item = p->hand != ITEM_NONE ? p->hand : p->queues[QUEUE_FIRST].tail;
    while (p->uses[item]) {
        p->uses[item] = 0;
        item = p->newer[item] != ITEM_NONE ? p->newer[item] : p->queues[QUEUE_FIRST].tail;
    }
    p->hand = item;
    queue_take(p, item); /* moves the hand to the next newer item */
}

static bool sieve_access(policy *self, uint32_t item, int64_t now_ms)
{
    (void)now_ms;
    queued *p = (queued *)self;
    uint64_t bytes = policy_item_bytes(self, item);
    if (p->in[item]) {
        p->uses[item] = 1;
        return true;
    }
    if (bytes > self->capacity_bytes) return false;
    while (p->queues[QUEUE_FIRST].bytes + bytes > self->capacity_bytes)
        sieve_evict(p);
    p->uses[item] = 0;
    queue_push(p, QUEUE_FIRST, item);
    return false;
}

policy *policy_sieve_create(const catalogue *items, uint64_t capacity_bytes,
                            uint32_t overhead_bytes)
{
    static const policy_ops ops = {sieve_access, queued_expire, queued_destroy};
    return queued_create(items, capacity_bytes, overhead_bytes, &ops);
}

static void s3fifo_evict_small(queued *p)
{
    uint32_t item = p->queues[QUEUE_SMALL].tail;
    queue_take(p, item);
    if (p->uses[item]) {
        p->uses[item] = 0;
        p->base.moved++;
        queue_push(p, QUEUE_MAIN, item);
        return;
    }
    uint64_t ghost_max = p->base.capacity_bytes - p->base.capacity_bytes / SMALL_SHARE;
    queue_push(p, QUEUE_GHOST, item);
    while (p->queues[QUEUE_GHOST].bytes > ghost_max)
        queue_take(p, p->queues[QUEUE_GHOST].tail);
}

static void s3fifo_evict_main(queued *p)
{
    uint32_t item = p->queues[QUEUE_MAIN].tail;
    queue_take(p, item);
    if (p->uses[item] == 0) return;
    p->uses[item]--;
    p->base.moved++;
    queue_push(p, QUEUE_MAIN, item);
}

static bool s3fifo_access(policy *self, uint32_t item, int64_t now_ms)
{
    (void)now_ms;
    queued *p = (queued *)self;
    queue *small = &p->queues[QUEUE_SMALL], *main = &p->queues[QUEUE_MAIN];
    uint64_t bytes = policy_item_bytes(self, item);
    if (p->in[item] == QUEUE_SMALL || p->in[item] == QUEUE_MAIN) {
        if (p->uses[item] < USES_MAX) p->uses[item]++;
        return true;
    }
    if (bytes > self->capacity_bytes) return false;
    bool ghost = p->in[item] == QUEUE_GHOST;
    if (ghost) queue_take(p, item);
    while (small->bytes + main->bytes + bytes > self->capacity_bytes) {
        if (small->bytes >= self->capacity_bytes / SMALL_SHARE || main->tail == ITEM_NONE)
            s3fifo_evict_small(p);
        else
            s3fifo_evict_main(p);
    }
    p->uses[item] = 0;
    queue_push(p, ghost ? QUEUE_MAIN : QUEUE_SMALL, item);
    return false;
}

policy *policy_s3fifo_create(const catalogue *items, uint64_t capacity_bytes,
                             uint32_t overhead_bytes)
{
    static const policy_ops ops = {s3fifo_access, queued_expire, queued_destroy};
    return queued_create(items, capacity_bytes, overhead_bytes, &ops);
}

/* ---- a binary heap, the next to go at the top; random keeps the same array unordered ---- */

typedef struct heap {
    policy base;
    uint64_t bytes;
    uint64_t accesses;
    uint64_t random; /* state of a generator */
    uint32_t count;
    uint32_t *slots;  /* items */
    uint32_t *where;  /* slot of an item plus 1, 0: not cached */
    uint64_t *orders; /* of an item: smallest goes first */
} heap;

static bool heap_before(const heap *h, uint32_t a, uint32_t b)
{
    return h->orders[h->slots[a]] < h->orders[h->slots[b]];
}

static void heap_swap(heap *h, uint32_t a, uint32_t b)
{
    uint32_t item = h->slots[a];
    h->slots[a] = h->slots[b];
    h->slots[b] = item;
    h->where[h->slots[a]] = a + 1;
    h->where[h->slots[b]] = b + 1;
}

static void heap_settle(heap *h, uint32_t slot)
{
    while (slot > 0 && heap_before(h, slot, (slot - 1) / 2)) {
        heap_swap(h, slot, (slot - 1) / 2);
        slot = (slot - 1) / 2;
    }
    for (;;) {
        uint32_t least = slot, left = 2 * slot + 1;
        if (left < h->count && heap_before(h, left, least)) least = left;
        if (left + 1 < h->count && heap_before(h, left + 1, least)) least = left + 1;
        if (least == slot) return;
        heap_swap(h, slot, least);
        slot = least;
    }
}

static void heap_take(heap *h, uint32_t slot)
{
    uint32_t item = h->slots[slot];
    heap_swap(h, slot, --h->count);
    h->where[item] = 0;
    h->bytes -= policy_item_bytes(&h->base, item);
    if (slot < h->count) heap_settle(h, slot);
}

static void heap_put(heap *h, uint32_t item)
{
    h->slots[h->count] = item;
    h->where[item] = ++h->count;
    h->bytes += policy_item_bytes(&h->base, item);
    heap_settle(h, h->count - 1);
}

static void heap_expire(policy *self, uint32_t item)
{
    heap *h = (heap *)self;
    if (h->where[item]) heap_take(h, h->where[item] - 1);
}

static void heap_destroy(policy *self)
{
    heap *h = (heap *)self;
    free(h->slots);
    free(h->where);
    free(h->orders);
    free(h);
}

static policy *heap_create(const catalogue *items, uint64_t capacity_bytes, uint32_t overhead_bytes,
                           const policy_ops *ops)
{
    heap *h = bench_alloc(1, sizeof *h);
    h->base = (policy){ops, items, capacity_bytes, overhead_bytes, 0};
    h->random = 1;
    h->slots = bench_alloc(items->count, sizeof *h->slots);
    h->where = bench_alloc(items->count, sizeof *h->where);
    h->orders = bench_alloc(items->count, sizeof *h->orders);
    return &h->base;
}

/* Makes room for `item` from the top of the heap; false when it can never fit. */
static bool heap_fit(heap *h, uint32_t item)
{
    uint64_t bytes = policy_item_bytes(&h->base, item);
    if (bytes > h->base.capacity_bytes) return false;
    while (h->bytes + bytes > h->base.capacity_bytes)
        heap_take(h, 0);
    return true;
}

#define LFU_USE ((uint64_t)1 << 40) /* uses in the upper bits, time of last use below */

static bool lfu_access(policy *self, uint32_t item, int64_t now_ms)
{
    (void)now_ms;
    heap *h = (heap *)self;
    h->accesses++;
    if (h->where[item]) {
        h->orders[item] = (h->orders[item] / LFU_USE + 1) * LFU_USE + h->accesses;
        heap_settle(h, h->where[item] - 1);
        return true;
    }
    h->orders[item] = LFU_USE + h->accesses;
    if (heap_fit(h, item)) heap_put(h, item);
    return false;
}

policy *policy_lfu_create(const catalogue *items, uint64_t capacity_bytes, uint32_t overhead_bytes)
{
    static const policy_ops ops = {lfu_access, heap_expire, heap_destroy};
    return heap_create(items, capacity_bytes, overhead_bytes, &ops);
}

static bool ttl_access(policy *self, uint32_t item, int64_t now_ms)
{
    heap *h = (heap *)self;
    uint32_t ttl_ms = self->items->ttl_ms[item];
    h->accesses++;
    if (h->where[item]) return true;
    h->orders[item] = ttl_ms ? (uint64_t)now_ms + ttl_ms : UINT64_MAX / 2 + h->accesses;
    if (heap_fit(h, item)) heap_put(h, item);
    return false;
}

policy *policy_ttl_create(const catalogue *items, uint64_t capacity_bytes, uint32_t overhead_bytes)
{
    static const policy_ops ops = {ttl_access, heap_expire, heap_destroy};
    return heap_create(items, capacity_bytes, overhead_bytes, &ops);
}

static bool random_access(policy *self, uint32_t item, int64_t now_ms)
{
    (void)now_ms;
    heap *h = (heap *)self; /* all orders are 0, so nothing is ever moved by heap_settle */
    uint64_t bytes = policy_item_bytes(self, item);
    if (h->where[item]) return true;
    if (bytes > self->capacity_bytes) return false;
    while (h->bytes + bytes > self->capacity_bytes) {
        heap_take(h, (uint32_t)bench_random_below(&h->random, h->count));
    }
    heap_put(h, item);
    return false;
}

policy *policy_random_create(const catalogue *items, uint64_t capacity_bytes,
                             uint32_t overhead_bytes)
{
    static const policy_ops ops = {random_access, heap_expire, heap_destroy};
    return heap_create(items, capacity_bytes, overhead_bytes, &ops);
}
