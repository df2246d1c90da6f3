/*
 * membership.c - making one, messages in, time in, and what the program asks.
 */
#include "membership/membership_private.h"

#include "base/options.h"

#include <assert.h>
#include <string.h>

#define PROBE_TIMEOUT_MS 100u
#define GOSSIP_INTERVAL_MS 100u
#define SYNC_INTERVAL_MS 15000u
#define RETRY_INTERVAL_MS 10000u
#define EVICT_AFTER_MS 300000u
#define FORGET_AFTER_MS 3600000u
#define PAUSE_MS 2000u
#define OBJECTIONS_MAX 16u
#define WEIGHT_USUAL 100u
#define INTERVAL_MS_MAX 86400000u

/* ---- making ---- */

static void use_default(uint32_t *value, uint32_t usual)
{
    if (*value == 0) *value = usual;
}

static hc_status options_resolve(const hc_membership_options *options, hc_membership_options *o)
{
    hc_status status = hci_options_copy(o, sizeof *o, options, options->size);
    if (status != HC_OK) return status;
    use_default(&o->probe_timeout_ms, PROBE_TIMEOUT_MS);
    use_default(&o->gossip_interval_ms, GOSSIP_INTERVAL_MS);
    use_default(&o->sync_interval_ms, SYNC_INTERVAL_MS);
    use_default(&o->retry_interval_ms, RETRY_INTERVAL_MS);
    use_default(&o->evict_after_ms, EVICT_AFTER_MS);
    use_default(&o->forget_after_ms, FORGET_AFTER_MS);
    use_default(&o->pause_ms, PAUSE_MS);
    if (o->self.weight == 0) o->self.weight = WEIGHT_USUAL;
    const uint32_t intervals[] = {o->probe_interval_ms, o->probe_timeout_ms,  o->gossip_interval_ms,
                                  o->sync_interval_ms,  o->retry_interval_ms, o->evict_after_ms,
                                  o->forget_after_ms,   o->pause_ms};
    for (size_t i = 0; i < sizeof intervals / sizeof *intervals; i++) {
        if (intervals[i] > INTERVAL_MS_MAX) return HC_ERR_INVALID;
    }
    bool zone_ends = memchr(o->self.zone, '\0', sizeof o->self.zone) != NULL;
    if (!zone_ends || (unsigned)o->self.ring > HC_RING_OUT) return HC_ERR_INVALID;
    return HC_OK;
}

static hc_status calls_resolve(const hc_membership_calls *calls, hc_membership_calls *out)
{
    hc_status status = hci_options_copy(out, sizeof *out, calls, calls->size);
    if (status != HC_OK) return status;
    bool complete = out->send != NULL && out->changed != NULL && out->superseded != NULL;
    return complete ? HC_OK : HC_ERR_INVALID;
}

/* An image is a message to oneself. */
static hc_status image_take(hc_membership *members, uint64_t now_ns, hc_span image)
{
    message opened;
    news what;
    if (image.size == 0) return HC_OK;
    if (hci_wire_open(members, image, &opened) != HC_OK) return HC_ERR_CORRUPT;
    while (hci_wire_record(&opened.records, &what)) {
        hc_member *self = &self_of(members)->member;
        if (hci_same_id(&what.member.id, &self->id)) {
            if (what.member.boot_id >= self->boot_id) self->boot_id = what.member.boot_id + 1;
            self->ring = what.member.ring;
            self->ring_version = what.member.ring_version;
            self->tag = what.member.tag;
            continue;
        }
        hci_table_merge(members, now_ns, &what);
    }
    return opened.records.size == 0 ? HC_OK : HC_ERR_CORRUPT;
}

static hc_status fill(hc_membership *members, uint64_t now_ns)
{
    hc_member self = members->options.self;
    self.state = HC_MEMBER_ALIVE;
    self.tag = (uint16_t)(hci_mark(&self.id) % HC_MEMBER_TAGS);
    hc_status status = hci_table_add(members, now_ns, &self);
    if (status == HC_OK) status = image_take(members, now_ns, members->options.image);
    if (status != HC_OK) return status;
    hci_table_tell(members, 0);
    members->options.image = hc_span_make(NULL, 0);
    return HC_OK;
}

