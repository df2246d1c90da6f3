/* memory_commands.c - MEMORY: what keys and the whole process take, and what to make of it. */
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/command_args.h"
#include "command/command_text.h"
#include "command/handlers.h"
#include "command/memory_report.h"

enum {
    TEXT_BYTES_MAX = 1 << 20,
    INDEX_BYTES = 6,             /* an item's share of the index (bench/README.md) */
    SMALL_BYTES = 5 << 20,       /* DOCTOR says nothing of less */
    CLIENT_BYTES_MAX = 200 << 10 /* of a connection on average; more is worth a word */
};

/* ---- USAGE ---- */

static bool take_samples(request *of)
{
    for (size_t i = 3; i < of->argc; i += 2) { /* nothing is nested: SAMPLES changes nothing */
        int64_t samples;
        if (!argument_is(of->args[i], "samples") || i + 1 >= of->argc) {
            request_error(of, ERROR_SYNTAX);
            return false;
        }
        if (!request_integer(of, of->args[i + 1], &samples)) return false;
        if (samples < 0) {
            request_error(of, ERROR_SYNTAX);
            return false;
        }
    }
    return true;
}

void run_memory_usage(request *of)
{
    if (!take_samples(of)) return;
    hc_item item;
    hc_inspection found = {.size = sizeof found};
    hc_store *store = of->session->store;
    if (hc_store_stat(store, of->args[2], &item) == HC_OK &&
        hc_store_inspect(store, of->args[2], &found) == HC_OK)
        of->reply->ops->integer(of->reply, (int64_t)found.memory_bytes + INDEX_BYTES);
    else
        of->reply->ops->null(of->reply);
}

/* ---- STATS ---- */

typedef struct figure {
    const char *name;
    int64_t count;
    double real; /* told instead of `count` when `is_real` */
    bool is_real;
} figure;

static figure number(const char *name, uint64_t value)
{
    return (figure){.name = name, .count = (int64_t)value};
}

static figure share(const char *name, uint64_t part, uint64_t whole, double factor)
{
    double value = whole > 0 ? factor * (double)part / (double)whole : 0;
    return (figure){.name = name, .real = value, .is_real = true};
}

static figure difference(const char *name, uint64_t more, uint64_t less)
{
    return (figure){.name = name, .count = (int64_t)more - (int64_t)less};
}

static void reply_figures(reply *to, const figure *figures, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        reply_text(to, hc_span_make(figures[i].name, strlen(figures[i].name)));
        if (figures[i].is_real)
            to->ops->real(to, figures[i].real);
        else
            to->ops->integer(to, figures[i].count);
    }
}

typedef struct databases {
    unsigned numbers[NODE_DATABASES_MAX];
    uint64_t index_bytes[NODE_DATABASES_MAX];
    size_t count;
} databases;

static void find_databases(node *of, databases *found)
{
    for (unsigned i = 0; i < NODE_DATABASES_MAX; i++) {
        hc_store *store = atomic_load_explicit(&of->stores[i], memory_order_acquire);
        hc_store_stats stats = {.size = sizeof stats};
        if (store == NULL) continue;
        hc_store_stats_get(store, &stats);
        if (stats.keys == 0) continue;
        found->numbers[found->count] = i;
        found->index_bytes[found->count++] = stats.index_bytes;
    }
}

static void reply_databases(reply *to, const databases *found)
{
    for (size_t i = 0; i < found->count; i++) {
        char name[16];
        int chars = snprintf(name, sizeof name, "db.%u", found->numbers[i]);
        const figure figures[] = {number("overhead.hashtable.main", found->index_bytes[i]),
                                  number("overhead.hashtable.expires", 0)};
        reply_text(to, hc_span_make(name, (size_t)chars));
        to->ops->map(to, 2);
        reply_figures(to, figures, 2);
    }
}

