/*
 * config_commands.c - CONFIG: Redis's names and our own over one configuration (settings.h).
 *
 * CONFIG SET checks everything it can before it changes anything; what is left is one call of
 * settings->change, which makes all changes or none.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "command/command_args.h"
#include "command/command_text.h"
#include "command/config_values.h"
#include "command/handlers.h"

enum { ANSWER_BYTES_MAX = 1 << 20 };

/* ---- CONFIG GET ---- */

/* Pairs gathered as texts, each with its NUL, so that they can be counted before they are told. */
typedef struct config_answer {
    const request *of;
    text pairs;
    size_t count;
    const config_name *wanted; /* for add_renamed */
} config_answer;

/* The argument that asks for `name`, or NULL. */
static const hc_span *asked_by(const request *of, const char *name)
{
    for (size_t i = 2; i < of->argc; i++)
        if (hc_glob_match_any_case(of->args[i], hc_span_make(name, strlen(name))))
            return &of->args[i];
    return NULL;
}

static bool is_asked(const request *of, const char *name)
{
    return asked_by(of, name) != NULL;
}

/* As in Redis, who asks for a name hears it as he spelled it; who asks by a pattern, in lower case.
 */
static void answer_add(config_answer *answer, const char *name, const char *value)
{
    const hc_span *asked = asked_by(answer->of, name);
    bool is_name = asked != NULL && asked->size == strlen(name) &&
                   memchr(asked->data, '*', asked->size) == NULL &&
                   memchr(asked->data, '?', asked->size) == NULL &&
                   memchr(asked->data, '[', asked->size) == NULL;
    text_add(&answer->pairs, is_name ? (const char *)asked->data : name, strlen(name));
    text_add(&answer->pairs, "", 1);
    text_add(&answer->pairs, value, strlen(value) + 1);
    answer->count++;
}

static void add_setting(void *ctx, const setting *one)
{
    config_answer *answer = ctx;
    if (is_asked(answer->of, one->name)) answer_add(answer, one->name, one->text);
}

/* The setting of ours that Redis's name in `wanted` stands for. */
static void add_renamed(void *ctx, const setting *one)
{
    config_answer *answer = ctx;
    if (strcmp(one->name, answer->wanted->setting) != 0) return;
    char text_of[CONFIG_TEXT_CHARS];
    answer_add(answer, answer->wanted->name, config_setting_text(answer->wanted, one, text_of));
}

/* Without settings the node still knows what it was made with. */
static bool node_tells(const node *on, const config_name *which)
{
    return which->shape == SHAPE_NODE ||
           (on->options.settings == NULL &&
            (which->shape == SHAPE_POLICY || strcmp(which->name, "maxmemory") == 0));
}

static void add_redis_name(config_answer *answer, node *on, const config_name *which)
{
    char number[CONFIG_TEXT_CHARS];
    if (node_tells(on, which)) {
        answer_add(answer, which->name, config_node_text(on, which, number));
    } else if (which->shape == SHAPE_FIXED) {
        answer_add(answer, which->name, which->text);
    } else if (on->options.settings != NULL) {
        answer->wanted = which;
        on->options.settings->each(on->options.settings->ctx, add_renamed, answer);
    }
}

static bool patterns_fit(request *of)
{
    for (size_t i = 2; i < of->argc; i++) {
        if (of->args[i].size <= HC_GLOB_PATTERN_BYTES_MAX) continue;
        request_errorf(of, "ERR pattern is longer than %u bytes", HC_GLOB_PATTERN_BYTES_MAX);
        return false;
    }
    return true;
}

void run_config_get(request *of)
{
    if (!patterns_fit(of)) return;
    config_answer answer = {.of = of};
    text_init(&answer.pairs, ANSWER_BYTES_MAX);
    for (size_t i = 0; i < config_name_count(); i++)
        if (is_asked(of, config_name_at(i)->name))
            add_redis_name(&answer, of->node, config_name_at(i));
    const settings *ours = of->node->options.settings;
    if (ours != NULL) ours->each(ours->ctx, add_setting, &answer);
    if (answer.pairs.failed) {
        request_error(of, ERROR_NO_MEMORY);
    } else {
        of->reply->ops->map(of->reply, answer.count);
        for (size_t at = 0; at < answer.pairs.size;) {
            size_t size = strlen(answer.pairs.data + at);
            reply_text(of->reply, hc_span_make(answer.pairs.data + at, size));
            at += size + 1;
        }
    }
    text_fini(&answer.pairs);
}

