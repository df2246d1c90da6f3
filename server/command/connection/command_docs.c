/*
 * command_docs.c - a row as COMMAND DOCS shows it; redis-cli makes its hints from this.
 *
 * The arguments of a row are written in a small language, which is walked twice: once to count,
 * since a reply announces its sizes, and once to print.
 *
 *     key value            an argument by name; its type is string, but `key` is a key
 *     count:integer        a name with its type; key:1 is the second key specification
 *     COUNT=count:integer  preceded by the word COUNT
 *     NX                   that word alone
 *     a(NX|XX)             one of these
 *     data{key value}      these together
 *     key*                 one or more
 *     [GET]                may be left out
 */
#include <ctype.h>
#include <string.h>

#include "command/command_args.h"
#include "command/command_print.h"

enum { WORD_CHARS_MAX = 64 };

typedef struct argument {
    hc_span token, name, type, inner; /* inner: what stands between ( ) or { } */
    int key_spec;                     /* -1: not a key */
    bool is_choice, is_block, is_optional, is_multiple;
} argument;

static hc_span part(const char *from, const char *end)
{
    return hc_span_make(from, (size_t)(end - from));
}

static bool is_name_char(char c)
{
    return isalnum((unsigned char)c) || c == '-' || c == '_';
}

/* Just behind the bracket that closes the one at `open`. */
static const char *behind_bracket(const char *open, const char *end)
{
    int depth = 0;
    for (; open < end; open++) {
        if (strchr("[({", *open) != NULL) depth++;
        if (strchr("])}", *open) != NULL && --depth == 0) return open + 1;
    }
    return end;
}

static hc_span take_word(const char **at, const char *end)
{
    const char *from = *at;
    while (*at < end && is_name_char(**at))
        (*at)++;
    return part(from, *at);
}

static void take_type(argument *to, const char **at, const char *end)
{
    bool is_key = to->name.size == 3 && memcmp(to->name.data, "key", 3) == 0;
    to->type = is_key ? HC_SPAN("key") : HC_SPAN("string");
    if (*at < end && **at == ':') {
        ++*at;
        to->type = take_word(at, end);
    }
    to->key_spec = to->type.size == 3 && memcmp(to->type.data, "key", 3) == 0 ? 0 : -1;
    if (to->key_spec == 0 && *at + 1 < end && **at == ':') {
        to->key_spec = (*at)[1] - '0';
        *at += 2;
    }
}

/* Reads the argument at *at, which moves behind it and its separator. */
static argument take_argument(const char **at, const char *end)
{
    argument taken = {.key_spec = -1};
    const char *stop = end;
    if (**at == '[') {
        taken.is_optional = true;
        stop = behind_bracket(*at, end) - 1;
        ++*at;
    }
    hc_span word = take_word(at, stop);
    if (*at < stop && **at == '=') {
        taken.token = word;
        ++*at;
        word = take_word(at, stop);
    }
    taken.name = word;
    if (*at < stop && (**at == '(' || **at == '{')) {
        const char *close = behind_bracket(*at, stop);
        taken.is_choice = **at == '(';
        taken.is_block = !taken.is_choice;
        taken.type = taken.is_choice ? HC_SPAN("oneof") : HC_SPAN("block");
        taken.inner = part(*at + 1, close - 1);
        *at = close;
    } else if (taken.token.size == 0 && word.size > 0 && isupper(word.data[0])) {
        taken.token = word;
        taken.type = HC_SPAN("pure-token");
    } else {
        take_type(&taken, at, stop);
    }
    if (*at < stop && **at == '*') taken.is_multiple = true;
    *at = taken.is_optional ? stop + 1 : *at + (taken.is_multiple ? 1 : 0);
    if (*at < end && (**at == ' ' || **at == '|')) ++*at;
    return taken;
}

static void print_text(reply *to, const char *name, hc_span value)
{
    reply_text(to, hc_span_make(name, strlen(name)));
    reply_text(to, value);
}

