/*
 * tracking_prefix.c - BCAST: prefixes, who named them, and the changed keys that wait for them.
 *
 *     prefixes  [ "" | "object:" | "user:" ]  in the order of their texts
 *                          |
 *                          +-> clients [ c1 | c4 ]   pending [ "object:1" by c4 | "object:7" by 0 ]
 *
 * A change looks at every prefix: there are few.  What waits goes out sorted, as in Redis, and
 * without the keys that a NOLOOP client changed itself.
 */
#include <stdlib.h>
#include <string.h>

#include "command/tracking_private.h"

enum { CLIENTS_MIN = 4 };

typedef struct pending {
    hc_span key;               /* a copy */
    const tracking_client *by; /* only compared; NULL: nobody who tracks */
} pending;

struct prefix {
    tracking_client **clients; /* with a reference each */
    size_t count, capacity;
    size_t waiting_count;
    pending waiting[TRACKING_PENDING_MAX];
    bool overrun; /* no memory for a key: everybody is told of a flush */
    size_t bytes;
    uint8_t text[];
};

static int spans_compare(hc_span a, hc_span b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common > 0 ? memcmp(a.data, b.data, common) : 0;
    if (order != 0) return order;
    return a.size < b.size ? -1 : a.size > b.size;
}

static hc_span text_of(const prefix *of)
{
    return hc_span_make(of->text, of->bytes);
}

static bool begins_with(hc_span key, hc_span with)
{
    return key.size >= with.size && (with.size == 0 || memcmp(key.data, with.data, with.size) == 0);
}

/* ---- who named which; prefixes_lock is held ---- */