/* ---- CONFIG SET ---- */

typedef struct config_changes {
    setting_change list[SETTINGS_CHANGES_MAX];
    size_t argument[SETTINGS_CHANGES_MAX]; /* index of the name among the request's arguments */
    size_t name_at[SETTINGS_CHANGES_MAX], value_at[SETTINGS_CHANGES_MAX]; /* in `texts` */
    size_t count;
    text texts;
    bool has_memory; /* maxmemory, where no settings table would take it */
    uint64_t memory_bytes;
} config_changes;

static bool fail_set(request *of, size_t argument, const char *why)
{
    int bytes = of->args[argument].size < 128 ? (int)of->args[argument].size : 128;
    request_errorf(of, "ERR CONFIG SET failed (possibly related to argument '%.*s') - %s", bytes,
                   (const char *)of->args[argument].data, why);
    return false;
}

static bool fail_unknown(request *of, size_t argument)
{
    int bytes = of->args[argument].size < 128 ? (int)of->args[argument].size : 128;
    request_errorf(of, "ERR Unknown option or number of arguments for CONFIG SET - '%.*s'", bytes,
                   (const char *)of->args[argument].data);
    return false;
}

static void changes_add(config_changes *to, size_t argument, hc_span name, hc_span value)
{
    size_t at = to->count++;
    to->argument[at] = argument;
    to->name_at[at] = to->texts.size;
    text_add(&to->texts, name.data, name.size);
    text_add(&to->texts, "", 1);
    to->value_at[at] = to->texts.size;
    text_add(&to->texts, value.data, value.size);
    text_add(&to->texts, "", 1);
}

static bool is_text(hc_span value, const char *chars)
{
    size_t size = strlen(chars);
    return value.size == size && (size == 0 || memcmp(value.data, chars, size) == 0);
}

/* What cannot change may be "set" to what it is: clients do that. */
static bool take_unchanged(request *of, size_t argument, const char *now)
{
    if (is_text(of->args[argument + 1], now)) return true;
    return fail_set(of, argument, "can't set immutable config");
}

/* A setting under Redis's name: what it is now, and what it is to be. */
typedef struct setting_question {
    const config_name *which;
    hc_span value;
    bool found, same, reads;
    char text[CONFIG_TEXT_CHARS]; /* the new text, when it reads */
    char error[SETTINGS_ERROR_BYTES];
} setting_question;

static void ask_setting(void *ctx, const setting *one)
{
    setting_question *question = ctx;
    const config_name *which = question->which;
    char now[CONFIG_TEXT_CHARS];
    if (strcmp(one->name, which->setting) != 0) return;
    question->found = true;
    question->same = is_text(question->value, config_setting_text(which, one, now));
    if (question->same || !one->changeable) return;
    question->reads =
        config_setting_read(which, one, question->value, question->text, question->error);
}

static bool take_setting(request *of, size_t argument, const config_name *which, config_changes *to)
{
    const settings *ours = of->node->options.settings;
    setting_question question = {.which = which, .value = of->args[argument + 1]};
    (void)snprintf(question.error, sizeof question.error, "can't set immutable config");
    ours->each(ours->ctx, ask_setting, &question);
    if (!question.found) return fail_unknown(of, argument);
    if (question.same) return true;
    if (!question.reads) return fail_set(of, argument, question.error);
    changes_add(to, argument, hc_span_make(which->setting, strlen(which->setting)),
                hc_span_make(question.text, strlen(question.text)));
    return true;
}

/* Where there are no settings, the limit is the node's own. */
static bool take_memory(request *of, size_t argument, config_changes *to)
{
    to->has_memory = config_memory_parse(of->args[argument + 1], &to->memory_bytes);
    return to->has_memory || fail_set(of, argument, "argument must be a memory value");
}

static bool take_change(request *of, size_t argument, config_changes *to)
{
    char number[CONFIG_TEXT_CHARS];
    hc_span name = of->args[argument], value = of->args[argument + 1];
    bool has_nul = (name.size > 0 && memchr(name.data, '\0', name.size) != NULL) ||
                   (value.size > 0 && memchr(value.data, '\0', value.size) != NULL);
    if (has_nul || name.size == 0) return fail_unknown(of, argument);
    if (value.size > SETTINGS_VALUE_BYTES_MAX)
        return fail_set(of, argument, "argument is too long");
    const config_name *which = config_name_find(name);
    if (which == NULL) {
        if (of->node->options.settings == NULL) return fail_unknown(of, argument);
        changes_add(to, argument, name, value);
        return true;
    }
    if (which->shape == SHAPE_FIXED) return take_unchanged(of, argument, which->text);
    if (of->node->options.settings != NULL && which->shape != SHAPE_NODE)
        return take_setting(of, argument, which, to);
    if (strcmp(which->name, "maxmemory") == 0) return take_memory(of, argument, to);
    if (!node_tells(of->node, which)) return fail_unknown(of, argument);
    return take_unchanged(of, argument, config_node_text(of->node, which, number));
}

