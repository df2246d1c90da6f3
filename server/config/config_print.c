/*
 * config_print.c - a configuration as YAML, and the help text, both out of the table of keys.
 */
#include <inttypes.h>
#include <string.h>

#include "config/config.h"
#include "config/config_value.h"

#include <hypercache/types.h>

#define WIDTH 88u        /* columns of a comment */
#define RANGE_BYTES 512u /* of what values a key takes: eviction has the most words */

/* Prints `text` in lines that start with `lead` and break at blanks. */
static void wrap(FILE *to, const char *lead, const char *text)
{
    size_t room = WIDTH - strlen(lead);
    while (*text != '\0') {
        size_t size = strlen(text);
        if (size > room) {
            size = room;
            while (size > 0 && text[size] != ' ')
                size--;
            if (size == 0) size = room;
        }
        (void)fprintf(to, "%s%.*s\n", lead, (int)size, text);
        text += size;
        text += strspn(text, " ");
    }
}

/* What values a key takes, as "1 to 65535". */
static void range_write(const config_key *key, char *text, size_t text_bytes)
{
    char low[32], high[32];
    size_t used = 0;
    text[0] = '\0';
    switch (key->kind) {
    case CONFIG_BOOL:
        (void)snprintf(text, text_bytes, "true or false");
        break;
    case CONFIG_INT:
        (void)snprintf(text, text_bytes, "%" PRId64 " to %" PRId64, key->min, key->max);
        break;
    case CONFIG_SIZE:
        config_size_write(key->max, high, sizeof high);
        (void)snprintf(text, text_bytes, "a size in B, KB, MB, GB or TB, at most %s", high);
        break;
    case CONFIG_DURATION:
        config_duration_write(key->min, low, sizeof low);
        config_duration_write(key->max, high, sizeof high);
        (void)snprintf(text, text_bytes, "a time in ms, s, m, h or d, %s to %s", low, high);
        break;
    case CONFIG_REAL:
        (void)snprintf(text, text_bytes, "%g to %g", (double)key->min / 1e6,
                       (double)key->max / 1e6);
        break;
    case CONFIG_ENUM:
    case CONFIG_LIST:
    case CONFIG_TEXT:
        if (key->kind == CONFIG_LIST) used = (size_t)snprintf(text, text_bytes, "a list");
        for (const config_word *at = key->words; at != NULL && at->word != NULL; at++) {
            const char *between = at != key->words ? ", " : used > 0 ? " of " : "";
            used += (size_t)snprintf(text + used, text_bytes - used, "%s%s", between, at->word);
            if (used >= text_bytes) return; /* cut off */
        }
        break;
    }
}

/* Whether YAML takes `text` as it stands. */
static bool is_plain(const char *text)
{
    size_t plain = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789_./=-");
    return plain > 0 && text[plain] == '\0' && text[0] != '-';
}

static void scalar_print(FILE *to, const char *text)
{
    if (is_plain(text)) {
        (void)fputs(text, to);
        return;
    }
    (void)fputc('"', to);
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\') (void)fputc('\\', to);
        (void)fputc(*at, to);
    }
    (void)fputc('"', to);
}

void config_print_value(const config *cfg, const config_key *key, FILE *to)
{
    char text[CONFIG_VALUE_BYTES];
    if (key->kind != CONFIG_LIST) {
        config_get(cfg, key, text);
        scalar_print(to, text);
        return;
    }
    const config_list *list = (const config_list *)(const void *)((const char *)cfg + key->offset);
    (void)fputc('[', to);
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0) (void)fputs(", ", to);
        scalar_print(to, list->items[i]);
    }
    (void)fputc(']', to);
}

static void section_print(FILE *to, size_t i)
{
    if (i > 0 && strcmp(config_keys[i].section, config_keys[i - 1].section) == 0) return;
    (void)fprintf(to, "%s%s:\n", i > 0 ? "\n" : "", config_keys[i].section);
}

