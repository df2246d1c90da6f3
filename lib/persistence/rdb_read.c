/*
 * rdb_read.c - an RDB file, checked whole and then read.
 *
 *     pass 1   checksum over all bytes; every length, opcode and type; nothing is told
 *     pass 2   the same walk, telling each string
 *
 * A window of the source is in memory; a value larger than that is read into a block of its own,
 * whose size was seen to be there in the file, or follows from bytes that were.
 */
#include "persistence/rdb_private.h"

#include "base/crc64.h"
#include "base/number.h"
#include "base/options.h"

#include <hypercache/store.h>

#include <string.h>

enum {
    OPCODE_SLOT_INFO = 0xF4,
    OPCODE_FUNCTION = 0xF5,
    OPCODE_FUNCTION_EARLY = 0xF6,
    OPCODE_MODULE_AUX = 0xF7,
    OPCODE_IDLE = 0xF8,
    OPCODE_FREQUENCY = 0xF9,
    OPCODE_AUX = 0xFA,
    OPCODE_RESIZE = 0xFB,
    OPCODE_EXPIRY_MS = 0xFC,
    OPCODE_EXPIRY_SECONDS = 0xFD,
    OPCODE_DATABASE = 0xFE,
    OPCODE_END = 0xFF
};

#define MAGIC_BYTES 9u
#define VALKEY_VERSION_MIN 80u
#define DATABASES_MAX 65536u

typedef struct file_reader {
    rdb_reader base;
    const hc_rdb_source *source;
    hci_host *host;
    uint64_t end;      /* of what is read: before the checksum */
    uint64_t offset;   /* of the window in the file */
    size_t used, held; /* of the window */
    hc_status status; /* HC_ERR_IO, HC_ERR_NO_MEMORY, HC_ERR_LIMIT; else the fault is in the file */
    uint8_t *block;   /* for large strings */
    size_t block_bytes;
    uint8_t window[RDB_WINDOW_BYTES];
    uint8_t key[HC_KEY_BYTES_MAX];
} file_reader;

/* ---- the window ---- */

static uint64_t file_at(const file_reader *from)
{
    return from->offset + from->used;
}

static bool file_fail(file_reader *from, hc_status status, const char *fault)
{
    from->status = status;
    from->base.fault = fault;
    return false;
}

static bool file_read(file_reader *from, uint64_t offset, void *to, size_t bytes)
{
    if (bytes == 0 || from->source->read(from->source->ctx, offset, to, bytes)) return true;
    return file_fail(from, HC_ERR_IO, "the file could not be read");
}

static const uint8_t *file_next(rdb_reader *base, size_t bytes)
{
    file_reader *from = (file_reader *)base;
    if (from->held - from->used < bytes) {
        uint64_t at = file_at(from), left = from->end - at;
        if (left < bytes) {
            (void)file_fail(from, HC_ERR_CORRUPT, "the file ends early");
            return NULL;
        }
        from->offset = at;
        from->used = from->held = 0;
        size_t held = left < sizeof from->window ? (size_t)left : sizeof from->window;
        if (!file_read(from, at, from->window, held)) return NULL;
        from->held = held;
    }
    from->used += bytes;
    return from->window + from->used - bytes;
}

static bool file_skip(rdb_reader *base, uint64_t bytes)
{
    file_reader *from = (file_reader *)base;
    uint64_t at = file_at(from);
    if (from->end - at < bytes) return file_fail(from, HC_ERR_CORRUPT, "the file ends early");
    if (from->held - from->used >= bytes) {
        from->used += (size_t)bytes;
    } else {
        from->offset = at + bytes;
        from->used = from->held = 0;
    }
    return true;
}

static void file_rewind(file_reader *from)
{
    from->offset = from->used = from->held = 0;
}

/* ---- strings ---- */

static uint8_t *block_room(file_reader *from, size_t bytes)
{
    if (from->block_bytes >= bytes) return from->block;
    hci_release(from->host, from->block, from->block_bytes);
    from->block_bytes = 0;
    from->block = hci_allocate(from->host, bytes);
    if (from->block != NULL) from->block_bytes = bytes;
    return from->block;
}

/* The stored bytes, in the window or the block. */
static const uint8_t *stored_take(file_reader *from, size_t bytes)
{
    if (bytes <= RDB_WINDOW_BYTES) return file_next(&from->base, bytes);
    uint64_t at = file_at(from);
    if (!file_skip(&from->base, bytes)) return NULL;
    uint8_t *room = block_room(from, bytes);
    if (room == NULL) {
        (void)file_fail(from, HC_ERR_NO_MEMORY, "no memory for a value");
        return NULL;
    }
    return file_read(from, at, room, bytes) ? room : NULL;
}

