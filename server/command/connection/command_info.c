/* command_info.c - a row in the ten elements of COMMAND INFO. */
#include <stdio.h>
#include <string.h>

#include "command/command_args.h"
#include "command/command_print.h"

static hc_span literal(const char *chars)
{
    return hc_span_make(chars, strlen(chars));
}

/* ---- flags ---- */

static const char *const flag_names[] = {
    "write",         "readonly",         "denyoom",  "admin",        "pubsub",     "noscript",
    "blocking",      "loading",          "stale",    "skip_slowlog", "fast",       "no_auth",
    "may_replicate", "no_async_loading", "no_multi", "allow_busy",   "movablekeys"};
enum { FLAG_COUNT = sizeof flag_names / sizeof flag_names[0] };

static void print_flags(reply *to, const command *row)
{
    to->ops->set(to, (size_t)__builtin_popcount(row->flags & ((1u << FLAG_COUNT) - 1)));
    for (unsigned i = 0; i < FLAG_COUNT; i++)
        if (row->flags >> i & 1) to->ops->status(to, literal(flag_names[i]));
}

/* ---- ACL categories, in the order Redis prints them ---- */

typedef enum category {
    CATEGORY_KEYSPACE,
    CATEGORY_READ,
    CATEGORY_WRITE,
    CATEGORY_STRING,
    CATEGORY_PUBSUB,
    CATEGORY_BITMAP,
    CATEGORY_ADMIN,
    CATEGORY_FAST,
    CATEGORY_SLOW,
    CATEGORY_DANGEROUS,
    CATEGORY_CONNECTION,
    CATEGORY_TRANSACTION,
    CATEGORY_FILTER,
    CATEGORY_COUNT
} category;

static const char *const category_names[CATEGORY_COUNT] = {
    "@keyspace", "@read", "@write",     "@string",     "@pubsub",      "@bitmap", "@admin",
    "@fast",     "@slow", "@dangerous", "@connection", "@transaction", "@cuckoo"};

static bool has_category(const command *row, category which)
{
    switch (which) {
    case CATEGORY_KEYSPACE:
        return (row->categories & COMMAND_KEYSPACE) != 0;
    case CATEGORY_READ:
        return (row->flags & COMMAND_READONLY) != 0;
    case CATEGORY_WRITE:
        return (row->flags & COMMAND_WRITE) != 0;
    case CATEGORY_STRING:
        return (row->categories & COMMAND_STRING) != 0;
    case CATEGORY_BITMAP:
        return (row->categories & COMMAND_BITMAP) != 0;
    case CATEGORY_ADMIN:
        return (row->flags & COMMAND_ADMIN) != 0 || (row->categories & COMMAND_ADMINISTRATIVE) != 0;
    case CATEGORY_FAST:
        return (row->flags & COMMAND_FAST) != 0;
    case CATEGORY_SLOW:
        return (row->flags & COMMAND_FAST) == 0;
    case CATEGORY_DANGEROUS:
        return (row->categories & COMMAND_DANGEROUS) != 0 || (row->flags & COMMAND_ADMIN) != 0;
    case CATEGORY_TRANSACTION:
        return (row->categories & COMMAND_TRANSACTION) != 0;
    case CATEGORY_PUBSUB:
        return (row->flags & COMMAND_PUBSUB) != 0;
    case CATEGORY_FILTER:
        return (row->categories & COMMAND_FILTER) != 0;
    default:
        return (row->categories & COMMAND_CONNECTION) != 0;
    }
}

bool command_in_category(const command *row, hc_span name)
{
    for (unsigned i = 0; i < CATEGORY_COUNT; i++)
        if (argument_is(name, category_names[i] + 1)) return has_category(row, (category)i);
    return false;
}

static void print_categories(reply *to, const command *row)
{
    size_t count = 0;
    for (unsigned i = 0; i < CATEGORY_COUNT; i++)
        if (has_category(row, (category)i)) count++;
    to->ops->set(to, count);
    for (unsigned i = 0; i < CATEGORY_COUNT; i++)
        if (has_category(row, (category)i)) to->ops->status(to, literal(category_names[i]));
}

/* ---- words separated by blanks ---- */

static size_t word_count(const char *words)
{
    size_t count = words[0] != '\0' ? 1 : 0;
    for (const char *c = words; *c != '\0'; c++)
        if (*c == ' ') count++;
    return count;
}

static void print_words(reply *to, const char *words, void (*print)(reply *, hc_span))
{
    to->ops->set(to, word_count(words));
    while (words[0] != '\0') {
        size_t size = strcspn(words, " ");
        print(to, hc_span_make(words, size));
        words += size + (words[size] == ' ' ? 1 : 0);
    }
}

/* ---- key specifications ---- */

