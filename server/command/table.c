/*
 * table.c - all rows in one array, and a hash table without collisions over their names.
 *
 * A name is at most 16 bytes, so two machine words hold it: its first and its last eight bytes,
 * overlapping as the name is shorter (4..7 and 1..3 bytes likewise use smaller loads).  Or-ing
 * 0x20 into every byte makes letters lower case.  The words, times an odd seed, give the slot.  The
 * seed is searched for once, at start, until no two names share a slot; so a lookup is two loads,
 * two multiplications and one comparison of two words, which with the row's masks is exact: the
 * mask holds 0x20 only where the name has a letter.
 *
 * With 1024 slots and 100 names a random seed is free of collisions about once in 150 tries.
 */
#include "command/table.h"
#include "command/handlers.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "command/command_args.h"
#include "command/node.h"

enum {
    SLOTS = 1024, /* power of two */
    SLOT_SHIFT = 64 - 10,
    NAME_BYTES_MAX = 16,
    SEEDS_MAX = 1000000 /* never reached: see above */
};

typedef struct name_words {
    uint64_t head, tail;
} name_words;

typedef struct slot {
    name_words name, mask;
    size_t size; /* 0: empty */
    const command *row;
} slot;

static command all[NODE_COMMANDS_MAX]; /* top-level rows first, then each container's */
static size_t all_count, top_count;
static slot slots[SLOTS];
static uint64_t seed;
static pthread_once_t prepared = PTHREAD_ONCE_INIT;

static uint64_t load8(const uint8_t *from)
{
    uint64_t word;
    memcpy(&word, from, sizeof word);
    return word;
}

static uint64_t load4(const uint8_t *from)
{
    uint32_t word;
    memcpy(&word, from, sizeof word);
    return word;
}

static name_words words_of(const uint8_t *text, size_t size)
{
    assert(size >= 1 && size <= NAME_BYTES_MAX);
    if (size >= 8) return (name_words){load8(text), load8(text + size - 8)};
    if (size >= 4) return (name_words){load4(text) | load4(text + size - 4) << 32, 0};
    return (name_words){text[0] | (uint64_t)text[size / 2] << 8 | (uint64_t)text[size - 1] << 16,
                        0};
}

static size_t slot_of(name_words words, size_t size, uint64_t with_seed)
{
    const uint64_t lower = 0x2020202020202020u;
    uint64_t mixed = ((words.head | lower) + size) * with_seed;
    mixed = (mixed ^ (words.tail | lower) ^ mixed >> 32) * with_seed;
    return (size_t)(mixed >> SLOT_SHIFT);
}

/* 0x20 where the name has a letter: there either case is the same. */
static name_words mask_of(const char *name, size_t size)
{
    uint8_t mask[NAME_BYTES_MAX];
    for (size_t i = 0; i < size; i++)
        mask[i] = name[i] >= 'a' && name[i] <= 'z' ? 0x20 : 0;
    return words_of(mask, size);
}

static bool fill_slots(uint64_t with_seed)
{
    memset(slots, 0, sizeof slots);
    for (size_t i = 0; i < top_count; i++) {
        const char *name = all[i].name;
        size_t size = strlen(name);
        name_words words = words_of((const uint8_t *)name, size);
        slot *at = &slots[slot_of(words, size, with_seed)];
        if (at->size != 0) return false;
        *at = (slot){words, mask_of(name, size), size, &all[i]};
    }
    return true;
}

static void gather_rows(void)
{
    const command_group_rows *groups[] = {
        &command_rows_connection, &command_rows_filter,      &command_rows_generic,
        &command_rows_hypercache, &command_rows_server,      &command_rows_store,
        &command_rows_string,     &command_rows_transaction, &command_rows_pubsub,
        &command_rows_bits,       &command_rows_cluster};
    for (size_t g = 0; g < sizeof groups / sizeof groups[0]; g++) {
        for (size_t i = 0; i < groups[g]->count; i++) {
            assert(all_count < NODE_COMMANDS_MAX);
            all[all_count++] = groups[g]->rows[i];
        }
    }
    top_count = all_count;
    for (size_t i = 0; i < top_count; i++) {
        size_t first = all_count;
        for (size_t s = 0; s < all[i].subcommand_count; s++) {
            assert(all_count < NODE_COMMANDS_MAX);
            all[all_count] = all[i].subcommands[s];
            all[all_count++].container = &all[i];
        }
        if (all[i].subcommand_count > 0) all[i].subcommands = &all[first];
    }
}

/* Constant time by what the row says of itself; or once for each key, which are few or else looked
 * at (timing.h). */
static bool is_plain(const command *row)
{
    return row->run != NULL && row->subcommand_count == 0 && row->holds == NULL &&
           (row->flags & COMMAND_EXCLUSIVE) == 0 && row->run != run_hc_trace;
}

static uint8_t one_key(const command *row)
{
    const command_keys *keys = &row->keys;
    bool one = keys->first > 0 && keys->last == keys->first && !keys->counted;
    return one && keys->access != COMMAND_ACCESS_CHANNEL ? (uint8_t)keys->first : 0;
}