static bool unpack(file_reader *from, hc_span packed, uint8_t *room, size_t bytes, hc_span *out)
{
    if (!hci_lzf_unpack(packed, room, bytes)) {
        return file_fail(from, HC_ERR_CORRUPT, "a packed string does not unpack");
    }
    *out = hc_span_make(room, bytes);
    return true;
}

/* Out of the window; packed bytes too many for it lie behind the room for what they unpack to. */
static bool packed_take(file_reader *from, const rdb_string *string, hc_span *out)
{
    size_t raw = string->raw_bytes, stored = string->stored_bytes;
    bool in_window = stored <= RDB_WINDOW_BYTES;
    uint64_t at = file_at(from);
    const uint8_t *packed = in_window ? file_next(&from->base, stored) : NULL;
    if (in_window ? packed == NULL : !file_skip(&from->base, stored)) return false;
    uint8_t *room = block_room(from, in_window ? raw + 1 : raw + stored);
    if (room == NULL) return file_fail(from, HC_ERR_NO_MEMORY, "no memory for a value");
    if (!in_window) {
        if (!file_read(from, at, room + raw, stored)) return false;
        packed = room + raw;
    }
    return unpack(from, hc_span_make(packed, stored), room, raw, out);
}

/* `text` has room for a number. */
static bool string_take(file_reader *from, size_t bytes_max, char *text, hc_span *out)
{
    rdb_string string;
    if (!hci_rdb_string(&from->base, &string)) return false;
    if (string.raw_bytes > bytes_max) {
        return file_fail(from, HC_ERR_LIMIT, "a key or value larger than a store takes");
    }
    if (string.form == RDB_PACKED) return packed_take(from, &string, out);
    if (string.form == RDB_NUMBER) {
        *out = hc_span_make(text, hci_format_int64(string.number, text));
        return true;
    }
    const uint8_t *bytes = stored_take(from, string.stored_bytes);
    *out = hc_span_make(bytes, string.stored_bytes);
    return bytes != NULL;
}

static bool string_skip(file_reader *from)
{
    rdb_string string;
    return hci_rdb_string(&from->base, &string) && file_skip(&from->base, string.stored_bytes);
}

static bool lengths_skip(file_reader *from, unsigned count)
{
    uint64_t length;
    for (; count > 0; count--) {
        if (!hci_rdb_length(&from->base, &length, NULL)) return false;
    }
    return true;
}

/* ---- the walk ---- */

typedef struct walk {
    file_reader *from;
    hc_rdb_report *report;
    hc_rdb_visit visit; /* NULL in pass 1 */
    void *ctx;
    uint32_t database;
    int64_t expires_at_ms;
    hc_status visited; /* what the visitor said */
} walk;

static void other_note(hc_rdb_report *report, hc_span key, const char *type)
{
    report->others++;
    if (report->named == HC_RDB_NAMES_MAX) return;
    uint32_t at = report->named++;
    size_t bytes = key.size < HC_RDB_NAME_BYTES_MAX ? key.size : HC_RDB_NAME_BYTES_MAX;
    memcpy(report->names[at], key.data, bytes);
    report->name_bytes[at] = (uint32_t)bytes;
    report->types[at] = type;
}

static bool entry_take(walk *w, uint8_t type)
{
    file_reader *from = w->from;
    char key_text[HCI_INT64_TEXT_MAX], text[HCI_INT64_TEXT_MAX];
    hc_rdb_entry entry = {.database = w->database, .expires_at_ms = w->expires_at_ms};
    const char *name = hci_rdb_type_name(type);
    w->expires_at_ms = HC_EXPIRY_NONE;
    if (name == NULL) return file_fail(from, HC_ERR_UNSUPPORTED, "an unknown type or opcode");
    if (!string_take(from, HC_KEY_BYTES_MAX, key_text, &entry.key)) return false;
    if (entry.key.size > 0) memcpy(from->key, entry.key.data, entry.key.size);
    entry.key.data = from->key; /* the value may need the window */
    if (type != RDB_TYPE_STRING) {
        if (w->visit == NULL) other_note(w->report, entry.key, name);
        return hci_rdb_value_skip(&from->base, type);
    }
    if (!string_take(from, HC_VALUE_BYTES_MAX, text, &entry.value)) return false;
    if (w->visit == NULL) {
        w->report->strings++;
        w->report->expiring += entry.expires_at_ms != HC_EXPIRY_NONE;
        return true;
    }
    w->visited = w->visit(w->ctx, &entry);
    return w->visited == HC_OK;
}

static bool database_take(walk *w)
{
    uint64_t database;
    if (!hci_rdb_length(&w->from->base, &database, NULL)) return false;
    if (database >= DATABASES_MAX) {
        return file_fail(w->from, HC_ERR_CORRUPT, "a database number that cannot be");
    }
    w->database = (uint32_t)database;
    if (w->report->databases <= w->database) w->report->databases = w->database + 1;
    return true;
}

