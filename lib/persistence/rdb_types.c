/*
 * rdb_types.c - values of other types: what they are called, and where they end.
 *
 * A type is described by a few letters, which hci_rdb_value_skip follows:
 *
 *     s string    8 eight bytes    l length    d number as text    n( ... ) so many times, a length
 */
#include "persistence/rdb_private.h"

#include <assert.h>

#define NESTING_MAX 4u

typedef struct type_row {
    const char *name, *form;
} type_row;

#define CONSUMERS "n(s 8 n(8 8))"
#define CONSUMERS_SEEN "n(s 8 8 n(8 8))"
#define GROUP_ENTRIES "n(8 8 8 l)"
static const type_row types[] = {
    [0] = {"string", "s"},
    [1] = {"list", "n(s)"},
    [2] = {"set", "n(s)"},
    [3] = {"zset", "n(s d)"},
    [4] = {"hash", "n(s s)"},
    [5] = {"zset", "n(s 8)"},
    [6] = {"module", NULL},
    [7] = {"module", "m"},
    [9] = {"hash", "s"},
    [10] = {"list", "s"},
    [11] = {"set", "s"},
    [12] = {"zset", "s"},
    [13] = {"hash", "s"},
    [14] = {"list", "n(s)"},
    [15] = {"stream", "n(s s) l l l n(s l l " GROUP_ENTRIES CONSUMERS ")"},
    [16] = {"hash", "s"},
    [17] = {"zset", "s"},
    [18] = {"list", "n(l s)"},
    [19] = {"stream", "n(s s) l l l l l l l l n(s l l l " GROUP_ENTRIES CONSUMERS ")"},
    [20] = {"set", "s"},
    [21] = {"stream", "n(s s) l l l l l l l l n(s l l l " GROUP_ENTRIES CONSUMERS_SEEN ")"},
    [22] = {"hash", "n(l s s)"},
    [23] = {"hash", "s"},
    [24] = {"hash", "8 n(l s s)"},
    [25] = {"hash", "8 s"},
};

const char *hci_rdb_type_name(uint8_t type)
{
    return type < sizeof types / sizeof *types ? types[type].name : NULL;
}

static bool string_skip(rdb_reader *from)
{
    rdb_string string;
    return hci_rdb_string(from, &string) && from->skip(from, string.stored_bytes);
}

/* One byte of length, or 253..255 for what is no number. */
static bool text_number_skip(rdb_reader *from)
{
    uint8_t bytes;
    if (!hci_rdb_take(from, &bytes, 1)) return false;
    return bytes >= 253 || from->skip(from, bytes);
}

bool hci_rdb_module_skip(rdb_reader *from)
{
    enum { END, SIGNED, UNSIGNED, FLOAT, DOUBLE, STRING };
    for (;;) {
        uint64_t opcode, number;
        if (!hci_rdb_length(from, &opcode, NULL)) return false;
        bool done = true;
        switch (opcode) {
        case END:
            return true;
        case SIGNED:
        case UNSIGNED:
            done = hci_rdb_length(from, &number, NULL);
            break;
        case FLOAT:
            done = from->skip(from, 4);
            break;
        case DOUBLE:
            done = from->skip(from, 8);
            break;
        case STRING:
            done = string_skip(from);
            break;
        default:
            from->fault = "a module's value of no known form";
            return false;
        }
        if (!done) return false;
    }
}

/* The end of the group that begins at `at`, behind its ')'. */
static const char *group_end(const char *at)
{
    unsigned depth = 0;
    for (;; at++) {
        if (*at == '(') depth++;
        if (*at == ')' && --depth == 0) return at + 1;
    }
}

typedef struct loop {
    const char *body;
    uint64_t left;
} loop;

static bool part_skip(rdb_reader *from, char part)
{
    uint64_t number;
    switch (part) {
    case 's':
        return string_skip(from);
    case '8':
        return from->skip(from, 8);
    case 'l':
        return hci_rdb_length(from, &number, NULL);
    case 'd':
        return text_number_skip(from);
    case 'm':
        return hci_rdb_length(from, &number, NULL) && hci_rdb_module_skip(from);
    default:
        return true; /* blank */
    }
}

/* Each turn of a loop takes a byte at least, so an untrue count ends with the bytes. */
static bool form_follow(rdb_reader *from, const char *form)
{
    loop loops[NESTING_MAX];
    unsigned depth = 0;
    for (const char *at = form; *at != '\0';) {
        if (*at == 'n') {
            uint64_t times;
            if (!hci_rdb_length(from, &times, NULL)) return false;
            if (times == 0) {
                at = group_end(at);
                continue;
            }
            assert(depth < NESTING_MAX); /* the forms are ours */
            loops[depth++] = (loop){at + 2, times};
            at += 2;
        } else if (*at == ')') {
            assert(depth > 0);
            loop *now = &loops[depth - 1];
            if (--now->left > 0) {
                at = now->body;
            } else {
                depth--;
                at++;
            }
        } else if (!part_skip(from, *at++)) {
            return false;
        }
    }
    return true;
}

bool hci_rdb_value_skip(rdb_reader *from, uint8_t type)
{
    if (hci_rdb_type_name(type) == NULL || types[type].form == NULL) {
        from->fault = "a value of a type that is not known";
        return false;
    }
    return form_follow(from, types[type].form);
}
