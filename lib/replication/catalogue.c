/*
 * catalogue.c - definitions: made, dropped, merged, told.
 *
 *     one that changes           ---- SOME: it ---->  all others, at once
 *     every compare_ms           ---- DIGEST ------>  the next in turn: equal, nothing
 *                                <--- ALL ----------  else all that it has, ...
 *                                ---- ALL --------->  ... and all of ours
 *
 * Merging is the same in any order and any number of times (see the header), so nodes that have
 * heard the same know the same.
 */
#include "replication/catalogue_private.h"

#include "base/hash.h"
#include "base/options.h"

#include <string.h>

#define COMPARE_MS 2000u
#define HOLD_MS 2000u
#define HOLD_BYTES (4u << 20)
#define ID_SEED 17u
#define DIGEST_SEED 18u

uint64_t hci_catalogue_store_id(hc_span name, uint32_t generation)
{
    uint64_t id = hci_hash(name, (uint64_t)generation << 8 | ID_SEED);
    return id != 0 ? id : 1;
}

static hc_span name_of(const definition *d)
{
    return hc_span_make(d->name, d->name_bytes);
}

static uint32_t by_name(const hc_catalogue *c, hc_span name)
{
    for (uint32_t i = 0; i < c->count; i++) {
        hc_span one = name_of(&c->definitions[i]);
        if (one.size == name.size && memcmp(one.data, name.data, name.size) == 0) return i;
    }
    return NOWHERE;
}

/* Also of a generation before the one that is known, which has ended. */
uint32_t hci_catalogue_by_id(const hc_catalogue *c, uint64_t store_id)
{
    for (uint32_t i = 0; i < c->count; i++) {
        if (c->definitions[i].store_id == store_id) return i;
    }
    return NOWHERE;
}

hc_definition hci_catalogue_show(const definition *d)
{
    return (hc_definition){.size = sizeof(hc_definition),
                           .name = name_of(d),
                           .settings = hc_span_make(d->settings, d->settings_bytes),
                           .store_id = d->store_id,
                           .made_at_ms = d->made_at_ms,
                           .generation = d->generation,
                           .dropped = d->dropped};
}

uint64_t hci_catalogue_digest(const hc_catalogue *c)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        const definition *d = &c->definitions[i];
        uint64_t seed = (uint64_t)d->made_at_ms ^ (uint64_t)d->dropped << 63 ^ DIGEST_SEED;
        sum += hci_hash(hc_span_make(d->settings, d->settings_bytes), seed ^ d->store_id);
    }
    return sum;
}

/* ---- the table ---- */

static void end_forget(hc_catalogue *c)
{
    uint32_t oldest = NOWHERE, ends = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        const definition *d = &c->definitions[i];
        if (!d->dropped) continue;
        ends++;
        if (oldest == NOWHERE || d->made_at_ms < c->definitions[oldest].made_at_ms) oldest = i;
    }
    if (ends > HC_CATALOGUE_ENDS_MAX) c->definitions[oldest] = c->definitions[--c->count];
}

static uint32_t alive_count(const hc_catalogue *c)
{
    uint32_t alive = 0;
    for (uint32_t i = 0; i < c->count; i++)
        alive += !c->definitions[i].dropped;
    return alive;
}

static hc_status place_find(hc_catalogue *c, hc_span name, uint32_t *at_out)
{
    *at_out = by_name(c, name);
    if (*at_out != NOWHERE) return HC_OK;
    if (c->count == c->capacity) {
        uint32_t capacity = c->capacity == 0 ? 16 : c->capacity * 2;
        if (capacity > 2 * (HC_STORES_MAX + HC_CATALOGUE_ENDS_MAX)) return HC_ERR_LIMIT;
        definition *grown = hci_resize(&c->host, c->definitions, c->capacity * sizeof *grown,
                                       capacity * sizeof *grown);
        if (grown == NULL) return HC_ERR_NO_MEMORY;
        c->definitions = grown;
        c->capacity = capacity;
    }
    *at_out = c->count++;
    memset(&c->definitions[*at_out], 0, sizeof(definition));
    return HC_OK;
}

/* ---- merging ---- */