static size_t place_of(const tracking *in, hc_span text, bool *found)
{
    size_t low = 0, high = atomic_load(&in->prefix_count);
    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = spans_compare(text_of(in->prefixes[middle]), text);
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static prefix *prefix_insert(tracking *in, size_t place, hc_span text)
{
    size_t count = atomic_load(&in->prefix_count);
    prefix *made = calloc(1, sizeof *made + text.size);
    if (made == NULL) return NULL;
    made->bytes = text.size;
    if (text.size > 0) memcpy(made->text, text.data, text.size);
    memmove(&in->prefixes[place + 1], &in->prefixes[place], (count - place) * sizeof *in->prefixes);
    in->prefixes[place] = made;
    atomic_store(&in->prefix_count, count + 1);
    return made;
}

static void waiting_drop(prefix *of)
{
    for (size_t i = 0; i < of->waiting_count; i++)
        free((void *)(uintptr_t)of->waiting[i].key.data);
    of->waiting_count = 0;
    of->overrun = false;
}

/* Of a prefix without clients. */
static void prefix_take_out(tracking *in, size_t place)
{
    size_t count = atomic_load(&in->prefix_count) - 1;
    prefix *old = in->prefixes[place];
    memmove(&in->prefixes[place], &in->prefixes[place + 1], (count - place) * sizeof *in->prefixes);
    in->prefixes[count] = NULL;
    atomic_store(&in->prefix_count, count);
    waiting_drop(old);
    free(old->clients);
    free(old);
}

static size_t place_in(const prefix *of, const tracking_client *who)
{
    size_t at = 0;
    while (at < of->count && of->clients[at] != who)
        at++;
    return at;
}

static hc_status client_add(prefix *to, tracking_client *who)
{
    if (place_in(to, who) < to->count) return HC_OK;
    if (to->count == to->capacity) {
        size_t capacity = to->capacity == 0 ? CLIENTS_MIN : 2 * to->capacity;
        tracking_client **clients = realloc(to->clients, capacity * sizeof(tracking_client *));
        if (clients == NULL) return HC_ERR_NO_MEMORY;
        to->clients = clients;
        to->capacity = capacity;
    }
    tracking_retain(who);
    to->clients[to->count++] = who;
    return HC_OK;
}

hc_status tracking_prefix_add(tracking *in, hc_span text, tracking_client *who)
{
    if (text.size > TRACKING_PREFIX_BYTES_MAX) return HC_ERR_LIMIT;
    hc_status status = HC_OK;
    bool found;
    (void)pthread_mutex_lock(&in->prefixes_lock);
    size_t place = place_of(in, text, &found);
    if (!found && atomic_load(&in->prefix_count) == TRACKING_PREFIXES_MAX)
        status = HC_ERR_LIMIT;
    else if (!found && prefix_insert(in, place, text) == NULL)
        status = HC_ERR_NO_MEMORY;
    if (status == HC_OK) status = client_add(in->prefixes[place], who);
    if (status == HC_ERR_NO_MEMORY && in->prefixes[place] != NULL &&
        in->prefixes[place]->count == 0)
        prefix_take_out(in, place);
    (void)pthread_mutex_unlock(&in->prefixes_lock);
    return status;
}

void tracking_prefix_remove(tracking *in, tracking_client *who)
{
    (void)pthread_mutex_lock(&in->prefixes_lock);
    for (size_t i = atomic_load(&in->prefix_count); i-- > 0;) {
        prefix *one = in->prefixes[i];
        size_t at = place_in(one, who);
        if (at == one->count) continue;
        memmove(&one->clients[at], &one->clients[at + 1],
                (one->count - at - 1) * sizeof(tracking_client *));
        one->count--;
        tracking_release(who);
        if (one->count == 0) prefix_take_out(in, i);
    }
    (void)pthread_mutex_unlock(&in->prefixes_lock);
}

size_t tracking_prefixes(session *who, void (*visit)(void *ctx, hc_span prefix), void *ctx)
{
    tracking *in = who->node->tracking;
    tracking_client *client = who->tracking;
    size_t count = 0;
    if (client == NULL) return 0;
    (void)pthread_mutex_lock(&in->prefixes_lock);
    for (size_t i = 0; i < atomic_load(&in->prefix_count); i++) {
        const prefix *one = in->prefixes[i];
        if (place_in(one, client) == one->count) continue;
        count++;
        if (visit != NULL) visit(ctx, text_of(one));
    }
    (void)pthread_mutex_unlock(&in->prefixes_lock);
    return count;
}

bool tracking_overlap(session *who, hc_span text, hc_span *with_out)
{
    tracking *in = who->node->tracking;
    tracking_client *client = who->tracking;
    bool overlaps = false;
    if (client == NULL) return false;
    (void)pthread_mutex_lock(&in->prefixes_lock);
    for (size_t i = 0; i < atomic_load(&in->prefix_count) && !overlaps; i++) {
        const prefix *one = in->prefixes[i];
        if (place_in(one, client) == one->count) continue;
        *with_out = text_of(one); /* lives as long as the session keeps it */
        overlaps = begins_with(text, *with_out) || begins_with(*with_out, text);
    }
    (void)pthread_mutex_unlock(&in->prefixes_lock);
    return overlaps;
}

/* ---- changes; prefixes_lock is held ---- */

static int pending_compare(const void *a, const void *b)
{
    return spans_compare(((const pending *)a)->key, ((const pending *)b)->key);
}

static void send_without_own(node *of, const prefix *from, tracking_client *to)
{
    hc_span keys[TRACKING_PENDING_MAX];
    size_t count = 0;
    for (size_t i = 0; i < from->waiting_count; i++)
        if (from->waiting[i].by != to) keys[count++] = from->waiting[i].key;
    if (count == 0) return;
    tracking_notice what = {.node = of, .keys = keys, .count = count};
    tracking_tell(&what, to);
    tracking_notice_fini(&what);
}

static void prefix_send(node *of, prefix *from)
{
    hc_span keys[TRACKING_PENDING_MAX];
    if (from->waiting_count == 0 && !from->overrun) return;
    qsort(from->waiting, from->waiting_count, sizeof *from->waiting, pending_compare);
    for (size_t i = 0; i < from->waiting_count; i++)
        keys[i] = from->waiting[i].key;
    tracking_notice all = {
        .node = of, .keys = from->overrun ? NULL : keys, .count = from->waiting_count};
    for (size_t i = 0; i < from->count; i++) {
        if (atomic_load(&from->clients[i]->noloop) && !from->overrun)
            send_without_own(of, from, from->clients[i]);
        else
            tracking_tell(&all, from->clients[i]);
    }
    tracking_notice_fini(&all);
    waiting_drop(from);
}

static void wait_add(node *of, prefix *to, hc_span key)
{
    for (size_t i = 0; i < to->waiting_count; i++)
        if (spans_compare(to->waiting[i].key, key) == 0) return;
    if (to->waiting_count == TRACKING_PENDING_MAX) prefix_send(of, to);
    uint8_t *copy = malloc(key.size > 0 ? key.size : 1);
    if (copy == NULL) {
        to->overrun = true;
        return;
    }
    if (key.size > 0) memcpy(copy, key.data, key.size);
    to->waiting[to->waiting_count++] =
        (pending){.key = hc_span_make(copy, key.size), .by = tracking_running()};
}

void tracking_prefix_changed(node *of, hc_span key)
{
    tracking *in = of->tracking;
    bool any = false;
    (void)pthread_mutex_lock(&in->prefixes_lock);
    for (size_t i = 0; i < atomic_load(&in->prefix_count); i++) {
        if (!begins_with(key, text_of(in->prefixes[i]))) continue;
        wait_add(of, in->prefixes[i], key);
        any = true;
    }
    (void)pthread_mutex_unlock(&in->prefixes_lock);
    if (any) atomic_store(&of->tracking_gathered, true);
}

void tracking_prefix_send(node *of)
{
    tracking *in = of->tracking;
    if (atomic_load(&in->prefix_count) == 0) return;
    (void)pthread_mutex_lock(&in->prefixes_lock);
    for (size_t i = 0; i < atomic_load(&in->prefix_count); i++)
        prefix_send(of, in->prefixes[i]);
    (void)pthread_mutex_unlock(&in->prefixes_lock);
}
