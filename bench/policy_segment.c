/*
 * policy_segment.c - eviction by segment: the victim's items are kept by copying or let go.
 *
 *     shard:  small  [s7][s8] open s9        items that came lately
 *             main   [m1][m2][m3] open m4    items that were used again
 *             victim m1, cursor 40           looked at by step_items with every write
 *
 *   P1  an insert opens a segment only while two are free, a copy may take the last one: so
 *       reclaiming can always go on, and it starts before memory runs out;
 *   P2  when an insert must wait for memory nevertheless, survivors are evicted too, which bounds
 *       its work by one segment;
 *   P3  a segment that is a quarter dead (deleted, expired, overwritten) is cleaned before
 *       anything alive is evicted.
 *
 * The ghost remembers who was evicted from small: sets of short fingerprints, one set a bucket of
 * the index, in which the newest pushes out the oldest.
 */
#include "policy_segment.h"

#include "measure.h"

#define NONE UINT32_MAX
#define INDEX_BYTES_PER_ITEM 6.1 /* 64-byte buckets of 12 slots, .875 full */
#define HEADER_BYTES 3u          /* of a small item; lengths of two bytes and expiry add to it */
#define BUCKET_ITEMS 10.5
#define RESERVE_SEGMENTS 2u
#define SHARD_BYTES_MIN (4u << 20)
#define SHARDS_MAX 16u
#define TTL_CLASSES 4u
#define TTL_CLASS_MS 100000 /* up to 100 s, 400 s, 1600 s, longer or never */
#define CLASSES TTL_CLASSES
#define LFU_FADE_ONE_IN 4u
#define FOREVER INT64_MAX

enum { CLASS_MAIN = 0, CLASS_SMALL = 1 };

typedef struct segment {
    uint32_t *items; /* in the order written; stale where `places` says otherwise */
    uint32_t count, room;
    uint32_t used_bytes, live_bytes;
    uint32_t class;
    bool in_use;
    uint64_t born;
    int64_t last_expiry_ms;
} segment;

typedef struct place { /* of an item */
    uint32_t segment;  /* NONE: not cached */
    uint32_t slot;
} place;

typedef struct shard {
    segment *segments;
    uint32_t segments_max, segments_used;
    uint32_t class_segments[CLASSES];
    uint32_t open[CLASSES];
    uint64_t limit_bytes, extent_bytes, items, births;
    uint32_t victim, cursor;
    bool cleaning;
    uint64_t *ghosts;
    uint32_t ghost_sets;
} shard;

typedef struct machine {
    policy base;
    segment_options o;
    shard *shards;
    place *places;
    uint8_t *uses;
    int64_t *expiry_ms;
    uint64_t random;
} machine;

static shard *shard_of(machine *m, uint32_t item)
{
    return &m->shards[bench_mix(item + 1) % m->o.shards];
}

/* Bytes in a segment, and of an own extent when the value is large. */
static uint32_t item_bytes(const machine *m, uint32_t item, uint32_t *extent_out)
{
    const catalogue *c = m->base.items;
    uint32_t bytes = c->key_bytes[item] + c->value_bytes[item] + HEADER_BYTES +
                     (c->value_bytes[item] > 127) + (c->ttl_ms[item] ? 5 : 0);
    *extent_out = 0;
    if (bytes <= m->o.segment_bytes / 4) return bytes;
    *extent_out = (c->value_bytes[item] + 4095) / 4096 * 4096;
    return c->key_bytes[item] + 16;
}

static uint64_t shard_bytes(const machine *m, const shard *s)
{
    return (uint64_t)s->segments_used * m->o.segment_bytes + s->extent_bytes +
           (uint64_t)((double)s->items * INDEX_BYTES_PER_ITEM);
}

static bool shard_has_free(const machine *m, const shard *s, uint32_t segments)
{
    return shard_bytes(m, s) + (uint64_t)segments * m->o.segment_bytes <= s->limit_bytes;
}

/* ---- ghosts ---- */

static uint64_t *ghost_set(const machine *m, shard *s, uint32_t item, uint64_t *print_out)
{
    uint64_t hash = bench_mix(item + ((uint64_t)1 << 40));
    uint64_t mask = ((uint64_t)1 << m->o.ghost_bits) - 1;
    *print_out = (hash & mask) ? hash & mask : 1;
    return s->ghosts == NULL ? NULL : &s->ghosts[(hash >> 32) * s->ghost_sets >> 32];
}

