/*
 * data_export.c - `data export`: the strings of a data directory as an RDB file of version 9.
 *
 * It is written beside its place under another name, synced and then renamed, so what is at --to is
 * complete or not there.  Named stores have no number in Redis, so they are left out unless one is
 * asked for, which becomes database 0; a cuckoo filter is no type of Redis.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "data/data_kept.h"
#include "data/data_refusals.h"
#include "data/data_verbs.h"

#define FILE_BUFFER_BYTES (1u << 20)

typedef struct export_task {
    const data_options *options;
    data_kept kept;
    char path[PATH_MAX]; /* while it is written */
    FILE *file;
    hc_rdb_writer writer;
    unsigned database; /* of the store that is written */
    int64_t now_ms;
    uint64_t keys, expiring;
    refusals skipped;
    hc_status status;
} export_task;

__attribute__((format(printf, 3, 4))) static data_result
say(const export_task *of, data_result result, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)fputs("hypercached data export: ", of->options->err);
    (void)vfprintf(of->options->err, format, args);
    (void)fputc('\n', of->options->err);
    va_end(args);
    return result;
}

static bool file_write(void *ctx, hc_span bytes)
{
    export_task *of = ctx;
    return bytes.size == 0 || fwrite(bytes.data, 1, bytes.size, of->file) == bytes.size;
}

/* ---- the walk ---- */

static void item_write(void *ctx, const hc_item *item)
{
    export_task *of = ctx;
    bool expires = item->expires_at_ms != HC_EXPIRY_NONE;
    if (of->status != HC_OK || (expires && item->expires_at_ms <= of->now_ms)) return;
    if (item->type != HC_TYPE_STRING) {
        refusals_add(&of->skipped, HC_SPAN("filter"), item->key);
        return;
    }
    if (item->value.data == NULL && item->value.size > 0) {
        of->status = HC_ERR_NO_MEMORY; /* to unpack it */
        return;
    }
    of->keys++;
    of->expiring += expires;
    const hc_rdb_entry entry = {.database = of->database,
                                .key = item->key,
                                .value = item->value,
                                .expires_at_ms = item->expires_at_ms};
    of->status = hc_rdb_write_entry(&of->writer, &entry);
}

static void store_write(export_task *of, hc_store *store, unsigned database)
{
    uint64_t cursor = 0;
    of->database = database;
    do {
        hc_store_scan(store, &cursor, HC_SCAN_COUNT_MAX, item_write, of);
    } while (cursor != 0 && of->status == HC_OK);
}

static bool is_named(const data_kept_store *one, const char *name)
{
    return name != NULL && one->database < 0 && one->name.size == strlen(name) &&
           memcmp(one->name.data, name, one->name.size) == 0;
}

/* Databases in the order of their numbers: a number is said once in the file.  False: the store
 * asked for is not there. */
static bool stores_write(export_task *of)
{
    const data_options *options = of->options;
    data_kept_store one;
    bool found = options->store == NULL;
    for (int database = 0; database < (int)NODE_DATABASES_MAX; database++) {
        for (uint32_t at = 0; data_kept_next(&of->kept, &at, &one);) {
            bool all = options->database == DATA_ALL_DATABASES || options->database == database;
            if (one.database == database && all && options->store == NULL)
                store_write(of, one.store, (unsigned)database);
        }
    }
    for (uint32_t at = 0; data_kept_next(&of->kept, &at, &one);) {
        if (is_named(&one, options->store)) {
            found = true;
            store_write(of, one.store, 0);
        } else if (one.database < 0 && options->store == NULL &&
                   options->database == DATA_ALL_DATABASES) {
            refusals_add(&of->skipped, HC_SPAN("named-store"), one.name);
        }
    }
    return found;
}

/* ---- the file ---- */