static void print_lower(reply *to, const char *name, hc_span value)
{
    char lower[WORD_CHARS_MAX];
    size_t size = value.size < sizeof lower ? value.size : sizeof lower;
    for (size_t i = 0; i < size; i++)
        lower[i] = (char)tolower(value.data[i]);
    print_text(to, name, hc_span_make(lower, size));
}

static void print_arguments(reply *to, const char *from, const char *end);

/* Recursion is as deep as the table's own nesting: five. */
static void print_argument(reply *to, const argument *one)
{
    bool has_flags = one->is_optional || one->is_multiple;
    bool has_inner = one->inner.size > 0;
    to->ops->map(to, 2u + (one->key_spec >= 0) + (one->token.size > 0) + has_flags + has_inner);
    print_lower(to, "name", one->name);
    print_text(to, "type", one->type);
    if (one->key_spec >= 0) {
        reply_text(to, HC_SPAN("key_spec_index"));
        to->ops->integer(to, one->key_spec);
    }
    if (one->token.size > 0) print_text(to, "token", one->token);
    if (has_flags) {
        reply_text(to, HC_SPAN("flags"));
        to->ops->set(to, (size_t)one->is_optional + (size_t)one->is_multiple);
        if (one->is_optional) to->ops->status(to, HC_SPAN("optional"));
        if (one->is_multiple) to->ops->status(to, HC_SPAN("multiple"));
    }
    if (has_inner) {
        const char *inner = (const char *)one->inner.data;
        reply_text(to, HC_SPAN("arguments"));
        print_arguments(to, inner, inner + one->inner.size);
    }
}

static void print_arguments(reply *to, const char *from, const char *end)
{
    size_t count = 0;
    for (const char *at = from; at < end; count++)
        (void)take_argument(&at, end);
    to->ops->array(to, count);
    for (const char *at = from; at < end;) {
        argument one = take_argument(&at, end);
        print_argument(to, &one);
    }
}

static hc_span group_name(const command *row)
{
    switch (row->group) {
    case COMMAND_GROUP_STRING:
        return HC_SPAN("string");
    case COMMAND_GROUP_GENERIC:
        return HC_SPAN("generic");
    case COMMAND_GROUP_CONNECTION:
        return HC_SPAN("connection");
    case COMMAND_GROUP_PUBSUB:
        return HC_SPAN("pubsub");
    case COMMAND_GROUP_FILTER:
        return HC_SPAN("cf");
    case COMMAND_GROUP_CLUSTER:
        return HC_SPAN("cluster");
    case COMMAND_GROUP_BITMAP:
        return HC_SPAN("bitmap");
    case COMMAND_GROUP_TRANSACTIONS:
        return HC_SPAN("transactions");
    default:
        return HC_SPAN("server");
    }
}

static void print_row(reply *to, const command *row)
{
    char name[COMMAND_NAME_CHARS];
    command_full_name(row, name);
    bool has_arguments = row->arguments != NULL, has_subcommands = row->subcommand_count > 0;
    reply_text(to, hc_span_make(name, strlen(name)));
    to->ops->map(to, 4u + has_arguments + has_subcommands);
    print_text(to, "summary", hc_span_make(row->summary, strlen(row->summary)));
    print_text(to, "since", hc_span_make(row->since, strlen(row->since)));
    print_text(to, "group", group_name(row));
    print_text(to, "complexity", hc_span_make(row->complexity, strlen(row->complexity)));
    if (has_arguments) {
        reply_text(to, HC_SPAN("arguments"));
        print_arguments(to, row->arguments, row->arguments + strlen(row->arguments));
    }
    if (has_subcommands) {
        reply_text(to, HC_SPAN("subcommands"));
        to->ops->map(to, row->subcommand_count);
    }
}

void command_print_docs(reply *to, const command *row)
{
    print_row(to, row);
    for (size_t i = 0; i < row->subcommand_count; i++)
        print_row(to, &row->subcommands[i]);
}
