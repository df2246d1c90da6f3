/* cluster_script.c - see cluster_script.h. */
#include "command/cluster/cluster_script.h"

#include <stdlib.h>
#include <string.h>

#include "command/handlers.h"

enum { FLAG_EXEC = 1, NUMBER_BYTES = 4, VERSION_BYTES = 8, ARGUMENTS_MIN = 16 };

/* ---- writing ---- */

static uint8_t *put(uint8_t *to, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        *to++ = (uint8_t)(value >> 8 * i);
    return to;
}

static size_t line_bytes(const cluster_line *line)
{
    size_t bytes = NUMBER_BYTES;
    for (size_t i = 0; i < line->argc; i++)
        bytes += NUMBER_BYTES + line->args[i].size;
    return bytes;
}

static uint8_t *line_put(uint8_t *to, const cluster_line *line)
{
    to = put(to, line->argc, NUMBER_BYTES);
    for (size_t i = 0; i < line->argc; i++) {
        size_t size = line->args[i].size;
        to = put(to, size, NUMBER_BYTES);
        if (size > 0) memcpy(to, line->args[i].data, size);
        to += size;
    }
    return to;
}

uint8_t *cluster_script_write(const cluster_script_parts *what, size_t *size_out)
{
    size_t size = 1 + NUMBER_BYTES + what->watched * VERSION_BYTES + NUMBER_BYTES;
    for (size_t i = 0; i < what->line_count; i++)
        size += line_bytes(&what->lines[i]);
    uint8_t *text = malloc(size), *to = text;
    *size_out = size;
    if (text == NULL) return NULL;
    to = put(to, what->exec ? FLAG_EXEC : 0, 1);
    to = put(to, what->watched, NUMBER_BYTES);
    for (size_t i = 0; i < what->watched; i++)
        to = put(to, what->versions[i], VERSION_BYTES);
    to = put(to, what->line_count, NUMBER_BYTES);
    for (size_t i = 0; i < what->line_count; i++)
        to = line_put(to, &what->lines[i]);
    return text;
}

/* ---- reading ---- */

static uint64_t get(const uint8_t *from, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)from[i] << 8 * i;
    return value;
}

static bool take(hc_span *from, size_t bytes, hc_span *out)
{
    if (bytes > from->size) return false;
    *out = hc_span_make(from->data, bytes);
    *from = hc_span_make(from->data + bytes, from->size - bytes);
    return true;
}

static bool number_take(hc_span *from, uint32_t *out)
{
    hc_span bytes;
    if (!take(from, NUMBER_BYTES, &bytes)) return false;
    *out = (uint32_t)get(bytes.data, NUMBER_BYTES);
    return true;
}

bool cluster_script_open(hc_span text, cluster_script *out)
{
    hc_span flags, versions;
    if (!take(&text, 1, &flags) || flags.data[0] > FLAG_EXEC) return false;
    if (!number_take(&text, &out->watched)) return false;
    if (!take(&text, (size_t)out->watched * VERSION_BYTES, &versions)) return false;
    if (!number_take(&text, &out->lines)) return false;
    out->exec = flags.data[0] == FLAG_EXEC;
    out->versions = versions.data;
    out->rest = text;
    return true;
}

uint64_t cluster_script_version(const cluster_script *of, uint32_t at)
{
    return get(of->versions + (size_t)at * VERSION_BYTES, VERSION_BYTES);
}

static bool room_make(hc_span **args, size_t *room, size_t count)
{
    if (count <= *room) return true;
    size_t wanted = count < ARGUMENTS_MIN ? ARGUMENTS_MIN : count;
    hc_span *grown = realloc(*args, wanted * sizeof *grown);
    if (grown == NULL) return false;
    *args = grown;
    *room = wanted;
    return true;
}

hc_status cluster_script_next(cluster_script *of, hc_span **args, size_t *room, size_t *argc_out)
{
    uint32_t count, size;
    if (of->lines == 0) return of->rest.size == 0 ? HC_ERR_NOT_FOUND : HC_ERR_INVALID;
    if (!number_take(&of->rest, &count) || count == 0) return HC_ERR_INVALID;
    if (count > of->rest.size / NUMBER_BYTES) return HC_ERR_INVALID; /* each has a size at least */
    if (!room_make(args, room, count)) return HC_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        if (!number_take(&of->rest, &size) || !take(&of->rest, size, &(*args)[i]))
            return HC_ERR_INVALID;
    }
    of->lines--;
    *argc_out = count;
    return HC_OK;
}

/* ---- which commands ---- */

bool cluster_runs(const command *row)
{
    if (row->run == NULL || (row->flags & COMMAND_EXCLUSIVE) != 0) return false;
    if ((row->flags & (COMMAND_READONLY | COMMAND_WRITE)) == 0) return false;
    return row->keys.first != 0 && row->keys.access != COMMAND_ACCESS_CHANNEL;
}

bool cluster_runs_anywhere(const command *row)
{
    return row->run == run_ping || row->run == run_echo || row->run == run_time ||
           row->run == run_unwatch;
}
