/*
 * notify.c - see notify.h.
 *
 * Followers lie in an array by the store's index, which outlives the stores; a follower of kinds
 * that nobody wants any more is taken out, so a store that is not asked about pays nothing.
 */
#include "command/notify.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "command/command.h"
#include "command/pubsub.h"
#include "command/push.h"

#define ALL                                                                                        \
    (NOTIFY_GENERIC | NOTIFY_STRING | NOTIFY_LIST | NOTIFY_SET | NOTIFY_HASH | NOTIFY_ZSET |       \
     NOTIFY_EXPIRED | NOTIFY_EVICTED | NOTIFY_STREAM | NOTIFY_MODULE)

enum { CHANNEL_BYTES_MAX = HC_KEY_BYTES_MAX + HC_STORE_NAME_BYTES_MAX + 32 };

typedef struct follower {
    node *node;
    hc_store *store; /* NULL: not followed */
    uint32_t kinds;
    char name[HC_STORE_NAME_BYTES_MAX + 1];
    size_t name_bytes;
} follower;

struct notifier {
    pthread_mutex_t lock; /* guards the rest */
    follower *followers;  /* by the store's index; NULL until first needed */
    uint32_t kinds;       /* what is followed; 0: nothing */
};

/* ---- letters ---- */

/* In the order in which Redis prints them. */
static const struct {
    char letter;
    uint32_t flag;
} letters_known[] = {{'g', NOTIFY_GENERIC},  {'$', NOTIFY_STRING},  {'l', NOTIFY_LIST},
                     {'s', NOTIFY_SET},      {'h', NOTIFY_HASH},    {'z', NOTIFY_ZSET},
                     {'x', NOTIFY_EXPIRED},  {'e', NOTIFY_EVICTED}, {'t', NOTIFY_STREAM},
                     {'d', NOTIFY_MODULE},   {'n', NOTIFY_NEW},     {'K', NOTIFY_KEYSPACE},
                     {'E', NOTIFY_KEYEVENT}, {'m', NOTIFY_MISS}};
enum { LETTERS = sizeof letters_known / sizeof letters_known[0] };

bool notify_parse(hc_span letters, uint32_t *flags_out)
{
    *flags_out = 0;
    for (size_t i = 0; i < letters.size; i++) {
        uint32_t flag = letters.data[i] == 'A' ? ALL : 0;
        for (size_t k = 0; k < LETTERS; k++)
            if (letters_known[k].letter == (char)letters.data[i]) flag = letters_known[k].flag;
        if (flag == 0) return false;
        *flags_out |= flag;
    }
    return true;
}

/* Those of `told` are in the A that is written for all of ALL. */
static void print(uint32_t flags, uint32_t told, char *letters)
{
    size_t used = 0;
    bool all = (flags & ALL) == ALL;
    if (all) letters[used++] = 'A';
    for (size_t k = 0; k < LETTERS; k++) {
        uint32_t flag = letters_known[k].flag;
        if ((flags & flag) != 0 && !(all && (flag & told) != 0))
            letters[used++] = letters_known[k].letter;
    }
    letters[used] = '\0';
}

void notify_print(uint32_t flags, char *letters)
{
    print(flags, ALL | NOTIFY_NEW, letters);
}

void notify_print_all(uint32_t flags, char *letters)
{
    print(flags, ALL, letters);
}

/* ---- publishing ---- */

static size_t put(uint8_t *to, size_t at, hc_span text)
{
    if (text.size > 0) memcpy(to + at, text.data, text.size);
    return at + text.size;
}

static size_t publish(node *of, hc_span prefix, hc_span store, hc_span tail, hc_span payload)
{
    uint8_t channel[CHANNEL_BYTES_MAX];
    assert(prefix.size + store.size + 3 + tail.size <= sizeof channel);
    size_t size = put(channel, 0, prefix);
    size = put(channel, size, store);
    size = put(channel, size, HC_SPAN("__:"));
    size = put(channel, size, tail);
    return pubsub_publish(of, PUBSUB_CHANNEL, hc_span_make(channel, size), payload);
}

/* Returns how many messages that made. */
static size_t raise_named(node *of, hc_span store, const char *event, hc_span key)
{
    size_t posted = 0;
    uint32_t flags = atomic_load_explicit(&of->notify_flags, memory_order_relaxed);
    hc_span what = hc_span_make(event, strlen(event));
    if (!pubsub_has_listeners(of) || key.size > HC_KEY_BYTES_MAX) return 0;
    if ((flags & NOTIFY_KEYSPACE) != 0)
        posted += publish(of, HC_SPAN("__keyspace@"), store, key, what);
    if ((flags & NOTIFY_KEYEVENT) != 0)
        posted += publish(of, HC_SPAN("__keyevent@"), store, what, key);
    return posted;
}

static size_t raise_numbered(node *of, unsigned database, const char *event, hc_span key)
{
    uint8_t digits[2] = {(uint8_t)('0' + database / 10), (uint8_t)('0' + database % 10)};
    static_assert(NODE_DATABASES_MAX <= 100, "two digits");
    bool two = database >= 10;
    return raise_named(of, hc_span_make(two ? digits : digits + 1, two ? 2 : 1), event, key);
}

void notify_raise_in(node *of, unsigned database, const char *event, hc_span key)
{
    (void)raise_numbered(of, database, event, key);
}

