/*
 * data_import.c - `data import`: Redis's files into a data directory.
 *
 *     look      which files; is the directory free, or empty, or is --merge said
 *     check     every file whole: checksums, lengths, types, commands; what is not kept is listed
 *     apply     into stores in memory
 *     keep      the stores become those of the directory, with a snapshot
 *
 * Nothing of the directory is changed before the last step, so an import that fails leaves it as it
 * was.  A directory that holds data gets copies of the keys, and what it has under other names
 * stays.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "command/command.h"
#include "data/aof_reader.h"
#include "data/data_commands.h"
#include "data/data_file.h"
#include "data/data_kept.h"
#include "data/data_parts.h"
#include "data/data_verbs.h"

typedef struct import_task {
    const data_options *options;
    data_parts parts;
    data_kept made; /* from the files alone */
    data_kept kept; /* the directory, when there is data in it */
    data_bar bar;
    refusals refused;
    uint64_t started_ns;
    uint64_t commands, failed;
    uint64_t keys, expiring, expired;
    uint64_t cut_bytes; /* --truncate left them out */
    int64_t now_ms;     /* what is over by then is left out */
    hc_status copied;
} import_task;

__attribute__((format(printf, 3, 4))) static data_result say(import_task *of, data_result result,
                                                             const char *format, ...)
{
    va_list args;
    data_bar_end(&of->bar);
    va_start(args, format);
    (void)fputs("hypercached data import: ", of->options->err);
    (void)vfprintf(of->options->err, format, args);
    (void)fputc('\n', of->options->err);
    va_end(args);
    return result;
}

static bool file_open(import_task *of, const data_part *part, data_file *file)
{
    if (!data_file_open(file, part->path)) {
        (void)say(of, DATA_FAILED, "%s: %s", part->path, strerror(errno));
        return false;
    }
    file->bar = &of->bar;
    return true;
}

static data_result result_of(hc_status status)
{
    return status == HC_ERR_CORRUPT || status == HC_ERR_UNSUPPORTED || status == HC_ERR_LIMIT
               ? DATA_BAD
               : DATA_FAILED;
}

/* ---- checking ---- */

static data_result rdb_fault(import_task *of, const data_part *part, hc_status status,
                             const hc_rdb_report *report)
{
    return say(of, result_of(status), "%s: %s at offset %" PRIu64, part->path,
               report->fault != NULL ? report->fault : hc_status_text(status),
               report->fault_offset);
}

/* Values of other types, and databases that are not there. */
static void rdb_refuse(import_task *of, const hc_rdb_report *report)
{
    for (uint32_t i = 0; i < report->named; i++) {
        refusals_add(&of->refused, hc_span_make(report->types[i], strlen(report->types[i])),
                     hc_span_make(report->names[i], report->name_bytes[i]));
    }
    refusals_count(&of->refused, HC_SPAN("others"), report->others - report->named);
    bool all = of->options->database == DATA_ALL_DATABASES;
    if (all && report->databases > NODE_DATABASES_MAX)
        refusals_add(&of->refused, HC_SPAN("database-above-15"), HC_SPAN(""));
}

static data_result rdb_check(import_task *of, data_part *part, data_file *file)
{
    hc_rdb_report report = {.size = sizeof report};
    hc_rdb_source source = file->source;
    hc_status status = hc_rdb_extent(NULL, &source, &part->rdb_bytes, &report);
    uint8_t next = '*';
    if (status != HC_OK) return rdb_fault(of, part, status, &report);
    if (part->rdb_bytes < source.bytes && !source.read(file, part->rdb_bytes, &next, 1))
        return say(of, DATA_FAILED, "%s: cannot be read", part->path);
    source.bytes = part->rdb_bytes;
    report = (hc_rdb_report){.size = sizeof report};
    status = hc_rdb_read(NULL, &source, true, NULL, NULL, &report);
    if (status != HC_OK) return rdb_fault(of, part, status, &report);
    if (next != '*' && next != '#' && next != 0) {
        return say(of, DATA_BAD, "%s: bytes behind the end, at offset %" PRIu64, part->path,
                   part->rdb_bytes);
    }
    rdb_refuse(of, &report);
    return DATA_GOOD;
}

