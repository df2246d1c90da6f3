/*
 * config_value.c - numbers are digits and at most one unit from a table; all else is refused.
 */
#include "config/config_value.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct unit {
    const char *name;
    int64_t factor;
} unit;

#define KIB (INT64_C(1) << 10)
#define MIB (INT64_C(1) << 20)
#define GIB (INT64_C(1) << 30)
#define TIB (INT64_C(1) << 40)
/* The first SIZE_UNITS rise, for writing. */
#define SIZE_UNITS 5u
static const unit size_units[] = {
    {"B", 1},     {"KB", KIB},  {"MB", MIB}, {"GB", GIB}, {"TB", TIB}, {"KiB", KIB}, {"MiB", MIB},
    {"GiB", GIB}, {"TiB", TIB}, {"K", KIB},  {"M", MIB},  {"G", GIB},  {"T", TIB},   {NULL, 0},
};
#define DURATION_UNITS 5u
static const unit duration_units[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {NULL, 0},
};

__attribute__((format(printf, 2, 3))) static bool refuse(config_why why, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(why.text, why.bytes, format, args);
    va_end(args);
    return false;
}

/* The digits at the start of `text`; *rest_out is what follows, blanks skipped. */
static bool number_read(const char *text, int64_t *value_out, const char **rest_out, config_why why)
{
    const char *digits = text + (*text == '-' || *text == '+');
    if (*digits < '0' || *digits > '9') return refuse(why, "'%.64s' is not a number", text);
    errno = 0;
    char *end;
    long long value = strtoll(text, &end, 10);
    if (errno == ERANGE) return refuse(why, "'%.64s' is too large a number", text);
    while (*end == ' ')
        end++;
    *value_out = value;
    *rest_out = end;
    return true;
}

bool config_int_read(const char *text, int64_t *value_out, config_why why)
{
    const char *rest;
    int64_t value;
    if (!number_read(text, &value, &rest, why)) return false;
    if (*rest != '\0') return refuse(why, "'%.64s' is not a whole number", text);
    *value_out = value;
    return true;
}

bool config_real_read(const char *text, double *value_out, config_why why)
{
    size_t digits = strspn(text, "0123456789");
    size_t rest = text[digits] == '.' ? 1 + strspn(text + digits + 1, "0123456789") : 0;
    size_t size = digits + rest;
    if (digits == 0 || rest == 1 || size > 18 || text[size] != '\0')
        return refuse(why, "'%.64s' is not a number such as 0.01", text);
    double value = 0, scale = 1; /* not strtod: its point is the locale's */
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '.') continue;
        value = value * 10 + (*at - '0');
        if (at > text + digits) scale *= 10;
    }
    *value_out = value / scale;
    return true;
}

static bool scaled_read(const char *text, const unit *units, int64_t plain_factor,
                        const char *examples, int64_t *value_out, config_why why)
{
    const char *rest;
    int64_t value, factor = plain_factor;
    if (!number_read(text, &value, &rest, why)) return false;
    if (*rest == '.') return refuse(why, "'%.64s' is not a whole number; use a smaller unit", text);
    if (*rest != '\0') {
        factor = 0;
        for (const unit *at = units; at->name != NULL; at++) {
            if (strcasecmp(rest, at->name) == 0) factor = at->factor;
        }
        if (factor == 0)
            return refuse(why, "'%.64s': unknown unit '%.32s', use %s", text, rest, examples);
    }
    if (value != 0 && factor == 0) return refuse(why, "'%.64s' needs a unit: %s", text, examples);
    if (__builtin_mul_overflow(value, factor, &value))
        return refuse(why, "'%.64s' is too large", text);
    *value_out = value;
    return true;
}

bool config_size_read(const char *text, int64_t *bytes_out, config_why why)
{
    return scaled_read(text, size_units, 1, "B, KB, MB, GB or TB", bytes_out, why);
}

bool config_duration_read(const char *text, config_units plain, int64_t *ms_out, config_why why)
{
    return scaled_read(text, duration_units, plain == CONFIG_UNITS_PLAIN, "ms, s, m, h or d",
                       ms_out, why);
}

bool config_bool_read(const char *text, bool *value_out, config_why why)
{
    static const char *const yes[] = {"true", "yes", "on", "1"};
    static const char *const no[] = {"false", "no", "off", "0"};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        bool is_yes = strcasecmp(text, yes[i]) == 0;
        if (is_yes || strcasecmp(text, no[i]) == 0) {
            *value_out = is_yes;
            return true;
        }
    }
    return refuse(why, "'%.64s' is neither true nor false", text);
}