static uint32_t cares_of(const command *row)
{
    uint32_t cares = NODE_SPANS | NODE_TRACED | NODE_PAUSED | NODE_MONITORED | NODE_LOADING;
    if ((row->flags & COMMAND_READONLY) != 0) cares |= NODE_MISSES;
    if ((row->flags & COMMAND_READONLY) == 0)
        cares |= (row->flags & COMMAND_WRITE) != 0 ? NODE_LOGGED : NODE_KEPT;
    bool keyed = row->keys.first > 0 && row->keys.access != COMMAND_ACCESS_CHANNEL;
    bool data = (row->flags & (COMMAND_READONLY | COMMAND_WRITE)) != 0;
    bool of_node = row->run == run_lolwut || row->run == run_scan || row->run == run_keys ||
                   row->run == run_dbsize || row->run == run_randomkey || row->run == run_hc_trace;
    if ((keyed || data || row->run == run_exec || row->run == run_wait) && !of_node)
        cares |= NODE_CLUSTERED;
    return cares;
}

static bool is_light(const command *row)
{
    if ((row->flags & (COMMAND_EXCLUSIVE | COMMAND_BLOCKING)) != 0) return false;
    if (row->group == COMMAND_GROUP_SERVER || row->group == COMMAND_GROUP_FILTER ||
        row->group == COMMAND_GROUP_PUBSUB)
        return false;
    if ((row->flags & COMMAND_FAST) != 0) return true;
    if (row->keys.last == -1) return row->group != COMMAND_GROUP_BITMAP;
    return row->complexity != NULL && strcmp(row->complexity, "O(1)") == 0;
}

static void prepare(void)
{
    gather_rows();
    for (size_t i = 0; i < all_count; i++) {
        all[i].index = (uint32_t)i;
        all[i].light = is_light(&all[i]);
        all[i].plain = is_plain(&all[i]);
        all[i].one_key = one_key(&all[i]);
        all[i].cares = cares_of(&all[i]);
    }
    seed = 0x9e3779b97f4a7c15u;
    for (int tries = 0; !fill_slots(seed); tries++) {
        assert(tries < SEEDS_MAX);
        seed = (seed * 6364136223846793005u + 1442695040888963407u) | 1;
    }
}

void command_table_prepare(void)
{
    pthread_once(&prepared, prepare);
}

const command *command_find(hc_span name)
{
    if (name.size == 0 || name.size > NAME_BYTES_MAX) return NULL;
    name_words words = words_of(name.data, name.size);
    const slot *at = &slots[slot_of(words, name.size, seed)];
    if (at->size != name.size) return NULL;
    if ((words.head | at->mask.head) != at->name.head) return NULL;
    if ((words.tail | at->mask.tail) != at->name.tail) return NULL;
    return at->row;
}

const command *command_find_sub(const command *container, hc_span name)
{
    if (name.size == 0 || name.size > NAME_BYTES_MAX) return NULL;
    name_words words = words_of(name.data, name.size);
    for (size_t i = 0; i < container->subcommand_count; i++) {
        const char *have = container->subcommands[i].name;
        if (strlen(have) != name.size) continue;
        name_words mask = mask_of(have, name.size);
        name_words want = words_of((const uint8_t *)have, name.size);
        if ((words.head | mask.head) == want.head && (words.tail | mask.tail) == want.tail)
            return &container->subcommands[i];
    }
    return NULL;
}

size_t command_count(void)
{
    return top_count;
}

const command *command_at(size_t index)
{
    assert(index < top_count);
    return &all[index];
}

const command *command_row(size_t index)
{
    assert(index < all_count);
    return &all[index];
}

size_t command_row_count(void)
{
    return all_count;
}

void command_full_name(const command *of, char name[COMMAND_NAME_CHARS])
{
    const char *parts[] = {of->container != NULL ? of->container->name : "",
                           of->container != NULL ? "|" : "", of->name};
    size_t used = 0;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        for (const char *c = parts[i]; *c != '\0' && used + 1 < COMMAND_NAME_CHARS; c++)
            name[used++] = *c;
    }
    name[used] = '\0';
}

/* A count that is no number, or counts more than there are, is the handler's to refuse. */
static size_t counted_keys(const command *of, const hc_span *args, size_t argc)
{
    size_t first = (size_t)of->keys.first, step = (size_t)of->keys.step;
    size_t most = (argc - first + step - 1) / step;
    int64_t count;
    if (!integer_parse(args[first - 1], &count) || count <= 0) return 0;
    return (uint64_t)count < most ? (size_t)count : most;
}

bool command_named(const command *of, hc_span name)
{
    char full[COMMAND_NAME_CHARS];
    command_full_name(of, full);
    return argument_is(name, full) ||
           (of->container != NULL && argument_is(name, of->container->name));
}

size_t command_key_count(const command *of, const hc_span *args, size_t argc)
{
    if (of->keys.first == 0 || argc <= (size_t)of->keys.first) return 0;
    if (of->keys.counted) return counted_keys(of, args, argc);
    size_t first = (size_t)of->keys.first;
    size_t last = of->keys.last < 0 ? argc - (size_t)-of->keys.last : (size_t)of->keys.last;
    if (last >= argc) last = argc - 1;
    return last < first ? 0 : (last - first) / (size_t)of->keys.step + 1;
}

size_t command_key_at(const command *of, size_t index)
{
    return (size_t)of->keys.first + index * (size_t)of->keys.step;
}
