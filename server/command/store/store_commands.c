/*
 * store_commands.c - named stores: STORE CREATE, DROP, INFO, LIST; STORES.
 *
 * Settings are fixed when a store is created.  What is not named then is taken from the node:
 * cache.max_memory, cache.eviction, cache.default_ttl, cache.compression.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "command/cluster.h"
#include "command/command_args.h"
#include "command/command_text.h"
#include "command/config_values.h"
#include "command/durable.h"
#include "command/handlers.h"

/* ---- STORE CREATE ---- */

static bool take_memory(request *of, hc_span value, node_store_settings *wish)
{
    uint64_t bytes;
    bool fits = config_memory_parse(value, &bytes) && bytes <= INT64_MAX &&
                (bytes == 0 || bytes >= HC_STORE_MEMORY_BYTES_MIN);
    if (fits && bytes != 0) wish->max_memory_bytes = bytes;
    if (!fits) request_error(of, "ERR MAXMEMORY is a size of 4mb at least, or 0 for the node's");
    return fits;
}

static bool take_ttl(request *of, hc_span value, node_store_settings *wish)
{
    int64_t ttl_ms;
    if (argument_is(value, "default")) return true;
    if (!request_integer(of, value, &ttl_ms)) return false;
    bool fits = ttl_ms >= 0 && ttl_ms <= HC_EXPIRY_MAX_MS / 2;
    if (fits) wish->default_ttl_ms = ttl_ms;
    if (!fits) request_error(of, "ERR TTL is in milliseconds, or 0 for none, or DEFAULT");
    return fits;
}

static bool take_compression(request *of, hc_span value, node_store_settings *wish)
{
    bool is_zstd = argument_is(value, "zstd");
    bool fits = is_zstd || argument_is(value, "none");
    wish->compression = is_zstd ? HC_COMPRESSION_ZSTD : HC_COMPRESSION_NONE;
    if (!fits) request_error(of, "ERR COMPRESSION is none or zstd");
    return fits;
}

static bool take_persistence(request *of, hc_span value, node_store_settings *wish)
{
    static const struct {
        const char *text;
        uint32_t strategy;
    } words[] = {{"hybrid", HC_STRATEGY_HYBRID},
                 {"aof", HC_STRATEGY_LOG},
                 {"snapshot", HC_STRATEGY_SNAPSHOT},
                 {"disabled", HC_STRATEGY_DISABLED}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (!argument_is(value, words[i].text)) continue;
        wish->strategy = words[i].strategy;
        return true;
    }
    request_error(of, "ERR PERSISTENCE is hybrid, aof, snapshot or disabled");
    return false;
}

static bool take_filter(request *of, hc_span value, node_store_settings *wish)
{
    static const struct {
        const char *text;
        uint32_t bits;
    } words[] = {{"none", 0}, {"8", 8}, {"12", 12}, {"16", 16}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (!argument_is(value, words[i].text)) continue;
        wish->filter_bits = words[i].bits;
        return true;
    }
    request_error(of, "ERR FILTER is none, or the bits of a fingerprint: 8, 12 or 16");
    return false;
}

static bool take_eviction(request *of, hc_span value, node_store_settings *wish)
{
    bool fits = config_policy_parse(value, &wish->eviction);
    if (!fits)
        request_error(of, "ERR EVICTION is noeviction, or allkeys- or volatile- with "
                          "s3fifo, lru, lfu, fifo, ttl or random");
    return fits;
}

static bool take_store_option(request *of, hc_span name, hc_span value, node_store_settings *wish)
{
    if (argument_is(name, "maxmemory")) return take_memory(of, value, wish);
    if (argument_is(name, "ttl")) return take_ttl(of, value, wish);
    if (argument_is(name, "compression")) return take_compression(of, value, wish);
    if (argument_is(name, "filter")) return take_filter(of, value, wish);
    if (argument_is(name, "eviction")) return take_eviction(of, value, wish);
    if (argument_is(name, "persistence")) return take_persistence(of, value, wish);
    request_error(of, ERROR_SYNTAX);
    return false;
}

static bool take_store_options(request *of, node_store_settings *wish)
{
    for (size_t i = 3; i < of->argc; i += 2) {
        if (i + 1 == of->argc) {
            request_error(of, ERROR_SYNTAX);
            return false;
        }
        if (!take_store_option(of, of->args[i], of->args[i + 1], wish)) return false;
    }
    return true;
}

void run_store_create(request *of)
{
    hc_span name = of->args[2];
    node_store_settings wish = node_store_defaults(of->node);
    if (!hc_store_name_fits(name)) {
        request_error_store(of, name);
        return;
    }
    if (cluster_enabled(of->node)) {
        request_error(of, "ERR STORE CREATE is not allowed in a cluster, which shares database 0");
        return;
    }
    if (!take_store_options(of, &wish)) return;
    of->session->wrote = true; /* the reply waits for the log like that of any change */
    switch (node_store_add(of->node, name, &wish)) {
    case HC_OK:
        reply_ok(of->reply);
        break;
    case HC_ERR_EXISTS:
        request_errorf(of, "ERR store '%.*s' exists", (int)name.size, (const char *)name.data);
        break;
    case HC_ERR_LIMIT:
        request_errorf(of, "ERR there are %u stores already, see cache.max_stores",
                       of->node->options.stores_max);
        break;
    case HC_ERR_INVALID:
        request_error(of, "ERR a store's name is not a number");
        break;
    default:
        request_error(of, ERROR_NO_MEMORY);
        break;
    }
}

/* ---- STORE DROP ---- */