static bool is_newer(const definition *a, const definition *b)
{
    if (a->generation != b->generation) return a->generation > b->generation;
    if (a->dropped != b->dropped) return a->dropped;
    if (a->made_at_ms != b->made_at_ms) return a->made_at_ms < b->made_at_ms;
    if (a->settings_bytes != b->settings_bytes) return a->settings_bytes < b->settings_bytes;
    return memcmp(a->settings, b->settings, a->settings_bytes) < 0;
}

bool hci_catalogue_merge(hc_catalogue *c, const definition *said, bool tell)
{
    uint32_t at;
    uint32_t known = by_name(c, name_of(said));
    if (known != NOWHERE && !is_newer(said, &c->definitions[known])) return false;
    bool more = !said->dropped && (known == NOWHERE || c->definitions[known].dropped);
    if (more && alive_count(c) >= c->options.stores_max) return false;
    if (place_find(c, name_of(said), &at) != HC_OK) return false; /* another comparison brings it */
    definition before = c->definitions[at];
    c->definitions[at] = *said;
    bool ended = before.generation != 0 && !before.dropped && before.generation < said->generation;
    if (tell && ended) { /* the end of the one before was not heard */
        before.dropped = true;
        hc_definition gone = hci_catalogue_show(&before);
        c->calls.changed(c->calls.ctx, &gone);
    }
    hc_definition shown = hci_catalogue_show(said);
    bool nothing = said->dropped && (before.generation == 0 || before.dropped || ended);
    if (tell && !nothing) c->calls.changed(c->calls.ctx, &shown);
    hci_hold_deliver(c, said->store_id, said->dropped);
    if (ended) hci_hold_deliver(c, before.store_id, true);
    if (said->dropped) end_forget(c);
    return true;
}

/* ---- telling ---- */

static void send_to(hc_catalogue *c, const hc_node_id *to, hc_span message)
{
    if (message.size == 0) return; /* no memory: a comparison will find it */
    c->stats.sent++;
    c->calls.send(c->calls.ctx, to, message);
}

static void tell_all(hc_catalogue *c, uint32_t at)
{
    hc_span message = hci_catalogue_make(c, CATALOGUE_SOME, 0, at);
    for (uint32_t i = 0; i < c->node_count; i++)
        send_to(c, &c->nodes[i], message);
}

static void merge_all(hc_catalogue *c, hc_span rest)
{
    definition said;
    while (hci_catalogue_take(&rest, &said))
        (void)hci_catalogue_merge(c, &said, true);
}

static bool node_known(const hc_catalogue *c, const hc_node_id *node)
{
    for (uint32_t i = 0; i < c->node_count; i++) {
        if (memcmp(c->nodes[i].bytes, node->bytes, sizeof node->bytes) == 0) return true;
    }
    return false;
}

hc_status hc_catalogue_receive(hc_catalogue *c, hc_moment now, hc_span bytes)
{
    catalogue_message m;
    hc_status status = hci_catalogue_open(c, bytes, &m);
    if (status == HC_OK && !node_known(c, &m.from)) status = HC_ERR_NOT_FOUND;
    if (status != HC_OK) {
        c->stats.dropped++;
        return status;
    }
    c->stats.received++;
    (void)hci_hold_tick(c, now.now_ns);
    if (m.kind == CATALOGUE_DIGEST) {
        if (m.number != hci_catalogue_digest(c))
            send_to(c, &m.from, hci_catalogue_make(c, CATALOGUE_ALL, 1, NOWHERE));
    } else if (m.kind == CATALOGUE_SOME || m.kind == CATALOGUE_ALL) {
        merge_all(c, m.rest);
        if (m.kind == CATALOGUE_ALL && m.number != 0)
            send_to(c, &m.from, hci_catalogue_make(c, CATALOGUE_ALL, 0, NOWHERE));
    } else if (m.kind == CATALOGUE_ASK) {
        uint32_t at = hci_catalogue_by_id(c, m.number);
        if (at != NOWHERE) send_to(c, &m.from, hci_catalogue_make(c, CATALOGUE_SOME, 0, at));
    }
    return HC_OK;
}

