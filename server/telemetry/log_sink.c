/*
 * log_sink.c - a byte ring of whole lines.
 *
 *     ring:  ........ line\n line\n line\n ........
 *                     ^head               ^head + used   (modulo LOG_QUEUE_BYTES)
 *
 * Invariants: `lock` guards all fields below it; lines enter and leave whole, so that `head` is at
 * a line's start, and the file can be changed between any two writes.  Levels are atomic, so that
 * `wants` is one load.
 */
#include "telemetry/log_sink.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "telemetry/log_file.h"
#include "telemetry/log_journal.h"
#include "telemetry/log_text.h"

#define NODE_ID_BYTES 256u
#define CHUNK_BYTES 4096u /* of one write */
#define STACK_BYTES (128u << 10)

struct log_sink {
    hc_log log;
    atomic_uchar levels[HC_TOPICS];
    bool json;
    int fd;
    char node_id[NODE_ID_BYTES];
    atomic_uchar keys; /* an hc_log_keys */
    pthread_t thread;
    log_file file; /* these two are the writer's own after start */
    int journal;   /* -1: none */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stopping, reopen;
    size_t before_reopen; /* bytes of the ring that belong to the old file */
    size_t head, used;
    uint64_t dropped, reported; /* lines */
    char ring[LOG_QUEUE_BYTES];
};

static int64_t wall_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The line of `record` with its newline. */
static size_t line_make(const log_sink *sink, const hc_log_record *record,
                        char line[LOG_LINE_BYTES_MAX])
{
    hc_log_record stamped = *record;
    char hash[HC_LOG_KEY_CHARS];
    hc_log_keys keys = (hc_log_keys)atomic_load_explicit(&sink->keys, memory_order_relaxed);
    if (stamped.time_ms == 0) stamped.time_ms = wall_ms();
    stamped.key = hc_log_key(keys, record->key, hash);
    size_t room = LOG_LINE_BYTES_MAX - 1;
    size_t size = sink->json ? hc_log_record_json(&stamped, sink->node_id, line, room)
                             : log_record_text(&stamped, line, room);
    line[size] = '\n';
    return size + 1;
}

static bool sink_wants(void *ctx, hc_log_level level, hc_topic topic)
{
    const log_sink *sink = ctx;
    if ((unsigned)topic >= HC_TOPICS) return false;
    return (unsigned)level <= atomic_load_explicit(&sink->levels[topic], memory_order_relaxed);
}

static void sink_write(void *ctx, const hc_log_record *record)
{
    log_sink *sink = ctx;
    char line[LOG_LINE_BYTES_MAX];
    size_t size = line_make(sink, record, line);
    (void)pthread_mutex_lock(&sink->lock);
    if (size > LOG_QUEUE_BYTES - sink->used) {
        sink->dropped++;
    } else {
        size_t tail = (sink->head + sink->used) % LOG_QUEUE_BYTES;
        size_t first = size < LOG_QUEUE_BYTES - tail ? size : LOG_QUEUE_BYTES - tail;
        memcpy(sink->ring + tail, line, first);
        memcpy(sink->ring, line + first, size - first);
        sink->used += size;
    }
    (void)pthread_cond_signal(&sink->changed);
    (void)pthread_mutex_unlock(&sink->lock);
}

/* ---- the writer ---- */

static void file_reopen(log_sink *sink)
{
    if (sink->file.fd < 0 || log_file_reopen(&sink->file)) return;
    hc_log_field why = {.name = "reason", .kind = HC_FIELD_TEXT};
    const char *text = strerror(errno);
    why.text = hc_span_make(text, strlen(text));
    hc_log_record record = {.level = HC_LOG_ERROR,
                            .topic = HC_TOPIC_EVENT_BUS,
                            .operation = "reopen",
                            .message = "the log file cannot be opened anew",
                            .duration_ns = -1,
                            .fields = &why,
                            .field_count = 1};
    sink_write(sink, &record);
}

/* To all outputs; returns how many lines were lost. */
static uint64_t outputs_write(log_sink *sink, const char *text, size_t bytes)
{
    uint64_t lost = log_file_write(&sink->file, text, bytes);
    if (sink->fd >= 0) lost += log_output_write(sink->fd, text, bytes);
    if (sink->journal >= 0) lost += log_journal_write(sink->journal, text, bytes);
    return lost;
}

static void dropped_report(log_sink *sink, uint64_t count)
{
    char line[LOG_LINE_BYTES_MAX];
    hc_log_field field = {.name = "count", .kind = HC_FIELD_UINT, .value.u = count};
    hc_log_record record = {.level = HC_LOG_WARN,
                            .topic = HC_TOPIC_EVENT_BUS,
                            .operation = "log",
                            .message = "log lines were dropped",
                            .duration_ns = -1,
                            .fields = &field,
                            .field_count = 1};
    size_t size = line_make(sink, &record, line);
    (void)outputs_write(sink, line, size);
}

static void chunk_write(log_sink *sink, const char *text, size_t bytes)
{
    uint64_t lost = outputs_write(sink, text, bytes);
    if (lost == 0) return;
    (void)pthread_mutex_lock(&sink->lock);
    sink->dropped += lost;
    (void)pthread_mutex_unlock(&sink->lock);
}

/* Takes as many whole lines as fit; the lock is held.  A line is no longer than a chunk. */
static size_t lines_take(log_sink *sink, char chunk[CHUNK_BYTES])
{
    static_assert(LOG_LINE_BYTES_MAX <= CHUNK_BYTES, "a chunk takes one line at least");
    size_t bytes = sink->reopen ? sink->before_reopen : sink->used;
    if (bytes > CHUNK_BYTES) bytes = CHUNK_BYTES;
    size_t first = LOG_QUEUE_BYTES - sink->head;
    if (first > bytes) first = bytes;
    memcpy(chunk, sink->ring + sink->head, first);
    memcpy(chunk + first, sink->ring, bytes - first);
    while (bytes > 0 && chunk[bytes - 1] != '\n')
        bytes--;
    sink->head = (sink->head + bytes) % LOG_QUEUE_BYTES;
    sink->used -= bytes;
    if (sink->reopen) sink->before_reopen -= bytes;
    return bytes;
}

