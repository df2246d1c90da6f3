/*
 * config_file.c - a YAML file to keys, by the events of libyaml.
 *
 *     document -> map of sections -> map of keys -> scalar | sequence of scalars
 *                 stores -> sequence of maps of keys -> scalar
 *
 * That shape is all there is: nothing nests deeper, so an event that does not fit is refused where
 * it stands and no input can make us recurse.  Anchors, aliases, tags and several documents have
 * no use here and are refused too; the file, a scalar and a list are bounded in bytes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "config/config.h"
#include "config/config_apply.h"

typedef struct reader {
    yaml_parser_t parser;
    yaml_event_t event;
    bool holds; /* `event` is to be deleted */
    config *cfg;
    config_problems *problems;
    const char *path;
    bool seen[CONFIG_KEY_COUNT];
    char sections[8][32]; /* met so far */
    size_t section_count;
    bool stores_seen;
} reader;

static int line_of(const reader *r)
{
    return (int)r->event.start_mark.line + 1;
}

static void refuse(reader *r, const char *what)
{
    config_problem(r->problems, "%s:%d: %s", r->path, line_of(r), what);
}

static bool tab_at(const char *text, size_t bytes, size_t line)
{
    size_t at = 0;
    for (; line > 0 && at < bytes; at++)
        line -= text[at] == '\n';
    while (at < bytes && text[at] == ' ')
        at++;
    return at < bytes && text[at] == '\t';
}

static void syntax_problem(reader *r)
{
    const yaml_parser_t *parser = &r->parser;
    const char *text = (const char *)parser->input.string.start;
    size_t bytes = (size_t)(parser->input.string.end - parser->input.string.start);
    if (parser->error == YAML_READER_ERROR) {
        config_problem(r->problems, "%s: byte %zu: not text in UTF-8 (%s)", r->path,
                       parser->problem_offset, parser->problem != NULL ? parser->problem : "");
        return;
    }
    size_t line = parser->problem_mark.line;
    bool tab = tab_at(text, bytes, line);
    config_problem(r->problems, "%s:%zu: not YAML: %s%s", r->path, line + 1,
                   parser->problem != NULL ? parser->problem : "unknown error",
                   tab ? "; indent with blanks, not with tabs" : "");
}

/* The next event.  False: the text is not YAML, or uses what we refuse, and that is noted. */
static bool next(reader *r)
{
    if (r->holds) yaml_event_delete(&r->event);
    r->holds = false;
    if (!yaml_parser_parse(&r->parser, &r->event)) {
        syntax_problem(r);
        return false;
    }
    r->holds = true;
    const yaml_char_t *anchor = NULL, *tag = NULL;
    if (r->event.type == YAML_ALIAS_EVENT) {
        refuse(r, "aliases (*name) are not used here; write the value out, or put it in quotes");
        return false;
    }
    if (r->event.type == YAML_SCALAR_EVENT) {
        anchor = r->event.data.scalar.anchor;
        tag = r->event.data.scalar.tag;
    } else if (r->event.type == YAML_SEQUENCE_START_EVENT) {
        anchor = r->event.data.sequence_start.anchor;
        tag = r->event.data.sequence_start.tag;
    } else if (r->event.type == YAML_MAPPING_START_EVENT) {
        anchor = r->event.data.mapping_start.anchor;
        tag = r->event.data.mapping_start.tag;
    }
    if (anchor != NULL || tag != NULL)
        refuse(r, "anchors (&name) and tags (!name) are not used here");
    return anchor == NULL && tag == NULL;
}

static bool is_null(const yaml_event_t *event)
{
    if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) return false;
    const char *text = (const char *)event->data.scalar.value;
    return text[0] == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0;
}

/* The scalar at hand as text that ends where C thinks it does. */
static const char *scalar(reader *r)
{
    const char *text = (const char *)r->event.data.scalar.value;
    if (strlen(text) == r->event.data.scalar.length) return text;
    refuse(r, "a NUL byte in a text");
    return NULL;
}

