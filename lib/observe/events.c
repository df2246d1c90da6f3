/*
 * events.c - a ring of records, each one line of JSON made when it came.
 *
 *     ids     ... 17 18 19 20 21          record `id` is at (id - 1) % capacity
 *                 ^oldest     ^last       what is older than last - capacity + 1 is lost
 *
 * The line is made before the lock is taken; the lock is held to choose the id and to copy.
 */
#include <hypercache/event.h>

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

#include "base/options.h"
#include "host/host_internal.h"
#include "host/lock.h"

#define CAPACITY_DEFAULT 256u
#define NODE_ID_BYTES 64u
#define OWN_FIELDS 5u /* event, eventId, severity, runbook, suppressed */

struct hc_events {
    hci_host host;
    void (*deliver)(void *ctx, const hc_log_record *line, const hc_event_record *record);
    void *ctx;
    char node_id[NODE_ID_BYTES];
    uint32_t capacity;
    _Atomic uint32_t keys; /* an hc_log_keys */
    hci_lock lock;         /* guards all below */
    uint64_t last;         /* id; 0: none yet */
    uint64_t counts[HC_EVENT_KINDS];
    uint64_t suppressed[HC_EVENT_KINDS];
    int64_t told_ms[HC_EVENT_KINDS];
    hc_event_record *ring;
};

hc_status hc_events_create(const hc_host *host, const hc_events_options *options,
                           hc_events **events_out)
{
    hc_events_options o;
    hci_host resolved;
    *events_out = NULL;
    hc_status status =
        hci_options_copy(&o, sizeof o, options, options != NULL ? options->size : sizeof o);
    if (status == HC_OK) status = hci_host_resolve(host, &resolved);
    if (status != HC_OK) return status;
    if (o.capacity == 0) o.capacity = CAPACITY_DEFAULT;
    if (o.capacity > HC_EVENTS_CAPACITY_MAX || o.reserved != 0) return HC_ERR_INVALID;
    hc_events *made = hci_allocate(&resolved, sizeof *made);
    if (made == NULL) return HC_ERR_NO_MEMORY;
    memset(made, 0, sizeof *made);
    made->host = resolved;
    made->deliver = o.deliver;
    made->ctx = o.ctx;
    made->capacity = o.capacity;
    size_t bytes = o.node_id != NULL ? strlen(o.node_id) : 0;
    if (bytes > 0)
        memcpy(made->node_id, o.node_id, bytes < NODE_ID_BYTES ? bytes : NODE_ID_BYTES - 1);
    made->ring = hci_allocate(&resolved, o.capacity * sizeof *made->ring);
    if (made->ring == NULL) {
        hci_release(&resolved, made, sizeof *made);
        return HC_ERR_NO_MEMORY;
    }
    hci_lock_init(&made->lock);
    *events_out = made;
    return HC_OK;
}

void hc_events_destroy(hc_events *events)
{
    if (events == NULL) return;
    const hci_host host = events->host;
    hci_lock_fini(&events->lock);
    hci_release(&host, events->ring, events->capacity * sizeof *events->ring);
    hci_release(&host, events, sizeof *events);
}

/* ---- emitting ---- */

static hc_log_field text_field(const char *name, const char *text)
{
    return (hc_log_field){
        .name = name, .kind = HC_FIELD_TEXT, .text = hc_span_make(text, strlen(text))};
}

static hc_log_field number_field(const char *name, uint64_t number)
{
    return (hc_log_field){.name = name, .kind = HC_FIELD_UINT, .value.u = number};
}

/* Counts it, and chooses its id.  False: one of its kind was told just now. */
static bool admit(hc_events *to, hc_event_kind kind, int64_t now_ms, uint64_t *id_out,
                  uint64_t *suppressed_out)
{
    bool floods = hc_event_meaning_of(kind)->floods;
    hci_lock_acquire(&to->lock);
    bool first = to->counts[kind]++ == 0;
    int64_t since_ms = now_ms - to->told_ms[kind];
    /* A wall clock that was set back must not silence a kind for long. */
    bool quiet = floods && !first && since_ms >= 0 && since_ms < HC_EVENT_QUIET_MS;
    if (quiet) {
        to->suppressed[kind]++;
    } else {
        to->told_ms[kind] = now_ms;
        *suppressed_out = to->suppressed[kind];
        to->suppressed[kind] = 0;
        *id_out = ++to->last;
        /* Until it is written, readers see a record that is not yet there. */
        to->ring[(*id_out - 1) % to->capacity].id = 0;
    }
    hci_lock_release(&to->lock);
    return !quiet;
}

static void keep(hc_events *in, const hc_event_record *record)
{
    hci_lock_acquire(&in->lock);
    /* Whoever was so slow that the ring came round has been overtaken. */
    if (record->id + in->capacity > in->last) in->ring[(record->id - 1) % in->capacity] = *record;
    hci_lock_release(&in->lock);
}

