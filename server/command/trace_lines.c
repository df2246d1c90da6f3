/* trace_lines.c - up to four lines a command, each if its component is at TRACE. */
#include "command/trace_lines.h"

#include <string.h>

#include "command/cluster.h"
#include "command/command.h"
#include "command/correlation.h"
#include "command/session.h"

static bool wants_at(const node *of, hc_log_level level, hc_topic topic)
{
    const hc_log *log = of->options.host != NULL ? of->options.host->log : NULL;
    return log != NULL && log->wants(log->ctx, level, topic);
}

static bool wants(const node *of, hc_topic topic)
{
    return wants_at(of, HC_LOG_TRACE, topic);
}

void trace_lines_watch(node *of)
{
    bool now = wants(of, HC_TOPIC_RESP_SERVER) || wants(of, HC_TOPIC_STORAGE_ENGINE) ||
               wants(of, HC_TOPIC_FILTER) || wants(of, HC_TOPIC_HASH_RING);
    if (now != trace_lines_wanted(of)) node_care_set(of, NODE_TRACED, now);
    atomic_store_explicit(&of->correlates, wants_at(of, HC_LOG_DEBUG, HC_TOPIC_REPLICATION),
                          memory_order_relaxed);
}

static hc_log_field number(const char *name, uint64_t value)
{
    return (hc_log_field){.name = name, .kind = HC_FIELD_UINT, .value.u = value};
}

static hc_log_field flag(const char *name, bool value)
{
    return (hc_log_field){.name = name, .kind = HC_FIELD_BOOL, .value.b = value};
}

static hc_log_field text(const char *name, const char *value)
{
    return (hc_log_field){
        .name = name, .kind = HC_FIELD_TEXT, .text = hc_span_make(value, strlen(value))};
}

static void line_write(const request *of, hc_log_record *line, hc_topic topic, const char *message,
                       const hc_log_field *fields, size_t count)
{
    const hc_log *log = of->node->options.host->log;
    line->topic = topic;
    line->message = message;
    line->fields = fields;
    line->field_count = count;
    log->write(log->ctx, line);
}

static void tell_request(const request *of, hc_log_record *line, size_t reply_bytes)
{
    size_t bytes = 0;
    for (size_t i = 0; i < of->argc; i++)
        bytes += of->args[i].size;
    hc_log_field fields[] = {text("client", of->session->address), number("arguments", of->argc),
                             number("requestBytes", bytes), number("replyBytes", reply_bytes)};
    line_write(of, line, HC_TOPIC_RESP_SERVER, "a command ran", fields,
               sizeof fields / sizeof *fields);
}

static void tell_place(const request *of, hc_log_record *line)
{
    hc_inspection at = {.size = sizeof at};
    hc_store *store = of->session->store;
    if (store == NULL || hc_store_inspect(store, line->key, &at) != HC_OK) return;
    hc_log_field fields[] = {number("shard", at.shard),
                             text("segmentState", at.segment_state),
                             number("segment", at.segment),
                             number("segmentOffset", at.segment_offset),
                             number("bucket", at.bucket),
                             number("slot", at.slot),
                             number("uses", at.use),
                             number("memoryBytes", at.memory_bytes),
                             number("valueBytes", at.value_bytes),
                             number("storedBytes", at.stored_bytes)};
    line_write(of, line, HC_TOPIC_STORAGE_ENGINE, "where the key lies", fields,
               sizeof fields / sizeof *fields);
}

/* What the filter says of the key after the command. */
static void tell_filter(const request *of, hc_log_record *line)
{
    hc_filter_inspection in = {.size = sizeof in};
    hc_filter_place first = {.fingerprint = 0};
    hc_store *store = of->session->store;
    if (store == NULL || hc_store_inspect_filter(store, line->key, &first, 1, &in) != HC_OK) return;
    hc_log_field fields[] = {number("shard", in.shard),
                             flag("covers", in.covers),
                             flag("contains", in.contains),
                             number("layers", in.layers),
                             number("fingerprint", first.fingerprint),
                             number("bucketFirst", first.buckets[0]),
                             number("bucketSecond", first.buckets[1])};
    line_write(of, line, HC_TOPIC_FILTER, "what the filter says", fields,
               sizeof fields / sizeof *fields);
}

/* Alone, this node owns everything. */
static void tell_owner(const request *of, hc_log_record *line)
{
    uint32_t slot = hc_ring_slot(line->key);
    const cluster_view *view = cluster_view_acquire(of->node);
    const char *owner = view == NULL ? of->node->run_id : "";
    if (view != NULL && view->acting[slot] < view->member_count)
        owner = view->members[view->acting[slot]].id;
    hc_log_field fields[] = {number("slot", slot), text("owner", owner)};
    line_write(of, line, HC_TOPIC_HASH_RING, "who serves the key", fields,
               sizeof fields / sizeof *fields);
    cluster_view_release(view);
}

void trace_lines_tell(const request *of, size_t reply_bytes)
{
    const command *row = of->command;
    char id[CORRELATION_CHARS];
    request_correlation(of, id);
    hc_log_record line = {.level = HC_LOG_TRACE,
                          .operation = row->name,
                          .correlation_id = hc_span_make(id, strlen(id)),
                          .duration_ns = -1};
    bool has_key = row->keys.access != COMMAND_ACCESS_CHANNEL &&
                   command_key_count(row, of->args, of->argc) > 0;
    if (has_key) line.key = of->args[command_key_at(row, 0)];
    if (wants(of->node, HC_TOPIC_RESP_SERVER)) tell_request(of, &line, reply_bytes);
    if (has_key && wants(of->node, HC_TOPIC_HASH_RING)) tell_owner(of, &line);
    if (has_key && wants(of->node, HC_TOPIC_FILTER)) tell_filter(of, &line);
    if (has_key && wants(of->node, HC_TOPIC_STORAGE_ENGINE)) tell_place(of, &line);
}
