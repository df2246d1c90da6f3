/*
 * main.c - hypercached: reads its configuration, assembles a node, runs it, takes it apart.
 *
 *     config -> log sink -> tuning -> node -> keeper -> net -> cluster -> maintenance
 *                                                                      built in this order,
 *     ... signals ...                                                  torn down in reverse
 *
 * All signals of interest are blocked before the first thread starts and taken one by one by the
 * main thread, so nothing runs in a handler but the exit that a second SIGTERM asks for.
 *
 * Exit status: 0 ended as asked, 1 could not start, 2 refused its configuration.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clustering.h"
#include "command/node.h"
#include "command/request_frame.h"
#include "config/config.h"
#include "data/data.h"
#include "descriptors.h"
#include "event_bus.h"
#include "event_log.h"
#include "keeper.h"
#include "maintenance.h"
#include "metrics/metrics_route.h"
#include "net/net.h"
#include "operate/operate.h"
#include "store_list.h"
#include "telemetry/log_sink.h"
#include "tracer.h"
#include "tuning.h"

#define EXIT_CONFIG 2

typedef struct assembly {
    int argc;
    char *const *argv;
    config cfg;
    unsigned workers;
    unsigned clients; /* as many as the descriptors allow */
    char executable[PATH_MAX], config_file[PATH_MAX];
    hc_host host;
    allocations allocations; /* only with debug.performance_profiling */
    hc_pressure pressure;
    event_bus bus;
    exposition *page; /* of metrics */
    tracer tracer;
    log_sink *sink;
    tuning tuning;
    node *node;
    net *net;
    maintenance *maintenance;
    keeper *keeper;         /* NULL: nothing is kept */
    clustering *clustering; /* NULL: alone */
    atomic_bool ending;     /* a SHUTDOWN must not count as a second signal */
    bool ended_early;       /* told to, while loading */
    char failure[1024];     /* why there is no start; told last, after the log's own lines */
} assembly;

/* ---- parts ---- */

__attribute__((format(printf, 2, 3))) static bool fail(assembly *of, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(of->failure, sizeof of->failure, format, args);
    va_end(args);
    return false;
}

static unsigned processors(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    int count = CPU_COUNT(&set);
    return count > (int)NODE_WORKERS_MAX ? NODE_WORKERS_MAX : (unsigned)count;
}

/* The host for handles of that subsystem. */
static const hc_host *host_for(const assembly *of, allocation_owner owner)
{
    bool counts = of->cfg.debug.performance_profiling;
    return counts ? allocations_host(&of->allocations, owner) : &of->host;
}

/* The log's file, below the data directory unless its name is absolute. */
static bool log_file(assembly *of, char path[PATH_MAX])
{
    const char *file = of->cfg.logging.file, *folder = of->cfg.node.data_dir;
    if (file[0] == '/' || file[0] == '\0') {
        (void)snprintf(path, PATH_MAX, "%s", file);
        return true;
    }
    (void)snprintf(path, PATH_MAX, "%s/%s", folder, file);
    if (mkdir(folder, 0750) == 0 || errno == EEXIST) return true;
    return fail(of, "node.data_dir: cannot create %s: %s", folder, strerror(errno));
}

static bool logs_to(const assembly *of, const char *output)
{
    for (size_t i = 0; i < of->cfg.logging.output.count; i++)
        if (strcasecmp(of->cfg.logging.output.items[i], output) == 0) return true;
    return false;
}

