/*
 * store_index.c - from a hash to the slot of an item, at 5.9 bytes an item.
 *
 * Linear hashing (store_table.h): the table grows by one bucket at a time, so no write ever waits
 * for a table to be rebuilt and memory follows the number of items.
 *
 * Plain linear hashing leaves unsplit buckets twice as full.  So an item may lie in either of two:
 *
 *      first  = bucket of p           second = bucket of p ^ table_offset(tag)
 *
 * and goes where there is more room; when both are full, an item of theirs moves to its own other
 * bucket, up to MOVES_MAX times in a row.  As in the cuckoo filter (Fan et al. 2014) the way to the
 * other bucket follows from the tag alone and leads back again, so most moves read no key.  Only
 * sixteen offsets, so that a scan can find all items of one first bucket by looking into at most 32
 * others (hci_index_visit): that is what makes its cursor exact although items move.
 *
 * An item that finds no slot after MOVES_MAX moves, which takes 24 keys of equal hash or extreme
 * luck, goes to the stash, a plain array under the lock.
 *
 * Readers find an item at every moment: a move first writes the new slot, then moves the sequence,
 * then clears the old one.
 */
#include "store/store_private.h"

#define MOVES_MAX 32u
#define ROOMY 9u /* items of a bucket that takes another one gladly: no better one is sought */
#define STASH_CAPACITY_MIN 16u

uint64_t hci_index_hash_at(const hc_store *store, const shard *s, uint32_t place)
{
    item_ref item;
    item_at(s, place, &item);
    return item_hash(store, &item);
}

/* ---- finding ---- */

static bool key_is_at(const shard *s, uint32_t place, hc_span key)
{
    item_ref item;
    item_at(s, place, &item);
    if (item.key.size != key.size) return false;
    return key.size == 0 || memcmp(item.key.data, key.data, key.size) == 0;
}

static bool bucket_find(const shard *s, bucket *b, uint8_t tag, hc_span key, slot *slot_out)
{
    for (unsigned match = bucket_match(b, tag); match != 0; match &= match - 1) {
        uint32_t index = (uint32_t)__builtin_ctz(match);
        if (!key_is_at(s, bucket_place(b, index), key)) continue;
        *slot_out = (slot){b, index};
        return true;
    }
    return false;
}

bool hci_index_find(const hc_store *store, const shard *s, uint64_t hash, hc_span key,
                    slot *slot_out)
{
    (void)store;
    bucket_pair pair = index_pair(s, hash);
    uint8_t tag = tag_of(hash);
    if (bucket_find(s, pair.first, tag, key, slot_out)) return true;
    if (bucket_find(s, pair.second, tag, key, slot_out)) return true;
    for (uint32_t i = 0; i < s->stash_count; i++) {
        if (s->stash[i].hash != hash || !key_is_at(s, s->stash[i].place, key)) continue;
        *slot_out = (slot){NULL, i};
        return true;
    }
    return false;
}

static bool bucket_find_place(bucket *b, uint8_t tag, uint32_t place, slot *slot_out)
{
    for (unsigned match = bucket_match(b, tag); match != 0; match &= match - 1) {
        uint32_t index = (uint32_t)__builtin_ctz(match);
        if (bucket_place(b, index) != place) continue;
        *slot_out = (slot){b, index};
        return true;
    }
    return false;
}

bool hci_index_find_place(const shard *s, uint64_t hash, uint32_t place, slot *slot_out)
{
    bucket_pair pair = index_pair(s, hash);
    uint8_t tag = tag_of(hash);
    if (bucket_find_place(pair.first, tag, place, slot_out)) return true;
    if (bucket_find_place(pair.second, tag, place, slot_out)) return true;
    for (uint32_t i = 0; i < s->stash_count; i++) {
        if (s->stash[i].place != place) continue;
        *slot_out = (slot){NULL, i};
        return true;
    }
    return false;
}