static data_result aof_check(import_task *of, data_part *part, data_file *file, bool last)
{
    aof_report report;
    refusals before = of->refused;
    commands_judge judge = {.refused = &of->refused};
    hc_status status =
        aof_read(&file->source, part->rdb_bytes, UINT64_MAX, commands_visit_judge, &judge, &report);
    bool cut = report.truncated && last && data_has(of->options, DATA_FLAG_TRUNCATE);
    if (status != HC_OK && !cut) {
        const char *fault = report.fault[0] != '\0' ? report.fault : hc_status_text(status);
        (void)say(of, DATA_BAD, "%s: %s at offset %" PRIu64, part->path, fault,
                  report.fault_offset);
        if (report.truncated && last) {
            (void)say(of, DATA_BAD,
                      "all is whole up to offset %" PRIu64 " of %" PRIu64 " bytes; "
                      "--truncate imports that",
                      report.whole_bytes, file->source.bytes);
        }
        return result_of(status);
    }
    part->aof_bytes = file->source.bytes;
    if (!cut) return DATA_GOOD;
    part->aof_bytes = report.whole_bytes;
    of->cut_bytes = file->source.bytes - report.whole_bytes;
    of->refused = before; /* what is cut off is not refused */
    judge.astray = false;
    status = aof_read(&file->source, part->rdb_bytes, part->aof_bytes, commands_visit_judge, &judge,
                      &report);
    return status == HC_OK ? DATA_GOOD : say(of, DATA_FAILED, "%s: it changes", part->path);
}

static data_result part_check(import_task *of, data_part *part, bool last)
{
    data_file file;
    uint8_t magic[6] = {0};
    data_result result = DATA_GOOD;
    if (!file_open(of, part, &file)) return DATA_FAILED;
    size_t size = file.source.bytes < sizeof magic ? (size_t)file.source.bytes : sizeof magic;
    bool rdb = false;
    if (size > 0 && !file.source.read(&file, 0, magic, size)) {
        result = say(of, DATA_FAILED, "%s: cannot be read", part->path);
    } else {
        rdb = memcmp(magic, "REDIS", 5) == 0 || memcmp(magic, "VALKEY", 6) == 0 ||
              memcmp(magic, "VCS", 3) == 0;
        if (size == 0 && !part->listed) result = say(of, DATA_BAD, "%s: is empty", part->path);
        if (size > 0 && !rdb && magic[0] != '*' && magic[0] != '#') {
            result = say(of, DATA_BAD, "%s: neither an RDB nor an append-only file", part->path);
        }
    }
    if (result == DATA_GOOD && rdb) result = rdb_check(of, part, &file);
    if (result == DATA_GOOD) result = aof_check(of, part, &file, last);
    data_file_close(&file);
    return result;
}

static data_result check(import_task *of)
{
    char why[512];
    hc_status status = data_parts_find(&of->parts, of->options->paths[0], why, sizeof why);
    if (status != HC_OK) return say(of, result_of(status), "%s", why);
    data_bar_begin(&of->bar, of->options->err, "checking");
    for (size_t i = 0; i < of->parts.count; i++) {
        data_result result = part_check(of, &of->parts.parts[i], i + 1 == of->parts.count);
        if (result != DATA_GOOD) return result;
    }
    data_bar_end(&of->bar);
    if (of->refused.count == 0 || data_has(of->options, DATA_FLAG_SKIP)) return DATA_GOOD;
    (void)say(of, DATA_BAD, "refused: what it holds is not all kept here; --skip leaves this out:");
    refusals_print(&of->refused, of->options->err);
    return DATA_BAD;
}

/* ---- applying ---- */

static hc_status entry_apply(void *ctx, const hc_rdb_entry *entry)
{
    import_task *of = ctx;
    const hc_set_options options = {
        .size = sizeof options, .expires_at_ms = entry->expires_at_ms, .no_default = true};
    if (entry->database >= NODE_DATABASES_MAX) return HC_OK; /* was refused, and is skipped */
    hc_store *store = node_store(of->made.node, entry->database);
    if (store == NULL) return HC_ERR_NO_MEMORY;
    return hc_store_set(store, entry->key, entry->value, &options);
}

static data_result aof_apply(import_task *of, const data_part *part, data_file *file)
{
    commands_runner runner;
    aof_report report;
    bool skip = data_has(of->options, DATA_FLAG_SKIP);
    if (commands_runner_init(&runner, of->made.node, &of->made.clock, skip) != HC_OK)
        return say(of, DATA_FAILED, "no memory");
    hc_status status = aof_read(&file->source, part->rdb_bytes, part->aof_bytes, commands_visit_run,
                                &runner, &report);
    of->commands += runner.ran;
    of->failed += runner.failed;
    data_result result = DATA_GOOD;
    if (status == HC_ERR_INVALID) {
        result = say(of, DATA_BAD, "%s: the command at offset %" PRIu64 " failed: %s", part->path,
                     runner.failure_offset, runner.failure);
    } else if (status != HC_OK) {
        result = say(of, DATA_FAILED, "%s: %s", part->path, hc_status_text(status));
    }
    commands_runner_fini(&runner);
    return result;
}