void run_memory_stats(request *of)
{
    const memory_report now = memory_report_make(of->node);
    databases found = {.count = 0};
    find_databases(of->node, &found);
    uint64_t keys = now.stores.keys;
    const figure head[] = {
        number("peak.allocated", now.peak_bytes),
        number("total.allocated", now.used_bytes),
        number("startup.allocated", now.startup_bytes),
        number("replication.backlog", 0),
        number("clients.slaves", 0),
        number("clients.normal", now.client_bytes),
        number("cluster.links", 0),
        number("aof.buffer", 0),
        number("lua.caches", 0),
        number("functions.caches", 0),
    };
    const figure tail[] = {
        number("overhead.total", now.overhead_bytes),
        number("keys.count", keys),
        number("keys.bytes-per-key", keys > 0 ? now.used_bytes / keys : 0),
        number("dataset.bytes", now.dataset_bytes),
        share("dataset.percentage", now.dataset_bytes, now.used_bytes, 100),
        share("peak.percentage", now.used_bytes, now.peak_bytes, 100),
        number("allocator.allocated", now.heap_bytes),
        number("allocator.active", now.heap_held_bytes),
        number("allocator.resident", now.heap_held_bytes),
        share("allocator-fragmentation.ratio", now.heap_held_bytes, now.heap_bytes, 1),
        difference("allocator-fragmentation.bytes", now.heap_held_bytes, now.heap_bytes),
        share("allocator-rss.ratio", now.heap_held_bytes, now.heap_held_bytes, 1),
        number("allocator-rss.bytes", 0),
        share("rss-overhead.ratio", now.resident_bytes, now.heap_held_bytes, 1),
        difference("rss-overhead.bytes", now.resident_bytes, now.heap_held_bytes),
        share("fragmentation", now.resident_bytes, now.used_bytes, 1),
        difference("fragmentation.bytes", now.resident_bytes, now.used_bytes),
    };
    size_t heads = sizeof head / sizeof head[0], tails = sizeof tail / sizeof tail[0];
    of->reply->ops->map(of->reply, heads + found.count + tails);
    reply_figures(of->reply, head, heads);
    reply_databases(of->reply, &found);
    reply_figures(of->reply, tail, tails);
}

/* ---- DOCTOR ---- */

static void judge(text *to, const memory_report *now, uint64_t limit_bytes)
{
    uint64_t garbage = now->stores.garbage_bytes;
    if (now->used_bytes < SMALL_BYTES) {
        text_printf(to, "There is hardly anything in memory, so there is nothing to say of it.\n");
        return;
    }
    if (now->peak_bytes / 2 > now->used_bytes)
        text_printf(to,
                    "* At its peak it used %" PRIu64 " bytes, more than twice of now; resident "
                    "memory may still show that.\n",
                    now->peak_bytes);
    if (limit_bytes != 0 && now->used_bytes > limit_bytes / 100 * 95)
        text_printf(to, "* It is at its limit, maxmemory: items are evicted, or writes refused "
                        "(noeviction). INFO stats counts evicted_keys.\n");
    if (garbage > now->used_bytes / 4)
        text_printf(to,
                    "* %" PRIu64 " bytes are of items overwritten or deleted and not cleaned "
                    "up yet. They are used again when memory is needed.\n",
                    garbage);
    if (now->clients > 0 && now->client_bytes / now->clients > CLIENT_BYTES_MAX)
        text_printf(to,
                    "* Connections hold %" PRIu64 " bytes each on average: look at omem and "
                    "qbuf of CLIENT LIST for readers too slow.\n",
                    now->client_bytes / now->clients);
    if (now->resident_bytes > now->used_bytes + now->used_bytes / 2 + now->client_bytes)
        text_printf(to,
                    "* Resident memory is %.2f times what items and index need; MEMORY PURGE "
                    "gives back what the allocator holds.\n",
                    (double)now->resident_bytes / (double)now->used_bytes);
    if (to->size == 0) text_printf(to, "Nothing strikes the eye.\n");
}

void run_memory_doctor(request *of)
{
    const memory_report now = memory_report_make(of->node);
    text page;
    text_init(&page, TEXT_BYTES_MAX);
    judge(&page, &now, node_max_memory(of->node));
    if (page.failed)
        request_error(of, ERROR_NO_MEMORY);
    else
        of->reply->ops->verbatim(of->reply, text_span(&page));
    text_fini(&page);
}

/* ---- the allocator ---- */

void run_memory_malloc_stats(request *of)
{
    char *chars = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&chars, &size);
    bool done = file != NULL && malloc_info(0, file) == 0;
    if (file != NULL && fclose(file) != 0) done = false;
    if (done)
        of->reply->ops->verbatim(of->reply, hc_span_make(chars, size));
    else
        request_error(of, ERROR_NO_MEMORY);
    free(chars);
}

/* Segments that hold nothing go back by themselves (node_maintain); the rest is the allocator's. */
void run_memory_purge(request *of)
{
    (void)malloc_trim(0);
    reply_ok(of->reply);
}

void run_memory_help(request *of)
{
    static const char *const lines[] = {
        "DOCTOR",
        "    Return what can be said about the memory used.",
        "MALLOC-STATS",
        "    Return the report of the allocator, which is of buffers and tables, not of items.",
        "PURGE",
        "    Give back to the system what the allocator holds and does not need.",
        "STATS",
        "    Return figures of the memory used.",
        "USAGE <key> [SAMPLES <count>]",
        "    Return the memory in bytes that <key> and its value take.",
    };
    request_help(of, lines, sizeof lines / sizeof lines[0]);
}