static bool file_begin(export_task *of)
{
    int chars = snprintf(of->path, sizeof of->path, "%s.tmp", of->options->to);
    if (chars < 0 || (size_t)chars >= sizeof of->path) {
        of->path[0] = '\0';
        errno = ENAMETOOLONG;
        return false;
    }
    int fd = open(of->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    of->file = fd >= 0 ? fdopen(fd, "wb") : NULL;
    if (of->file == NULL) {
        if (fd >= 0) (void)close(fd);
        return false;
    }
    (void)setvbuf(of->file, NULL, _IOFBF, FILE_BUFFER_BYTES);
    return true;
}

/* Durable and in its place. */
static bool file_end(export_task *of)
{
    char folder[PATH_MAX];
    bool synced = fflush(of->file) == 0 && fsync(fileno(of->file)) == 0;
    bool closed = fclose(of->file) == 0;
    of->file = NULL;
    if (!synced || !closed || rename(of->path, of->options->to) != 0) return false;
    of->path[0] = '\0';
    const char *slash = strrchr(of->options->to, '/');
    (void)snprintf(folder, sizeof folder, "%.*s",
                   slash != NULL ? (int)(slash - of->options->to) + 1 : 1,
                   slash != NULL ? of->options->to : ".");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) (void)close(fd);
    return done;
}

static data_result write_all(export_task *of)
{
    const char *to = of->options->to;
    const hc_rdb_sink sink = {.size = sizeof sink, .ctx = of, .write = file_write};
    if (access(to, F_OK) == 0) return say(of, DATA_FAILED, "%s: is there already", to);
    if (!file_begin(of)) return say(of, DATA_FAILED, "%s: %s", of->options->to, strerror(errno));
    of->status = hc_rdb_write_begin(&of->writer, &sink);
    of->now_ms = data_now_ms();
    if (of->status == HC_OK && !stores_write(of))
        return say(of, DATA_FAILED, "%s: there is no such store", of->options->store);
    if (of->status == HC_OK) of->status = hc_rdb_write_end(&of->writer);
    if (of->status == HC_ERR_IO) return say(of, DATA_FAILED, "%s: %s", to, strerror(errno));
    if (of->status != HC_OK) return say(of, DATA_FAILED, "%s", hc_status_text(of->status));
    if (of->skipped.count > 0 && !data_has(of->options, DATA_FLAG_SKIP)) {
        (void)say(of, DATA_BAD,
                  "refused: Redis has nothing for what follows; --skip leaves it out, "
                  "--store NAME writes one named store:");
        refusals_print(&of->skipped, of->options->err);
        return DATA_BAD;
    }
    if (!file_end(of)) return say(of, DATA_FAILED, "%s: %s", to, strerror(errno));
    return DATA_GOOD;
}

static void report(const export_task *of)
{
    FILE *out = of->options->out;
    if (data_has(of->options, DATA_FLAG_JSON)) {
        data_json json = {.to = out};
        data_json_open(&json, NULL, '{');
        data_json_number(&json, "keys", of->keys);
        data_json_number(&json, "expiring", of->expiring);
        refusals_json(&of->skipped, &json, "skipped");
        data_json_close(&json, '}');
        (void)fputc('\n', out);
        return;
    }
    (void)fprintf(out, "exported %" PRIu64 " keys, %" PRIu64 " of them with an expiry, to %s\n",
                  of->keys, of->expiring, of->options->to);
    if (of->skipped.count == 0) return;
    (void)fputs("skipped, for Redis has nothing for it:\n", out);
    refusals_print(&of->skipped, out);
}

data_result data_export(const data_options *options)
{
    export_task of = {.options = options};
    hc_persistence_check check = {.size = sizeof check};
    data_result result = DATA_GOOD;
    hc_status status = hc_persistence_verify(NULL, options->data_dir, NULL, &check);
    if (status == HC_OK) status = data_kept_init(&of.kept, options->err);
    if (status == HC_OK) status = data_kept_open(&of.kept, options->data_dir);
    if (status == HC_OK) {
        result = write_all(&of);
    } else {
        result = say(&of, status == HC_ERR_CORRUPT ? DATA_BAD : DATA_FAILED, "%s: %s",
                     options->data_dir, data_status_text(status));
    }
    if (of.file != NULL) (void)fclose(of.file);
    if (of.path[0] != '\0' && result != DATA_GOOD) (void)unlink(of.path);
    data_kept_fini(&of.kept);
    if (result == DATA_GOOD) report(&of);
    return result;
}
