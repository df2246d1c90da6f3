/* command_commands.c - COMMAND: the table printed for clients that read it. */
#include <string.h>

#include "command/command_args.h"
#include "command/command_print.h"
#include "command/handlers.h"

void run_command(request *of)
{
    of->reply->ops->array(of->reply, command_count());
    for (size_t i = 0; i < command_count(); i++)
        command_print_info(of->reply, command_at(i));
}

void run_command_count(request *of)
{
    of->reply->ops->integer(of->reply, (int64_t)command_count());
}

/* "get", or "client|list". */
static const command *find_full(hc_span name)
{
    const uint8_t *bar = name.size > 0 ? memchr(name.data, '|', name.size) : NULL;
    if (bar == NULL) return command_find(name);
    size_t head = (size_t)(bar - name.data);
    const command *container = command_find(hc_span_make(name.data, head));
    if (container == NULL) return NULL;
    return command_find_sub(container, hc_span_make(bar + 1, name.size - head - 1));
}

void run_command_info(request *of)
{
    if (of->argc == 2) {
        run_command(of);
        return;
    }
    of->reply->ops->array(of->reply, of->argc - 2);
    for (size_t i = 2; i < of->argc; i++) {
        const command *row = find_full(of->args[i]);
        if (row != NULL)
            command_print_info(of->reply, row);
        else
            of->reply->ops->null(of->reply);
    }
}

void run_command_docs(request *of)
{
    if (of->argc == 2) {
        of->reply->ops->map(of->reply, command_count());
        for (size_t i = 0; i < command_count(); i++)
            command_print_docs(of->reply, command_at(i));
        return;
    }
    size_t known = 0;
    for (size_t i = 2; i < of->argc; i++)
        if (find_full(of->args[i]) != NULL) known++;
    of->reply->ops->map(of->reply, known);
    for (size_t i = 2; i < of->argc; i++) {
        const command *row = find_full(of->args[i]);
        if (row != NULL) command_print_docs(of->reply, row);
    }
}

/* The row of the command that stands behind COMMAND GETKEYS; NULL: answered with an error. */
static const command *find_with_keys(request *of, const hc_span *args, size_t argc)
{
    const command *row = command_find(args[0]);
    if (row != NULL && row->subcommand_count > 0 && argc > 1) row = command_find_sub(row, args[1]);
    if (row == NULL) {
        request_error(of, "ERR Invalid command specified");
        return NULL;
    }
    if (row->keys.first == 0 || row->keys.access == COMMAND_ACCESS_CHANNEL) {
        request_error(of, "ERR The command has no key arguments");
        return NULL;
    }
    bool fits = row->arity >= 0 ? argc == (size_t)row->arity : argc >= (size_t)-row->arity;
    if (fits) return row;
    request_error(of, "ERR Invalid number of arguments specified for command");
    return NULL;
}

void run_command_getkeys(request *of)
{
    const hc_span *args = &of->args[2];
    const command *row = find_with_keys(of, args, of->argc - 2);
    if (row == NULL) return;
    size_t count = command_key_count(row, args, of->argc - 2);
    of->reply->ops->array(of->reply, count);
    for (size_t i = 0; i < count; i++)
        reply_text(of->reply, args[command_key_at(row, i)]);
}

/* What SET and BITFIELD do with their key depends on their options. */
static command_access access_by_options(const command *row, const hc_span *args, size_t argc)
{
    bool reads_only = strcmp(row->name, "bitfield") == 0;
    bool gets = false;
    for (size_t i = 2; i < argc; i++) {
        gets = gets || (!reads_only && i > 2 && argument_is(args[i], "get"));
        if (argument_is(args[i], "set") || argument_is(args[i], "incrby")) reads_only = false;
    }
    if (strcmp(row->name, "set") == 0)
        return gets ? COMMAND_ACCESS_READ_UPDATE : COMMAND_ACCESS_OVERWRITE;
    return reads_only ? COMMAND_ACCESS_READ : COMMAND_ACCESS_READ_UPDATE;
}