static void *writer_run(void *ctx)
{
    log_sink *sink = ctx;
    char chunk[CHUNK_BYTES];
    bool running = true;
    while (running) {
        (void)pthread_mutex_lock(&sink->lock);
        while (sink->used == 0 && sink->dropped == sink->reported && !sink->reopen &&
               !sink->stopping)
            (void)pthread_cond_wait(&sink->changed, &sink->lock);
        bool reopen = sink->reopen && sink->before_reopen == 0;
        if (reopen) sink->reopen = false;
        size_t bytes = lines_take(sink, chunk);
        bool caught_up = sink->used == 0 && !sink->reopen;
        uint64_t lost = caught_up ? sink->dropped - sink->reported : 0;
        sink->reported += lost;
        running = !caught_up || !sink->stopping;
        (void)pthread_mutex_unlock(&sink->lock);

        if (reopen) file_reopen(sink);
        chunk_write(sink, chunk, bytes);
        if (lost > 0) dropped_report(sink, lost);
    }
    return NULL;
}

/* ---- the handle ---- */

static hc_status thread_start(log_sink *sink)
{
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) return HC_ERR_NO_MEMORY;
    (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
    int failed = pthread_create(&sink->thread, &attributes, writer_run, sink);
    (void)pthread_attr_destroy(&attributes);
    return failed ? HC_ERR_NO_MEMORY : HC_OK;
}

/* HC_ERR_IO: errno tells. */
static hc_status outputs_open(log_sink *sink, const log_sink_options *options)
{
    const char *path = options->file != NULL ? options->file : "";
    sink->fd = options->fd;
    sink->file.fd = sink->journal = -1;
    if (path[0] != '\0' &&
        !log_file_open(&sink->file, path, options->file_bytes_max, options->files_max))
        return errno == ENAMETOOLONG ? HC_ERR_INVALID : HC_ERR_IO;
    if (!options->journal) return HC_OK;
    sink->journal = log_journal_open(options->journal_path);
    return sink->journal >= 0 ? HC_OK : HC_ERR_NOT_FOUND;
}

static void sink_free(log_sink *sink)
{
    log_file_close(&sink->file);
    if (sink->journal >= 0) (void)close(sink->journal);
    (void)pthread_cond_destroy(&sink->changed);
    (void)pthread_mutex_destroy(&sink->lock);
    free(sink);
}

hc_status log_sink_start(const log_sink_options *options, log_sink **sink_out)
{
    *sink_out = NULL;
    if (strlen(options->node_id) >= NODE_ID_BYTES) return HC_ERR_INVALID;
    log_sink *sink = calloc(1, sizeof *sink); /* pages of the ring are touched as they are used */
    if (sink == NULL) return HC_ERR_NO_MEMORY;
    sink->log = (hc_log){sizeof(hc_log), sink, sink_wants, sink_write};
    sink->json = options->json;
    memcpy(sink->node_id, options->node_id, strlen(options->node_id) + 1);
    for (unsigned topic = 0; topic < HC_TOPICS; topic++)
        atomic_init(&sink->levels[topic], (unsigned char)options->level);
    atomic_init(&sink->keys, (unsigned char)options->keys);
    (void)pthread_mutex_init(&sink->lock, NULL);
    (void)pthread_cond_init(&sink->changed, NULL);
    hc_status status = outputs_open(sink, options);
    int reason = errno;
    if (status == HC_OK) status = thread_start(sink);
    if (status == HC_OK) {
        *sink_out = sink;
        return HC_OK;
    }
    sink_free(sink);
    errno = reason;
    return status;
}

void log_sink_stop(log_sink *sink)
{
    if (sink == NULL) return;
    (void)pthread_mutex_lock(&sink->lock);
    sink->stopping = true;
    (void)pthread_cond_signal(&sink->changed);
    (void)pthread_mutex_unlock(&sink->lock);
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += LOG_STOP_MS_MAX / 1000;
    /* An output that blocks for ever must not hold up the process's end: then the sink stays. */
    if (pthread_timedjoin_np(sink->thread, NULL, &until) != 0) return;
    sink_free(sink);
}

const hc_log *log_sink_log(const log_sink *sink)
{
    return &sink->log;
}

void log_sink_level(log_sink *sink, hc_topic topic, hc_log_level level)
{
    atomic_store_explicit(&sink->levels[topic], (unsigned char)level, memory_order_relaxed);
}

void log_sink_keys(log_sink *sink, hc_log_keys keys)
{
    atomic_store_explicit(&sink->keys, (unsigned char)keys, memory_order_relaxed);
}

void log_sink_reopen(log_sink *sink)
{
    (void)pthread_mutex_lock(&sink->lock);
    sink->reopen = true;
    sink->before_reopen = sink->used;
    (void)pthread_cond_signal(&sink->changed);
    (void)pthread_mutex_unlock(&sink->lock);
}

uint64_t log_sink_dropped(log_sink *sink)
{
    (void)pthread_mutex_lock(&sink->lock);
    uint64_t dropped = sink->dropped;
    (void)pthread_mutex_unlock(&sink->lock);
    return dropped;
}

size_t log_sink_queued(log_sink *sink)
{
    (void)pthread_mutex_lock(&sink->lock);
    size_t used = sink->used;
    (void)pthread_mutex_unlock(&sink->lock);
    return used;
}