void notify_raise(const request *of, const char *event, hc_span key)
{
    session *who = of->session;
    int database = atomic_load_explicit(&who->database, memory_order_relaxed);
    hc_span name = hc_span_make(who->store_name, strlen(who->store_name));
    size_t posted = database != SESSION_NAMED
                        ? raise_numbered(of->node, (unsigned)database, event, key)
                        : raise_named(of->node, name, event, key);
    if (posted > 0) push_pace(who);
}

void notify_misses(const request *of)
{
    size_t count = command_key_count(of->command, of->args, of->argc);
    for (size_t i = 0; i < count; i++) {
        hc_span key = of->args[command_key_at(of->command, i)];
        hc_item item;
        if (hc_store_stat(of->session->store, key, &item) == HC_ERR_NOT_FOUND)
            notify_raise(of, "keymiss", key);
    }
}

/* ---- following stores ---- */

static void on_change(void *ctx, const hc_effect *effect)
{
    const follower *from = ctx;
    const char *event = NULL;
    notify_class which = NOTIFY_NEW;
    if (effect->kind == HC_EFFECT_EXPIRED) {
        which = NOTIFY_EXPIRED;
        event = "expired";
    } else if (effect->kind == HC_EFFECT_EVICTED) {
        which = NOTIFY_EVICTED;
        event = "evicted";
    } else if (effect->created) {
        event = "new";
    }
    if (event == NULL || !notify_wants(from->node, which)) return;
    for (unsigned i = 0; i < NODE_DATABASES_MAX; i++) { /* SWAPDB changes their numbers */
        if (atomic_load_explicit(&from->node->stores[i], memory_order_relaxed) != from->store)
            continue;
        notify_raise_in(from->node, i, event, effect->key);
        return;
    }
    (void)raise_named(from->node, hc_span_make(from->name, from->name_bytes), event, effect->key);
}

static uint32_t kinds_of(uint32_t flags)
{
    uint32_t kinds = 0;
    if ((flags & (NOTIFY_KEYSPACE | NOTIFY_KEYEVENT)) == 0) return 0;
    if ((flags & NOTIFY_EXPIRED) != 0) kinds |= 1u << HC_EFFECT_EXPIRED;
    if ((flags & NOTIFY_EVICTED) != 0) kinds |= 1u << HC_EFFECT_EVICTED;
    if ((flags & NOTIFY_NEW) != 0) kinds |= 1u << HC_EFFECT_SET | 1u << HC_EFFECT_APPEND;
    return kinds;
}

static hc_effects table_of(follower *which)
{
    return (hc_effects){
        .size = sizeof(hc_effects), .ctx = which, .changed = on_change, .kinds = which->kinds};
}

/* The lock is held.  A store that cannot be followed for want of memory is so when the setting is
 * next made. */
static void follow(notifier *in, node *of, const hc_store_ref *ref)
{
    hc_store_info info = {.size = sizeof info};
    hc_store_ref_info(ref, &info);
    follower *which = &in->followers[info.index];
    hc_effects table = table_of(which);
    if (which->store == ref->store && which->kinds == in->kinds) return;
    if (which->store == ref->store) (void)hc_store_unfollow(ref->store, &table);
    *which = (follower){.node = of, .kinds = in->kinds, .name_bytes = info.name.size};
    memcpy(which->name, info.name.data, info.name.size);
    table = table_of(which);
    which->store = ref->store; /* before it may be told of anything */
    if (in->kinds == 0 || hc_store_follow(ref->store, &table) != HC_OK) which->store = NULL;
}

hc_status notify_init(node *of)
{
    of->notifier = calloc(1, sizeof *of->notifier);
    if (of->notifier == NULL) return HC_ERR_NO_MEMORY;
    (void)pthread_mutex_init(&of->notifier->lock, NULL);
    return HC_OK;
}

void notify_fini(node *of)
{
    if (of->notifier == NULL) return;
    (void)pthread_mutex_destroy(&of->notifier->lock);
    free(of->notifier->followers);
    free(of->notifier);
    of->notifier = NULL;
}

void notify_store_added(node *of, const hc_store_ref *ref)
{
    notifier *in = of->notifier;
    hc_store_info info = {.size = sizeof info};
    hc_store_ref_info(ref, &info);
    (void)pthread_mutex_lock(&in->lock);
    if (in->followers != NULL) {
        in->followers[info.index].store = NULL; /* of one that is gone */
        follow(in, of, ref);
    }
    (void)pthread_mutex_unlock(&in->lock);
}

void notify_set(node *of, uint32_t flags)
{
    notifier *in = of->notifier;
    (void)pthread_mutex_lock(&in->lock);
    in->kinds = kinds_of(flags);
    if (in->followers == NULL && in->kinds != 0)
        in->followers = calloc(hc_stores_max(of->registry), sizeof *in->followers);
    hc_store_ref ref;
    uint32_t at = 0;
    while (in->followers != NULL && node_store_next(of, &at, &ref)) {
        follow(in, of, &ref);
        hc_store_ref_release(&ref);
    }
    atomic_store_explicit(&of->notify_flags,
                          (flags & (NOTIFY_KEYSPACE | NOTIFY_KEYEVENT)) != 0 ? flags : 0,
                          memory_order_relaxed);
    node_care_set(of, NODE_MISSES, notify_wants(of, NOTIFY_MISS));
    (void)pthread_mutex_unlock(&in->lock);
}
