/*
 * config_rewrite.c - a few edits in somebody's YAML, which keep his comments and his order.
 *
 *     network:              # kept
 *       resp_port: 6379     # kept          a key that is there: its value is exchanged
 *       max_clients: 500                    one that is not: a line after the last of its section
 *     cache: {max_memory: 1GB, x: y}        or, in braces, behind the last value
 *                                           no section: one at the end
 *
 * Where values stand is what libyaml's events say.  Edits are made from the end to the start, so
 * that places stay true.  The outcome is read again before it counts: if it does not say what it
 * should, nothing has happened.
 */
#include "config/config_rewrite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "config/config_replace.h"

#define SECTIONS_MAX 16u
#define EDIT_BYTES (CONFIG_VALUE_BYTES + 512u)

/* Byte offsets. */
typedef struct value_place {
    bool found, is_block_list;
    size_t key_end, start, end;
} value_place;

typedef struct section_place {
    const char *name; /* as in the table of keys */
    bool flow;        /* in braces */
    bool empty;
    size_t after; /* where one more key can stand */
    int indent;
} section_place;

typedef struct edit {
    size_t start, end; /* what goes */
    char *text;        /* what comes */
} edit;

typedef struct rewriter {
    const char *text;
    size_t bytes;
    yaml_parser_t parser;
    yaml_event_t event;
    bool holds;
    value_place values[CONFIG_KEY_COUNT];
    section_place sections[SECTIONS_MAX];
    size_t section_count;
    edit edits[CONFIG_KEY_COUNT];
    size_t edit_count;
} rewriter;

/* libyaml counts characters. */
static size_t offset_of(const rewriter *r, yaml_mark_t mark)
{
    size_t at = 0;
    for (size_t characters = mark.index; characters > 0 && at < r->bytes; characters--) {
        at++;
        while (at < r->bytes && ((unsigned char)r->text[at] & 0xc0) == 0x80)
            at++;
    }
    return at;
}

static size_t line_end(const rewriter *r, size_t at)
{
    while (at < r->bytes && r->text[at] != '\n')
        at++;
    return at;
}

/* ---- where things are ---- */

static bool next(rewriter *r)
{
    if (r->holds) yaml_event_delete(&r->event);
    r->holds = yaml_parser_parse(&r->parser, &r->event) != 0;
    return r->holds;
}

/* Passes the value at hand; *end_out is where its last scalar or bracket ends. */
static bool value_pass(rewriter *r, size_t *end_out)
{
    size_t depth = 0;
    *end_out = offset_of(r, r->event.end_mark);
    for (;;) {
        yaml_event_type_t type = r->event.type;
        bool opens = type == YAML_SEQUENCE_START_EVENT || type == YAML_MAPPING_START_EVENT;
        bool closes = type == YAML_SEQUENCE_END_EVENT || type == YAML_MAPPING_END_EVENT;
        size_t start = offset_of(r, r->event.start_mark), end = offset_of(r, r->event.end_mark);
        if (type == YAML_SCALAR_EVENT || (closes && end > start)) *end_out = end; /* ] or } */
        if (opens) depth++;
        if (closes) depth--;
        if (depth == 0) return true;
        if (!next(r)) return false;
    }
}

/* One `key: value` of a section; the key is at hand. */
static bool key_pass(rewriter *r, section_place *section)
{
    char name[2 * CONFIG_TEXT_MAX];
    value_place place = {.found = true, .key_end = offset_of(r, r->event.end_mark)};
    (void)snprintf(name, sizeof name, "%s.%.200s", section->name,
                   (const char *)r->event.data.scalar.value);
    if (section->empty) section->indent = (int)r->event.start_mark.column;
    section->empty = false;
    if (!next(r)) return false;
    place.start = offset_of(r, r->event.start_mark);
    place.is_block_list = r->event.type == YAML_SEQUENCE_START_EVENT &&
                          r->event.data.sequence_start.style != YAML_FLOW_SEQUENCE_STYLE;
    if (!value_pass(r, &place.end)) return false;
    section->after = section->flow ? place.end : line_end(r, place.end);
    const config_key *key = config_find(name);
    if (key != NULL) r->values[key - config_keys] = place;
    return true;
}

static const char *section_name(const char *name)
{
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++)
        if (strcmp(config_keys[i].section, name) == 0) return config_keys[i].section;
    return NULL;
}