uint32_t hci_index_place(const shard *s, slot at)
{
    return at.bucket != NULL ? bucket_place(at.bucket, at.index) : s->stash[at.index].place;
}

void hci_index_place_set(shard *s, slot at, uint32_t place)
{
    if (at.bucket != NULL) {
        atomic_store_explicit(&at.bucket->places[at.index], place, memory_order_release);
    } else {
        s->stash[at.index].place = place;
    }
}

unsigned hci_index_use(const shard *s, slot at)
{
    return at.bucket != NULL ? bucket_use(at.bucket, at.index) : s->stash[at.index].use;
}

void hci_index_use_set(shard *s, slot at, unsigned use)
{
    if (at.bucket != NULL) {
        bucket_use_set(at.bucket, at.index, use);
    } else {
        s->stash[at.index].use = use;
    }
}

/* ---- inserting ---- */

/* The other bucket of the item in slot `index` of bucket number `at`. */
static uint32_t other_address(const hc_store *store, const shard *s, index_table t, uint32_t at,
                              uint32_t index)
{
    const bucket *b = &s->buckets[at];
    uint32_t position = table_other(at, bucket_tag(b, index));
    if (table_is_split(t, at)) return table_address(t, position);
    uint32_t address = position & t.low;
    if (!table_is_split(t, address)) return address;
    /* `at` lacks one bit of the position that the other bucket needs: ask the key */
    uint64_t hash = hci_index_hash_at(store, s, bucket_place(b, index));
    uint32_t first = table_address(t, (uint32_t)hash);
    return first != at ? first : table_address(t, table_other((uint32_t)hash, tag_of(hash)));
}

static void put_in_free_slot(bucket *b, uint8_t tag, uint32_t place, unsigned use)
{
    unsigned free_slots = bucket_free_slots(b);
    assert(free_slots != 0);
    bucket_put(b, (unsigned)__builtin_ctz(free_slots), tag, place, use);
}

/* Moves one item out of the full bucket number `at` to its other one; its slot is free then. */
static bool bucket_make_room(const hc_store *store, shard *s, index_table t, uint32_t at)
{
    bucket *b = &s->buckets[at];
    uint32_t others[BUCKET_SLOTS];
    for (uint32_t i = 0; i < BUCKET_SLOTS; i++) {
        others[i] = other_address(store, s, t, at, i);
        __builtin_prefetch(&s->buckets[others[i]]);
    }
    uint32_t best = NONE;
    unsigned best_count = BUCKET_SLOTS;
    for (uint32_t i = 0; i < BUCKET_SLOTS && best_count > ROOMY; i++) {
        unsigned count = bucket_count(&s->buckets[others[i]]);
        if (count >= best_count) continue;
        best_count = count;
        best = i;
    }
    if (best == NONE) return false;
    put_in_free_slot(&s->buckets[others[best]], bucket_tag(b, best), bucket_place(b, best),
                     bucket_use(b, best));
    pulse(s);
    bucket_clear(b, best);
    return true;
}

/* Puts an item into one of its two buckets if there is a slot, or one can be made in one move. */
static bool pair_put(const hc_store *store, shard *s, index_table t, uint64_t hash, uint32_t place,
                     unsigned use)
{
    uint32_t first = table_address(t, (uint32_t)hash);
    uint32_t second = table_address(t, table_other((uint32_t)hash, tag_of(hash)));
    unsigned first_count = bucket_count(&s->buckets[first]);
    unsigned second_count = bucket_count(&s->buckets[second]);
    uint32_t at = first_count <= second_count ? first : second;
    if (first_count == BUCKET_SLOTS && second_count == BUCKET_SLOTS) {
        s->counters.displaced++;
        if (!bucket_make_room(store, s, t, at = first) &&
            !bucket_make_room(store, s, t, at = second)) {
            return false;
        }
    }
    put_in_free_slot(&s->buckets[at], tag_of(hash), place, use);
    return true;
}