static bool same_name(hc_span a, hc_span b)
{
    if (a.size != b.size) return false;
    for (size_t i = 0; i < a.size; i++)
        if ((a.data[i] | 0x20) != (b.data[i] | 0x20)) return false;
    return true;
}

static bool take_changes(request *of, config_changes *to)
{
    for (size_t i = 2; i < of->argc; i += 2) {
        for (size_t earlier = 2; earlier < i; earlier += 2)
            if (same_name(of->args[earlier], of->args[i]))
                return fail_set(of, i, "duplicate parameter");
        if (!take_change(of, i, to)) return false;
    }
    return true;
}

static bool apply_settings(request *of, config_changes *changes)
{
    if (changes->count == 0) return true;
    const settings *ours = of->node->options.settings;
    char error[SETTINGS_ERROR_BYTES] = "";
    size_t failed = 0;
    for (size_t i = 0; i < changes->count; i++) {
        changes->list[i].name = changes->texts.data + changes->name_at[i];
        changes->list[i].value = changes->texts.data + changes->value_at[i];
    }
    hc_status status = ours->change(ours->ctx, changes->list, changes->count, &failed, error);
    if (status == HC_OK) return true;
    size_t argument = changes->argument[failed < changes->count ? failed : 0];
    if (status == HC_ERR_NOT_FOUND) return fail_unknown(of, argument);
    if (status == HC_ERR_UNSUPPORTED) return fail_set(of, argument, "can't set immutable config");
    return fail_set(of, argument, error[0] != '\0' ? error : hc_status_text(status));
}

void run_config_set(request *of)
{
    if (of->argc % 2 != 0) {
        request_error(of, ERROR_SYNTAX);
        return;
    }
    if ((of->argc - 2) / 2 > SETTINGS_CHANGES_MAX) {
        request_errorf(of, "ERR CONFIG SET takes at most %u parameters", SETTINGS_CHANGES_MAX);
        return;
    }
    config_changes changes = {.count = 0};
    text_init(&changes.texts, ANSWER_BYTES_MAX);
    bool taken = take_changes(of, &changes);
    if (taken && changes.texts.failed) {
        request_error(of, ERROR_NO_MEMORY);
    } else if (taken && changes.has_memory &&
               node_set_max_memory(of->node, changes.memory_bytes) != HC_OK) {
        (void)fail_set(of, 2, "argument must be 0 or at least 4mb");
    } else if (taken && apply_settings(of, &changes)) {
        reply_ok(of->reply);
    }
    text_fini(&changes.texts);
}

void run_config_rewrite(request *of)
{
    const settings *ours = of->node->options.settings;
    char error[SETTINGS_ERROR_BYTES] = "";
    hc_status status = HC_ERR_UNSUPPORTED;
    if (ours != NULL && ours->rewrite != NULL) status = ours->rewrite(ours->ctx, error);
    if (status == HC_OK)
        reply_ok(of->reply);
    else if (status == HC_ERR_UNSUPPORTED)
        request_error(of, "ERR The server is running without a config file");
    else
        request_errorf(of, "ERR Rewriting config file: %s", error);
}

void run_config_resetstat(request *of)
{
    node_reset_statistics(of->node);
    const settings *ours = of->node->options.settings;
    if (ours != NULL && ours->reset_statistics != NULL) ours->reset_statistics(ours->ctx);
    reply_ok(of->reply);
}

void run_config_help(request *of)
{
    static const char *const lines[] = {
        "GET <pattern>",
        "    Return parameters matching the glob-like <pattern> and their values.",
        "SET <directive> <value>",
        "    Set the configuration <directive> to <value>.",
        "RESETSTAT",
        "    Reset statistics reported by the INFO command.",
        "REWRITE",
        "    Rewrite the configuration file.",
    };
    request_help(of, lines, sizeof lines / sizeof lines[0]);
}