/* One section; its name is at hand. */
static bool section_pass(rewriter *r)
{
    size_t ignored, name_end = offset_of(r, r->event.end_mark);
    const char *name = section_name((const char *)r->event.data.scalar.value);
    if (!next(r)) return false;
    if (name == NULL || r->section_count == SECTIONS_MAX) return value_pass(r, &ignored);
    section_place *section = &r->sections[r->section_count++];
    *section =
        (section_place){.name = name, .empty = true, .indent = 2, .after = line_end(r, name_end)};
    if (r->event.type != YAML_MAPPING_START_EVENT) return value_pass(r, &ignored);
    section->flow = r->event.data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;
    if (section->flow) section->after = offset_of(r, r->event.end_mark); /* behind the brace */
    for (;;) {
        if (!next(r)) return false;
        if (r->event.type == YAML_MAPPING_END_EVENT) return true;
        if (r->event.type != YAML_SCALAR_EVENT || !key_pass(r, section)) return false;
    }
}

static bool places_find(rewriter *r)
{
    if (!next(r) || !next(r)) return false; /* stream start */
    if (r->event.type == YAML_STREAM_END_EVENT) return true;
    if (!next(r)) return false; /* document start */
    if (r->event.type != YAML_MAPPING_START_EVENT) return r->event.type == YAML_SCALAR_EVENT;
    for (;;) {
        if (!next(r)) return false;
        if (r->event.type == YAML_MAPPING_END_EVENT) return true;
        if (r->event.type != YAML_SCALAR_EVENT || !section_pass(r)) return false;
    }
}

/* ---- edits ---- */

static bool edit_add(rewriter *r, size_t start, size_t end, const char *text)
{
    char *copy = strdup(text);
    if (copy == NULL) return false;
    r->edits[r->edit_count++] = (edit){start, end, copy};
    return true;
}

static bool value_text(const config *cfg, const config_key *key, char text[EDIT_BYTES])
{
    FILE *to = fmemopen(text, EDIT_BYTES, "w");
    if (to == NULL) return false;
    config_print_value(cfg, key, to);
    return fclose(to) == 0;
}

static section_place *section_find(rewriter *r, const char *name)
{
    for (size_t i = 0; i < r->section_count; i++)
        if (strcmp(r->sections[i].name, name) == 0) return &r->sections[i];
    return NULL;
}

/* The edit that gives key `i` its value; `begun` is the section that edits at the file's end are in
 * already. */
static bool key_edit(rewriter *r, const config *cfg, size_t i, const char **begun)
{
    const config_key *key = &config_keys[i];
    const value_place *at = &r->values[i];
    char value[EDIT_BYTES], line[2 * EDIT_BYTES];
    if (!value_text(cfg, key, value)) return false;
    if (at->found && !at->is_block_list) return edit_add(r, at->start, at->end, value);
    if (at->found) {
        (void)snprintf(line, sizeof line, ": %s", value);
        return edit_add(r, at->key_end, at->end, line);
    }
    section_place *section = section_find(r, key->section);
    if (section == NULL) {
        bool broken = r->bytes > 0 && r->text[r->bytes - 1] != '\n' && *begun == NULL;
        bool begins = *begun == NULL || strcmp(*begun, key->section) != 0;
        (void)snprintf(line, sizeof line, "%s%s%s%s  %s: %s\n", broken ? "\n" : "",
                       begins && (r->bytes > 0 || *begun != NULL) ? "\n" : "",
                       begins ? key->section : "", begins ? ":\n" : "", key->name, value);
        *begun = key->section;
        return edit_add(r, r->bytes, r->bytes, line);
    }
    if (section->flow) {
        (void)snprintf(line, sizeof line, "%s%s: %s", section->empty ? "" : ", ", key->name, value);
        section->empty = false;
    } else {
        (void)snprintf(line, sizeof line, "\n%*s%s: %s", section->indent, "", key->name, value);
    }
    return edit_add(r, section->after, section->after, line);
}

static bool edits_gather(rewriter *r, const config *cfg, const config *was, const bool *chosen)
{
    const char *begun = NULL;
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        char wanted[CONFIG_VALUE_BYTES], present[CONFIG_VALUE_BYTES];
        if (!chosen[i]) continue;
        config_get(cfg, &config_keys[i], wanted);
        config_get(was, &config_keys[i], present);
        if (strcmp(wanted, present) == 0) continue;
        if (!key_edit(r, cfg, i, &begun)) return false;
    }
    return true;
}