/* The items up to the end of the sequence, joined by commas. */
static bool sequence_join(reader *r, char *text, size_t text_bytes)
{
    size_t used = 0;
    text[0] = '\0';
    for (;;) {
        if (!next(r)) return false;
        if (r->event.type == YAML_SEQUENCE_END_EVENT) return true;
        if (r->event.type != YAML_SCALAR_EVENT) {
            refuse(r, "an item of a list must be a single value");
            return false;
        }
        const char *item = scalar(r);
        if (item == NULL) return false;
        if (strchr(item, ',') != NULL || item[0] == '\0') {
            refuse(r, "an item of a list must not be empty or hold a comma");
            return false;
        }
        int size = snprintf(text + used, text_bytes - used, "%s%s", used > 0 ? "," : "", item);
        if (size < 0 || (size_t)size >= text_bytes - used) {
            refuse(r, "the list is too long");
            return false;
        }
        used += (size_t)size;
    }
}

static void apply(reader *r, const char *name, const char *text, int line)
{
    char where[CONFIG_TEXT_MAX + 32];
    (void)snprintf(where, sizeof where, "%s:%d", r->path, line);
    const config_key *key = config_find(name);
    if (key != NULL && r->seen[key - config_keys]) {
        config_problem(r->problems, "%s: %s is set twice in this file", where, name);
        return;
    }
    if (key != NULL) r->seen[key - config_keys] = true;
    config_apply(r->cfg, name, where, text, (config_origin){CONFIG_FROM_FILE, line}, r->problems);
}

/* Skips the value at hand, however deep, of a key that has been refused. */
static bool skip(reader *r)
{
    size_t depth = 0;
    for (;;) {
        switch (r->event.type) {
        case YAML_MAPPING_START_EVENT:
        case YAML_SEQUENCE_START_EVENT:
            depth++;
            break;
        case YAML_MAPPING_END_EVENT:
        case YAML_SEQUENCE_END_EVENT:
            depth--;
            break;
        default:
            break;
        }
        if (depth == 0) return true;
        if (!next(r)) return false;
    }
}

/* One `key: value` of a section; the key's scalar is at hand. */
static bool key_read(reader *r, const char *section)
{
    char name[2 * CONFIG_TEXT_MAX], text[CONFIG_VALUE_BYTES];
    int line = line_of(r);
    const char *key = scalar(r);
    if (key == NULL) return false;
    (void)snprintf(name, sizeof name, "%s.%.200s", section, key);
    if (!next(r)) return false;
    if (config_find(name) == NULL) { /* refused, whatever its value looks like */
        apply(r, name, "", line);
        return skip(r);
    }
    if (r->event.type == YAML_SEQUENCE_START_EVENT) {
        if (!sequence_join(r, text, sizeof text)) return false;
        if (config_find(name)->kind == CONFIG_LIST) {
            apply(r, name, text, line);
        } else {
            config_problem(r->problems, "%s:%d: %s takes one value, not a list", r->path, line,
                           name);
        }
        return true;
    }
    if (r->event.type != YAML_SCALAR_EVENT) {
        config_problem(r->problems, "%s:%d: %s takes a value, not keys below it", r->path, line,
                       name);
        return skip(r);
    }
    const char *value = scalar(r);
    if (value == NULL) return false;
    if (is_null(&r->event)) {
        config_problem(r->problems, "%s:%d: %s has no value", r->path, line, name);
    } else {
        apply(r, name, value, line);
    }
    return true;
}

static bool section_known(const char *section)
{
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        if (strcmp(config_keys[i].section, section) == 0) return true;
    }
    return false;
}

/* ---- stores ---- */

