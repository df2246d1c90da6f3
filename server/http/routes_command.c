/*
 * routes_command.c - /api/command: commands by their arguments, for the console's command line.
 *
 * What is allowed depends on what the command does (http_commands_allow): reading is; what changes
 * data or the node needs security.http_admin; what belongs to a connection of RESP (MULTI,
 * SUBSCRIBE, MONITOR ...) has no meaning here.
 */
#include <stdlib.h>
#include <string.h>

#include "command/command.h"
#include "http/http_print.h"
#include "http/http_private.h"
#include "http/http_values.h"

#define COMMANDS_MAX REQUEST_BATCH_MAX /* of one request */
#define NUMBER_CHARS 24u

typedef enum allowance { ALLOW_READ, ALLOW_ADMIN, ALLOW_NEVER } allowance;

/* Rows whose flags do not tell; the name of a container stands for all below it that are not named
 * themselves. */
static const struct {
    const char *name;
    allowance to;
} exceptions[] = {
    {"ping", ALLOW_READ},
    {"echo", ALLOW_READ},
    {"info", ALLOW_READ},
    {"time", ALLOW_READ},
    {"command", ALLOW_READ},
    {"lastsave", ALLOW_READ},
    {"role", ALLOW_READ},
    {"stores", ALLOW_READ},
    {"memory|purge", ALLOW_ADMIN},
    {"memory", ALLOW_READ},
    {"pubsub", ALLOW_READ},
    {"object", ALLOW_READ},
    {"store|create", ALLOW_ADMIN},
    {"store|drop", ALLOW_ADMIN},
    {"store", ALLOW_READ},
    {"config|get", ALLOW_READ},
    {"config|help", ALLOW_READ},
    {"config", ALLOW_ADMIN},
    {"slowlog|reset", ALLOW_ADMIN},
    {"slowlog", ALLOW_READ},
    {"latency|reset", ALLOW_ADMIN},
    {"latency", ALLOW_READ},
    {"client|list", ALLOW_READ},
    {"client|info", ALLOW_READ},
    {"client|id", ALLOW_READ},
    {"client|help", ALLOW_READ},
    {"client|kill", ALLOW_ADMIN},
    {"client|pause", ALLOW_ADMIN},
    {"client|unpause", ALLOW_ADMIN},
    {"client|unblock", ALLOW_ADMIN},
    {"client", ALLOW_NEVER},
    {"cluster|meet", ALLOW_ADMIN},
    {"cluster|forget", ALLOW_ADMIN},
    {"cluster", ALLOW_READ},
    {"hc.ring", ALLOW_READ},
    {"hc.events", ALLOW_READ},
    {"hc.trace", ALLOW_NEVER},
    {"acl|whoami", ALLOW_READ},
    {"auth", ALLOW_NEVER},
    {"hello", ALLOW_NEVER},
    {"quit", ALLOW_NEVER},
    {"reset", ALLOW_NEVER},
    {"select", ALLOW_NEVER},
    {"multi", ALLOW_NEVER},
    {"exec", ALLOW_NEVER},
    {"discard", ALLOW_NEVER},
    {"watch", ALLOW_NEVER},
    {"unwatch", ALLOW_NEVER},
    {"subscribe", ALLOW_NEVER},
    {"psubscribe", ALLOW_NEVER},
    {"ssubscribe", ALLOW_NEVER},
    {"unsubscribe", ALLOW_NEVER},
    {"punsubscribe", ALLOW_NEVER},
    {"sunsubscribe", ALLOW_NEVER},
    {"monitor", ALLOW_NEVER},
    {"wait", ALLOW_NEVER},
    {"waitaof", ALLOW_NEVER},
    {"readonly", ALLOW_NEVER},
    {"readwrite", ALLOW_NEVER},
    {"asking", ALLOW_NEVER},
};

static bool named(const command *row, const char *name, allowance *to, allowance found)
{
    if (row == NULL || !command_named(row, hc_span_make(name, strlen(name)))) return false;
    *to = found;
    return true;
}

static allowance allowance_of(const hc_span *args, size_t argc)
{
    const command *row = command_find(args[0]);
    const command *sub = NULL;
    if (row == NULL) return ALLOW_READ; /* it is told so */
    if (row->subcommand_count > 0 && argc > 1) sub = command_find_sub(row, args[1]);
    if (sub != NULL) row = sub;
    char full[COMMAND_NAME_CHARS];
    allowance to = (row->flags & COMMAND_READONLY) != 0 ? ALLOW_READ : ALLOW_ADMIN;
    command_full_name(row, full);
    for (size_t i = 0; i < sizeof exceptions / sizeof exceptions[0]; i++) {
        if (strcmp(exceptions[i].name, full) == 0) return exceptions[i].to;
        if (named(row->container, exceptions[i].name, &to, exceptions[i].to)) return to;
    }
    return to;
}

