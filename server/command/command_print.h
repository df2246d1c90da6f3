/* command_print.h - one row as COMMAND INFO and COMMAND DOCS show it. */
#ifndef HYPERCACHE_SERVER_COMMAND_COMMAND_PRINT_H
#define HYPERCACHE_SERVER_COMMAND_COMMAND_PRINT_H

#include "command/command.h"

/* Ten elements: name, arity, flags, first key, last key, step, ACL categories, tips, key
 * specifications, subcommands. */
void command_print_info(reply *to, const command *row);
/* The name, then a map: summary, since, group, complexity, arguments, subcommands. */
void command_print_docs(reply *to, const command *row);
/* A set of words: "RO access". */
void command_print_access(reply *to, command_access access);
/* `category` without its "@", any case. */
bool command_in_category(const command *row, hc_span category);

#endif