static void store_key_apply(reader *r, config_store *store, const char *name, int line)
{
    const char *text = scalar(r);
    char full[2 * CONFIG_TEXT_MAX], why[512];
    unsigned id = 0;
    while (id < CONFIG_STORE_KEY_COUNT && strcmp(config_store_keys[id].name, name) != 0)
        id++;
    (void)snprintf(full, sizeof full, "stores.%.200s", name);
    if (text == NULL) return; /* refused already */
    if (id == CONFIG_STORE_KEY_COUNT) {
        const char *later = config_later(full), *near = config_nearest_store_key(name);
        if (later != NULL)
            config_problem(r->problems, "%s:%d: %s: %s is not available in this version", r->path,
                           line, full, later);
        else
            config_problem(r->problems, "%s:%d: unknown key %s; did you mean %s?", r->path, line,
                           full, near != NULL ? near : "name");
    } else if ((store->given >> id & 1) != 0) {
        config_problem(r->problems, "%s:%d: %s is set twice in this entry", r->path, line, full);
    } else if (is_null(&r->event)) {
        config_problem(r->problems, "%s:%d: %s has no value", r->path, line, full);
    } else if (!config_field_set(store, &config_store_keys[id], CONFIG_UNITS_ASKED, text, why,
                                 sizeof why)) {
        config_problem(r->problems, "%s:%d: %s: %s", r->path, line, full, why);
    }
    if (id < CONFIG_STORE_KEY_COUNT) store->given |= 1u << id;
}

/* One entry of `stores`; the start of its map is at hand. */
static bool store_read(reader *r)
{
    config_store store = {.line = line_of(r)};
    size_t before = r->problems->count;
    for (;;) {
        char name[CONFIG_TEXT_MAX + 1];
        if (!next(r)) return false;
        if (r->event.type == YAML_MAPPING_END_EVENT) break;
        const char *key = r->event.type == YAML_SCALAR_EVENT ? scalar(r) : NULL;
        int line = line_of(r);
        if (key == NULL) {
            refuse(r, "a key must be a plain word");
            return false;
        }
        (void)snprintf(name, sizeof name, "%.200s", key);
        if (!next(r)) return false;
        if (r->event.type == YAML_SCALAR_EVENT) {
            store_key_apply(r, &store, name, line);
            continue;
        }
        config_problem(r->problems, "%s:%d: stores.%s takes one value", r->path, line, name);
        if (!skip(r)) return false;
    }
    if (r->problems->count != before) return true;
    if (r->cfg->store_count == CONFIG_STORES_MAX) {
        config_problem(r->problems, "%s:%d: more than %d stores", r->path, store.line,
                       CONFIG_STORES_MAX);
    } else {
        r->cfg->stores[r->cfg->store_count++] = store;
    }
    return true;
}

/* `stores:` of the file; its name is at hand. */
static bool stores_read(reader *r)
{
    int line = line_of(r);
    bool twice = r->stores_seen;
    r->stores_seen = true;
    if (!next(r)) return false;
    if (twice) {
        refuse(r, "this section stands twice in the file");
        return skip(r);
    }
    if (r->event.type == YAML_SCALAR_EVENT && is_null(&r->event)) return true;
    if (r->event.type != YAML_SEQUENCE_START_EVENT) {
        config_problem(r->problems, "%s:%d: stores must be a list, as `- name: sessions` below it",
                       r->path, line);
        return skip(r);
    }
    for (;;) {
        if (!next(r)) return false;
        if (r->event.type == YAML_SEQUENCE_END_EVENT) return true;
        if (r->event.type == YAML_MAPPING_START_EVENT) {
            if (!store_read(r)) return false;
            continue;
        }
        refuse(r, "an entry of stores must hold keys, as `name: sessions`");
        if (!skip(r)) return false;
    }
}

/* ---- sections ---- */

