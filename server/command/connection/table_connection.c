/* table_connection.c - the rows of a client's own affairs; command.h says what the fields mean. */
#include "command/handlers.h"
#include "command/table.h"

enum {
    FAST = COMMAND_FAST,
    ANY_TIME = COMMAND_LOADING | COMMAND_STALE,
    OWN = COMMAND_NOSCRIPT | COMMAND_LOADING | COMMAND_STALE,
    OPEN = OWN | COMMAND_FAST | COMMAND_NO_AUTH | COMMAND_ALLOW_BUSY,
    ADMIN = OWN | COMMAND_ADMIN
};

#define ROW(name_, arity_, flags_, run_)                                                           \
    .name = name_, .arity = arity_, .flags = flags_, .run = run_,                                  \
    .categories = COMMAND_CONNECTION, .group = COMMAND_GROUP_CONNECTION

static const command client_rows[] = {
    {ROW("caching", 3, OWN, run_client_caching), .since = "6.0.0", .complexity = "O(1)",
     .summary = "Says whether the keys of the next command are tracked",
     .arguments = "mode(YES|NO)"},
    {ROW("getname", 2, OWN, run_client_getname), .since = "2.6.9", .complexity = "O(1)",
     .summary = "Returns the name of this connection"},
    {ROW("getredir", 2, OWN, run_client_getredir), .since = "6.0.0", .complexity = "O(1)",
     .summary = "Returns the connection that gets this one's invalidations"},
    {ROW("help", 2, ANY_TIME, run_client_help), .since = "5.0.0", .complexity = "O(1)",
     .summary = "Returns a help text"},
    {ROW("id", 2, OWN, run_client_id), .since = "5.0.0", .complexity = "O(1)",
     .summary = "Returns the number of this connection"},
    {ROW("info", 2, OWN, run_client_info), .since = "6.2.0", .complexity = "O(1)",
     .summary = "Describes this connection", .tips = "nondeterministic_output"},
    {ROW("kill", -3, ADMIN, run_client_kill), .since = "2.4.0",
     .complexity = "O(N) with N connections", .summary = "Closes connections",
     .arguments = "filter(ip-port|new-format{[ID=client-id:integer] "
                  "[TYPE=client-type(NORMAL|MASTER|REPLICA|PUBSUB)] [USER=username] [ADDR=addr] "
                  "[LADDR=laddr] [SKIPME=skipme(YES|NO)] [MAXAGE=maxage:integer]})"},
    {ROW("list", -2, ADMIN, run_client_list), .since = "2.4.0",
     .complexity = "O(N) with N connections", .summary = "Describes the connections",
     .tips = "nondeterministic_output",
     .arguments = "[TYPE=client-type(NORMAL|MASTER|REPLICA|PUBSUB)] [ID=client-id:integer*]"},
    {ROW("no-evict", 3, ADMIN, run_client_no_evict), .since = "7.0.0", .complexity = "O(1)",
     .summary = "Notes whether this connection may be closed to save memory",
     .arguments = "enabled(ON|OFF)"},
    {ROW("no-touch", 3, OWN, run_client_no_touch), .since = "7.2.0", .complexity = "O(1)",
     .summary = "Notes whether commands of this connection count as uses of keys",
     .arguments = "enabled(ON|OFF)"},
    {ROW("pause", -3, ADMIN | COMMAND_EXCLUSIVE, run_client_pause), .since = "2.9.50",
     .complexity = "O(1)", .summary = "Holds back the commands of all connections for some time",
     .arguments = "timeout:integer [mode(WRITE|ALL)]"},
    {ROW("reply", 3, OWN, run_client_reply), .since = "3.2.0", .complexity = "O(1)",
     .summary = "Says whether this connection wants replies",
     .arguments = "on-off-skip(ON|OFF|SKIP)"},
    {ROW("setinfo", 4, OWN, run_client_setinfo), .since = "7.2.0", .complexity = "O(1)",
     .summary = "Notes the client library behind this connection",
     .arguments = "attr(LIB-NAME=libname|LIB-VER=libver)"},
    {ROW("setname", 3, OWN, run_client_setname), .since = "2.6.9", .complexity = "O(1)",
     .summary = "Names this connection", .arguments = "connection-name"},
    {ROW("tracking", -3, OWN, run_client_tracking), .since = "6.0.0",
     .complexity = "O(1), O(N) with N prefixes",
     .summary = "Says whether this connection is told when keys that it has read change",
     .arguments = "status(ON|OFF) [REDIRECT=client-id:integer] [PREFIX=prefix*] [BCAST] [OPTIN] "
                  "[OPTOUT] [NOLOOP]"},
    {ROW("trackinginfo", 2, OWN, run_client_trackinginfo), .since = "6.2.0", .complexity = "O(1)",
     .summary = "Describes what this connection is told of keys that change"},
    {ROW("unblock", -3, ADMIN, run_client_unblock), .since = "5.0.0", .complexity = "O(1)",
     .summary = "Lets go of a connection that waits for others",
     .arguments = "client-id:integer [timeout-error(TIMEOUT|ERROR)]"},
    {ROW("unpause", 2, ADMIN, run_client_unpause), .since = "6.2.0",
     .complexity = "O(N) with N connections held back", .summary = "Ends what CLIENT PAUSE began"},
};