static void ghost_put(const machine *m, shard *s, uint32_t item)
{
    uint64_t print, *set = ghost_set(m, s, item, &print);
    uint32_t bits = m->o.ghost_bits * m->o.ghost_ways;
    if (set == NULL) return;
    *set = *set << m->o.ghost_bits | print;
    if (bits < 64) *set &= ((uint64_t)1 << bits) - 1;
}

static bool ghost_has(const machine *m, shard *s, uint32_t item)
{
    uint64_t print, *set = ghost_set(m, s, item, &print);
    uint64_t mask = ((uint64_t)1 << m->o.ghost_bits) - 1;
    for (uint32_t way = 0; set != NULL && way < m->o.ghost_ways; way++)
        if ((*set >> way * m->o.ghost_bits & mask) == print) return true;
    return false;
}

/* ---- segments ---- */

static bool segment_open(machine *m, shard *s, uint32_t class, uint32_t free_wanted)
{
    if (!shard_has_free(m, s, free_wanted)) return false;
    uint32_t i = 0;
    while (i < s->segments_max && s->segments[i].in_use)
        i++;
    if (i == s->segments_max) return false;
    segment *g = &s->segments[i];
    g->count = g->used_bytes = g->live_bytes = 0;
    g->class = class;
    g->in_use = true;
    g->born = s->births++;
    g->last_expiry_ms = 0;
    s->open[class] = i;
    s->segments_used++;
    s->class_segments[class]++;
    return true;
}

static void segment_free(shard *s, uint32_t i)
{
    segment *g = &s->segments[i];
    g->in_use = false;
    s->segments_used--;
    s->class_segments[g->class]--;
    if (s->open[g->class] == i) s->open[g->class] = NONE;
}

static bool class_has_room(const machine *m, const shard *s, uint32_t class, uint32_t bytes)
{
    uint32_t i = s->open[class];
    return i != NONE && s->segments[i].used_bytes + bytes <= m->o.segment_bytes;
}

static void class_append(machine *m, shard *s, uint32_t class, uint32_t item, uint32_t bytes)
{
    uint32_t i = s->open[class];
    segment *g = &s->segments[i];
    if (g->count == g->room) {
        g->room = g->room ? g->room * 2 : 64;
        uint32_t *items = realloc(g->items, g->room * sizeof *items);
        if (items == NULL) bench_die("out of memory");
        g->items = items;
    }
    m->places[item] = (place){i, g->count};
    g->items[g->count++] = item;
    g->used_bytes += bytes;
    g->live_bytes += bytes;
    if (m->expiry_ms[item] > g->last_expiry_ms) g->last_expiry_ms = m->expiry_ms[item];
}

static void item_drop(machine *m, shard *s, uint32_t item)
{
    uint32_t extent, bytes = item_bytes(m, item, &extent);
    s->segments[m->places[item].segment].live_bytes -= bytes;
    s->extent_bytes -= extent;
    s->items--;
    m->places[item].segment = NONE;
}

/* ---- the rules ---- */

static bool is_two_queued(segment_rule rule)
{
    return rule == SEGMENT_S3FIFO || rule == SEGMENT_LFU;
}

static uint32_t insert_class(machine *m, shard *s, uint32_t item, int64_t now_ms)
{
    if (is_two_queued(m->o.rule)) return ghost_has(m, s, item) ? CLASS_MAIN : CLASS_SMALL;
    uint32_t class = CLASS_MAIN;
    if (m->o.rule == SEGMENT_TTL)
        for (int64_t left = m->expiry_ms[item] - now_ms;
             left > TTL_CLASS_MS && class < TTL_CLASSES - 1; left /= 4)
            class ++;
    return class;
}

/* Whether an item of the victim survives, now with how many uses; survivors go to main. */
static bool survives(machine *m, shard *s, uint32_t item, uint32_t class)
{
    uint8_t *uses = &m->uses[item];
    switch (m->o.rule) {
    case SEGMENT_S3FIFO:
    case SEGMENT_LFU:
        if (class == CLASS_SMALL && *uses < m->o.promote_uses) {
            ghost_put(m, s, item);
            return false;
        }
        if (*uses == 0) return false;
        if (m->o.rule == SEGMENT_LFU) {
            if (class == CLASS_MAIN && bench_random_below(&m->random, LFU_FADE_ONE_IN) == 0)
                --*uses;
        } else
            *uses = class == CLASS_SMALL ? 0 : (uint8_t)(*uses - 1);
        return true;
    case SEGMENT_LRU:
    case SEGMENT_CLOCK:
        if (*uses == 0) return false;
        *uses = m->o.rule == SEGMENT_LRU ? 0 : (uint8_t)(*uses - 1);
        return true;
    default:
        return false;
    }
}