hc_status hc_membership_create(const hc_host *host, const hc_membership_options *options,
                               const hc_membership_calls *calls, uint64_t now_ns,
                               hc_membership **members_out)
{
    hc_membership_options o;
    hc_membership_calls c;
    hci_host resolved;
    *members_out = NULL;
    hc_status status = options_resolve(options, &o);
    if (status == HC_OK) status = calls_resolve(calls, &c);
    if (status == HC_OK) status = hci_host_resolve(host, &resolved);
    if (status != HC_OK) return status;
    hc_membership *members = hci_allocate(&resolved, sizeof *members);
    if (members == NULL) return HC_ERR_NO_MEMORY;
    memset(members, 0, sizeof *members);
    members->host = resolved;
    members->options = o;
    members->calls = c;
    members->random = hci_random_uint64(&resolved) | 1;
    members->ticked_ns = members->seeds_ns = members->gossip_ns = now_ns;
    members->probe_ns = now_ns + random_below(members, 300) * MS;
    members->sync_ns = now_ns + random_below(members, o.sync_interval_ms) * MS;
    status = fill(members, now_ns);
    if (status != HC_OK) {
        hc_membership_destroy(members);
        return status;
    }
    *members_out = members;
    return HC_OK;
}

void hc_membership_destroy(hc_membership *members)
{
    if (members == NULL) return;
    hci_host host = members->host;
    hci_release(&host, members->records, members->capacity * sizeof *members->records);
    hci_release(&host, members->order, members->order_capacity * sizeof *members->order);
    hci_release(&host, members, sizeof *members);
}

/* ---- small things for all files ---- */

/* xorshift64*. */
uint64_t hci_random_next(hc_membership *members)
{
    uint64_t x = members->random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    members->random = x;
    return x * UINT64_C(0x2545F4914F6CDD1D);
}

void hci_send(hc_membership *members, const hc_address *to, bool reliable, hc_span bytes)
{
    if (members->superseded) return;
    members->stats.sent++;
    members->stats.sent_bytes += bytes.size;
    members->calls.send(members->calls.ctx, to, reliable, bytes);
}

message hci_message_of(const hc_membership *members, message_kind kind)
{
    const hc_member *self = &members->records[0].member;
    return (message){.kind = kind, .sender = self->id, .sender_boot = self->boot_id};
}

/* ---- messages and time ---- */

/* A sender that is not known, or not in this life, is asked for all it knows; one of an earlier
 * life than is known is told so. */
static void sender_look(hc_membership *members, const hc_address *from, const message *what)
{
    uint32_t number = hci_table_find(members, &what->sender);
    if (number == 0 || what->kind >= MESSAGE_SYNC) return;
    uint64_t known_boot = number != NOBODY ? members->records[number].member.boot_id : 0;
    if (number == NOBODY || known_boot < what->sender_boot) {
        hci_sync_send(members, from, MESSAGE_SYNC);
    } else if (known_boot > what->sender_boot) {
        message told = hci_message_of(members, MESSAGE_GOSSIP);
        hci_gossip_send(members, from, false, &told, number);
    }
}

/* Whoever told us of our death hears at once that we live, and so do others who may have heard:
 * some of them are about to believe it. */
static void objection_send(hc_membership *members, const hc_address *to)
{
    message told = hci_message_of(members, MESSAGE_GOSSIP);
    uint32_t others = members->count - 1, most = others < OBJECTIONS_MAX ? others : OBJECTIONS_MAX;
    uint32_t first = others > 0 ? random_below(members, others) : 0;
    hci_gossip_send(members, to, false, &told, 0);
    for (uint32_t i = 0; i < most; i++) {
        const record *r = &members->records[1 + (first + i) % others];
        if (is_there(r)) hci_gossip_send(members, &r->member.address, false, &told, 0);
    }
}

hc_status hc_membership_receive(hc_membership *members, uint64_t now_ns, const hc_address *from,
                                bool reliable, hc_span bytes)
{
    message what;
    news one;
    hc_status status = hci_wire_open(members, bytes, &what);
    if (status != HC_OK) {
        members->stats.dropped++;
        return status;
    }
    members->stats.received++;
    members->stats.received_bytes += bytes.size;
    hc_span records = what.records;
    uint32_t incarnation = self_of(members)->member.incarnation;
    while (!members->superseded && hci_wire_record(&records, &one))
        hci_table_merge(members, now_ns, &one);
    if (members->superseded) return HC_OK;
    if (what.attachment.size > 0 && members->calls.attached != NULL) {
        members->calls.attached(members->calls.ctx, &what.sender, what.attachment);
    }
    if (members->left) return HC_OK;
    sender_look(members, from, &what);
    if (self_of(members)->member.incarnation != incarnation) objection_send(members, from);
    if (what.kind == MESSAGE_SYNC) {
        uint32_t sender = hci_table_find(members, &what.sender);
        const hc_address *to = sender != NOBODY ? &members->records[sender].member.address : from;
        hci_sync_send(members, to, MESSAGE_SYNCED);
    } else if (what.kind < MESSAGE_GOSSIP) {
        hci_probe_message(members, now_ns, from, reliable, &what);
    }
    return HC_OK;
}

/* This process stood still: what fell due meanwhile is not the others' fault. */
static void pause_look(hc_membership *members, uint64_t now_ns)
{
    uint64_t gap = now_ns - members->ticked_ns;
    if (gap < PAUSE_NS) return;
    members->stats.pauses++;
    hci_health_change(members, 2);
    hci_table_shift(members, gap);
    hci_probe_shift(members, gap);
    members->probe_ns += gap;
}

