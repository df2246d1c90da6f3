/*
 * lcs_commands.c - LCS: what two values have in common, in order.
 *
 * The table of lengths L(i,j), of the common subsequence of the first i bytes of `a` and the first
 * j of `b`, is made row by row (Wagner, Fischer 1974), and only one row of it is kept.  To walk
 * back from the end, one bit of each cell is enough, for the bytes themselves tell where a match
 * is:
 *
 *        . b e r        1  L(i-1,j) > L(i,j-1): back to the cell above
 *      . 0 0 0 0        0  else to the left one
 *      b 0 1 1 1        at a match, diagonally
 *      r 0 1 1 2
 *
 * So two values for which Redis takes 512 MB, the most it allows, take 16 MB here; the limit is the
 * same.  Rows lie along the shorter value.  The values are copied aside first and no lock is held
 * while the table is made, which takes about a nanosecond a cell.
 */
#include <stdlib.h>
#include <string.h>

#include "command/command_args.h"
#include "command/handlers.h"

/* Redis's table, which it refuses to make when it is larger than a value may be. */
#define CELL_BYTES sizeof(uint32_t)

typedef struct lcs_wish {
    bool length, ranges, with_sizes; /* LEN, IDX, WITHMATCHLEN */
    int64_t size_min;                /* MINMATCHLEN */
} lcs_wish;

typedef struct lcs {
    hc_span a, b;
    uint32_t length;
    uint32_t *row;  /* of the shorter value's size plus one */
    uint8_t *turns; /* bit x * shorter + y, of byte x of the longer value and y of the shorter */
    bool a_is_longer;
    void *memory; /* all of the above */
} lcs;

/* A piece that both have. */
typedef struct lcs_match {
    size_t in_a, in_b, size;
} lcs_match;

/* ---- the table ---- */

/* HC_ERR_LIMIT: more cells than Redis makes. */
static hc_status lcs_init(lcs *of, hc_span a, hc_span b, bool length_only)
{
    *of = (lcs){.a_is_longer = a.size > b.size};
    uint64_t cells = ((uint64_t)a.size + 1) * ((uint64_t)b.size + 1);
    if (cells * CELL_BYTES > HC_VALUE_BYTES_MAX) return HC_ERR_LIMIT;
    if (a.size == 0 || b.size == 0) return HC_OK;
    size_t shorter = of->a_is_longer ? b.size : a.size;
    size_t row_bytes = (shorter + 1) * sizeof *of->row;
    size_t turn_bytes = length_only ? 0 : (a.size * b.size + 7) / 8;
    of->memory = calloc(1, row_bytes + turn_bytes + a.size + b.size);
    if (of->memory == NULL) return HC_ERR_NO_MEMORY;
    of->row = of->memory;
    of->turns = length_only ? NULL : (uint8_t *)of->memory + row_bytes;
    uint8_t *text = (uint8_t *)of->memory + row_bytes + turn_bytes;
    memcpy(text, a.data, a.size);
    memcpy(text + a.size, b.data, b.size);
    of->a = hc_span_make(text, a.size);
    of->b = hc_span_make(text + a.size, b.size);
    return HC_OK;
}

static void lcs_fini(lcs *of)
{
    free(of->memory);
}

static void lcs_fill(lcs *of)
{
    hc_span longer = of->a_is_longer ? of->a : of->b, shorter = of->a_is_longer ? of->b : of->a;
    uint32_t *row = of->row;
    size_t cell = 0;
    for (size_t x = 0; x < longer.size; x++) {
        uint32_t diagonal = 0, left = 0;
        for (size_t y = 0; y < shorter.size; y++, cell++) {
            uint32_t above = row[y + 1];
            uint32_t greater = above > left ? above : left;
            /* above and left change places with the values */
            bool is_turn = of->a_is_longer ? above > left : left > above;
            if (of->turns != NULL) of->turns[cell / 8] |= (uint8_t)(is_turn << cell % 8);
            left = longer.data[x] == shorter.data[y] ? diagonal + 1 : greater;
            diagonal = above;
            row[y + 1] = left;
        }
    }
    if (shorter.size > 0) of->length = row[shorter.size];
}

static bool turn_at(const lcs *of, size_t i, size_t j)
{
    size_t cell = of->a_is_longer ? i * of->b.size + j : j * of->a.size + i;
    return (of->turns[cell / 8] >> cell % 8 & 1) != 0;
}

/* Walks back from the first *i bytes of `a` and *j of `b` to the next piece they share, which is as
 * long as possible.  False: there is none. */
