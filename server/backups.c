/*
 * backups.c - see backups.h.
 *
 *     begin   looks at the name, makes the folder if it is not there, starts the thread
 *     thread  hc_persistence_backup; a directory that it left empty goes
 *     begin, or stop: joins the thread before
 */
#include "backups.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "event_log.h"

#define PATH_BYTES (CONFIG_TEXT_MAX + DURABLE_BACKUP_NAME_BYTES + 2)

struct backups {
    backups_options options;
    char folder[CONFIG_TEXT_MAX + 1];
    pthread_mutex_t lock; /* guards what follows */
    bool has_thread;      /* to be joined */
    pthread_t thread;
    char path[PATH_BYTES];
    durable_backup last; /* or the one being made */
};

static void done_tell(const backups *of, const durable_backup *done, uint64_t bytes)
{
    hc_log_field fields[] = {event_text("name", done->name), event_number("bytes", bytes),
                             event_text("reason", hc_status_text(done->status))};
    if (done->status == HC_OK)
        event_log(of->options.log, HC_LOG_INFO, "backup", "backup written and read again", fields,
                  2);
    else
        event_log(of->options.log, HC_LOG_ERROR, "backup", "the backup failed", fields, 3);
}

static void *backup_run(void *ctx)
{
    backups *of = ctx;
    hc_persistence_stats stats = {.size = sizeof stats};
    hc_status status = hc_persistence_backup(of->options.data, of->path);
    if (status != HC_OK && status != HC_ERR_EXISTS) (void)rmdir(of->path); /* if it is empty */
    hc_persistence_stats_get(of->options.data, &stats);
    (void)pthread_mutex_lock(&of->lock);
    of->last.active = false;
    of->last.status = status;
    of->last.ended_ms = node_now_ms(of->options.node);
    durable_backup done = of->last;
    (void)pthread_mutex_unlock(&of->lock);
    done_tell(of, &done, stats.backup_bytes);
    return NULL;
}

/* Letters, digits and what is harmless between them: neither a path, nor a hidden file, nor a flag
 * of some program. */
static bool name_fits(hc_span name)
{
    if (name.size == 0 || name.size >= DURABLE_BACKUP_NAME_BYTES) return false;
    for (size_t i = 0; i < name.size; i++) {
        char c = (char)name.data[i];
        bool is_plain =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
        if (!is_plain && (i == 0 || (c != '-' && c != '.'))) return false;
    }
    return true;
}

static hc_status refuse(hc_status status, const char *text, char *why, size_t why_bytes)
{
    (void)snprintf(why, why_bytes, "%s", text);
    return status;
}

/* The folder is there, and nothing in it of that name. */
static hc_status place_check(backups *of, char *why, size_t why_bytes)
{
    if (mkdir(of->folder, 0750) != 0 && errno != EEXIST) {
        (void)snprintf(why, why_bytes, "cannot create persistence.backup_dir %s: %s", of->folder,
                       strerror(errno));
        return HC_ERR_IO;
    }
    struct stat there;
    if (lstat(of->path, &there) == 0)
        return refuse(HC_ERR_EXISTS, "there is a backup of that name", why, why_bytes);
    return HC_OK;
}

/* The lock is held. */
static hc_status thread_start(backups *of, hc_span name, char *why, size_t why_bytes)
{
    if (of->last.active)
        return refuse(HC_ERR_BUSY, "Background backup already in progress", why, why_bytes);
    (void)snprintf(of->path, sizeof of->path, "%s/%.*s", of->folder, (int)name.size,
                   (const char *)name.data);
    hc_status status = place_check(of, why, why_bytes);
    if (status != HC_OK) return status;
    if (of->has_thread) (void)pthread_join(of->thread, NULL); /* it has done its work */
    of->last = (durable_backup){.active = true, .began_ms = node_now_ms(of->options.node)};
    memcpy(of->last.name, name.data, name.size);
    of->has_thread = pthread_create(&of->thread, NULL, backup_run, of) == 0;
    if (of->has_thread) return HC_OK;
    of->last.active = false;
    of->last.status = HC_ERR_NO_MEMORY;
    return refuse(HC_ERR_NO_MEMORY, "no memory for a thread", why, why_bytes);
}

hc_status backups_begin(void *ctx, hc_span name, char *why, size_t why_bytes)
{
    backups *of = ctx;
    if (of->folder[0] == '\0')
        return refuse(HC_ERR_UNSUPPORTED, "backups are off: persistence.backup_dir is not set", why,
                      why_bytes);
    if (!name_fits(name))
        return refuse(
            HC_ERR_INVALID,
            "a backup's name is letters, digits, '_', '-' and '.', 63 at most, and begins "
            "with none of the last two; it is made below persistence.backup_dir",
            why, why_bytes);
    (void)pthread_mutex_lock(&of->lock);
    hc_status status = thread_start(of, name, why, why_bytes);
    (void)pthread_mutex_unlock(&of->lock);
    return status;
}

void backups_look(void *ctx, durable_backup *out)
{
    backups *of = ctx;
    (void)pthread_mutex_lock(&of->lock);
    *out = of->last;
    (void)pthread_mutex_unlock(&of->lock);
}

hc_status backups_create(const backups_options *options, backups **out)
{
    *out = NULL;
    backups *made = calloc(1, sizeof *made);
    if (made == NULL) return HC_ERR_NO_MEMORY;
    made->options = *options;
    (void)snprintf(made->folder, sizeof made->folder, "%s", options->folder);
    (void)pthread_mutex_init(&made->lock, NULL);
    *out = made;
    return HC_OK;
}

void backups_stop(backups *of)
{
    if (of == NULL) return;
    (void)pthread_mutex_lock(&of->lock);
    bool has_thread = of->has_thread;
    of->has_thread = false;
    (void)pthread_mutex_unlock(&of->lock);
    if (has_thread) (void)pthread_join(of->thread, NULL);
    (void)pthread_mutex_destroy(&of->lock);
    free(of);
}