static bool sink_start(assembly *of)
{
    char path[PATH_MAX];
    if (!log_file(of, path)) return false;
    log_sink_options options = {
        .node_id = of->cfg.node.id,
        .file = path[0] != '\0' ? path : NULL,
        .file_bytes_max = (uint64_t)of->cfg.logging.file_bytes_max,
        .files_max = (unsigned)of->cfg.logging.files_max,
        .fd = logs_to(of, "stderr") ? STDERR_FILENO : -1,
        .journal = logs_to(of, "journald"),
        .keys = (hc_log_keys)of->cfg.logging.keys,
        .json = of->cfg.logging.format == CONFIG_FORMAT_JSON,
        .level = (hc_log_level)of->cfg.logging.level,
    };
    hc_status status = log_sink_start(&options, &of->sink);
    if (status == HC_OK) return true;
    if (status == HC_ERR_NOT_FOUND)
        return fail(of, "logging.output: journald: no journal answers: %s", strerror(errno));
    return fail(of, "logging.file: %s: %s", path,
                status == HC_ERR_IO ? strerror(errno) : hc_status_text(status));
}

/* SHUTDOWN: the same way to the end as SIGTERM. */
static void shutdown_asked(void *ctx)
{
    assembly *of = ctx;
    if (!atomic_exchange(&of->ending, true)) (void)kill(getpid(), SIGTERM);
}

static bool node_start(assembly *of)
{
    ssize_t size = readlink("/proc/self/exe", of->executable, sizeof of->executable - 1);
    of->executable[size > 0 ? size : 0] = '\0';
    if (of->cfg.path[0] == '\0' || realpath(of->cfg.path, of->config_file) == NULL) {
        of->config_file[0] = '\0';
    }
    node_store_settings first;
    if (!tracer_start(&of->tracer, &of->host, &of->cfg, of->failure, sizeof of->failure))
        return false;
    bool has_first = store_list_first(&of->cfg, &first);
    node_options options = {
        .host = host_for(of, ALLOCATION_STORES),
        .first = has_first ? &first : NULL,
        .settings = &of->tuning.settings,
        .node_id = of->cfg.node.id,
        .config_file = of->config_file,
        .executable = of->executable,
        .max_memory_bytes = (uint64_t)of->cfg.cache.max_memory_bytes,
        /* Of a cluster's keys, each value says itself when it ends. */
        .default_ttl_ms = of->cfg.cluster.enabled ? 0 : of->cfg.cache.default_ttl_ms,
        .eviction = (uint32_t)of->cfg.cache.eviction,
        .compression = (uint32_t)of->cfg.cache.compression,
        .pressure = &of->pressure,
        .databases = (unsigned)of->cfg.cache.databases,
        .stores_max = (unsigned)of->cfg.cache.max_stores,
        .workers = of->workers,
        .helpers = of->cfg.cluster.enabled,
        .clients_max = of->clients,
        .resp_port = (unsigned)of->cfg.network.resp_port,
        .events = of->bus.events,
        .allocations = of->cfg.debug.performance_profiling ? &of->allocations : NULL,
        .traces = of->tracer.traces,
        .shutdown = shutdown_asked,
        .shutdown_ctx = of,
    };
    hc_status status = node_create(&options, &of->node);
    if (status != HC_OK) return fail(of, "cannot create the store: %s", hc_status_text(status));
    if (store_list_create(&of->cfg, of->node, of->failure, sizeof of->failure)) return true;
    node_destroy(of->node);
    return false;
}

static bool metrics_start(assembly *of)
{
    exposition_options options = {
        .host = host_for(of, ALLOCATION_OBSERVABILITY),
        .node = of->node,
        .sink = of->sink,
        .exporter = of->tracer.exporter,
        .data_dir = of->cfg.persistence.enabled ? of->cfg.node.data_dir : NULL,
    };
    hc_status status = exposition_create(&options, &of->page);
    return status == HC_OK || fail(of, "cannot keep metrics: %s", hc_status_text(status));
}

static bool banner_wanted(void);

/* SIGTERM or SIGINT came before anybody waits for them: while loading. */
static bool signal_came(void *ctx)
{
    sigset_t pending;
    (void)ctx;
    if (sigpending(&pending) != 0) return false;
    return sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1;
}