static const char *access_words(command_access access)
{
    static const char *const words[] = {[COMMAND_ACCESS_NONE] = "",
                                        [COMMAND_ACCESS_STAT] = "RO",
                                        [COMMAND_ACCESS_READ] = "RO access",
                                        [COMMAND_ACCESS_OVERWRITE] = "OW update",
                                        [COMMAND_ACCESS_INSERT] = "OW insert",
                                        [COMMAND_ACCESS_APPEND] = "RW insert",
                                        [COMMAND_ACCESS_UPDATE] = "RW update",
                                        [COMMAND_ACCESS_READ_UPDATE] = "RW access update",
                                        [COMMAND_ACCESS_VARIABLE] =
                                            "RW access update variable_flags",
                                        [COMMAND_ACCESS_TAKE] = "RW access delete",
                                        [COMMAND_ACCESS_REMOVE] = "RM delete",
                                        [COMMAND_ACCESS_REMOVE_IF] = "RW delete variable_flags",
                                        [COMMAND_ACCESS_CHANNEL] = "not_key"};
    return words[access];
}

void command_print_access(reply *to, command_access access)
{
    print_words(to, access_words(access), to->ops->status);
}

/* "type" and "spec" of one half of a key specification; `pairs` of spec follow. */
static void print_spec_head(reply *to, const char *name, const char *type, size_t pairs)
{
    reply_text(to, literal(name));
    to->ops->map(to, 2);
    reply_text(to, HC_SPAN("type"));
    reply_text(to, literal(type));
    reply_text(to, HC_SPAN("spec"));
    to->ops->map(to, pairs);
}

static void print_number(reply *to, const char *name, int64_t value)
{
    reply_text(to, literal(name));
    to->ops->integer(to, value);
}

/* `last` counts from `first`, or from the end when negative. */
static void print_key_spec(reply *to, command_access access, int first, int last, int step)
{
    to->ops->map(to, 3);
    reply_text(to, HC_SPAN("flags"));
    command_print_access(to, access);
    print_spec_head(to, "begin_search", "index", 1);
    print_number(to, "index", first);
    print_spec_head(to, "find_keys", "range", 3);
    print_number(to, "lastkey", last);
    print_number(to, "keystep", step);
    print_number(to, "limit", 0);
}

/* Keys behind their number: "keynum", whose places count from where the search begins. */
static void print_counted_spec(reply *to, const command_keys *keys)
{
    to->ops->map(to, 3);
    reply_text(to, HC_SPAN("flags"));
    print_words(to, access_words(keys->access), to->ops->status);
    print_spec_head(to, "begin_search", "index", 1);
    print_number(to, "index", keys->first - 1);
    print_spec_head(to, "find_keys", "keynum", 3);
    print_number(to, "keynumidx", 0);
    print_number(to, "firstkey", 1);
    print_number(to, "keystep", keys->step);
}

static void print_key_specs(reply *to, const command *row)
{
    const command_keys *keys = &row->keys;
    if (keys->first == 0) {
        to->ops->set(to, 0);
    } else if (keys->counted) {
        to->ops->set(to, 1);
        print_counted_spec(to, keys);
    } else if (keys->second != COMMAND_ACCESS_NONE) {
        to->ops->set(to, 2);
        print_key_spec(to, keys->access, keys->first, 0, 1);
        if (keys->last < 0) /* one, then all that follow */
            print_key_spec(to, keys->second, keys->first + 1, keys->last, keys->step);
        else
            print_key_spec(to, keys->second, keys->last, 0, 1);
    } else {
        to->ops->set(to, 1);
        int last = keys->last < 0 ? keys->last : keys->last - keys->first;
        print_key_spec(to, keys->access, keys->first, last, keys->step);
    }
}

/* ---- the whole row ---- */

/* A container's subcommands follow it as rows of their own; they have none themselves. */
static void print_row(reply *to, const command *row)
{
    char name[COMMAND_NAME_CHARS];
    command_full_name(row, name);
    to->ops->array(to, 10);
    reply_text(to, literal(name));
    to->ops->integer(to, row->arity);
    print_flags(to, row);
    bool fixed = !row->keys.counted;
    to->ops->integer(to, fixed ? row->keys.first : 0);
    to->ops->integer(to, fixed ? row->keys.last : 0);
    to->ops->integer(to, fixed ? row->keys.step : 0);
    print_categories(to, row);
    print_words(to, row->tips != NULL ? row->tips : "", reply_text);
    print_key_specs(to, row);
    to->ops->set(to, row->subcommand_count);
}

void command_print_info(reply *to, const command *row)
{
    print_row(to, row);
    for (size_t i = 0; i < row->subcommand_count; i++)
        print_row(to, &row->subcommands[i]);
}