/* One `section:` of the file; its name is at hand. */
static bool section_read(reader *r)
{
    char section[sizeof r->sections[0]];
    int line = line_of(r);
    const char *name = scalar(r);
    if (name == NULL) return false;
    if (strcmp(name, "stores") == 0) return stores_read(r);
    if (strlen(name) >= sizeof section || !section_known(name)) {
        apply(r, name, "", line);
        return next(r) && skip(r);
    }
    (void)snprintf(section, sizeof section, "%s", name);
    for (size_t i = 0; i < r->section_count; i++) {
        if (strcmp(r->sections[i], section) == 0) {
            refuse(r, "this section stands twice in the file");
            return next(r) && skip(r);
        }
    }
    if (r->section_count < sizeof r->sections / sizeof r->sections[0]) {
        (void)snprintf(r->sections[r->section_count++], sizeof section, "%s", section);
    }
    if (!next(r)) return false;
    if (r->event.type == YAML_SCALAR_EVENT && is_null(&r->event))
        return true; /* all commented out */
    if (r->event.type != YAML_MAPPING_START_EVENT) {
        config_problem(r->problems, "%s:%d: section %s must hold keys, as `key: value` below it",
                       r->path, line, section);
        return skip(r);
    }
    for (;;) {
        if (!next(r)) return false;
        if (r->event.type == YAML_MAPPING_END_EVENT) return true;
        if (r->event.type != YAML_SCALAR_EVENT) {
            refuse(r, "a key must be a plain word");
            return false;
        }
        if (!key_read(r, section)) return false;
    }
}

static bool document_read(reader *r)
{
    if (!next(r) || !next(r)) return false;                  /* stream start */
    if (r->event.type == YAML_STREAM_END_EVENT) return true; /* an empty file */
    if (!next(r)) return false;                              /* document start */
    if (r->event.type == YAML_SCALAR_EVENT && is_null(&r->event)) return true;
    if (r->event.type != YAML_MAPPING_START_EVENT) {
        refuse(r, "expected sections, as `network:` with keys below it");
        return false;
    }
    for (;;) {
        if (!next(r)) return false;
        if (r->event.type == YAML_MAPPING_END_EVENT) break;
        if (r->event.type != YAML_SCALAR_EVENT) {
            refuse(r, "a section's name must be a plain word");
            return false;
        }
        if (!section_read(r)) return false;
    }
    if (!next(r) || !next(r)) return false; /* document end */
    if (r->event.type == YAML_STREAM_END_EVENT) return true;
    refuse(r, "a second document in one file");
    return false;
}

void config_read_yaml(config *cfg, const char *path, const char *text, size_t bytes,
                      config_problems *problems)
{
    reader r = {.cfg = cfg, .problems = problems, .path = path};
    if (!yaml_parser_initialize(&r.parser)) {
        config_problem(problems, "%s: out of memory", path);
        return;
    }
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, bytes);
    (void)document_read(&r);
    if (r.holds) yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
}

void config_read_file(config *cfg, const char *path, config_problems *problems)
{
    if (strlen(path) > CONFIG_TEXT_MAX) {
        config_problem(problems, "--config: the file's name is longer than %d bytes",
                       CONFIG_TEXT_MAX);
        return;
    }
    (void)snprintf(cfg->path, sizeof cfg->path, "%s", path);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        config_problem(problems, "%s: %s", path, strerror(errno));
        return;
    }
    char *text = malloc(CONFIG_FILE_BYTES_MAX + 1);
    size_t bytes = text != NULL ? fread(text, 1, CONFIG_FILE_BYTES_MAX + 1, file) : 0;
    if (text == NULL || ferror(file)) {
        config_problem(problems, "%s: %s", path, text == NULL ? "out of memory" : strerror(errno));
    } else if (bytes > CONFIG_FILE_BYTES_MAX) {
        config_problem(problems, "%s: larger than %d bytes, no configuration is", path,
                       CONFIG_FILE_BYTES_MAX);
    } else {
        config_read_yaml(cfg, path, text, bytes, problems);
    }
    free(text);
    (void)fclose(file);
}