void run_store_drop(request *of)
{
    hc_span name = of->args[2];
    of->session->wrote = true;
    hc_status status = node_store_drop(of->node, name);
    if (status == HC_OK)
        reply_ok(of->reply);
    else if (status == HC_ERR_UNSUPPORTED)
        request_error(of, "ERR a database cannot be dropped, FLUSHDB empties it");
    else
        request_error_store(of, name);
}

/* ---- STORE INFO ---- */

static void reply_name(reply *to, const char *name)
{
    reply_text(to, hc_span_make(name, strlen(name)));
}

static const char *const strategies[] = {[HC_STRATEGY_DEFAULT] = "none",
                                         [HC_STRATEGY_HYBRID] = "hybrid",
                                         [HC_STRATEGY_LOG] = "aof",
                                         [HC_STRATEGY_SNAPSHOT] = "snapshot",
                                         [HC_STRATEGY_DISABLED] = "disabled"};

static void reply_store(reply *to, hc_span name, const hc_store_ref *ref, uint32_t strategy,
                        uint32_t kept, bool is_database)
{
    hc_store_info info = {.size = sizeof info};
    hc_store_stats stats = {.size = sizeof stats};
    hc_store_ref_info(ref, &info);
    hc_store_stats_get(ref->store, &stats);
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {
        {"default_ttl_ms", (uint64_t)info.options->default_ttl_ms},
        {"created_at_ms", (uint64_t)info.created_at_ms},
        {"keys", stats.keys},
        {"keys_with_expiry", stats.keys_with_expiry},
        {"memory_bytes", stats.memory_bytes},
        {"max_memory_bytes", stats.max_memory_bytes},
        {"hits", stats.hits},
        {"misses", stats.misses},
        {"sets", stats.sets},
        {"deletes", stats.deletes},
        {"evicted", stats.evicted},
        {"expired", stats.expired},
        {"compressed_keys", stats.compressed_items},
        {"filter_bits", stats.filter_bits},
        {"filter_bytes", stats.filter_bytes},
        {"filter_answers", stats.filter_answers},
        {"compressed_raw_bytes", stats.compressed_raw_bytes},
        {"compressed_stored_bytes", stats.compressed_stored_bytes},
        /* less ours, and that of durable.h; of a database nobody holds a reference */
        {"users", info.users - 1 - kept}, /* less ours, and the log's */
    };
    size_t count = sizeof numbers / sizeof numbers[0] - (is_database ? 1 : 0);
    to->ops->map(to, count + 5);
    reply_name(to, "name");
    reply_text(to, name);
    reply_name(to, "kind");
    reply_name(to, is_database ? "database" : "store");
    reply_name(to, "eviction");
    reply_name(to, config_policy_name(hc_store_eviction(ref->store)));
    reply_name(to, "persistence");
    reply_name(to, strategies[strategy]);
    reply_name(to, "compression");
    reply_name(to, info.options->compression == HC_COMPRESSION_ZSTD ? "zstd" : "none");
    for (size_t i = 0; i < count; i++) {
        reply_name(to, numbers[i].name);
        to->ops->integer(to, (int64_t)numbers[i].value);
    }
}

void run_store_info(request *of)
{
    hc_store_ref ref;
    unsigned database;
    if (node_store_acquire(of->node, of->args[2], &ref) != HC_OK) {
        request_error_store(of, of->args[2]);
        return;
    }
    hc_span name = of->args[2];
    char digits[16];
    bool is_database = node_database_named(of->node, name, &database);
    if (is_database) /* "default" is 0 */
        name = hc_span_make(digits, (size_t)snprintf(digits, sizeof digits, "%u", database));
    reply_store(of->reply, name, &ref, durable_strategy_of(of->node, ref.store),
                durable_users_of(of->node, ref.store), is_database);
    hc_store_ref_release(&ref);
}

/* ---- STORES, STORE LIST ---- */

enum { NAMES_BYTES_MAX = (NODE_STORES_MAX + NODE_DATABASES_MAX) * (HC_STORE_NAME_BYTES_MAX + 1) };

/* Names are gathered first, one after another with a NUL behind each: a reply announces its size,
 * and stores come and go. */
void run_store_list(request *of)
{
    text names;
    size_t count = 0;
    hc_store_ref ref;
    text_init(&names, NAMES_BYTES_MAX);
    for (uint32_t at = 0; node_store_next(of->node, &at, &ref); hc_store_ref_release(&ref)) {
        hc_store_info info = {.size = sizeof info};
        hc_store_ref_info(&ref, &info);
        text_add(&names, info.name.data, info.name.size);
        text_add(&names, "", 1);
        count++;
    }
    if (names.failed) {
        request_error(of, ERROR_NO_MEMORY);
    } else {
        of->reply->ops->array(of->reply, count);
        for (size_t at = 0; at < names.size; at += strlen(names.data + at) + 1)
            reply_name(of->reply, names.data + at);
    }
    text_fini(&names);
}

void run_store_help(request *of)
{
    static const char *const lines[] = {
        "CREATE <name> [MAXMEMORY <bytes>] [EVICTION <policy>] [TTL <milliseconds>|DEFAULT]",
        "        [COMPRESSION none|zstd] [FILTER none|8|12|16]",
        "        [PERSISTENCE hybrid|aof|snapshot|disabled]",
        "    Create a store. What is not given is the node's; nothing changes afterwards.",
        "DROP <name>",
        "    Remove a store with all its keys.",
        "INFO <name>",
        "    Describe a store or a database.",
        "LIST",
        "    Return the names of the databases in use and of the stores.",
    };
    request_help(of, lines, sizeof lines / sizeof lines[0]);
}