/* A time that a store takes: what is before 1970 has passed as well, what is beyond all times never
 * comes. */
static int64_t expiry_kept(int64_t ms)
{
    if (ms <= 0) return 1;
    return ms < HC_EXPIRY_MAX_MS ? ms : HC_EXPIRY_MAX_MS;
}

static bool expiry_take(walk *w, unsigned bytes)
{
    uint8_t raw[8];
    uint64_t value = 0;
    if (!hci_rdb_take(&w->from->base, raw, bytes)) return false;
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)raw[i] << 8 * i;
    int64_t ms = bytes == 4 ? (int64_t)(int32_t)value * 1000 : (int64_t)value;
    w->expires_at_ms = expiry_kept(ms);
    return true;
}

/* One opcode or entry; false: a fault, or (*end) the end. */
static bool step(walk *w, bool *end)
{
    file_reader *from = w->from;
    uint8_t opcode;
    if (!hci_rdb_take(&from->base, &opcode, 1)) return false;
    switch (opcode) {
    case OPCODE_END:
        *end = true;
        return false;
    case OPCODE_DATABASE:
        return database_take(w);
    case OPCODE_RESIZE:
        return lengths_skip(from, 2);
    case OPCODE_AUX:
        return string_skip(from) && string_skip(from);
    case OPCODE_EXPIRY_MS:
        return expiry_take(w, 8);
    case OPCODE_EXPIRY_SECONDS:
        return expiry_take(w, 4);
    case OPCODE_FREQUENCY:
        return file_skip(&from->base, 1);
    case OPCODE_IDLE:
        return lengths_skip(from, 1);
    case OPCODE_FUNCTION:
        return string_skip(from);
    case OPCODE_SLOT_INFO:
        return lengths_skip(from, 3);
    case OPCODE_MODULE_AUX: /* module, "when" as an opcode and a number, then a value */
        return lengths_skip(from, 3) && hci_rdb_module_skip(&from->base);
    case OPCODE_FUNCTION_EARLY:
        return file_fail(from, HC_ERR_UNSUPPORTED, "functions of a release candidate of Redis 7");
    default:
        return entry_take(w, opcode);
    }
}

/* To the opcode of the end. */
static hc_status walk_to_end(walk *w)
{
    file_reader *from = w->from;
    bool end = false;
    file_rewind(from);
    (void)file_skip(&from->base, MAGIC_BYTES);
    while (step(w, &end)) {
    }
    if (end) return HC_OK;
    if (w->visited != HC_OK) return w->visited;
    w->report->fault = from->base.fault;
    w->report->fault_offset = file_at(from);
    return from->status;
}

static hc_status refuse(hc_rdb_report *report, hc_status status, uint64_t offset, const char *fault)
{
    report->fault = fault;
    report->fault_offset = offset;
    return status;
}

static hc_status walk_all(walk *w)
{
    hc_status status = walk_to_end(w);
    uint64_t at = file_at(w->from);
    if (status != HC_OK || at == w->from->end) return status;
    return refuse(w->report, HC_ERR_CORRUPT, at, "bytes behind the end");
}

/* ---- before the walk ---- */

static hc_status magic_check(file_reader *from, hc_rdb_report *report)
{
    uint8_t magic[MAGIC_BYTES];
    if (from->source->bytes < MAGIC_BYTES) {
        return refuse(report, HC_ERR_CORRUPT, 0, "too short to be an RDB file");
    }
    if (!file_read(from, 0, magic, MAGIC_BYTES)) {
        return refuse(report, HC_ERR_IO, 0, from->base.fault);
    }
    unsigned digits = memcmp(magic, "REDIS", 5) == 0 ? 4 : memcmp(magic, "VALKEY", 6) == 0 ? 3 : 0;
    for (unsigned i = MAGIC_BYTES - digits; i < MAGIC_BYTES && digits > 0; i++) {
        if (magic[i] < '0' || magic[i] > '9') digits = 0;
        report->version = report->version * 10 + (uint32_t)(magic[i] - '0');
    }
    if (digits == 0) {
        if (memcmp(magic, "VCS", 3) == 0) {
            return refuse(report, HC_ERR_UNSUPPORTED, 0, "an RDB file packed whole by Valkey");
        }
        return refuse(report, HC_ERR_CORRUPT, 0, "not an RDB file");
    }
    if (report->version == 0 || (digits == 3 && report->version < VALKEY_VERSION_MIN)) {
        return refuse(report, HC_ERR_CORRUPT, 5, "no such version");
    }
    return HC_OK;
}