/* Loading was given up since the node is to end: it did as it was told. */
static bool ended_early(assembly *of, hc_status status)
{
    if (status != HC_ERR_BUSY || !signal_came(NULL)) return false;
    event_log(of->host.log, HC_LOG_INFO, "stop", "told to end while loading", NULL, 0);
    of->ended_early = true;
    return true;
}

/* Opens the data directory, if data is to be kept. */
static bool keep(assembly *of)
{
    char why[512];
    if (!of->cfg.persistence.enabled) return true;
    keeper_options options = {.host = host_for(of, ALLOCATION_PERSISTENCE),
                              .node = of->node,
                              .cfg = &of->cfg,
                              .shows_progress = banner_wanted() && isatty(STDOUT_FILENO),
                              .fatal = shutdown_asked,
                              .fatal_ctx = of,
                              .stopping = signal_came};
    hc_status status = keeper_open(&options, &of->keeper, why, sizeof why);
    if (status == HC_OK) return true;
    const char *folder = of->cfg.node.data_dir;
    if (ended_early(of, status)) return false;
    if (status == HC_ERR_BUSY) {
        return fail(of,
                    "node.data_dir: %s is in use by another process; choose another, or set "
                    "persistence.enabled: false",
                    folder);
    }
    return fail(of, "node.data_dir: %s: %s%s%s", folder, hc_status_text(status),
                why[0] != '\0' ? ": " : "", why);
}

static bool load(assembly *of)
{
    char why[512];
    if (of->keeper == NULL) return true;
    hc_status status = keeper_recover(of->keeper, why, sizeof why);
    if (status == HC_OK) return true;
    if (ended_early(of, status)) return false;
    return fail(of, "node.data_dir: %s: %s%s%s", of->cfg.node.data_dir, hc_status_text(status),
                why[0] != '\0' ? ": " : "", why);
}

static bool join(assembly *of)
{
    char why[512];
    clustering_options options = {.host = host_for(of, ALLOCATION_CLUSTER),
                                  .node = of->node,
                                  .cfg = &of->cfg,
                                  .resp_port = net_port(of->net),
                                  .http_port = net_http_port(of->net),
                                  .worker = of->workers,
                                  .fatal = shutdown_asked,
                                  .fatal_ctx = of};
    hc_status status = clustering_start(&options, &of->clustering, why, sizeof why);
    if (status == HC_OK) return true;
    return fail(of, "cluster: %s", why[0] != '\0' ? why : hc_status_text(status));
}

/* Why there are no sockets, of whichever port it was. */
static bool serve_failed(assembly *of, hc_status status, bool http)
{
    const config *cfg = &of->cfg;
    const config_key *key =
        &config_keys[http ? CONFIG_NETWORK_HTTP_PORT : CONFIG_NETWORK_RESP_PORT];
    int port = (int)(http ? cfg->network.http_port : cfg->network.resp_port);
    char origin[CONFIG_TEXT_MAX + 32];
    config_origin_text(cfg, key, origin, sizeof origin);
    if (status == HC_ERR_EXISTS) {
        return fail(of,
                    "port %d is in use by another process; choose another %s (now "
                    "from %s)",
                    port, key->full, origin);
    }
    return fail(of, "cannot listen on %s %d (%s): %s", key->full, port, origin,
                hc_status_text(status));
}