static hc_status stash_reserve(hc_store *store, shard *s, uint32_t more)
{
    if (s->stash_count + more <= s->stash_capacity) return HC_OK;
    uint32_t capacity = s->stash_capacity == 0 ? STASH_CAPACITY_MIN : s->stash_capacity * 2;
    stash_entry *stash = hci_resize(&store->host, s->stash, s->stash_capacity * sizeof *stash,
                                    capacity * sizeof *stash);
    if (stash == NULL) return HC_ERR_NO_MEMORY;
    memory_add(store, (capacity - s->stash_capacity) * sizeof *stash);
    s->stash = stash;
    s->stash_capacity = capacity;
    return HC_OK;
}

static void stash_put(shard *s, uint64_t hash, uint32_t place, unsigned use)
{
    uint32_t count = s->stash_count;
    assert(count < s->stash_capacity);
    s->stash[count] = (stash_entry){hash, place, use};
    atomic_store_explicit(&s->stash_count, count + 1, memory_order_release);
}

static void stash_remove(shard *s, uint32_t index)
{
    uint32_t count = s->stash_count - 1;
    s->stash[index] = s->stash[count];
    atomic_store_explicit(&s->stash_count, count, memory_order_release);
}

/* Exchanges the item in hand for one in its bucket, again and again, until one finds a slot; the
 * last one in hand goes to the stash, which has room.  Items are out of the index meanwhile, so the
 * sequence must be odd. */
static void insert_by_force(const hc_store *store, shard *s, index_table t, uint64_t hash,
                            uint32_t place, unsigned use)
{
    for (uint32_t move = 0; move < MOVES_MAX; move++) {
        uint32_t position = (uint32_t)hash;
        if (move & 1) position = table_other(position, tag_of(hash));
        bucket *b = &s->buckets[table_address(t, position)];
        uint32_t index = (uint32_t)(hash >> 40 ^ move * 7) % BUCKET_SLOTS;
        uint32_t out_place = bucket_place(b, index);
        unsigned out_use = bucket_use(b, index);
        bucket_put(b, index, tag_of(hash), place, use);
        place = out_place;
        use = out_use;
        hash = hci_index_hash_at(store, s, place);
        if (pair_put(store, s, t, hash, place, use)) return;
    }
    stash_put(s, hash, place, use);
}

hc_status hci_index_insert(hc_store *store, shard *s, uint64_t hash, uint32_t place)
{
    index_table t = table_now(s);
    if (pair_put(store, s, t, hash, place, 0)) return HC_OK;
    hc_status status = stash_reserve(store, s, 1);
    if (status != HC_OK) return status;
    flux_begin(s);
    insert_by_force(store, s, t, hash, place, 0);
    flux_end(s);
    return HC_OK;
}

void hci_index_ghost_put(slot at, uint64_t hash)
{
    if (at.bucket == NULL) return;
    atomic_store_explicit(&at.bucket->ghost, tag_of(hash), memory_order_relaxed);
}

bool hci_index_ghost_take(shard *s, uint64_t hash)
{
    bucket_pair pair = index_pair(s, hash);
    bucket *both[2] = {pair.first, pair.second};
    for (unsigned i = 0; i < 2; i++) {
        if (atomic_load_explicit(&both[i]->ghost, memory_order_relaxed) != tag_of(hash)) continue;
        atomic_store_explicit(&both[i]->ghost, 0, memory_order_relaxed);
        return true;
    }
    return false;
}

void hci_index_remove(shard *s, slot at)
{
    if (at.bucket != NULL) {
        bucket_clear(at.bucket, at.index);
    } else {
        stash_remove(s, at.index);
    }
}

/* ---- growing and shrinking ---- */