static const command command_subrows[] = {
    {ROW("count", 2, ANY_TIME, run_command_count), .since = "2.8.13", .complexity = "O(1)",
     .summary = "Returns the number of commands"},
    {ROW("docs", -2, ANY_TIME, run_command_docs), .since = "7.0.0",
     .complexity = "O(N) with N commands", .summary = "Returns the documentation of commands",
     .tips = "nondeterministic_output_order", .arguments = "[command-name*]"},
    {ROW("getkeys", -3, ANY_TIME, run_command_getkeys), .since = "2.8.13",
     .complexity = "O(N) with N arguments", .summary = "Returns the keys of a whole command",
     .arguments = "command [arg*]"},
    {ROW("getkeysandflags", -3, ANY_TIME, run_command_getkeysandflags), .since = "7.0.0",
     .complexity = "O(N) with N arguments",
     .summary = "Returns the keys of a whole command and what it does with them",
     .arguments = "command [arg*]"},
    {ROW("help", 2, ANY_TIME, run_command_help), .since = "5.0.0", .complexity = "O(1)",
     .summary = "Returns a help text"},
    {ROW("info", -2, ANY_TIME, run_command_info), .since = "2.8.13",
     .complexity = "O(N) with N commands", .summary = "Describes commands",
     .tips = "nondeterministic_output_order", .arguments = "[command-name*]"},
    {ROW("list", -2, ANY_TIME, run_command_list), .since = "7.0.0",
     .complexity = "O(N) with N commands", .summary = "Returns the names of the commands",
     .tips = "nondeterministic_output_order",
     .arguments =
         "[FILTERBY=filterby(MODULE=module-name|ACLCAT=category|PATTERN=pattern:pattern)]"},
};

static const command rows[] = {
    {ROW("auth", -2, OPEN, run_auth), .since = "1.0.0", .complexity = "O(1)",
     .summary = "Authenticates the connection", .arguments = "[username] password"},
    {.name = "client",
     .arity = -2,
     .group = COMMAND_GROUP_CONNECTION,
     .since = "2.4.0",
     .complexity = "Depends on subcommand.",
     .summary = "A container for commands on connections",
     .subcommands = client_rows,
     .subcommand_count = sizeof client_rows / sizeof client_rows[0]},
    {ROW("command", -1, ANY_TIME, run_command), .since = "2.8.13",
     .complexity = "O(N) with N commands", .summary = "Describes all commands",
     .tips = "nondeterministic_output_order", .subcommands = command_subrows,
     .subcommand_count = sizeof command_subrows / sizeof command_subrows[0]},
    {ROW("echo", 2, ANY_TIME | FAST, run_echo), .since = "1.0.0", .complexity = "O(1)",
     .summary = "Returns its argument", .arguments = "message"},
    {ROW("hello", -1, OPEN, run_hello), .since = "6.0.0", .complexity = "O(1)",
     .summary = "Chooses the protocol and describes the server",
     .arguments = "[arguments{protover:integer [AUTH=auth{username password}] "
                  "[SETNAME=clientname]}]"},
    {ROW("ping", -1, FAST | COMMAND_SUBSCRIBED, run_ping), .since = "1.0.0", .complexity = "O(1)",
     .summary = "Answers PONG, or its argument",
     .tips = "request_policy:all_shards response_policy:all_succeeded", .arguments = "[message]"},
    {ROW("quit", -1, OPEN | COMMAND_SUBSCRIBED, run_quit), .since = "1.0.0", .complexity = "O(1)",
     .summary = "Closes the connection"},
    {ROW("reset", 1, OPEN | COMMAND_SUBSCRIBED, run_reset), .since = "6.2.0", .complexity = "O(1)",
     .summary = "Takes the connection back to its first state"},
    {ROW("select", 2, ANY_TIME | FAST, run_select), .since = "1.0.0", .complexity = "O(1)",
     .summary = "Chooses the database by its number, or any store by its name",
     .arguments = "index:integer"},
};

const command_group_rows command_rows_connection = {rows, sizeof rows / sizeof rows[0]};