uint64_t hc_catalogue_tick(hc_catalogue *c, hc_moment now)
{
    uint64_t next = hci_hold_tick(c, now.now_ns);
    if (now.now_ns >= c->compare_ns) {
        c->compare_ns = now.now_ns + c->options.compare_ms * MS;
        if (c->node_count > 0) {
            c->compared = (c->compared + 1) % c->node_count;
            hc_span message =
                hci_catalogue_make(c, CATALOGUE_DIGEST, hci_catalogue_digest(c), NOWHERE);
            send_to(c, &c->nodes[c->compared], message);
        }
    }
    return next < c->compare_ns ? next : c->compare_ns;
}

/* ---- what the program says ---- */

hc_status hc_catalogue_members(hc_catalogue *c, hc_moment now, const hc_member *members,
                               size_t count)
{
    if (count > HC_MEMBERS_MAX) return HC_ERR_LIMIT;
    if (count > c->node_capacity) {
        hc_node_id *nodes =
            hci_resize(&c->host, c->nodes, c->node_capacity * sizeof *nodes, count * sizeof *nodes);
        if (nodes == NULL) return HC_ERR_NO_MEMORY;
        c->nodes = nodes;
        c->node_capacity = (uint32_t)count;
    }
    uint32_t before = c->node_count;
    c->node_count = 0;
    for (size_t i = 0; i < count; i++) {
        const hc_member *m = &members[i];
        bool is_self = memcmp(m->id.bytes, c->options.self.bytes, sizeof m->id.bytes) == 0;
        if (!is_self && m->state <= HC_MEMBER_SUSPECT) c->nodes[c->node_count++] = m->id;
    }
    if (c->node_count > before) c->compare_ns = now.now_ns; /* somebody new */
    return HC_OK;
}

hc_status hc_catalogue_add(hc_catalogue *c, hc_moment now, hc_span name, hc_span settings,
                           uint64_t *store_id_out)
{
    uint32_t at;
    *store_id_out = 0;
    if (!hc_store_name_fits(name) || settings.size > HC_CATALOGUE_SETTINGS_BYTES_MAX)
        return HC_ERR_INVALID;
    at = by_name(c, name);
    if (at != NOWHERE && !c->definitions[at].dropped) return HC_ERR_EXISTS;
    if (alive_count(c) >= c->options.stores_max) return HC_ERR_LIMIT;
    hc_status status = place_find(c, name, &at);
    if (status != HC_OK) return status;
    definition *d = &c->definitions[at];
    d->generation++;
    d->dropped = false;
    d->made_at_ms = now.wall_ms > 0 ? now.wall_ms : 0;
    d->name_bytes = (uint8_t)name.size;
    d->settings_bytes = (uint16_t)settings.size;
    memcpy(d->name, name.data, name.size);
    if (settings.size > 0) memcpy(d->settings, settings.data, settings.size);
    d->store_id = *store_id_out = hci_catalogue_store_id(name, d->generation);
    tell_all(c, at);
    return HC_OK;
}

hc_status hc_catalogue_drop(hc_catalogue *c, hc_moment now, hc_span name)
{
    uint32_t at = by_name(c, name);
    if (at == NOWHERE || c->definitions[at].dropped) return HC_ERR_NOT_FOUND;
    c->definitions[at].dropped = true;
    c->definitions[at].made_at_ms = now.wall_ms > 0 ? now.wall_ms : 0;
    c->definitions[at].settings_bytes = 0;
    hci_hold_deliver(c, c->definitions[at].store_id, true);
    tell_all(c, at);
    end_forget(c);
    return HC_OK;
}

/* ---- what it knows ---- */

static void show_copy(const definition *d, hc_definition *out)
{
    size_t size = out->size;
    hc_definition shown = hci_catalogue_show(d);
    memcpy(out, &shown, size < sizeof shown ? size : sizeof shown);
    out->size = size;
}

hc_status hc_catalogue_find(const hc_catalogue *c, hc_span name, hc_definition *out)
{
    uint32_t at = by_name(c, name);
    if (at == NOWHERE || c->definitions[at].dropped) return HC_ERR_NOT_FOUND;
    show_copy(&c->definitions[at], out);
    return HC_OK;
}