uint64_t hc_membership_tick(hc_membership *members, uint64_t now_ns)
{
    if (members->superseded) return NEVER;
    pause_look(members, now_ns);
    members->ticked_ns = now_ns;
    uint64_t gossip = hci_gossip_tick(members, now_ns);
    if (members->left) return members->gossip_ns;
    uint64_t next = hci_table_tick(members, now_ns);
    uint64_t probing = hci_probe_tick(members, now_ns);
    next = probing < next ? probing : next;
    return gossip < next ? gossip : next;
}

/* ---- what the program says ---- */

void hc_membership_seeds(hc_membership *members, uint64_t now_ns, const hc_address *seeds,
                         size_t count)
{
    if (count > HC_MEMBERSHIP_SEEDS_MAX) count = HC_MEMBERSHIP_SEEDS_MAX;
    members->seed_count = (uint32_t)count;
    if (count > 0) memcpy(members->seeds, seeds, count * sizeof *seeds);
    if (!members->left) hci_sync_seeds(members, now_ns, false);
}

void hc_membership_refused(hc_membership *members, uint64_t now_ns, const hc_node_id *node)
{
    uint32_t number = hci_table_find(members, node);
    if (number != NOBODY && !members->left) hci_table_accuse(members, now_ns, number, true);
}

void hc_membership_leave(hc_membership *members, uint64_t now_ns)
{
    record *self = self_of(members);
    if (members->left) return;
    self->member.state = HC_MEMBER_LEFT;
    self->since_ns = now_ns;
    hci_table_renew(members, 0);
    members->left = true;
    members->gossip_ns = now_ns;
}

void hc_membership_set_ring(hc_membership *members, uint64_t now_ns, hc_member_ring ring)
{
    (void)now_ns;
    hc_member *self = &self_of(members)->member, before = *self;
    if (self->ring == ring) return;
    self->ring = ring;
    self->ring_version++;
    hci_table_tell(members, 0);
    members->calls.changed(members->calls.ctx, &before, self);
}

void hc_membership_set_ready(hc_membership *members, uint64_t now_ns, bool ready)
{
    (void)now_ns;
    hc_member *self = &self_of(members)->member, before = *self;
    if (self->ready == ready) return;
    self->ready = ready;
    hci_table_renew(members, 0);
    members->calls.changed(members->calls.ctx, &before, self);
}

hc_status hc_membership_forget(hc_membership *members, uint64_t now_ns, const hc_node_id *node)
{
    (void)now_ns;
    uint32_t number = hci_table_find(members, node);
    if (number == NOBODY) return HC_ERR_NOT_FOUND;
    record *r = &members->records[number];
    if (number == 0 || is_there(r)) return HC_ERR_CONFLICT;
    if (r->member.ring == HC_RING_OUT) return HC_OK;
    hc_member before = r->member;
    r->member.ring = HC_RING_OUT;
    r->member.ring_version += RING_VERSIONS_OUT;
    hci_table_tell(members, number);
    members->calls.changed(members->calls.ctx, &before, &r->member);
    return HC_OK;
}

/* ---- what it asks ---- */

size_t hc_membership_count(const hc_membership *members)
{
    return members->count;
}

const hc_member *hc_membership_at(const hc_membership *members, size_t index)
{
    assert(index < members->count);
    return &members->records[index].member;
}

const hc_member *hc_membership_find(const hc_membership *members, const hc_node_id *node)
{
    uint32_t number = hci_table_find(members, node);
    return number != NOBODY ? &members->records[number].member : NULL;
}

unsigned hc_membership_health(const hc_membership *members)
{
    return members->health;
}

size_t hc_membership_image(const hc_membership *members, void *to, size_t bytes_max)
{
    hc_membership *scratch = (hc_membership *)(uintptr_t)members; /* its message buffer alone */
    message what = hci_message_of(members, MESSAGE_SYNCED);
    size_t bytes = hci_wire_begin(scratch, &what);
    for (uint32_t i = 0; i < members->count; i++)
        bytes = hci_wire_add(scratch, bytes, &members->records[i], HC_MEMBERSHIP_MESSAGE_BYTES_MAX);
    hc_span image = hci_wire_end(scratch, bytes);
    size_t copied = image.size < bytes_max ? image.size : bytes_max;
    if (copied > 0) memcpy(to, image.data, copied);
    return image.size;
}

void hc_membership_stats_get(const hc_membership *members, hc_membership_stats *stats)
{
    size_t size = stats->size, bytes = size < sizeof *stats ? size : sizeof *stats;
    memcpy(stats, &members->stats, bytes);
    stats->size = size;
}