static void record_fill(hc_events *of, hc_event_record *record, const hc_log_record *line)
{
    char hash[HC_LOG_KEY_CHARS];
    hc_log_record shown = *line;
    hc_span id = line->correlation_id;
    uint32_t keys = atomic_load_explicit(&of->keys, memory_order_relaxed);
    shown.key = hc_log_key((hc_log_keys)keys, line->key, hash);
    if (id.size > HC_EVENT_CORRELATION_BYTES_MAX) id.size = HC_EVENT_CORRELATION_BYTES_MAX;
    if (id.size > 0) memcpy(record->correlation, id.data, id.size);
    record->correlation_bytes = (uint32_t)id.size;
    record->json_bytes = (uint32_t)hc_log_record_json(
        &shown, of->node_id[0] != '\0' ? of->node_id : NULL, record->json, sizeof record->json);
}

void hc_events_emit(hc_events *events, hc_event_kind kind, const hc_event *event)
{
    static const hc_event nothing = {0};
    const hc_event_meaning *means = hc_event_meaning_of(kind);
    if (events == NULL) return;
    if (event == NULL) event = &nothing;
    hc_event_record record;
    uint64_t suppressed = 0;
    record.time_ms = events->host.clock.wall_ms(events->host.clock.ctx);
    record.kind = kind;
    record.level = event->has_level ? event->level : means->level;
    if (!admit(events, kind, record.time_ms, &record.id, &suppressed)) return;

    hc_log_field fields[OWN_FIELDS + HC_EVENT_FIELDS_MAX];
    size_t count = 0;
    fields[count++] = text_field("event", means->name);
    fields[count++] = number_field("eventId", record.id);
    fields[count++] = text_field("severity", hc_event_severity(record.level));
    if (means->runbook != NULL && record.level <= HC_LOG_WARN)
        fields[count++] = text_field("runbook", means->runbook);
    if (suppressed > 0) fields[count++] = number_field("suppressed", suppressed);
    for (size_t i = 0; i < event->field_count && i < HC_EVENT_FIELDS_MAX; i++)
        fields[count++] = event->fields[i];
    const hc_log_record line = {
        .level = record.level,
        .topic = means->topic,
        .time_ms = record.time_ms,
        .operation = event->operation != NULL ? event->operation : means->name,
        .message = event->message,
        .correlation_id = event->correlation_id,
        .key = event->key,
        .duration_ns = event->duration_ns > 0 ? event->duration_ns : -1,
        .fields = fields,
        .field_count = count,
    };
    record_fill(events, &record, &line);
    keep(events, &record);
    if (events->deliver != NULL) events->deliver(events->ctx, &line, &record);
}

void hc_events_keys(hc_events *events, hc_log_keys keys)
{
    if (events != NULL) atomic_store(&events->keys, (uint32_t)keys);
}

/* ---- reading ---- */

size_t hc_events_read(hc_events *events, uint64_t after, hc_event_record *records,
                      size_t records_max, uint64_t *lost_out)
{
    size_t count = 0;
    uint64_t lost = 0;
    if (events != NULL) {
        hci_lock_acquire(&events->lock);
        uint64_t oldest = events->last < events->capacity ? 1 : events->last - events->capacity + 1;
        if (after + 1 < oldest) {
            lost = oldest - after - 1;
            after = oldest - 1;
        }
        for (uint64_t id = after + 1; id <= events->last && count < records_max; id++) {
            const hc_event_record *from = &events->ring[(id - 1) % events->capacity];
            if (from->id != id) break; /* being written; what follows waits for it */
            records[count++] = *from;
        }
        hci_lock_release(&events->lock);
    }
    if (lost_out != NULL) *lost_out = lost;
    return count;
}

uint64_t hc_events_last(hc_events *events)
{
    if (events == NULL) return 0;
    hci_lock_acquire(&events->lock);
    uint64_t last = events->last;
    hci_lock_release(&events->lock);
    return last;
}

uint64_t hc_events_count(hc_events *events, hc_event_kind kind)
{
    assert((unsigned)kind < HC_EVENT_KINDS);
    if (events == NULL) return 0;
    hci_lock_acquire(&events->lock);
    uint64_t count = events->counts[kind];
    hci_lock_release(&events->lock);
    return count;
}

bool hc_event_matches(const hc_event_record *record, const hc_event_filter *filter)
{
    uint32_t topic = UINT32_C(1) << hc_event_meaning_of(record->kind)->topic;
    hc_span id = filter->correlation_id;
    if (filter->topics != 0 && (filter->topics & topic) == 0) return false;
    if (record->level > filter->level_max) return false;
    if (id.size == 0) return true;
    return record->correlation_bytes == id.size &&
           memcmp(record->correlation, id.data, id.size) == 0;
}