hc_status hc_catalogue_at(const hc_catalogue *c, size_t index, hc_definition *out)
{
    if (index >= c->count) return HC_ERR_NOT_FOUND;
    show_copy(&c->definitions[index], out);
    return HC_OK;
}

size_t hc_catalogue_count(const hc_catalogue *c)
{
    return c->count;
}

size_t hc_catalogue_image(const hc_catalogue *c, void *to, size_t bytes_max)
{
    hc_catalogue *scratch = (hc_catalogue *)(uintptr_t)c; /* its message buffer alone */
    hc_span image = hci_catalogue_make(scratch, CATALOGUE_ALL, 0, NOWHERE);
    size_t copied = image.size < bytes_max ? image.size : bytes_max;
    if (copied > 0) memcpy(to, image.data, copied);
    return image.size;
}

void hc_catalogue_stats_get(const hc_catalogue *c, hc_catalogue_stats *stats)
{
    size_t size = stats->size;
    hc_catalogue_stats s = c->stats;
    s.stores = alive_count(c);
    s.ends = c->count - s.stores;
    s.digest = hci_catalogue_digest(c);
    memcpy(stats, &s, size < sizeof s ? size : sizeof s);
    stats->size = size;
}

/* ---- making ---- */

static hc_status options_resolve(const hc_catalogue_options *options, hc_catalogue_options *o)
{
    hc_status status = hci_options_copy(o, sizeof *o, options, options->size);
    if (status != HC_OK) return status;
    if (o->stores_max == 0) o->stores_max = HC_STORES_MAX;
    if (o->compare_ms == 0) o->compare_ms = COMPARE_MS;
    if (o->hold_ms == 0) o->hold_ms = HOLD_MS;
    if (o->hold_bytes_max == 0) o->hold_bytes_max = HOLD_BYTES;
    return o->stores_max <= HC_STORES_MAX ? HC_OK : HC_ERR_INVALID;
}

static hc_status image_take(hc_catalogue *c)
{
    catalogue_message m;
    definition said;
    hc_span image = c->options.image;
    c->options.image = hc_span_make(NULL, 0);
    if (image.size == 0) return HC_OK;
    if (hci_catalogue_open(c, image, &m) != HC_OK) return HC_ERR_CORRUPT;
    while (hci_catalogue_take(&m.rest, &said))
        (void)hci_catalogue_merge(c, &said, false);
    return m.rest.size == 0 ? HC_OK : HC_ERR_CORRUPT;
}

hc_status hc_catalogue_create(const hc_host *host, const hc_catalogue_options *options,
                              const hc_catalogue_calls *calls, hc_moment now,
                              hc_catalogue **catalogue_out)
{
    hc_catalogue_options o;
    hc_catalogue_calls k;
    hci_host resolved;
    *catalogue_out = NULL;
    hc_status status = options_resolve(options, &o);
    if (status == HC_OK) status = hci_options_copy(&k, sizeof k, calls, calls->size);
    if (status == HC_OK) status = hci_host_resolve(host, &resolved);
    if (status != HC_OK) return status;
    if (k.send == NULL || k.changed == NULL || k.deliver == NULL) return HC_ERR_INVALID;
    hc_catalogue *c = hci_allocate(&resolved, sizeof *c);
    if (c == NULL) return HC_ERR_NO_MEMORY;
    memset(c, 0, sizeof *c);
    c->host = resolved;
    c->options = o;
    c->calls = k;
    c->compare_ns = now.now_ns;
    status = image_take(c);
    if (status != HC_OK) {
        hc_catalogue_destroy(c);
        return status;
    }
    *catalogue_out = c;
    return HC_OK;
}

void hc_catalogue_destroy(hc_catalogue *c)
{
    if (c == NULL) return;
    hci_host host = c->host;
    hci_hold_fini(c);
    hci_release(&host, c->definitions, c->capacity * sizeof *c->definitions);
    hci_release(&host, c->nodes, c->node_capacity * sizeof *c->nodes);
    hci_release(&host, c->message, c->message_capacity);
    hci_release(&host, c, sizeof *c);
}
