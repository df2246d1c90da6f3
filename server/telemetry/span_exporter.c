/* span_exporter.c - the thread: read, encode, send, try again. */
#include "telemetry/span_exporter.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "telemetry/span_post.h"

#define BODY_KEEP_BYTES (256u << 10)

struct span_exporter {
    span_exporter_options options;
    span_endpoint to;
    pthread_t thread;
    int stop_fd;
    _Atomic bool stopping;
    bool fails; /* and said so */
    uint64_t seen;
    http_bytes body;
    hc_trace_span batch[SPAN_BATCH_MAX];
    _Atomic uint64_t exported, failed, lost, posts, refusals;
};

static void count(_Atomic uint64_t *counter, uint64_t amount)
{
    (void)atomic_fetch_add_explicit(counter, amount, memory_order_relaxed);
}

static void say(const span_exporter *of, hc_log_level level, const char *message, unsigned status)
{
    const hc_log *log = of->options.log;
    if (log == NULL || !log->wants(log->ctx, level, HC_TOPIC_EVENT_BUS)) return;
    hc_log_field fields[] = {{.name = "host",
                              .kind = HC_FIELD_TEXT,
                              .text = hc_span_make(of->to.host, strlen(of->to.host))},
                             {.name = "port",
                              .kind = HC_FIELD_TEXT,
                              .text = hc_span_make(of->to.port, strlen(of->to.port))},
                             {.name = "status", .kind = HC_FIELD_UINT, .value.u = status}};
    hc_log_record record = {.level = level,
                            .topic = HC_TOPIC_EVENT_BUS,
                            .operation = "export",
                            .message = message,
                            .duration_ns = -1,
                            .fields = fields,
                            .field_count = sizeof fields / sizeof *fields};
    log->write(log->ctx, &record);
}

/* Waits; true: it is time to stop. */
static bool rest(const span_exporter *of, int ms)
{
    struct pollfd told = {.fd = of->stop_fd, .events = POLLIN};
    return poll(&told, 1, ms) > 0 || atomic_load(&of->stopping);
}

static bool is_worth_another(unsigned status)
{
    return status == 0 || status == 408 || status == 429 || status >= 500;
}

/* Sends the body; false: it was given up. */
static bool deliver(span_exporter *of)
{
    bool ends = atomic_load(&of->stopping);
    uint32_t wait_ms = SPAN_RETRY_MS;
    for (unsigned tries = 0; tries < SPAN_TRIES_MAX; tries++) {
        unsigned status = span_post(&of->to, span_format_type(of->options.format),
                                    http_bytes_view(&of->body), ends ? -1 : of->stop_fd);
        bool done = status >= 200 && status < 300;
        count(&of->posts, 1);
        if (done != of->fails) { /* as before: nothing new to say */
            if (done) return true;
        } else {
            of->fails = !done;
            say(of, done ? HC_LOG_INFO : HC_LOG_WARN,
                done ? "spans reach their collector again" : "spans do not reach their collector",
                status);
            if (done) return true;
        }
        count(&of->refusals, 1);
        if (!is_worth_another(status) || ends) return false;
        if (rest(of, (int)wait_ms)) ends = true; /* one last try */
        wait_ms *= 2;
    }
    return false;
}

/* A batch; false: there was none. */
static bool turn(span_exporter *of)
{
    uint64_t lost = 0;
    const span_source source = {.node_id = of->options.node_id, .version = HC_VERSION};
    size_t got = hc_traces_read(of->options.traces, of->seen, of->batch, SPAN_BATCH_MAX, &lost);
    count(&of->lost, lost);
    if (got == 0) return false;
    of->seen = of->batch[got - 1].number;
    http_bytes_clear(&of->body, BODY_KEEP_BYTES);
    of->body.failed = false;
    spans_encode(of->options.format, &source, of->batch, got, &of->body);
    bool sent = !of->body.failed && deliver(of);
    count(sent ? &of->exported : &of->failed, got);
    return true;
}

static void *exporter_main(void *ctx)
{
    span_exporter *of = ctx;
    while (!rest(of, SPAN_LOOK_MS)) {
        while (turn(of) && !atomic_load(&of->stopping))
            continue;
    }
    while (!of->fails && turn(of)) /* what is left, unless nobody takes it */
        continue;
    return NULL;
}

static void exporter_free(span_exporter *of)
{
    if (of->stop_fd >= 0) (void)close(of->stop_fd);
    http_bytes_fini(&of->body);
    free(of);
}

hc_status span_exporter_start(const span_exporter_options *options, span_exporter **exporter_out)
{
    *exporter_out = NULL;
    span_exporter *made = calloc(1, sizeof *made);
    if (made == NULL) return HC_ERR_NO_MEMORY;
    made->options = *options;
    made->seen = hc_traces_last(options->traces);
    made->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    hc_status status = made->stop_fd >= 0 ? HC_OK : HC_ERR_NO_MEMORY;
    if (!span_endpoint_parse(options->endpoint, span_format_path(options->format), &made->to))
        status = HC_ERR_INVALID;
    made->options.endpoint = NULL; /* it was copied */
    if (status == HC_OK && pthread_create(&made->thread, NULL, exporter_main, made) != 0)
        status = HC_ERR_NO_MEMORY;
    if (status != HC_OK) {
        exporter_free(made);
        return status;
    }
    *exporter_out = made;
    return HC_OK;
}

void span_exporter_stop(span_exporter *of)
{
    if (of == NULL) return;
    atomic_store(&of->stopping, true);
    (void)eventfd_write(of->stop_fd, 1);
    (void)pthread_join(of->thread, NULL);
    exporter_free(of);
}

span_exporter_stats span_exporter_stats_get(const span_exporter *of)
{
    span_exporter_stats stats = {.exported = 0};
    if (of == NULL) return stats;
    stats.exported = atomic_load_explicit(&of->exported, memory_order_relaxed);
    stats.failed = atomic_load_explicit(&of->failed, memory_order_relaxed);
    stats.lost = atomic_load_explicit(&of->lost, memory_order_relaxed);
    stats.posts = atomic_load_explicit(&of->posts, memory_order_relaxed);
    stats.refusals = atomic_load_explicit(&of->refusals, memory_order_relaxed);
    return stats;
}