bool config_word_read(const char *text, const config_word *words, int *value_out, config_why why)
{
    for (const config_word *at = words; at->word != NULL; at++) {
        if (strcasecmp(text, at->word) != 0) continue;
        *value_out = at->value;
        return true;
    }
    char list[512] = "";
    for (const config_word *at = words; at->word != NULL; at++) {
        size_t used = strlen(list);
        (void)snprintf(list + used, sizeof list - used, "%s%s", used > 0 ? ", " : "", at->word);
    }
    return refuse(why, "'%.64s' is none of: %s", text, list);
}

/* Bytes of the printable UTF-8 character at `text`; 0: there is none.  Refused are control
 * characters, what YAML takes for a line's end or a byte order mark, and what is no Unicode. */
static size_t character_size(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    size_t size = at[0] < 0x80                     ? 1
                  : at[0] >= 0xc2 && at[0] <= 0xdf ? 2
                  : at[0] >= 0xe0 && at[0] <= 0xef ? 3
                  : at[0] >= 0xf0 && at[0] <= 0xf4 ? 4
                                                   : 0;
    if (size == 0) return 0;
    if (size == 1) return at[0] >= 0x20 && at[0] != 0x7f;
    uint32_t code = at[0] & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80) return 0; /* also at the text's end */
        code = code << 6 | (at[i] & 0x3fu);
    }
    static const uint32_t least[] = {0, 0, 0xa0, 0x800, 0x10000};
    bool line_end = code == 0x2028 || code == 0x2029;
    bool surrogate = code >= 0xd800 && code <= 0xdfff;
    bool mark = code == 0xfeff || code == 0xfffe || code == 0xffff;
    return code < least[size] || code > 0x10ffff || line_end || surrogate || mark ? 0 : size;
}

bool config_text_read(const char *text, int64_t min, int64_t max, config_text value_out,
                      config_why why)
{
    size_t size = strlen(text);
    if (size < (size_t)min) return refuse(why, "must not be empty");
    if (size > (size_t)max || size > CONFIG_TEXT_MAX) {
        return refuse(why, "is %zu bytes long, %" PRId64 " at most", size, max);
    }
    for (const char *at = text; *at != '\0';) {
        size_t step = character_size(at);
        if (step == 0) return refuse(why, "must be UTF-8 without control characters");
        at += step;
    }
    memcpy(value_out, text, size + 1);
    return true;
}

#define LIST_BETWEEN ", "

bool config_list_read(const char *text, int64_t min, int64_t max, config_list *list_out,
                      config_why why)
{
    config_list list = {0};
    const char *at = text + strspn(text, LIST_BETWEEN);
    while (*at != '\0') {
        size_t size = strcspn(at, LIST_BETWEEN);
        if (size > CONFIG_TEXT_MAX)
            return refuse(why, "has an item of %zu bytes, %d at most", size, CONFIG_TEXT_MAX);
        if ((int64_t)list.count >= max || list.count >= CONFIG_LIST_MAX) {
            return refuse(why, "has more than %" PRId64 " items", max);
        }
        char item[CONFIG_TEXT_MAX + 1];
        memcpy(item, at, size);
        item[size] = '\0';
        if (!config_text_read(item, 1, CONFIG_TEXT_MAX, list.items[list.count], why)) return false;
        list.count++;
        at += size;
        at += strspn(at, LIST_BETWEEN);
    }
    if ((int64_t)list.count < min) return refuse(why, "must have at least %" PRId64 " item", min);
    *list_out = list;
    return true;
}

/* With the largest of the first `unit_count` units that divides `value`. */
static void scaled_write(int64_t value, const unit *units, size_t unit_count, char *text,
                         size_t text_bytes)
{
    size_t best = 0;
    for (size_t i = 0; i < unit_count; i++) {
        if (value % units[i].factor == 0) best = i;
    }
    const char *name = value == 0 ? "" : units[best].name;
    int64_t scaled = value / units[best].factor;
    (void)snprintf(text, text_bytes, "%" PRId64 "%s", scaled, name);
}

void config_size_write(int64_t bytes, char *text, size_t text_bytes)
{
    scaled_write(bytes, size_units, SIZE_UNITS, text, text_bytes);
}

void config_duration_write(int64_t ms, char *text, size_t text_bytes)
{
    scaled_write(ms, duration_units, DURATION_UNITS, text, text_bytes);
}

void config_real_write(double value, char *text, size_t text_bytes)
{
    int size = snprintf(text, text_bytes, "%.9f", value);
    if (size <= 0 || (size_t)size >= text_bytes) return;
    while (text[size - 1] == '0' && text[size - 2] != '.')
        text[--size] = '\0';
}

const char *config_word_write(int value, const config_word *words)
{
    for (const config_word *at = words; at->word != NULL; at++) {
        if (at->value == value) return at->word;
    }
    return "";
}
