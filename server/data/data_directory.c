/*
 * data_directory.c - `data info`, `verify`, `salvage`, `backup`, `restore`: directories as a whole.
 *
 * Damages are told as they are met, one a line or as the objects of a JSON array.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "data/data_kept.h"
#include "data/data_verbs.h"

typedef struct directory_task {
    const data_options *options;
    data_bar bar;
    data_json json;
    bool is_json;
    uint64_t damages;
} directory_task;

static void damage_json(data_json *to, const hc_damage *damage)
{
    data_json_open(to, NULL, '{');
    data_json_string(to, "file", damage->file);
    data_json_string(to, "what", damage->what);
    data_json_number(to, "offset", damage->offset);
    data_json_number(to, "bytes", damage->bytes);
    data_json_number(to, "lsn_from", damage->lsn_from);
    data_json_number(to, "lsn_to", damage->lsn_to);
    data_json_number(to, "records", damage->records);
    data_json_close(to, '}');
}

static void on_damage(void *ctx, const hc_damage *damage)
{
    directory_task *of = ctx;
    of->damages++;
    if (of->is_json) {
        damage_json(&of->json, damage);
    } else {
        data_bar_end(&of->bar);
        data_print_damage(of->options->out, damage);
    }
}

static void on_progress(void *ctx, uint64_t bytes, uint64_t bytes_all, uint64_t records)
{
    directory_task *of = ctx;
    (void)records;
    data_bar_move(&of->bar, bytes, bytes_all);
}

static hc_persistence_hooks task_begin(directory_task *of, const data_options *options)
{
    *of = (directory_task){.options = options,
                           .json = {.to = options->out},
                           .is_json = data_has(options, DATA_FLAG_JSON)};
    data_bar_begin(&of->bar, options->err, options->verb);
    if (of->is_json) {
        data_json_open(&of->json, NULL, '{');
        data_json_open(&of->json, "damages", '[');
    }
    return (hc_persistence_hooks){.size = sizeof(hc_persistence_hooks),
                                  .ctx = of,
                                  .damage = on_damage,
                                  .progress = on_progress};
}

static data_result result_of(hc_status status)
{
    if (status == HC_OK) return DATA_GOOD;
    return status == HC_ERR_CORRUPT ? DATA_BAD : DATA_FAILED;
}

/* ---- what was found ---- */

static void uuid_write(const uint8_t uuid[16], char to[33])
{
    for (unsigned i = 0; i < 16; i++)
        (void)snprintf(to + 2 * (size_t)i, 3, "%02x", uuid[i]);
}

static void check_json(data_json *to, const hc_persistence_check *check)
{
    char uuid[33];
    uuid_write(check->uuid, uuid);
    data_json_string(to, "uuid", uuid);
    data_json_number(to, "format", check->format_major);
    data_json_number(to, "files", check->files);
    data_json_number(to, "bytes", check->bytes);
    data_json_number(to, "records", check->records);
    data_json_number(to, "stores", check->stores);
    data_json_number(to, "lsn", check->lsn);
    data_json_number(to, "durable_lsn", check->durable_lsn);
    data_json_number(to, "snapshot_lsn", check->snapshot_lsn);
    data_json_number(to, "snapshot_at_ms", (uint64_t)check->snapshot_at_ms);
    data_json_bool(to, "torn", check->torn != 0);
}

static void check_print(FILE *to, const hc_persistence_check *check)
{
    char uuid[33], at[32] = "none";
    time_t seconds = (time_t)(check->snapshot_at_ms / 1000);
    struct tm parts;
    uuid_write(check->uuid, uuid);
    if (check->snapshot_at_ms != 0 && gmtime_r(&seconds, &parts) != NULL)
        (void)strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%SZ", &parts);
    (void)fprintf(to, "database   %s, format %" PRIu32 "\n", uuid, check->format_major);
    (void)fprintf(to, "files      %" PRIu64 ", %" PRIu64 " bytes that count\n", check->files,
                  check->bytes);
    (void)fprintf(to, "stores     %" PRIu64 "\n", check->stores);
    (void)fprintf(to, "records    %" PRIu64 " in snapshot and log\n", check->records);
    (void)fprintf(to, "snapshot   %s, lsn %" PRIu64 "\n", at, check->snapshot_lsn);
    (void)fprintf(to, "log        to lsn %" PRIu64 ", durable to %" PRIu64 "%s\n", check->lsn,
                  check->durable_lsn,
                  check->torn != 0 ? "; ends in the middle of a write, as after a power failure"
                                   : "");
}

