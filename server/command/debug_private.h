/*
 * debug_private.h - the subcommands of DEBUG that debug.enabled opens, and how they tell figures.
 *
 * debug_commands.c asks who may and which it is; debug_inspect.c looks and changes nothing;
 * debug_control.c switches levels, captures and profiles.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_DEBUG_PRIVATE_H
#define HYPERCACHE_SERVER_COMMAND_DEBUG_PRIVATE_H

#include <string.h>

#include "command/command_args.h"

/* debug_inspect.c */
/* The item of args[2].  False: there is none, and it is said. */
bool debug_look(request *of, hc_item *item_out, hc_inspection *in_out);
void debug_filter(request *of);  /* FILTER key */
void debug_members(request *of); /* MEMBERS */
void debug_owner(request *of);   /* OWNER key */
void debug_queues(request *of);  /* QUEUES */
void debug_record(request *of);  /* RECORD key */
void debug_shards(request *of);  /* SHARDS */

/* debug_control.c */
void debug_allocations(request *of); /* ALLOCATIONS */
void debug_capture(request *of); /* CAPTURE START | STOP | CLEAR | STATUS | FRAMES | TEXT | PCAP */
void debug_level(request *of);   /* LEVEL [component|ALL level|RESET [seconds]] */
void debug_profile(request *of); /* PROFILE CPU | HEAP ... */

/* Members of a map, whose count was announced. */
typedef struct debug_figure {
    const char *name;
    uint64_t value;
} debug_figure;

static inline void tell_text(reply *to, const char *name, const char *word)
{
    reply_text(to, hc_span_make(name, strlen(name)));
    reply_text(to, hc_span_make(word, strlen(word)));
}

static inline void tell_flag(reply *to, const char *name, bool value)
{
    reply_text(to, hc_span_make(name, strlen(name)));
    to->ops->boolean(to, value);
}

static inline void tell_figures(reply *to, const debug_figure *figures, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        reply_text(to, hc_span_make(figures[i].name, strlen(figures[i].name)));
        to->ops->integer(to, (int64_t)figures[i].value);
    }
}
#define DEBUG_COUNT(figures) (sizeof(figures) / sizeof((figures)[0]))

#endif
