/*
 * config_suggest.c - the key nearest to a mistyped one, by edit distance.
 *
 * A key's distance is the least of: the whole names compared; the last parts compared, plus one
 * for the wrong or missing section.  Past a third of the name's length nothing is suggested.
 */
#include <string.h>
#include <strings.h>

#include "config/config.h"

#define NAME_BYTES_MAX 64u /* longer names are near to nothing */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Levenshtein distance in O(a * b) with one row. */
static size_t distance(const char *a, const char *b)
{
    size_t a_size = strlen(a), b_size = strlen(b);
    if (a_size > NAME_BYTES_MAX || b_size > NAME_BYTES_MAX) return NAME_BYTES_MAX;
    size_t row[NAME_BYTES_MAX + 1];
    for (size_t j = 0; j <= b_size; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_size; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            size_t change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = least(change, least(row[j], row[j - 1]) + 1);
        }
    }
    return row[b_size];
}

static const char *last_part(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL ? dot + 1 : name;
}

const char *config_nearest(const char *name)
{
    const char *best = NULL;
    size_t best_distance = strlen(name) / 3 + 2;
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        size_t whole = distance(name, config_keys[i].full);
        size_t part = distance(last_part(name), config_keys[i].name);
        /* A short last part must match closely, or everything is near to `id`. */
        if (part * 3 <= strlen(config_keys[i].name)) whole = least(whole, part + 1);
        if (whole >= best_distance) continue;
        best_distance = whole;
        best = config_keys[i].full;
    }
    return best;
}

const char *config_nearest_store_key(const char *name)
{
    const char *best = NULL;
    size_t best_distance = strlen(name) / 3 + 2;
    for (size_t i = 0; i < CONFIG_STORE_KEY_COUNT; i++) {
        size_t its = distance(name, config_store_keys[i].name);
        if (its >= best_distance) continue;
        best_distance = its;
        best = config_store_keys[i].name;
    }
    return best;
}

bool config_is_of_stores(const char *name)
{
    return strcmp(name, "stores") == 0 || strncmp(name, "stores.", 7) == 0;
}

const char *config_nearest_section(const char *name)
{
    const char *best = NULL;
    size_t best_distance = strlen(name) / 3 + 1;
    for (size_t i = 0; i < CONFIG_KEY_COUNT && strchr(name, '.') == NULL; i++) {
        if (distance(name, config_keys[i].section) >= best_distance) continue;
        best_distance = distance(name, config_keys[i].section);
        best = config_keys[i].section;
    }
    return best;
}

const char *config_nearest_flag(const char *flag)
{
    const char *best = NULL;
    size_t best_distance = strlen(flag) / 3 + 2;
    static const char *const others[] = {"config", "help", "version"};
    for (size_t i = 0; i < CONFIG_KEY_COUNT + sizeof others / sizeof others[0]; i++) {
        const char *name =
            i < CONFIG_KEY_COUNT ? config_keys[i].short_flag : others[i - CONFIG_KEY_COUNT];
        if (name == NULL || distance(flag, name) >= best_distance) continue;
        best_distance = distance(flag, name);
        best = name;
    }
    return best;
}

const char *config_later(const char *name)
{
    static const struct {
        const char *prefix, *what;
    } rows[] = {
#define ROW(prefix, what) {prefix, what},
        CONFIG_LATER(ROW)
#undef ROW
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t size = strlen(rows[i].prefix);
        if (strncmp(name, rows[i].prefix, size) != 0) continue;
        if (name[size] == '\0' || name[size] == '.') return rows[i].what;
    }
    return NULL;
}