static void index_pages_set(hc_store *store, shard *s, uint32_t bucket_count)
{
    uint32_t pages = (uint32_t)((bucket_count + BUCKETS_PER_PAGE - 1) / BUCKETS_PER_PAGE);
    if (pages > s->index_pages) {
        memory_add(store, (size_t)(pages - s->index_pages) * PAGE_BYTES);
        s->index_pages = pages;
    } else if (pages + 1 < s->index_pages) { /* one page of slack: no discard and touch in turns */
        size_t bytes = (size_t)(s->index_pages - pages) * PAGE_BYTES;
        uint8_t *from = (uint8_t *)s->buckets + (size_t)pages * PAGE_BYTES;
        if (!hci_discard(&store->host, from, bytes)) return;
        memory_subtract(store, bytes);
        s->index_pages = pages;
    }
}

/* Puts stashed items back where growth has made room. */
static void stash_drain(const hc_store *store, shard *s)
{
    for (uint32_t i = 0; i < s->stash_count;) {
        stash_entry entry = s->stash[i];
        if (pair_put(store, s, table_now(s), entry.hash, entry.place, entry.use)) {
            stash_remove(s, i);
        } else {
            i++;
        }
    }
}

/* Adds one bucket: the items of its base that belong there now move over. */
static void index_split(hc_store *store, shard *s)
{
    uint32_t added = s->bucket_count;
    index_table t = table_of(added + 1);
    uint32_t from = added & table_of(added).low;
    bucket *base = &s->buckets[from];
    bucket *target = &s->buckets[added];
    index_pages_set(store, s, added + 1);
    for (uint32_t i = 0; i < BUCKET_SLOTS; i++) {
        bucket_clear(target, i);
        __builtin_prefetch(s->data + bucket_place(base, i));
    }
    unsigned moved = 0, moved_count = 0, kept_count = 0;
    for (uint32_t i = 0; i < BUCKET_SLOTS; i++) {
        if (bucket_tag(base, i) == 0) continue;
        uint64_t hash = hci_index_hash_at(store, s, bucket_place(base, i));
        uint32_t first = table_address(t, (uint32_t)hash);
        uint32_t second = table_address(t, table_other((uint32_t)hash, tag_of(hash)));
        bool may_stay = first == from || second == from;
        bool may_go = first == added || second == added;
        if (may_stay && (!may_go || moved_count >= kept_count)) {
            kept_count++;
            continue;
        }
        bucket_put(target, moved_count++, bucket_tag(base, i), bucket_place(base, i),
                   bucket_use(base, i));
        moved |= 1u << i;
    }
    atomic_store_explicit(&target->ghost, base->ghost, memory_order_relaxed); /* its ghost too */
    atomic_store_explicit(&s->bucket_count, added + 1, memory_order_release);
    pulse(s);
    for (; moved != 0; moved &= moved - 1) {
        bucket_clear(base, (unsigned)__builtin_ctz(moved));
    }
}

static bool index_load_is(const shard *s, unsigned above)
{
    uint64_t slots = (uint64_t)s->bucket_count * BUCKET_SLOTS;
    return (uint64_t)s->count * 1024 > slots * above;
}

void hci_index_grow(hc_store *store, shard *s)
{
    if (!index_load_is(s, LOAD_GROW) || s->bucket_count == BUCKETS_MAX) return;
    index_split(store, s);
    if (s->stash_count > 0) stash_drain(store, s);
}

/* Takes the last bucket away: its items go where they belong in the smaller table.  Readers wait
 * meanwhile, for the two tables disagree about where to look. */
bool hci_index_shrink(hc_store *store, shard *s)
{
    uint32_t last = s->bucket_count - 1;
    if (last == 0 || index_load_is(s, LOAD_SHRINK)) return false;
    if (stash_reserve(store, s, BUCKET_SLOTS) != HC_OK) return false;
    bucket *b = &s->buckets[last];
    index_table t = table_of(last);
    flux_begin(s);
    atomic_store_explicit(&s->bucket_count, last, memory_order_release);
    for (uint32_t i = 0; i < BUCKET_SLOTS; i++) {
        if (bucket_tag(b, i) == 0) continue;
        uint32_t place = bucket_place(b, i);
        uint64_t hash = hci_index_hash_at(store, s, place);
        unsigned use = bucket_use(b, i);
        if (!pair_put(store, s, t, hash, place, use)) {
            insert_by_force(store, s, t, hash, place, use);
        }
        bucket_clear(b, i);
    }
    flux_end(s);
    index_pages_set(store, s, last);
    return true;
}

