/* data_refusals.c - see data_refusals.h. */
#include "data/data_refusals.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

static void kind_write(char to[REFUSALS_KIND_BYTES_MAX + 1], hc_span kind)
{
    size_t used = 0;
    for (; used < kind.size && used < REFUSALS_KIND_BYTES_MAX; used++) {
        uint8_t c = kind.data[used];
        bool plain = c > 0x20 && c < 0x7f && c != '"' && c != '\\';
        to[used] = plain ? (char)tolower(c) : '?';
    }
    to[used] = '\0';
}

static refusal_kind *kind_of(refusals *in, const char *name)
{
    for (size_t i = 0; i < in->kinds; i++) {
        if (strcmp(in->kind[i].name, name) == 0) return &in->kind[i];
    }
    if (in->kinds > REFUSALS_KINDS_MAX) return &in->kind[REFUSALS_KINDS_MAX];
    bool last = in->kinds == REFUSALS_KINDS_MAX;
    refusal_kind *made = &in->kind[in->kinds++];
    (void)snprintf(made->name, sizeof made->name, "%s", last ? "others" : name);
    return made;
}

void refusals_count(refusals *to, hc_span kind, uint64_t count)
{
    char name[REFUSALS_KIND_BYTES_MAX + 1];
    if (count == 0) return;
    kind_write(name, kind);
    kind_of(to, name)->count += count;
    to->count += count;
}

void refusals_add(refusals *to, hc_span kind, hc_span key)
{
    refusals_count(to, kind, 1);
    if (to->names == REFUSALS_NAMES_MAX) return;
    refusal_name *name = &to->name[to->names++];
    kind_write(name->kind, kind);
    name->key_bytes = key.size < REFUSALS_KEY_BYTES_MAX ? key.size : REFUSALS_KEY_BYTES_MAX;
    if (name->key_bytes > 0) memcpy(name->key, key.data, name->key_bytes);
}

void refusals_print(const refusals *of, FILE *to)
{
    for (size_t i = 0; i < of->kinds; i++) {
        (void)fprintf(to, "%s%" PRIu64 " %s", i == 0 ? "  " : ", ", of->kind[i].count,
                      of->kind[i].name);
    }
    (void)fputs(of->kinds > 0 ? "\n" : "", to);
    for (size_t i = 0; i < of->names; i++) {
        (void)fprintf(to, "    %s ", of->name[i].kind);
        data_print_quoted(to, hc_span_make(of->name[i].key, of->name[i].key_bytes));
        (void)fputc('\n', to);
    }
    if (of->count > of->names) (void)fputs("    ...\n", to);
}

void refusals_json(const refusals *of, data_json *to, const char *key)
{
    data_json_open(to, key, '{');
    data_json_number(to, "count", of->count);
    data_json_open(to, "kinds", '{');
    for (size_t i = 0; i < of->kinds; i++)
        data_json_number(to, of->kind[i].name, of->kind[i].count);
    data_json_close(to, '}');
    data_json_open(to, "first", '[');
    for (size_t i = 0; i < of->names; i++) {
        data_json_open(to, NULL, '{');
        data_json_string(to, "kind", of->name[i].kind);
        data_json_text(to, "key", hc_span_make(of->name[i].key, of->name[i].key_bytes));
        data_json_close(to, '}');
    }
    data_json_close(to, ']');
    data_json_close(to, '}');
}