static bool serve(assembly *of)
{
    const config *cfg = &of->cfg;
    const char *bind[CONFIG_LIST_MAX], *hosts[CONFIG_LIST_MAX];
    bool http_failed = false;
    for (size_t i = 0; i < cfg->network.bind.count; i++)
        bind[i] = cfg->network.bind.items[i];
    for (size_t i = 0; i < cfg->network.http_hosts.count; i++)
        hosts[i] = cfg->network.http_hosts.items[i];
    const http_route_set sets[] = {metrics_routes(of->page)};
    http_service_options http = {
        .sets = sets,
        .set_count = sizeof sets / sizeof sets[0],
        .node = of->node,
        .host = &of->host,
        .hosts = hosts,
        .host_count = cfg->network.http_hosts.count,
        .body_bytes_max = (size_t)cfg->network.http_body_bytes_max,
        .timeout_ms = (uint32_t)cfg->network.http_timeout_ms,
        .admin = cfg->security.http_admin,
    };
    static const net_capture_calls captures = {.request = capture_request, .reply = capture_reply};
    net_options options = {
        .host = host_for(of, ALLOCATION_STORES), /* large values go from there to the stores */
        .node = of->node,
        .bind = bind,
        .bind_count = cfg->network.bind.count,
        .port = (uint16_t)cfg->network.resp_port,
        .workers = of->workers,
        .clients_max = of->clients,
        .idle_timeout_ms = (uint32_t)cfg->network.idle_timeout_ms,
        .keepalive_ms = (uint32_t)cfg->network.tcp_keepalive_ms,
        .drain_timeout_ms = (uint32_t)cfg->network.drain_timeout_ms,
        .request_bytes_max = (size_t)cfg->network.request_bytes_max,
        .output_hard_bytes = (size_t)cfg->network.output_bytes_max,
        .http = cfg->network.http ? &http : NULL,
        .http_calls = &http_transport_calls,
        .http_port = (uint16_t)cfg->network.http_port,
        .http_failed_out = &http_failed,
        .loop_lag = exposition_loop_lag(of->page),
        .capture = &of->node->debugging.capture,
        .capture_calls = &captures,
    };
    hc_status status = net_start(&options, &of->net);
    if (status != HC_OK) return serve_failed(of, status, http_failed);
    return true;
}

/* ---- words at the start and the end ---- */

/* A log collector that takes stdout and stderr as one stream gets nothing but log lines. */
static bool banner_wanted(void)
{
    struct stat out, err;
    if (isatty(STDOUT_FILENO)) return true;
    if (fstat(STDOUT_FILENO, &out) != 0 || fstat(STDERR_FILENO, &err) != 0) return false;
    return out.st_dev != err.st_dev || out.st_ino != err.st_ino;
}

static void started(const assembly *of)
{
    const hc_log *log = of->host.log;
    const config *cfg = &of->cfg;
    char bind[CONFIG_VALUE_BYTES], message[64];
    config_get(cfg, &config_keys[CONFIG_NETWORK_BIND], bind);
    if (of->clients < (unsigned)cfg->network.max_clients) {
        hc_log_field fields[] = {event_number("asked", (uint64_t)cfg->network.max_clients),
                                 event_number("possible", of->clients)};
        event_log(log, HC_LOG_WARN, "start",
                  "network.max_clients is more than the limit of open files (ulimit -n) allows",
                  fields, 2);
    }
    if (cfg->cache.max_memory_bytes == 0) {
        event_log(log, HC_LOG_WARN, "start",
                  "cache.max_memory is 0: the cache may grow until the machine's memory is full",
                  NULL, 0);
    }
    hc_log_field fields[] = {
        event_text("version", HC_VERSION),       event_text("bind", bind),
        event_number("port", net_port(of->net)), event_number("http_port", net_http_port(of->net)),
        event_number("threads", of->workers),    event_number("pid", (uint64_t)getpid()),
    };
    (void)snprintf(message, sizeof message, "serving; try redis-cli -p %u", net_port(of->net));
    event_tell(of->bus.events, HC_EVENT_NODE_STARTED, "start", message, fields,
               sizeof fields / sizeof fields[0]);
    if (!banner_wanted()) return;
    (void)printf("HyperCache %s serves on %s, port %u, as %s\n"
                 "  try   redis-cli -p %u set greeting hello\n",
                 HC_VERSION, bind, net_port(of->net), cfg->node.id, net_port(of->net));
    if (net_http_port(of->net) != 0) {
        (void)printf("        curl http://localhost:%u/api/cache/greeting\n"
                     "  see   http://localhost:%u/\n",
                     net_http_port(of->net), net_http_port(of->net));
    }
    (void)printf("  stop  Ctrl-C, or kill %d\n", (int)getpid());
    (void)fflush(stdout);
}