/* ---- arguments ---- */

typedef struct command_list {
    exchange_command commands[COMMANDS_MAX];
    size_t count;
    hc_span *args; /* of all of them */
    size_t args_used;
    http_bytes texts; /* of what is no string, or is base64; room for all is there */
} command_list;

/* A text, a whole number, or {"base64": text}. */
static bool argument_read(const json_t *from, command_list *list)
{
    hc_span *to = &list->args[list->args_used++];
    if (json_is_string(from)) {
        *to = hc_span_make(json_string_value(from), json_string_length(from));
        return true;
    }
    size_t begin = list->texts.size;
    if (json_is_integer(from)) {
        http_bytes_format(&list->texts, "%lld", (long long)json_integer_value(from));
    } else {
        const json_t *coded = json_object_get(from, "base64");
        if (!json_is_string(coded) ||
            !base64_decode(hc_span_make(json_string_value(coded), json_string_length(coded)),
                           &list->texts))
            return false;
    }
    *to = hc_span_make(list->texts.data + begin, list->texts.size - begin);
    return !list->texts.failed;
}

static bool command_read(const json_t *from, command_list *list)
{
    size_t argc = json_array_size(from);
    if (!json_is_array(from) || argc == 0) return false;
    exchange_command *one = &list->commands[list->count++];
    *one = (exchange_command){.args = list->args + list->args_used, .argc = argc};
    for (size_t i = 0; i < argc; i++)
        if (!argument_read(json_array_get(from, i), list)) return false;
    return true;
}

/* NULL: that is what is wrong. */
static const char *commands_read(const json_t *from, size_t body_bytes, command_list *list)
{
    size_t count = json_array_size(from), args = 0;
    if (!json_is_array(from) || count == 0 || count > COMMANDS_MAX)
        return "\"commands\" is a list of 1 to 64 lists of arguments";
    for (size_t i = 0; i < count; i++)
        args += json_array_size(json_array_get(from, i));
    if (args > EXCHANGE_ARGS_MAX) return "too many arguments";
    list->args = calloc(args + 1, sizeof *list->args);
    if (list->args == NULL || !http_bytes_reserve(&list->texts, body_bytes + NUMBER_CHARS))
        return "no memory";
    for (size_t i = 0; i < count; i++)
        if (!command_read(json_array_get(from, i), list))
            return "an argument is a text, a whole number, or {\"base64\": ...}";
    return NULL;
}

/* ---- running ---- */

static bool all_allowed(http_exchange *x, const command_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const exchange_command *one = &list->commands[i];
        allowance to = allowance_of(one->args, one->argc);
        int bytes = one->args[0].size < 64 ? (int)one->args[0].size : 64;
        const char *name = (const char *)one->args[0].data;
        if (to == ALLOW_NEVER) {
            exchange_error(x, 400, "NOT_OVER_HTTP", "%.*s has no meaning over HTTP", bytes, name);
            return false;
        }
        if (to == ALLOW_ADMIN && !exchange_may_admin(x)) {
            exchange_error(x, 403, "ADMIN_OFF", "%.*s needs security.http_admin: true", bytes,
                           name);
            return false;
        }
    }
    return true;
}

static void run_list(http_exchange *x, command_list *list)
{
    if (!all_allowed(x, list) || !exchange_run_all(x, list->commands, list->count)) return;
    json_out *out = exchange_json(x, 200);
    put_object(out);
    put_array_as(out, "replies");
    for (size_t i = 0; i < list->count; i++)
        (void)answer_put(out, exchange_tape(x), list->commands[i].at);
    put_end(out);
    put_end(out);
}

static void post_command(http_exchange *x)
{
    command_list list = {0};
    json_t *body = body_object(x);
    if (body == NULL) return;
    const json_t *store = json_object_get(body, "store");
    const char *why =
        commands_read(json_object_get(body, "commands"), exchange_body(x).size, &list);
    if (why == NULL && store != NULL && !json_is_string(store) && !json_is_null(store))
        why = "\"store\" is a name";
    if (why != NULL) {
        exchange_error(x, 400, NULL, "%s", why);
    } else {
        hc_span name = {0};
        if (json_is_string(store))
            name = hc_span_make(json_string_value(store), json_string_length(store));
        if (exchange_store(x, name)) run_list(x, &list);
    }
    free(list.args);
    http_bytes_fini(&list.texts);
    json_decref(body);
}

static const http_route rows[] = {
    {HTTP_POST, "/api/command", post_command, HTTP_ROUTE_JSON,
     "Runs commands by their arguments; those that change something need security.http_admin", NULL,
     "{\"commands\": [[\"GET\", \"k\"], ...], \"store\": name}", "200 403 404 413 415"},
};

const http_route_set http_routes_command = {rows, sizeof rows / sizeof rows[0], NULL};
