/* table_pubsub.c - the rows of publish and subscribe; command.h says what the fields mean. */
#include "command/handlers.h"
#include "command/table.h"

enum {
    ANY_TIME = COMMAND_LOADING | COMMAND_STALE,
    LOOK = COMMAND_PUBSUB | ANY_TIME,
    LISTEN = LOOK | COMMAND_NOSCRIPT | COMMAND_SUBSCRIBED,
    SAY = LOOK | COMMAND_FAST
};

#define ROW(name_, arity_, flags_, run_)                                                           \
    .name = name_, .arity = arity_, .flags = flags_, .run = run_, .group = COMMAND_GROUP_PUBSUB

static const command pubsub_rows[] = {
    {ROW("channels", -2, LOOK, run_pubsub_channels), .since = "2.8.0",
     .complexity = "O(N) with N channels", .summary = "Returns the channels with subscribers",
     .arguments = "[pattern:pattern]"},
    {ROW("help", 2, ANY_TIME, run_pubsub_help), .since = "6.2.0", .complexity = "O(1)",
     .summary = "Returns a help text"},
    {ROW("numpat", 2, LOOK, run_pubsub_numpat), .since = "2.8.0", .complexity = "O(1)",
     .summary = "Returns how many patterns have subscribers"},
    {ROW("numsub", -2, LOOK, run_pubsub_numsub), .since = "2.8.0",
     .complexity = "O(N) with N channels", .summary = "Returns how many subscribed to channels",
     .arguments = "[channel*]"},
    {ROW("shardchannels", -2, LOOK, run_pubsub_shardchannels), .since = "7.0.0",
     .complexity = "O(N) with N channels", .summary = "Returns the shard channels with subscribers",
     .arguments = "[pattern:pattern]"},
    {ROW("shardnumsub", -2, LOOK, run_pubsub_shardnumsub), .since = "7.0.0",
     .complexity = "O(N) with N channels",
     .summary = "Returns how many subscribed to shard channels", .arguments = "[shardchannel*]"},
};

static const command rows[] = {
    {ROW("psubscribe", -2, LISTEN, run_psubscribe), .since = "2.0.0",
     .complexity = "O(N) with N patterns", .summary = "Subscribes to channels by patterns",
     .arguments = "pattern:pattern*"},
    {ROW("publish", 3, SAY, run_publish), .since = "2.0.0",
     .complexity = "O(N+M) with N subscribers of the channel and M patterns",
     .summary = "Sends a message to a channel", .arguments = "channel message"},
    {ROW("pubsub", -2, 0, NULL), .since = "2.8.0", .complexity = "Depends on subcommand.",
     .summary = "A container for commands on channels", .subcommands = pubsub_rows,
     .subcommand_count = sizeof pubsub_rows / sizeof pubsub_rows[0]},
    {ROW("punsubscribe", -1, LISTEN, run_punsubscribe), .since = "2.0.0",
     .complexity = "O(N) with N patterns", .summary = "Ends subscriptions to patterns",
     .arguments = "[pattern:pattern*]"},
    {ROW("spublish", 3, SAY, run_spublish), .since = "7.0.0",
     .complexity = "O(N) with N subscribers of the channel",
     .summary = "Sends a message to a shard channel", .keys = KEY(CHANNEL),
     .arguments = "shardchannel message"},
    {ROW("ssubscribe", -2, LISTEN, run_ssubscribe), .since = "7.0.0",
     .complexity = "O(N) with N channels", .summary = "Subscribes to shard channels",
     .keys = KEYS(CHANNEL), .arguments = "shardchannel*"},
    {ROW("subscribe", -2, LISTEN, run_subscribe), .since = "2.0.0",
     .complexity = "O(N) with N channels", .summary = "Subscribes to channels",
     .arguments = "channel*"},
    {ROW("sunsubscribe", -1, LISTEN, run_sunsubscribe), .since = "7.0.0",
     .complexity = "O(N) with N channels", .summary = "Ends subscriptions to shard channels",
     .keys = KEYS(CHANNEL), .arguments = "[shardchannel*]"},
    {ROW("unsubscribe", -1, LISTEN, run_unsubscribe), .since = "2.0.0",
     .complexity = "O(N) with N channels", .summary = "Ends subscriptions to channels",
     .arguments = "[channel*]"},
};

const command_group_rows command_rows_pubsub = {rows, sizeof rows / sizeof rows[0]};