/* ---- signals ---- */

static void signals_block(sigset_t *set)
{
    (void)sigemptyset(set);
    (void)sigaddset(set, SIGTERM);
    (void)sigaddset(set, SIGINT);
    (void)sigaddset(set, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

static void exit_now(int number)
{
    _exit(128 + number);
}

/* From here on SIGTERM and SIGINT end the process where it stands. */
static void signals_release(void)
{
    sigset_t set;
    (void)signal(SIGTERM, exit_now);
    (void)signal(SIGINT, exit_now);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void reload(assembly *of)
{
    static config next; /* only the main thread is here */
    config_action action;
    config_problems problems = {0};
    log_sink_reopen(of->sink);
    if (config_load(&next, of->argc, of->argv, environ, &action, &problems) &&
        tuning_check(&next, &problems)) {
        tuning_reload(&of->tuning, &next);
        event_log(of->host.log, HC_LOG_INFO, "reload", "the configuration was read again", NULL, 0);
        return;
    }
    hc_log_field field = event_text("problems", problems.text);
    event_log(of->host.log, HC_LOG_ERROR, "reload",
              "the configuration cannot be used; what held before still holds", &field, 1);
}

static void run(assembly *of, const sigset_t *set)
{
    for (;;) {
        siginfo_t info;
        int number = sigwaitinfo(set, &info);
        if (number == SIGHUP) reload(of);
        if (number != SIGTERM && number != SIGINT) continue;
        bool asked = atomic_exchange(&of->ending, true);
        hc_log_field field = event_text("reason", asked              ? "SHUTDOWN"
                                                  : number == SIGINT ? "SIGINT"
                                                                     : "SIGTERM");
        event_log(of->host.log, HC_LOG_INFO, "stop", "draining clients", &field, 1);
        return;
    }
}

/* ---- the whole ---- */

static void malloc_tune(void)
{
    (void)mallopt(M_ARENA_MAX, 2); /* a third one would hold memory and hardly save time */
    /* Buffers of large requests and replies go back to the system when freed.  Left alone, malloc
     * would raise this bound to what it has seen, and keep them. */
    (void)mallopt(M_MMAP_THRESHOLD, 256 << 10);
    (void)mallopt(M_TRIM_THRESHOLD, 1 << 20);
}

static int daemon_run(assembly *of)
{
    const config *cfg = &of->cfg;
    sigset_t set;
    int status = EXIT_FAILURE;
    malloc_tune();
    signals_block(&set);
    if (!cfg->persistence.enabled) { /* and CONFIG GET appendonly, save tell so */
        of->cfg.persistence.strategy = HC_STRATEGY_DISABLED;
        of->cfg.persistence.snapshot_interval_ms = 0;
    }
    of->workers = of->cfg.network.threads > 0 ? (unsigned)of->cfg.network.threads : processors();
    of->clients = descriptors_provide((unsigned)of->cfg.network.max_clients, of->workers);
    if (!sink_start(of)) goto failure;
    of->host = (hc_host){.size = sizeof(hc_host), .log = log_sink_log(of->sink)};
    allocations_init(&of->allocations, &of->host);
    if (event_bus_init(&of->bus, host_for(of, ALLOCATION_OBSERVABILITY), cfg->node.id) != HC_OK) {
        (void)fail(of, "no memory for events");
        log_sink_stop(of->sink);
        goto failure;
    }
    of->pressure = (hc_pressure){.size = sizeof(hc_pressure),
                                 .ctx = of->bus.events,
                                 .changed = event_memory_pressure,
                                 .warning_percent = (uint32_t)cfg->cache.pressure_warning_percent,
                                 .critical_percent = (uint32_t)cfg->cache.pressure_critical_percent,
                                 .panic_percent = (uint32_t)cfg->cache.pressure_panic_percent};
    tuning_init(&of->tuning, &of->cfg, of->sink, of->workers);
    tuning_tell(&of->tuning, of->bus.events);
    if (!node_start(of)) goto sink;
    event_bus_attach(&of->bus, of->node);
    tuning_attach(&of->tuning, of->node, NULL); /* the first client may ask for changes */
    if (!clustering_expect(of->node, cfg, of->failure, sizeof of->failure)) goto node;
    if (!metrics_start(of) || !keep(of) || !serve(of)) goto node;
    if (!load(of) || !join(of)) goto net;
    if (maintenance_start(of->node, &of->maintenance) != HC_OK) {
        (void)fail(of, "no memory for a thread");
        goto net;
    }
    tuning_attach(&of->tuning, of->node, of->net);
    started(of);
    run(of, &set);
    signals_release();
    status = EXIT_SUCCESS;
    tuning_attach(&of->tuning, of->node, NULL); /* workers may still ask for changes */
net:
    net_stop(of->net);
    maintenance_stop(of->maintenance);
    clustering_stop(of->clustering);
node:
    if (!keeper_stop(of->keeper)) status = EXIT_FAILURE;
    tuning_attach(&of->tuning, NULL, NULL);
    event_bus_attach(&of->bus, NULL);
    exposition_destroy(of->page);
    node_destroy(of->node);
sink:
    tracer_stop(&of->tracer);
    tuning_fini(&of->tuning);
    if (status == EXIT_SUCCESS)
        event_tell(of->bus.events, HC_EVENT_NODE_STOPPED, "stop", "ended", NULL, 0);
    event_bus_fini(&of->bus);
    log_sink_stop(of->sink);
failure:
    if (of->ended_early) return EXIT_SUCCESS;
    if (status != EXIT_SUCCESS) (void)fprintf(stderr, "hypercached: %s\n", of->failure);
    return status;
}

/* A process may be started without them; then no socket must get their numbers. */
static void standard_streams_open(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0)
            (void)open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY);
    }
}

