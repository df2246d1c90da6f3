/* redaction.c - AUTH, HELLO ... AUTH, ACL SETUSER, CONFIG SET of a password. */
#include "command/redaction.h"

#include <string.h>

#include "command/command_args.h"

static bool is_row(const command *row, const char *container, const char *name)
{
    if (strcmp(row->name, name) != 0) return false;
    if (container == NULL) return row->container == NULL;
    return row->container != NULL && strcmp(row->container->name, container) == 0;
}

static bool sets_password(const request *of)
{
    static const char *const words[] = {"requirepass", "masterauth", "masteruser"};
    for (size_t i = 2; i < of->argc; i += 2) {
        for (size_t w = 0; w < sizeof words / sizeof words[0]; w++)
            if (argument_is(of->args[i], words[w])) return true;
        if (of->args[i].size >= 9 && argument_is(hc_span_make(of->args[i].data, 9), "security."))
            return true;
    }
    return false;
}

void request_secrets(const request *of, size_t *from_out, size_t *to_out)
{
    const command *row = of->command;
    size_t from = of->argc, count = of->argc;
    if (row == NULL) {
        from = of->argc; /* unknown: it is not logged */
    } else if (is_row(row, NULL, "auth")) {
        from = 1;
    } else if (is_row(row, NULL, "hello")) {
        for (size_t i = 2; i < of->argc && from == of->argc; i++)
            if (argument_is(of->args[i], "auth")) from = i + 1;
        count = 2;
    } else if (is_row(row, "acl", "setuser")) {
        from = 2;
    } else if (is_row(row, "config", "set") && sets_password(of)) {
        from = 3;
    }
    *from_out = from < of->argc ? from : of->argc;
    *to_out = count < of->argc - *from_out ? *from_out + count : of->argc;
}