static void stores_print(const config *cfg, FILE *to)
{
    (void)fprintf(to, "\nstores:%s\n", cfg->store_count == 0 ? " []  # default" : "");
    for (size_t i = 0; i < cfg->store_count; i++) {
        const config_store *store = &cfg->stores[i];
        const char *lead = "  - ";
        for (unsigned id = 0; id < CONFIG_STORE_KEY_COUNT; id++) {
            char text[CONFIG_VALUE_BYTES];
            if ((store->given >> id & 1) == 0) continue;
            config_store_get(store, (config_store_id)id, text);
            (void)fprintf(to, "%s%s: ", lead, config_store_keys[id].name);
            scalar_print(to, text);
            if (lead[2] == '-') (void)fprintf(to, "  # %s:%d", cfg->path, store->line);
            (void)fputc('\n', to);
            lead = "    ";
        }
    }
}

static void stores_print_default(FILE *to)
{
    (void)fputs("\n# Stores that are there from the start, besides those of STORE CREATE. Keys of "
                "an entry;\n# all but name may be left out:\n",
                to);
    for (size_t i = 0; i < CONFIG_STORE_KEY_COUNT; i++) {
        const config_key *key = &config_store_keys[i];
        (void)fprintf(to, "#   %s\n", key->name);
        wrap(to, "#       ", key->help);
    }
    (void)fputs("# as in\n#   - name: sessions\n#     default_ttl: 30m\n#     max_memory: 64MB\n"
                "stores: []\n",
                to);
}

void config_print(const config *cfg, FILE *to)
{
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        char origin[CONFIG_TEXT_MAX + 32];
        section_print(to, i);
        (void)fprintf(to, "  %s: ", config_keys[i].name);
        config_print_value(cfg, &config_keys[i], to);
        config_origin_text(cfg, &config_keys[i], origin, sizeof origin);
        (void)fprintf(to, "  # %s\n", origin);
    }
    stores_print(cfg, to);
}

void config_print_default(FILE *to)
{
    config cfg;
    config_defaults(&cfg);
    (void)fprintf(
        to,
        "# Configuration of hypercached %s: every key, with its default value.\n"
        "# A key can also come from the environment (HYPERCACHE_NETWORK_RESP_PORT=6380)\n"
        "# or from a flag (--network.resp_port=6380): default < file < environment < flag.\n"
        "# [live]: follows SIGHUP and CONFIG SET while the node runs.\n\n",
        HC_VERSION);
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        const config_key *key = &config_keys[i];
        char range[RANGE_BYTES], text[RANGE_BYTES + 512];
        section_print(to, i);
        range_write(key, range, sizeof range);
        (void)snprintf(text, sizeof text, "%s%s%s%s%s", key->help, range[0] != '\0' ? " (" : "",
                       range, range[0] != '\0' ? ")" : "",
                       (key->flags & CONFIG_LIVE) != 0 ? " [live]" : "");
        wrap(to, "  # ", text);
        (void)fprintf(to, "  %s: ", key->name);
        config_print_value(&cfg, key, to);
        (void)fputc('\n', to);
    }
    stores_print_default(to);
}

void config_print_help(FILE *to)
{
    (void)fputs("usage: hypercached [--config FILE] [--SECTION.KEY=VALUE ...]\n"
                "       hypercached config validate|show [FILE] [--SECTION.KEY=VALUE ...]\n"
                "       hypercached config default\n"
                "       hypercached data info|verify|salvage|backup|restore|import|export ...\n"
                "       hypercached cluster status|ring|leave ...\n"
                "       hypercached sanity --nodes HOST:PORT,...\n\n"
                "Serves a cache to Redis clients. Settings come from defaults, then FILE (or\n"
                "$HYPERCACHE_CONFIG), then HYPERCACHE_SECTION_KEY variables, then flags.\n\n"
                "  --config FILE   read this YAML file\n"
                "  --help          print this text\n"
                "  --version       print the version\n",
                to);
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        const config_key *key = &config_keys[i];
        const char *value = key->default_text[0] != '\0' ? key->default_text : "\"\"";
        (void)fprintf(to, "\n  --%s", key->full);
        if (key->short_flag != NULL) (void)fprintf(to, ", --%s", key->short_flag);
        (void)fprintf(to, "  (default %s)\n", value);
        wrap(to, "      ", key->help);
    }
}