/* Copies the text with the edits in it: at one place in the order they were made. */
static bool edits_apply(const rewriter *r, char **out, size_t *out_bytes)
{
    FILE *to = open_memstream(out, out_bytes);
    bool done[CONFIG_KEY_COUNT] = {false};
    size_t at = 0;
    if (to == NULL) return false;
    for (size_t turn = 0; turn < r->edit_count; turn++) {
        size_t first = r->edit_count;
        for (size_t i = 0; i < r->edit_count; i++) {
            bool sooner = first == r->edit_count || r->edits[i].start < r->edits[first].start;
            if (!done[i] && sooner) first = i;
        }
        done[first] = true;
        (void)fwrite(r->text + at, 1, r->edits[first].start - at, to);
        (void)fputs(r->edits[first].text, to);
        at = r->edits[first].end;
    }
    (void)fwrite(r->text + at, 1, r->bytes - at, to);
    return fclose(to) == 0;
}

/* ---- the whole ---- */

static bool reads(config *into, const char *path, const char *text, size_t bytes, char *why,
                  size_t why_bytes)
{
    config_problems problems = {0};
    config_defaults(into);
    config_read_yaml(into, path, text, bytes, &problems);
    if (problems.count == 0) return true;
    (void)snprintf(why, why_bytes, "%.*s", (int)strcspn(problems.text, "\n"), problems.text);
    return false;
}

static bool says_what_it_should(const config *cfg, const bool *chosen, const config *is)
{
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        char wanted[CONFIG_VALUE_BYTES], present[CONFIG_VALUE_BYTES];
        config_get(cfg, &config_keys[i], wanted);
        config_get(is, &config_keys[i], present);
        if (chosen[i] && strcmp(wanted, present) != 0) return false;
    }
    return true;
}

static bool rewrite(rewriter *r, config *scratch, const config *cfg, const bool *chosen, char **out,
                    size_t *out_bytes, char *why, size_t why_bytes)
{
    if (!reads(scratch, cfg->path, r->text, r->bytes, why, why_bytes)) return false;
    (void)snprintf(why, why_bytes, "out of memory");
    if (!yaml_parser_initialize(&r->parser)) return false;
    yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r->parser, (const unsigned char *)r->text, r->bytes);
    bool done =
        places_find(r) && edits_gather(r, cfg, scratch, chosen) && edits_apply(r, out, out_bytes);
    if (r->holds) yaml_event_delete(&r->event);
    yaml_parser_delete(&r->parser);
    if (!done) return false;
    bool fits = *out_bytes <= CONFIG_FILE_BYTES_MAX &&
                reads(scratch, cfg->path, *out, *out_bytes, why, why_bytes) &&
                says_what_it_should(cfg, chosen, scratch);
    if (!fits)
        (void)snprintf(why, why_bytes, "the file is laid out in a way that cannot be edited");
    return fits;
}

bool config_rewrite_text(const config *cfg, const bool chosen[CONFIG_KEY_COUNT], const char *text,
                         size_t bytes, char **out, size_t *out_bytes, char *why, size_t why_bytes)
{
    rewriter *r = calloc(1, sizeof *r);
    config *scratch = malloc(sizeof *scratch);
    *out = NULL;
    bool done = r != NULL && scratch != NULL;
    (void)snprintf(why, why_bytes, "out of memory");
    if (done) {
        r->text = text;
        r->bytes = bytes;
        done = rewrite(r, scratch, cfg, chosen, out, out_bytes, why, why_bytes);
    }
    for (size_t i = 0; r != NULL && i < r->edit_count; i++)
        free(r->edits[i].text);
    free(scratch);
    free(r);
    if (!done) {
        free(*out);
        *out = NULL;
    }
    return done;
}

static char *file_read(const char *path, size_t *bytes_out)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) return NULL;
    char *text = malloc(CONFIG_FILE_BYTES_MAX + 1);
    *bytes_out = text != NULL ? fread(text, 1, CONFIG_FILE_BYTES_MAX + 1, file) : 0;
    if (text == NULL || ferror(file) || *bytes_out > CONFIG_FILE_BYTES_MAX) {
        free(text);
        text = NULL;
        errno = EFBIG;
    }
    (void)fclose(file);
    return text;
}

bool config_rewrite(const config *cfg, const bool chosen[CONFIG_KEY_COUNT], char *why,
                    size_t why_bytes)
{
    size_t bytes = 0, new_bytes = 0;
    char *new_text = NULL, *text = file_read(cfg->path, &bytes);
    if (text == NULL) {
        (void)snprintf(why, why_bytes, "%s", strerror(errno));
        return false;
    }
    bool done =
        config_rewrite_text(cfg, chosen, text, bytes, &new_text, &new_bytes, why, why_bytes);
    bool same = done && new_bytes == bytes && memcmp(text, new_text, bytes) == 0;
    if (done && !same && !config_replace(cfg->path, new_text, new_bytes)) {
        (void)snprintf(why, why_bytes, "%s", strerror(errno));
        done = false;
    }
    free(new_text);
    free(text);
    return done;
}