static bool is_closed(const shard *s, uint32_t i)
{
    return s->segments[i].in_use && i != s->open[s->segments[i].class];
}

/* The closed segment of `class` (NONE: of any) that comes first by expiry, if asked, then age. */
static uint32_t first_closed(const shard *s, uint32_t class, bool by_expiry)
{
    uint32_t best = NONE;
    for (uint32_t i = 0; i < s->segments_max; i++) {
        const segment *g = &s->segments[i], *b = &s->segments[best == NONE ? i : best];
        if (!is_closed(s, i) || (class != NONE && g->class != class)) continue;
        bool sooner = by_expiry && g->last_expiry_ms != b->last_expiry_ms
                          ? g->last_expiry_ms < b->last_expiry_ms
                          : g->born < b->born;
        if (best == NONE || sooner) best = i;
    }
    return best;
}

static uint32_t deadest_closed(const machine *m, const shard *s)
{
    uint32_t best = NONE;
    uint32_t live_max = (uint32_t)((uint64_t)m->o.segment_bytes * (100 - m->o.clean_percent) / 100);
    for (uint32_t i = 0; i < s->segments_max; i++) {
        if (!is_closed(s, i) || s->segments[i].live_bytes >= live_max) continue;
        live_max = s->segments[i].live_bytes;
        best = i;
    }
    return best;
}

static uint32_t victim_pick(machine *m, shard *s)
{
    uint32_t victim = NONE;
    if (is_two_queued(m->o.rule)) {
        if (s->class_segments[CLASS_SMALL] * 100 > s->segments_used * m->o.small_percent)
            victim = first_closed(s, CLASS_SMALL, false);
        if (victim == NONE) victim = first_closed(s, CLASS_MAIN, false);
    }
    if (m->o.rule == SEGMENT_RANDOM) {
        victim = (uint32_t)bench_random_below(&m->random, s->segments_max);
        if (!is_closed(s, victim)) victim = NONE; /* then the oldest will do */
    }
    return victim != NONE ? victim : first_closed(s, NONE, m->o.rule == SEGMENT_TTL);
}

/* ---- reclaiming ---- */

static void reclaim_item(machine *m, shard *s, uint32_t item, bool urgent)
{
    segment *victim = &s->segments[s->victim];
    uint32_t extent, bytes = item_bytes(m, item, &extent);
    uint32_t class = s->cleaning ? victim->class : CLASS_MAIN;
    bool keep = s->cleaning || survives(m, s, item, victim->class);
    keep = keep && !urgent;
    if (keep && (class_has_room(m, s, class, bytes) || segment_open(m, s, class, 1))) {
        victim->live_bytes -= bytes;
        class_append(m, s, class, item, bytes);
        m->base.moved++;
    } else
        item_drop(m, s, item);
}

/* Looks at up to step_items of the victim.  False when there is nothing to reclaim. */
static bool reclaim(machine *m, shard *s, bool urgent)
{
    if (s->victim == NONE) {
        s->victim = deadest_closed(m, s);
        s->cleaning = s->victim != NONE;
        if (!s->cleaning) s->victim = victim_pick(m, s);
        s->cursor = 0;
    }
    if (s->victim == NONE) return false;
    segment *g = &s->segments[s->victim];
    for (uint32_t n = 0; n < m->o.step_items && s->cursor < g->count; n++, s->cursor++) {
        uint32_t item = g->items[s->cursor];
        if (m->places[item].segment == s->victim && m->places[item].slot == s->cursor)
            reclaim_item(m, s, item, urgent);
    }
    if (s->cursor == g->count) {
        segment_free(s, s->victim);
        s->victim = NONE;
    }
    return true;
}

static void insert(machine *m, uint32_t item, int64_t now_ms)
{
    shard *s = shard_of(m, item);
    uint32_t extent, bytes = item_bytes(m, item, &extent);
    uint32_t ttl_ms = m->base.items->ttl_ms[item];
    m->expiry_ms[item] = ttl_ms ? now_ms + ttl_ms : FOREVER;
    m->uses[item] = 0;
    uint32_t class = insert_class(m, s, item, now_ms);
    if (!shard_has_free(m, s, RESERVE_SEGMENTS)) reclaim(m, s, false);
    while (shard_bytes(m, s) + extent > s->limit_bytes)
        if (!reclaim(m, s, true)) return;
    while (!class_has_room(m, s, class, bytes) && !segment_open(m, s, class, RESERVE_SEGMENTS))
        if (!reclaim(m, s, true)) return;
    class_append(m, s, class, item, bytes);
    s->extent_bytes += extent;
    s->items++;
}