static data_result part_apply(import_task *of, const data_part *part)
{
    data_file file;
    hc_status status = HC_OK;
    if (!file_open(of, part, &file)) return DATA_FAILED;
    if (part->rdb_bytes > 0) {
        hc_rdb_report report = {.size = sizeof report};
        hc_rdb_source source = file.source;
        source.bytes = part->rdb_bytes;
        status = hc_rdb_read(NULL, &source, true, entry_apply, of, &report);
    }
    data_result result = DATA_GOOD;
    if (file.source.bytes < part->aof_bytes || status != HC_OK) {
        result = say(of, DATA_FAILED, "%s: %s", part->path,
                     status != HC_OK ? hc_status_text(status) : "it changes while it is read");
    } else if (part->aof_bytes > part->rdb_bytes) {
        result = aof_apply(of, part, &file);
    }
    data_file_close(&file);
    return result;
}

static data_result apply(import_task *of)
{
    of->made.clock.stands = true;
    data_bar_begin(&of->bar, of->options->err, "importing");
    for (size_t i = 0; i < of->parts.count; i++) {
        data_result result = part_apply(of, &of->parts.parts[i]);
        if (result != DATA_GOOD) return result;
    }
    data_bar_end(&of->bar);
    return DATA_GOOD;
}

/* ---- keeping ---- */

typedef struct copier {
    import_task *of;
    hc_store *to; /* NULL: only count */
} copier;

static void item_take(void *ctx, const hc_item *item)
{
    copier *c = ctx;
    import_task *of = c->of;
    bool expires = item->expires_at_ms != HC_EXPIRY_NONE;
    if (expires && item->expires_at_ms <= of->now_ms) {
        of->expired++;
        return;
    }
    of->keys++;
    of->expiring += expires;
    if (c->to == NULL || of->copied != HC_OK) return;
    const hc_set_options options = {.size = sizeof options,
                                    .expires_at_ms = item->expires_at_ms,
                                    .no_default = true,
                                    .type = item->type};
    of->copied = hc_store_set(c->to, item->key, item->value, &options);
}

/* Counts what is there and, if the directory has data, copies it to there. */
static hc_status take_all(import_task *of)
{
    data_kept_store one;
    for (uint32_t at = 0; data_kept_next(&of->made, &at, &one);) {
        int wanted = of->options->database;
        if (wanted != DATA_ALL_DATABASES && one.database != wanted) {
            hc_store_flush(one.store);
            continue;
        }
        copier c = {.of = of};
        if (of->kept.log != NULL && one.database >= 0 && hc_store_count(one.store) > 0) {
            c.to = node_store(of->kept.node, (unsigned)one.database);
            if (c.to == NULL) return HC_ERR_NO_MEMORY;
        }
        uint64_t cursor = 0;
        do {
            hc_store_scan(one.store, &cursor, HC_SCAN_COUNT_MAX, item_take, &c);
            if (of->kept.log != NULL) (void)hc_persistence_step(of->kept.log);
        } while (cursor != 0 && of->copied == HC_OK);
    }
    return of->copied;
}

static void expired_sweep(data_kept *of)
{
    data_kept_store one;
    for (uint32_t at = 0; data_kept_next(of, &at, &one);) {
        while (hc_store_maintain(one.store, 0)) {
        }
    }
}

static data_result keep(import_task *of)
{
    const char *directory = of->options->data_dir;
    data_kept *into = of->kept.log != NULL ? &of->kept : &of->made;
    of->now_ms = data_now_ms();
    hc_status status = take_all(of);
    of->made.clock.stands = false;
    if (status == HC_OK && into == &of->made) {
        expired_sweep(into);
        status = data_kept_open(into, directory);
    }
    if (status == HC_OK) status = data_kept_save(into);
    hc_status closed = data_kept_close(into);
    if (status == HC_OK) status = closed;
    if (status == HC_OK) return DATA_GOOD;
    return say(of, DATA_FAILED, "%s: %s%s", directory, data_status_text(status),
               into == &of->kept ? "; a part of the keys may have been merged" : "");
}