/* Ends the output and says the exit status. */
static data_result task_end(directory_task *of, hc_status status, const hc_persistence_check *check,
                            const char *directory)
{
    data_bar_end(&of->bar);
    bool looked = status == HC_OK || status == HC_ERR_CORRUPT;
    if (of->is_json) {
        data_json_close(&of->json, ']');
        data_json_string(&of->json, "directory", directory);
        data_json_string(&of->json, "status", status == HC_OK ? "good" : data_status_text(status));
        if (looked && check != NULL) check_json(&of->json, check);
        data_json_close(&of->json, '}');
        (void)fputc('\n', of->options->out);
    }
    if (status != HC_OK) {
        (void)fprintf(of->options->err, "hypercached data %s: %s: %s\n", of->options->verb,
                      directory, data_status_text(status));
    }
    return result_of(status);
}

/* ---- the verbs ---- */

static hc_status verify(directory_task *task, const data_options *options,
                        hc_persistence_check *check)
{
    const hc_persistence_hooks hooks = task_begin(task, options);
    *check = (hc_persistence_check){.size = sizeof *check};
    return hc_persistence_verify(NULL, options->paths[0], &hooks, check);
}

data_result data_info(const data_options *options)
{
    directory_task task;
    hc_persistence_check check;
    hc_status status = verify(&task, options, &check);
    data_bar_end(&task.bar);
    if (!task.is_json && (status == HC_OK || status == HC_ERR_CORRUPT))
        check_print(options->out, &check);
    return task_end(&task, status, &check, options->paths[0]);
}

data_result data_verify(const data_options *options)
{
    directory_task task;
    hc_persistence_check check;
    hc_status status = verify(&task, options, &check);
    data_bar_end(&task.bar);
    if (!task.is_json && status == HC_OK) {
        (void)fprintf(options->out,
                      "good: %" PRIu64 " records in %" PRIu64 " files, %" PRIu64 " bytes%s\n",
                      check.records, check.files, check.bytes,
                      check.torn != 0 ? "; the log ends in the middle of a write, which is dropped "
                                        "at the next start"
                                      : "");
    }
    return task_end(&task, status, &check, options->paths[0]);
}

data_result data_salvage(const data_options *options)
{
    directory_task task;
    hc_persistence_check check = {.size = sizeof check};
    const hc_persistence_hooks hooks = task_begin(&task, options);
    hc_status status =
        hc_persistence_salvage(NULL, options->paths[0], options->paths[1], &hooks, &check);
    data_bar_end(&task.bar);
    if (!task.is_json && status == HC_OK) {
        (void)fprintf(options->out,
                      "salvaged %" PRIu64 " records into %s; %" PRIu64 " damage%s left behind\n",
                      check.records, options->paths[1], task.damages,
                      task.damages == 1 ? " was" : "s were");
    }
    return task_end(&task, status, &check, options->paths[status == HC_ERR_EXISTS ? 1 : 0]);
}

/* Out of a directory that nobody has open, a copy; both ways alike. */
static data_result copy(const data_options *options, const char *done)
{
    directory_task task;
    const hc_persistence_hooks hooks = task_begin(&task, options);
    hc_status status = hc_persistence_restore(NULL, options->paths[0], options->paths[1], &hooks);
    data_bar_end(&task.bar);
    if (!task.is_json && status == HC_OK)
        (void)fprintf(options->out, "%s %s, verified\n", done, options->paths[1]);
    return task_end(&task, status, NULL, options->paths[status == HC_ERR_EXISTS ? 1 : 0]);
}

data_result data_backup(const data_options *options)
{
    return copy(options, "backed up to");
}

data_result data_restore(const data_options *options)
{
    return copy(options, "restored to");
}