int main(int argc, char **argv)
{
    static assembly of; /* static for its size; passed along, not reached for */
    config_action action;
    config_problems problems = {0};
    standard_streams_open();
    if (argc > 1 && strcmp(argv[1], "data") == 0)
        return (int)data_run(argc - 2, argv + 2, stdout, stderr);
    if (argc > 1 && strcmp(argv[1], "cluster") == 0)
        return (int)operate_cluster(argc - 2, argv + 2, stdout, stderr);
    if (argc > 1 && strcmp(argv[1], "sanity") == 0)
        return (int)operate_sanity(argc - 2, argv + 2, stdout, stderr);
    of.argc = argc;
    of.argv = argv;
    if (!config_load(&of.cfg, argc, argv, environ, &action, &problems) ||
        !tuning_check(&of.cfg, &problems)) {
        (void)fprintf(stderr, "%s", problems.text);
        (void)fprintf(stderr, "hypercached: %zu problem%s in the configuration\n", problems.count,
                      problems.count == 1 ? "" : "s");
        return EXIT_CONFIG;
    }
    switch (action) {
    case CONFIG_HELP:
        config_print_help(stdout);
        return EXIT_SUCCESS;
    case CONFIG_VERSION:
        (void)printf("hypercached %s\n", HC_VERSION);
        return EXIT_SUCCESS;
    case CONFIG_VALIDATE:
        (void)printf("the configuration is valid\n");
        return EXIT_SUCCESS;
    case CONFIG_SHOW:
        config_print(&of.cfg, stdout);
        return EXIT_SUCCESS;
    case CONFIG_DEFAULT:
        config_print_default(stdout);
        return EXIT_SUCCESS;
    case CONFIG_RUN:
        break;
    }
    return daemon_run(&of);
}
