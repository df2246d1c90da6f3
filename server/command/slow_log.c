/*
 * slow_log.c - a list of entries, newest first, each in one block.
 *
 *     entry | argument spans | their bytes, one after the other
 */
#include "command/slow_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/correlation.h"
#include "command/session.h"

enum { WORDS_CHARS_MAX = 64 /* of "... (N more bytes)" */ };

struct slow_entry {
    slow_entry *older, *newer;
    uint64_t id, microseconds;
    int64_t at_s;
    size_t bytes; /* of the block */
    size_t argc;
    char address[SESSION_ADDRESS_CHARS];
    char name[SESSION_NAME_BYTES_MAX + 1];
    char correlation[CORRELATION_CHARS];
    hc_span args[];
};

void slow_log_init(slow_log *of)
{
    *of = (slow_log){.entries_max = SLOW_LOG_ENTRIES};
    pthread_mutex_init(&of->lock, NULL);
}

void slow_log_fini(slow_log *of)
{
    slow_log_reset(of);
    pthread_mutex_destroy(&of->lock);
}

/* ---- making an entry ---- */

/* What stands for argument `i`: its beginning, and words for what is left out. */
typedef struct shown {
    hc_span head;
    char words[WORDS_CHARS_MAX];
} shown;

static size_t shown_count(const slow_command *one)
{
    size_t count = one->argc < SLOW_LOG_ARGUMENTS_MAX ? one->argc : SLOW_LOG_ARGUMENTS_MAX;
    return count + (one->others > 0 ? 1 : 0);
}

static shown show(const slow_command *one, size_t i)
{
    shown as = {.words = ""};
    bool is_cut = one->argc > SLOW_LOG_ARGUMENTS_MAX && i == SLOW_LOG_ARGUMENTS_MAX - 1;
    if (i == one->argc || i == SLOW_LOG_ARGUMENTS_MAX) {
        (void)snprintf(as.words, sizeof as.words, "... (%zu more commands of the pipeline)",
                       one->others);
    } else if (is_cut) {
        (void)snprintf(as.words, sizeof as.words, "... (%zu more arguments)",
                       one->argc - SLOW_LOG_ARGUMENTS_MAX + 1);
    } else if (i >= one->secret_from && i < one->secret_to) {
        (void)snprintf(as.words, sizeof as.words, "(redacted)");
    } else {
        as.head = one->args[i];
        if (as.head.size > SLOW_LOG_ARGUMENT_BYTES) {
            (void)snprintf(as.words, sizeof as.words, "... (%zu more bytes)",
                           as.head.size - SLOW_LOG_ARGUMENT_BYTES);
            as.head.size = SLOW_LOG_ARGUMENT_BYTES;
        }
    }
    return as;
}

static void copy_text(char *to, size_t chars, const char *from)
{
    (void)snprintf(to, chars, "%s", from != NULL ? from : "");
}

static slow_entry *entry_create(const slow_command *one)
{
    size_t argc = shown_count(one);
    size_t bytes = sizeof(slow_entry) + argc * sizeof(hc_span);
    for (size_t i = 0; i < argc; i++) {
        shown as = show(one, i);
        bytes += as.head.size + strlen(as.words);
    }
    slow_entry *made = calloc(1, bytes);
    if (made == NULL) return NULL;
    made->bytes = bytes;
    made->argc = argc;
    made->at_s = one->at_s;
    made->microseconds = one->microseconds;
    copy_text(made->address, sizeof made->address, one->address);
    copy_text(made->name, sizeof made->name, one->name);
    copy_text(made->correlation, sizeof made->correlation, one->correlation);
    uint8_t *at = (uint8_t *)&made->args[argc];
    for (size_t i = 0; i < argc; i++) {
        shown as = show(one, i);
        size_t words = strlen(as.words);
        made->args[i] = hc_span_make(at, as.head.size + words);
        if (as.head.size > 0) memcpy(at, as.head.data, as.head.size);
        memcpy(at + as.head.size, as.words, words);
        at += made->args[i].size;
    }
    return made;
}

/* ---- the list, under the lock ---- */

static void drop_oldest(slow_log *of)
{
    slow_entry *gone = of->oldest;
    of->oldest = gone->newer;
    if (of->oldest != NULL)
        of->oldest->older = NULL;
    else
        of->newest = NULL;
    of->count--;
    of->bytes -= gone->bytes;
    free(gone);
}

static void trim(slow_log *of)
{
    while (of->count > of->entries_max || of->bytes > SLOW_LOG_BYTES_MAX)
        drop_oldest(of);
}

void slow_log_add(slow_log *to, const slow_command *one)
{
    slow_entry *made = entry_create(one);
    if (made == NULL) return;
    pthread_mutex_lock(&to->lock);
    made->id = to->next_id++;
    made->older = to->newest;
    if (made->older != NULL)
        made->older->newer = made;
    else
        to->oldest = made;
    to->newest = made;
    to->count++;
    to->bytes += made->bytes;
    trim(to);
    pthread_mutex_unlock(&to->lock);
}

void slow_log_limit(slow_log *of, size_t entries_max)
{
    pthread_mutex_lock(&of->lock);
    of->entries_max = entries_max;
    trim(of);
    pthread_mutex_unlock(&of->lock);
}

void slow_log_reset(slow_log *of)
{
    pthread_mutex_lock(&of->lock);
    while (of->count > 0)
        drop_oldest(of);
    pthread_mutex_unlock(&of->lock);
}

size_t slow_log_count(slow_log *of)
{
    pthread_mutex_lock(&of->lock);
    size_t count = of->count;
    pthread_mutex_unlock(&of->lock);
    return count;
}

void slow_log_reply(slow_log *of, reply *to, size_t entries_max, bool correlated)
{
    pthread_mutex_lock(&of->lock);
    size_t count = of->count < entries_max ? of->count : entries_max;
    to->ops->array(to, count);
    const slow_entry *one = of->newest;
    for (size_t i = 0; i < count; i++, one = one->older) {
        to->ops->array(to, correlated ? 7 : 6);
        to->ops->integer(to, (int64_t)one->id);
        to->ops->integer(to, one->at_s);
        to->ops->integer(to, (int64_t)one->microseconds);
        to->ops->array(to, one->argc);
        for (size_t a = 0; a < one->argc; a++)
            reply_text(to, one->args[a]);
        reply_text(to, hc_span_make(one->address, strlen(one->address)));
        reply_text(to, hc_span_make(one->name, strlen(one->name)));
        if (correlated) reply_text(to, hc_span_make(one->correlation, strlen(one->correlation)));
    }
    pthread_mutex_unlock(&of->lock);
}