static bool segment_access(policy *self, uint32_t item, int64_t now_ms)
{
    machine *m = (machine *)self;
    if (m->places[item].segment == NONE) {
        insert(m, item, now_ms);
        return false;
    }
    if (m->uses[item] < m->o.uses_max) m->uses[item]++;
    return true;
}

static void segment_expire(policy *self, uint32_t item)
{
    machine *m = (machine *)self;
    if (m->places[item].segment != NONE) item_drop(m, shard_of(m, item), item);
}

static void segment_destroy(policy *self)
{
    machine *m = (machine *)self;
    for (uint32_t i = 0; i < m->o.shards; i++) {
        for (uint32_t j = 0; j < m->shards[i].segments_max; j++)
            free(m->shards[i].segments[j].items);
        free(m->shards[i].segments);
        free(m->shards[i].ghosts);
    }
    free(m->shards);
    free(m->places);
    free(m->uses);
    free(m->expiry_ms);
    free(m);
}

/* ---- creation ---- */

static void options_default(segment_options *o, uint64_t capacity_bytes)
{
    if (o->shards == 0)
        for (o->shards = 1; o->shards < SHARDS_MAX; o->shards *= 2)
            if (capacity_bytes / SHARD_BYTES_MIN < (uint64_t)o->shards * 2) break;
    if (o->segment_bytes == 0) o->segment_bytes = 64u << 10;
    if (o->small_percent == 0) o->small_percent = 15;
    if (o->promote_uses == 0) o->promote_uses = 1;
    if (o->uses_max == 0) o->uses_max = 3;
    if (o->clean_percent == 0) o->clean_percent = 25;
    if (o->step_items == 0) o->step_items = 64;
    if (o->ghost_bits == 0) o->ghost_bits = 8;
    if (o->ghost_ways == 0) o->ghost_ways = 1;
    if (o->ghost_per_item == 0.0) o->ghost_per_item = 1 / BUCKET_ITEMS;
}

static double mean_item_bytes(const machine *m)
{
    double bytes = 0;
    for (uint32_t item = 0; item < m->base.items->popular; item++) {
        uint32_t extent;
        bytes += item_bytes(m, item, &extent) + INDEX_BYTES_PER_ITEM;
        bytes += extent;
    }
    return bytes / m->base.items->popular;
}

static void shard_init(machine *m, shard *s, double item_bytes_mean)
{
    s->limit_bytes = m->base.capacity_bytes / m->o.shards;
    if (is_two_queued(m->o.rule) && m->o.ghost_bits != SEGMENT_GHOST_NONE) {
        double prints = (double)s->limit_bytes / item_bytes_mean * m->o.ghost_per_item;
        s->ghost_sets = (uint32_t)(prints / m->o.ghost_ways) + 1;
        s->ghosts = bench_alloc(s->ghost_sets, sizeof *s->ghosts);
        uint64_t bits = (uint64_t)s->ghost_sets * m->o.ghost_ways * m->o.ghost_bits;
        if (m->o.ghost_counted) s->limit_bytes -= bits / 8;
    }
    s->segments_max = (uint32_t)(s->limit_bytes / m->o.segment_bytes) + 1;
    s->segments = bench_alloc(s->segments_max, sizeof *s->segments);
    s->victim = NONE;
    for (uint32_t class = 0; class < CLASSES; class ++)
        s->open[class] = NONE;
}

const char *segment_rule_name(segment_rule rule)
{
    static const char *names[SEGMENT_RULES] = {"s3fifo", "lru", "lfu",  "fifo",
                                               "random", "ttl", "clock"};
    return names[rule];
}

policy *policy_segment_create(const catalogue *items, uint64_t capacity_bytes,
                              const segment_options *options)
{
    static const policy_ops ops = {segment_access, segment_expire, segment_destroy};
    machine *m = bench_alloc(1, sizeof *m);
    m->base = (policy){&ops, items, capacity_bytes, 0, 0};
    m->o = *options;
    m->random = 1;
    options_default(&m->o, capacity_bytes);
    m->places = bench_alloc(items->count, sizeof *m->places);
    m->uses = bench_alloc(items->count, 1);
    m->expiry_ms = bench_alloc(items->count, sizeof *m->expiry_ms);
    m->shards = bench_alloc(m->o.shards, sizeof *m->shards);
    for (uint32_t item = 0; item < items->count; item++)
        m->places[item].segment = NONE;
    double mean = mean_item_bytes(m);
    for (uint32_t i = 0; i < m->o.shards; i++)
        shard_init(m, &m->shards[i], mean);
    return &m->base;
}
