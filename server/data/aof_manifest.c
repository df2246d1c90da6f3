/* aof_manifest.c - lines of words in pairs; names may stand in quotes, as on a Redis prompt. */
#include "data/aof_manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "resp/resp_inline.h"
#include "resp/resp_parser.h"

#define WORDS_MAX 64u

typedef struct manifest_reader {
    aof_manifest *to;
    resp_scratch words;
    bool has_base;
    unsigned line; /* from 1 */
    char *why;
    size_t why_bytes;
} manifest_reader;

static bool is(hc_span word, const char *text)
{
    return word.size == strlen(text) && memcmp(word.data, text, word.size) == 0;
}

static hc_status refuse(const manifest_reader *of, const char *what)
{
    (void)snprintf(of->why, of->why_bytes, "line %u: %s", of->line, what);
    return HC_ERR_CORRUPT;
}

/* False: no number. */
static bool number_read(hc_span word, uint64_t *out)
{
    *out = 0;
    if (word.size == 0 || word.size > 18) return false;
    for (size_t i = 0; i < word.size; i++) {
        if (word.data[i] < '0' || word.data[i] > '9') return false;
        *out = *out * 10 + (word.data[i] - '0');
    }
    return true;
}

static bool name_fits(hc_span word)
{
    if (word.size == 0 || word.size > AOF_NAME_BYTES_MAX) return false;
    if (is(word, ".") || is(word, "..")) return false;
    return memchr(word.data, '/', word.size) == NULL && memchr(word.data, 0, word.size) == NULL;
}

static hc_status part_add(manifest_reader *of, hc_span name, uint64_t sequence, bool is_base)
{
    aof_manifest *to = of->to;
    if (to->count == AOF_PARTS_MAX) {
        (void)refuse(of, "too many files");
        return HC_ERR_LIMIT;
    }
    if (is_base && of->has_base) return refuse(of, "a second base file");
    if (to->parts == NULL) to->parts = malloc(AOF_PARTS_MAX * sizeof *to->parts);
    if (to->parts == NULL) return HC_ERR_NO_MEMORY;
    size_t place = to->count;
    if (is_base) { /* it is read first, wherever it stands */
        memmove(to->parts + 1, to->parts, to->count * sizeof *to->parts);
        place = 0;
    } else if (to->count > (of->has_base ? 1u : 0u) &&
               to->parts[to->count - 1].sequence >= sequence) {
        return refuse(of, "a sequence number that does not rise");
    }
    of->has_base = of->has_base || is_base;
    aof_part *part = &to->parts[place];
    memcpy(part->name, name.data, name.size);
    part->name[name.size] = '\0';
    part->sequence = sequence;
    to->count++;
    return HC_OK;
}

static hc_status line_read(manifest_reader *of, uint8_t *line, size_t bytes)
{
    hc_span name = {0}, type = {0};
    uint64_t sequence = 0;
    bool has_sequence = false;
    of->words.count = 0;
    if (bytes > 0 && line[0] == '#') return HC_OK;
    resp_outcome outcome = resp_inline_split(line, bytes, &of->words);
    if (outcome == RESP_NO_MEMORY) return HC_ERR_NO_MEMORY;
    if (outcome != RESP_REQUEST) return refuse(of, "quotes that do not match");
    if (of->words.count == 0) return HC_OK;
    if (of->words.count % 2 != 0 || of->words.count > WORDS_MAX)
        return refuse(of, "not of words in pairs");
    for (size_t i = 0; i < of->words.count; i += 2) {
        hc_span key = of->words.args[i], value = of->words.args[i + 1];
        if (is(key, "file")) name = value;
        if (is(key, "type")) type = value;
        if (is(key, "seq")) has_sequence = number_read(value, &sequence);
    }
    if (!name_fits(name)) return refuse(of, "no name of a file");
    if (!has_sequence) return refuse(of, "no sequence number");
    if (is(type, "h")) return HC_OK;
    if (!is(type, "b") && !is(type, "i")) return refuse(of, "a type other than b, i or h");
    return part_add(of, name, sequence, is(type, "b"));
}

hc_status aof_manifest_read(aof_manifest *to, uint8_t *text, size_t bytes, char *why,
                            size_t why_bytes)
{
    manifest_reader of = {.to = to, .why = why, .why_bytes = why_bytes};
    hc_status status = HC_OK;
    *to = (aof_manifest){0};
    for (size_t at = 0; at < bytes && status == HC_OK;) {
        uint8_t *end = memchr(text + at, '\n', bytes - at);
        size_t size = end != NULL ? (size_t)(end - text) - at : bytes - at;
        of.line++;
        status = line_read(&of, text + at, size);
        at += size + 1;
    }
    if (status == HC_OK && to->count == 0) status = refuse(&of, "no file is listed");
    resp_scratch_fini(&of.words);
    if (status != HC_OK) aof_manifest_fini(to);
    return status;
}

void aof_manifest_fini(aof_manifest *of)
{
    free(of->parts);
    *of = (aof_manifest){0};
}