void run_command_getkeysandflags(request *of)
{
    const hc_span *args = &of->args[2];
    size_t argc = of->argc - 2;
    const command *row = find_with_keys(of, args, argc);
    if (row == NULL) return;
    size_t count = command_key_count(row, args, argc);
    of->reply->ops->array(of->reply, count);
    for (size_t i = 0; i < count; i++) {
        size_t at = command_key_at(row, i);
        command_access access = row->keys.access;
        if (row->keys.second != COMMAND_ACCESS_NONE && i > 0) access = row->keys.second;
        if (access == COMMAND_ACCESS_VARIABLE) access = access_by_options(row, args, argc);
        of->reply->ops->array(of->reply, 2);
        reply_text(of->reply, args[at]);
        command_print_access(of->reply, access);
    }
}

/* ---- COMMAND LIST ---- */

typedef enum list_filter { LIST_ALL, LIST_MODULE, LIST_CATEGORY, LIST_PATTERN } list_filter;

static bool is_listed(const command *row, list_filter filter, hc_span argument)
{
    char name[COMMAND_NAME_CHARS];
    switch (filter) {
    case LIST_MODULE:
        return false; /* there are no modules */
    case LIST_CATEGORY:
        return command_in_category(row, argument);
    case LIST_PATTERN:
        command_full_name(row, name);
        return hc_glob_match_any_case(argument, hc_span_make(name, strlen(name)));
    default:
        return true;
    }
}

static bool take_list_filter(request *of, list_filter *filter)
{
    if (of->argc == 2) return true;
    if (of->argc == 5 && argument_is(of->args[2], "filterby")) {
        if (argument_is(of->args[3], "module")) *filter = LIST_MODULE;
        if (argument_is(of->args[3], "aclcat")) *filter = LIST_CATEGORY;
        if (argument_is(of->args[3], "pattern")) *filter = LIST_PATTERN;
        bool short_enough = of->args[4].size <= HC_GLOB_PATTERN_BYTES_MAX;
        if (*filter != LIST_ALL && short_enough) return true;
    }
    request_error(of, ERROR_SYNTAX);
    return false;
}

void run_command_list(request *of)
{
    list_filter filter = LIST_ALL;
    if (!take_list_filter(of, &filter)) return;
    hc_span argument = of->argc == 5 ? of->args[4] : (hc_span){0};
    /* Without a filter Redis lists no subcommands. */
    size_t rows = filter == LIST_ALL ? command_count() : command_row_count();
    size_t count = 0;
    for (size_t i = 0; i < rows; i++)
        if (is_listed(command_row(i), filter, argument)) count++;
    of->reply->ops->array(of->reply, count);
    for (size_t i = 0; i < rows; i++) {
        const command *row = command_row(i);
        if (!is_listed(row, filter, argument)) continue;
        char name[COMMAND_NAME_CHARS];
        command_full_name(row, name);
        reply_text(of->reply, hc_span_make(name, strlen(name)));
    }
}

void run_command_help(request *of)
{
    static const char *const lines[] = {
        "(no subcommand)",
        "    Return details about all commands.",
        "COUNT",
        "    Return the total number of commands in this server.",
        "DOCS [<command-name> ...]",
        "    Return documentation details about commands, or all of them.",
        "GETKEYS <full-command>",
        "    Return the keys from a full command.",
        "GETKEYSANDFLAGS <full-command>",
        "    Return the keys from a full command, and what it does with them.",
        "INFO [<command-name> ...]",
        "    Return details about commands, or all of them.",
        "LIST [FILTERBY (MODULE <name>|ACLCAT <category>|PATTERN <pattern>)]",
        "    Return a list of commands in this server.",
    };
    request_help(of, lines, sizeof lines / sizeof lines[0]);
}