/* ---- the whole ---- */

/* A directory is made, but not those that it is in. */
static bool has_parent(const char *directory)
{
    char parent[PATH_MAX];
    struct stat about;
    size_t size = strlen(directory);
    while (size > 0 && directory[size - 1] == '/')
        size--;
    while (size > 0 && directory[size - 1] != '/')
        size--;
    int chars = size > 0 ? (int)size : 1;
    (void)snprintf(parent, sizeof parent, "%.*s", chars, size > 0 ? directory : ".");
    return stat(parent, &about) == 0 && S_ISDIR(about.st_mode);
}

/* Is the directory free for an import?  One that holds data is open afterwards. */
static data_result look(import_task *of)
{
    const char *directory = of->options->data_dir;
    hc_persistence_check check = {.size = sizeof check};
    hc_status status = hc_persistence_verify(NULL, directory, NULL, &check);
    if (status == HC_ERR_NOT_FOUND && has_parent(directory)) return DATA_GOOD;
    if (status == HC_ERR_NOT_FOUND)
        return say(of, DATA_FAILED, "%s: the folder that it is to be in is not there", directory);
    if (status == HC_OK) status = data_kept_init(&of->kept, of->options->err);
    if (status == HC_OK) status = data_kept_open(&of->kept, directory);
    if (status != HC_OK)
        return say(of, result_of(status), "%s: %s", directory, data_status_text(status));
    uint64_t keys = 0;
    data_kept_store one;
    for (uint32_t at = 0; data_kept_next(&of->kept, &at, &one);)
        keys += hc_store_count(one.store);
    if (keys == 0 || data_has(of->options, DATA_FLAG_MERGE)) return DATA_GOOD;
    return say(of, DATA_BAD,
               "%s: holds %" PRIu64 " keys already; --merge adds to them, replacing those of the "
               "same name",
               directory, keys);
}

static void report_json(const import_task *of, double seconds)
{
    data_json json = {.to = of->options->out};
    data_json_open(&json, NULL, '{');
    data_json_number(&json, "keys", of->keys);
    data_json_number(&json, "expiring", of->expiring);
    data_json_number(&json, "expired", of->expired);
    data_json_number(&json, "commands", of->commands);
    data_json_number(&json, "failed", of->failed);
    data_json_number(&json, "cut_bytes", of->cut_bytes);
    refusals_json(&of->refused, &json, "skipped");
    data_json_real(&json, "seconds", seconds);
    data_json_close(&json, '}');
    (void)fputc('\n', of->options->out);
}

static void report(const import_task *of)
{
    FILE *out = of->options->out;
    double seconds = (double)(data_now_ns() - of->started_ns) / 1e9;
    if (data_has(of->options, DATA_FLAG_JSON)) {
        report_json(of, seconds);
        return;
    }
    (void)fprintf(out,
                  "imported %" PRIu64 " key%s, %" PRIu64 " of them with an expiry, in %.1f s\n",
                  of->keys, of->keys == 1 ? "" : "s", of->expiring, seconds);
    if (of->expired > 0) {
        (void)fprintf(out, "left out %" PRIu64 " key%s whose time was over\n", of->expired,
                      of->expired == 1 ? "" : "s");
    }
    if (of->cut_bytes > 0)
        (void)fprintf(out, "left out %" PRIu64 " bytes of the truncated end\n", of->cut_bytes);
    if (of->failed > 0)
        (void)fprintf(out, "%" PRIu64 " commands failed, for they met what was skipped\n",
                      of->failed);
    if (of->refused.count == 0) return;
    (void)fprintf(out, "skipped what is not kept here:\n");
    refusals_print(&of->refused, out);
}

data_result data_import(const data_options *options)
{
    import_task of = {.options = options, .started_ns = data_now_ns()};
    command_table_prepare();
    data_result result = look(&of);
    if (result == DATA_GOOD) result = check(&of);
    if (result == DATA_GOOD && data_kept_init(&of.made, options->err) != HC_OK)
        result = say(&of, DATA_FAILED, "no memory");
    if (result == DATA_GOOD) result = apply(&of);
    if (result == DATA_GOOD) result = keep(&of);
    if (result == DATA_GOOD) report(&of);
    data_bar_end(&of.bar);
    data_kept_fini(&of.made);
    data_kept_fini(&of.kept);
    data_parts_fini(&of.parts);
    return result;
}