static hc_status checksum_check(file_reader *from, hc_rdb_report *report)
{
    uint64_t crc = 0, stored = 0;
    uint8_t bytes[RDB_CHECKSUM_BYTES];
    from->end = from->source->bytes;
    if (report->version < RDB_VERSION_CHECKSUM) return HC_OK;
    if (from->end < MAGIC_BYTES + RDB_CHECKSUM_BYTES) {
        return refuse(report, HC_ERR_CORRUPT, from->end, "the file ends early");
    }
    from->end -= RDB_CHECKSUM_BYTES;
    for (uint64_t at = 0; at < from->end;) {
        uint64_t left = from->end - at;
        size_t size = left < sizeof from->window ? (size_t)left : sizeof from->window;
        if (!file_read(from, at, from->window, size)) {
            return refuse(report, HC_ERR_IO, at, from->base.fault);
        }
        crc = hci_crc64(crc, hc_span_make(from->window, size));
        at += size;
    }
    if (!file_read(from, from->end, bytes, sizeof bytes)) {
        return refuse(report, HC_ERR_IO, from->end, from->base.fault);
    }
    for (unsigned i = 0; i < sizeof bytes; i++)
        stored |= (uint64_t)bytes[i] << 8 * i;
    report->has_checksum = stored != 0;
    if (stored == 0 || stored == crc) return HC_OK;
    return refuse(report, HC_ERR_CORRUPT, from->end, "the checksum does not hold");
}

static hc_status read_with(file_reader *from, bool skip_others, hc_rdb_visit visit, void *ctx,
                           hc_rdb_report *report)
{
    hc_status status = magic_check(from, report);
    if (status == HC_OK) status = checksum_check(from, report);
    if (status != HC_OK) return status;
    walk w = {.from = from, .report = report};
    status = walk_all(&w);
    if (status != HC_OK) return status;
    if (report->others > 0 && !skip_others) return HC_ERR_UNSUPPORTED;
    if (visit == NULL) return HC_OK;
    w = (walk){.from = from, .report = report, .visit = visit, .ctx = ctx};
    return walk_all(&w);
}

/* The same where other bytes may follow. */
static hc_status extent_of(file_reader *from, uint64_t *bytes_out, hc_rdb_report *report)
{
    hc_status status = magic_check(from, report);
    if (status != HC_OK) return status;
    from->end = from->source->bytes;
    walk w = {.from = from, .report = report};
    status = walk_to_end(&w);
    if (status != HC_OK) return status;
    uint64_t bytes = file_at(from);
    if (report->version >= RDB_VERSION_CHECKSUM) bytes += RDB_CHECKSUM_BYTES;
    if (bytes > from->end) {
        return refuse(report, HC_ERR_CORRUPT, file_at(from), "the file ends early");
    }
    *bytes_out = bytes;
    return HC_OK;
}

typedef struct read_wish {
    bool skip_others;
    hc_rdb_visit visit;
    void *ctx;
    uint64_t *bytes_out; /* not NULL: find the end, and nothing else */
} read_wish;

static hc_status read_file(const hc_host *host, const hc_rdb_source *source, const read_wish *wish,
                           hc_rdb_report *report)
{
    hci_host resolved;
    hc_rdb_source copy;
    hc_rdb_report made = {.size = sizeof made};
    size_t report_bytes = report->size < sizeof made ? report->size : sizeof made;
    hc_status status = hci_options_copy(&copy, sizeof copy, source, source->size);
    if (status == HC_OK) status = hci_host_resolve(host, &resolved);
    if (status != HC_OK) return status;
    file_reader *from = hci_allocate(&resolved, sizeof *from);
    if (from == NULL) return HC_ERR_NO_MEMORY;
    from->base = (rdb_reader){.next = file_next, .skip = file_skip};
    from->source = &copy;
    from->host = &resolved;
    from->status = HC_ERR_CORRUPT;
    from->block = NULL;
    from->block_bytes = 0;
    file_rewind(from);
    status = wish->bytes_out != NULL
                 ? extent_of(from, wish->bytes_out, &made)
                 : read_with(from, wish->skip_others, wish->visit, wish->ctx, &made);
    hci_release(&resolved, from->block, from->block_bytes);
    hci_release(&resolved, from, sizeof *from);
    made.size = report->size;
    memcpy(report, &made, report_bytes);
    return status;
}

hc_status hc_rdb_read(const hc_host *host, const hc_rdb_source *source, bool skip_others,
                      hc_rdb_visit visit, void *ctx, hc_rdb_report *report)
{
    const read_wish wish = {.skip_others = skip_others, .visit = visit, .ctx = ctx};
    return read_file(host, source, &wish, report);
}

hc_status hc_rdb_extent(const hc_host *host, const hc_rdb_source *source, uint64_t *bytes_out,
                        hc_rdb_report *report)
{
    *bytes_out = 0;
    return read_file(host, source, &(read_wish){.bytes_out = bytes_out}, report);
}
