/*
 * data_commands.c - one client of a node, whose replies nobody reads but the errors.
 *
 * Up to AOF_BATCH_MAX commands go as one batch, which overlaps their cache misses; a command with a
 * relative time goes alone, since the clock must show now for it.
 */
#include "data/data_commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "command/command.h"
#include "command/command_args.h"

struct commands_answer {
    reply base; /* first */
    commands_runner *of;
    uint64_t offset; /* of the command */
    bool failed;
};

static bool is(const command *row, const char *name)
{
    return row->container == NULL && strcmp(row->name, name) == 0;
}

static const command *row_of(const aof_command *of)
{
    const command *row = command_find(of->args[0]);
    if (row == NULL || row->subcommand_count == 0) return row;
    return of->argc > 1 ? command_find_sub(row, of->args[1]) : NULL;
}

static bool arity_fits(const command *row, size_t argc)
{
    return row->arity >= 0 ? argc == (size_t)row->arity : argc >= (size_t)-row->arity;
}

/* ---- pass 1 ---- */

static void refuse(commands_judge *by, const aof_command *what)
{
    if (by->refused == NULL) return;
    refusals_add(by->refused, what->args[0], what->argc > 1 ? what->args[1] : HC_SPAN(""));
}

static bool select_may_run(commands_judge *by, const aof_command *what)
{
    int64_t database;
    bool fits = what->argc == 2 && integer_parse(what->args[1], &database) && database >= 0 &&
                database < (int64_t)NODE_DATABASES_MAX;
    by->astray = !fits;
    if (!fits) refuse(by, what);
    return fits;
}

/* RESTORE of a list, a hash ... */
static bool restore_may_run(const aof_command *what)
{
    hc_rdb_payload payload;
    return hc_rdb_payload_open(what->args[3], &payload) == HC_OK;
}

bool commands_may_run(commands_judge *by, const aof_command *what)
{
    const command *row = row_of(what);
    if (row != NULL && is(row, "select")) return select_may_run(by, what);
    bool runs = row != NULL && row->run != NULL && (row->flags & COMMAND_WRITE) != 0 &&
                arity_fits(row, what->argc);
    if (runs && by->astray) runs = is(row, "flushall") || is(row, "swapdb"); /* of all databases */
    if (runs && is(row, "restore")) runs = restore_may_run(what);
    if (!runs) refuse(by, what);
    return runs;
}

hc_status commands_visit_judge(void *ctx, const aof_command *commands, size_t count)
{
    for (size_t i = 0; i < count; i++)
        (void)commands_may_run(ctx, &commands[i]);
    return HC_OK;
}

/* ---- pass 2 ---- */

static void note_error(reply *to, hc_span text)
{
    commands_answer *answer = (commands_answer *)to;
    commands_runner *of = answer->of;
    if (answer->failed) return;
    answer->failed = true;
    if (of->failed++ > 0) return;
    of->failure_offset = answer->offset;
    size_t bytes = text.size < sizeof of->failure - 1 ? text.size : sizeof of->failure - 1;
    memcpy(of->failure, text.data, bytes);
    of->failure[bytes] = '\0';
}

static reply_ops ops_make(void)
{
    reply_ops ops = reply_mute_ops;
    ops.error = note_error;
    return ops;
}

hc_status commands_runner_init(commands_runner *of, node *on, data_clock *clock, bool goes_on)
{
    *of = (commands_runner){.node = on, .clock = clock, .goes_on = goes_on};
    of->answers = calloc(AOF_BATCH_MAX, sizeof *of->answers);
    if (of->answers == NULL) return HC_ERR_NO_MEMORY;
    session_init(&of->client, on, &(session_options){.descriptor = -1});
    return HC_OK;
}

void commands_runner_fini(commands_runner *of)
{
    session_fini(&of->client);
    free(of->answers);
    of->answers = NULL;
}

static bool has_word(const aof_command *what, size_t from, const char *a, const char *b)
{
    for (size_t i = from; i < what->argc; i++) {
        if (argument_is(what->args[i], a) || argument_is(what->args[i], b)) return true;
    }
    return false;
}

/* A time "from now on", which Redis itself does not write. */
static bool is_relative(const aof_command *what)
{
    static const char *const always[] = {"expire", "pexpire", "setex", "psetex"};
    const command *row = row_of(what);
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++) {
        if (is(row, always[i])) return true;
    }
    if (is(row, "set")) return has_word(what, 3, "ex", "px");
    if (is(row, "getex") || is(row, "msetex")) return has_word(what, 2, "ex", "px");
    return is(row, "restore") && !has_word(what, 4, "absttl", "absttl");
}

static void run(commands_runner *of, const reply_ops *ops, const aof_command *const *commands,
                size_t count)
{
    request requests[AOF_BATCH_MAX];
    for (size_t i = 0; i < count; i++) {
        of->answers[i] = (commands_answer){
            .base = {.ops = ops, .protocol = 2}, .of = of, .offset = commands[i]->offset};
        requests[i] = (request){.node = of->node,
                                .session = &of->client,
                                .args = commands[i]->args,
                                .argc = commands[i]->argc,
                                .reply = &of->answers[i].base};
    }
    for (size_t ran = 0; ran < count;) /* at least one at a time: nobody pauses this client */
        ran += request_run_batch(requests + ran, count - ran, SIZE_MAX);
    of->ran += count;
}

hc_status commands_visit_run(void *ctx, const aof_command *commands, size_t count)
{
    commands_runner *of = ctx;
    const reply_ops ops = ops_make();
    const aof_command *batch[AOF_BATCH_MAX];
    size_t waiting = 0;
    for (size_t i = 0; i < count; i++) {
        if (!commands_may_run(&of->judge, &commands[i])) continue;
        bool relative = is_relative(&commands[i]);
        if (relative && waiting > 0) {
            run(of, &ops, batch, waiting);
            waiting = 0;
        }
        batch[waiting++] = &commands[i];
        if (!relative) continue;
        of->clock->stands = false;
        run(of, &ops, batch, waiting);
        of->clock->stands = true;
        waiting = 0;
    }
    if (waiting > 0) run(of, &ops, batch, waiting);
    return of->failed > 0 && !of->goes_on ? HC_ERR_INVALID : HC_OK;
}