void hci_index_reset(hc_store *store, shard *s)
{
    flux_begin(s);
    atomic_store_explicit(&s->bucket_count, 1, memory_order_release);
    atomic_store_explicit(&s->stash_count, 0, memory_order_release);
    for (uint32_t i = 0; i < BUCKET_SLOTS; i++) {
        bucket_clear(&s->buckets[0], i);
    }
    flux_end(s);
    index_pages_set(store, s, 1);
}

void hci_index_presize(hc_store *store, shard *s, uint32_t buckets)
{
    uint32_t now = s->bucket_count;
    if (s->count != 0 || buckets <= now) return;
    /* those behind the table may hold what was there before a flush */
    memset((void *)&s->buckets[now], 0, (size_t)(buckets - now) * sizeof(bucket));
    index_pages_set(store, s, buckets);
    atomic_store_explicit(&s->bucket_count, buckets, memory_order_release);
}

/* ---- visiting ---- */

#define VISIT_BUCKETS_MAX (1 + 2 * TABLE_OFFSETS)

/* Buckets that may hold items whose first bucket is number `at`: itself, and those that the
 * offsets lead to. */
typedef struct visit_list {
    uint32_t count;
    uint32_t bucket[VISIT_BUCKETS_MAX];
    uint8_t offset[VISIT_BUCKETS_MAX]; /* of the first: every item */
} visit_list;

static void visit_list_make(const shard *s, index_table t, uint32_t at, visit_list *out)
{
    out->bucket[0] = at;
    out->count = 1;
    bool exact = table_is_split(t, at);
    for (unsigned offset = 0; offset < TABLE_OFFSETS; offset++) {
        uint32_t position = at ^ table_offset(offset);
        uint32_t others[2] = {table_address(t, position & (exact ? t.high : t.low)), NONE};
        if (!exact && table_is_split(t, others[0])) others[1] = others[0] ^ (t.low + 1);
        for (unsigned i = 0; i < 2; i++) {
            if (others[i] == NONE || others[i] == at) continue;
            __builtin_prefetch(&s->buckets[others[i]]);
            out->bucket[out->count] = others[i];
            out->offset[out->count++] = (uint8_t)offset;
        }
    }
}

/* All buckets are asked for at once, then all items that may be meant: a scan is a walk through
 * memory in no order, and its speed is how many of its cache misses overlap. */
void hci_index_visit(const hc_store *store, const shard *s, uint32_t at, hci_place_visit visit,
                     void *ctx)
{
    index_table t = table_now(s);
    visit_list list;
    uint32_t places[VISIT_BUCKETS_MAX * BUCKET_SLOTS];
    uint32_t count = 0;
    visit_list_make(s, t, at, &list);
    for (uint32_t i = 0; i < list.count; i++) {
        const bucket *b = &s->buckets[list.bucket[i]];
        unsigned slots = i == 0 ? ~bucket_free_slots(b) & BUCKET_ALL
                                : bucket_match_low(b, list.offset[i], TABLE_OFFSETS - 1);
        for (; slots != 0; slots &= slots - 1) {
            places[count] = bucket_place(b, (unsigned)__builtin_ctz(slots));
            __builtin_prefetch(s->data + places[count++]);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        uint64_t hash = hci_index_hash_at(store, s, places[i]);
        if (table_address(t, (uint32_t)hash) == at) visit(ctx, places[i]);
    }
    for (uint32_t i = 0; i < s->stash_count; i++) {
        if (table_address(t, (uint32_t)s->stash[i].hash) == at) visit(ctx, s->stash[i].place);
    }
}