static bool lcs_back(const lcs *of, size_t *i, size_t *j, lcs_match *match_out)
{
    size_t size = 0;
    while (*i > 0 && *j > 0) {
        if (of->a.data[*i - 1] == of->b.data[*j - 1]) {
            --*i;
            --*j;
            size++;
        } else if (size > 0) {
            break;
        } else if (turn_at(of, *i - 1, *j - 1)) {
            --*i;
        } else {
            --*j;
        }
    }
    *match_out = (lcs_match){*i, *j, size};
    return size > 0;
}

/* ---- answers ---- */

static void reply_subsequence(reply *to, const lcs *of)
{
    lcs_match match;
    size_t i = of->a.size, j = of->b.size, left = of->length;
    uint8_t *text = to->ops->bulk(to, of->length);
    while (text != NULL && lcs_back(of, &i, &j, &match)) {
        left -= match.size;
        memcpy(text + left, of->a.data + match.in_a, match.size);
    }
}

static void reply_ends(reply *to, size_t first, size_t size)
{
    to->ops->array(to, 2);
    to->ops->integer(to, (int64_t)first);
    to->ops->integer(to, (int64_t)(first + size - 1));
}

static void reply_match(reply *to, const lcs_match *match, const lcs_wish *wish)
{
    to->ops->array(to, wish->with_sizes ? 3 : 2);
    reply_ends(to, match->in_a, match->size);
    reply_ends(to, match->in_b, match->size);
    if (wish->with_sizes) to->ops->integer(to, (int64_t)match->size);
}

/* The last match comes first.  Walked twice, for an array is announced by its size. */
static void reply_matches(reply *to, const lcs *of, const lcs_wish *wish)
{
    lcs_match match;
    size_t count = 0;
    for (size_t i = of->a.size, j = of->b.size; lcs_back(of, &i, &j, &match);)
        count += (int64_t)match.size >= wish->size_min;
    to->ops->map(to, 2);
    reply_text(to, HC_SPAN("matches"));
    to->ops->array(to, count);
    for (size_t i = of->a.size, j = of->b.size; lcs_back(of, &i, &j, &match);)
        if ((int64_t)match.size >= wish->size_min) reply_match(to, &match, wish);
    reply_text(to, HC_SPAN("len"));
    to->ops->integer(to, of->length);
}

/* ---- the command ---- */

/* NULL, or the error. */
static const char *wish_parse(const request *of, lcs_wish *wish)
{
    *wish = (lcs_wish){0};
    for (size_t i = 3; i < of->argc; i++) {
        if (argument_is(of->args[i], "idx")) {
            wish->ranges = true;
        } else if (argument_is(of->args[i], "len")) {
            wish->length = true;
        } else if (argument_is(of->args[i], "withmatchlen")) {
            wish->with_sizes = true;
        } else if (argument_is(of->args[i], "minmatchlen") && i + 1 < of->argc) {
            if (!integer_parse(of->args[++i], &wish->size_min)) return ERROR_NOT_INTEGER;
        } else {
            return ERROR_SYNTAX;
        }
    }
    if (wish->ranges && wish->length)
        return "ERR If you want both the length and indexes, please just use IDX.";
    return NULL;
}

/* Copies both values of one moment.  Wrong types count before wrong options. */
static const char *lcs_read(request *of, lcs *made, lcs_wish *wish)
{
    hc_txn txn;
    hc_span values[2];
    const char *error = wish_parse(of, wish);
    hc_status status = HC_OK;
    request_begin(of, &of->args[1], 2, &txn);
    for (unsigned i = 0; i < 2 && status == HC_OK; i++) {
        hc_item item;
        status = string_get(&txn, of->args[1 + i], &item);
        values[i] = status == HC_OK ? item.value : hc_span_make(NULL, 0);
        if (status == HC_ERR_NOT_FOUND) status = HC_OK;
    }
    if (status == HC_OK && error == NULL)
        status = lcs_init(made, values[0], values[1], wish->length);
    hc_store_end(&txn);
    if (status == HC_ERR_TYPE) return "ERR The specified keys must contain string values";
    if (status == HC_ERR_LIMIT)
        return "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len";
    if (status != HC_OK)
        return "ERR Insufficient memory, failed allocating transient memory for LCS";
    return error;
}

void run_lcs(request *of)
{
    lcs made = {0};
    lcs_wish wish;
    const char *error = lcs_read(of, &made, &wish);
    if (error != NULL) {
        request_error(of, error);
        return;
    }
    lcs_fill(&made);
    if (wish.ranges)
        reply_matches(of->reply, &made, &wish);
    else if (wish.length)
        of->reply->ops->integer(of->reply, made.length);
    else
        reply_subsequence(of->reply, &made);
    lcs_fini(&made);
}
