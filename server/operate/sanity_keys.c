/*
 * sanity_keys.c - what nodes do with keys: each is set at one node, changed and deleted at others,
 * and read at all.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "operate/sanity.h"

enum { ROUNDS = 5, MARKS = 32, WRONG_TOLD_MAX = 3, DAY_S = 86400 };

static void key_make(const sanity *of, char key[SANITY_KEY_CHARS], const char *kind,
                     unsigned number)
{
    (void)snprintf(key, SANITY_KEY_CHARS, SANITY_PREFIX "%s:%s:%u", of->run, kind, number);
}

static bool got_text(const heard *got, const char *wanted)
{
    return wanted != NULL ? heard_is(got, wanted) : got->kind == HEARD_NOTHING;
}

static const char *shown(const heard *got)
{
    return got->text != NULL ? got->text : got->kind == HEARD_NOTHING ? "nothing" : "a number";
}

/* Reads a key at all nodes; how many answer something else (the first ones are told). */
static size_t read_all(sanity *of, const char *check, const char *key, const char *wanted,
                       size_t *told)
{
    size_t wrong = 0;
    for (size_t i = 0; i < of->count; i++) {
        heard got = sanity_ask(of, i, SANITY_WORDS("GET", key));
        if (!got_text(&got, wanted)) {
            wrong++;
            if ((*told)++ < WRONG_TOLD_MAX)
                sanity_tell(of, check, SANITY_FAIL, "%s: GET %s is %.100s, not %s",
                            of->nodes[i].where, key, shown(&got),
                            wanted != NULL ? wanted : "nothing");
        }
        heard_fini(&got);
    }
    return wrong;
}

/* One command; whether it is answered so, and told if not. */
static bool done(sanity *of, const char *check, size_t node, const char *const *words,
                 const char *wanted, int64_t number)
{
    heard got = sanity_ask(of, node, words);
    bool fine =
        wanted != NULL ? heard_is(&got, wanted) : got.kind == HEARD_NUMBER && got.number == number;
    if (!fine)
        sanity_tell(of, check, SANITY_FAIL, "%s: %s %s is answered %.100s", of->nodes[node].where,
                    words[0], words[1], shown(&got));
    heard_fini(&got);
    return fine;
}

void sanity_check_values(sanity *of)
{
    char key[SANITY_KEY_CHARS], value[32];
    size_t wrong = 0, told = 0, reads = 0;
    for (unsigned i = 0; i < of->options->keys && wrong < WRONG_TOLD_MAX; i++) {
        key_make(of, key, "value", i);
        for (unsigned round = 0; round < 2; round++) {
            (void)snprintf(value, sizeof value, "%u.%u", i, round);
            const char *const set[] = {"SET", key, value, "PX", SANITY_TTL_MS, NULL};
            wrong += !done(of, "values", (i + round) % of->count, set, "OK", 0);
            wrong += read_all(of, "values", key, value, &told);
        }
        const char *const delete[] = {"DEL", key, NULL};
        wrong += !done(of, "values", (i + 2) % of->count, delete, NULL, 1);
        wrong += read_all(of, "values", key, NULL, &told);
        reads += 3 * of->count;
    }
    if (wrong == 0)
        sanity_tell(of, "values", SANITY_OK,
                    "%u keys set, replaced and deleted; %zu reads at %zu nodes as they should be",
                    of->options->keys, reads, of->count);
}

/* Of nodes that set one key if it is absent, one may do it. */
static bool one_wins(sanity *of, unsigned round)
{
    char key[SANITY_KEY_CHARS];
    size_t winners = 0;
    key_make(of, key, "lock", round);
    for (size_t i = 0; i < of->count; i++) {
        const char *const set[] = {"SET", key, "mine", "NX", "PX", SANITY_TTL_MS, NULL};
        heard got = sanity_ask(of, i, set);
        winners += heard_is(&got, "OK");
        heard_fini(&got);
    }
    if (winners != 1)
        sanity_tell(of, "updates", SANITY_FAIL, "%zu nodes set %s though only the first may",
                    winners, key);
    const char *const delete[] = {"DEL", key, NULL};
    return done(of, "updates", round % of->count, delete, NULL, 1) && winners == 1;
}

void sanity_check_updates(sanity *of)
{
    char key[SANITY_KEY_CHARS], total[32];
    bool fine = true;
    size_t told = 0;
    int64_t number = 0;
    key_make(of, key, "counter", 0);
    const char *const begin[] = {"SET", key, "0", "PX", SANITY_TTL_MS, NULL};
    const char *const add[] = {"INCR", key, NULL}, *const delete[] = {"DEL", key, NULL};
    fine = done(of, "updates", 0, begin, "OK", 0);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < of->count; i++)
            fine = done(of, "updates", i, add, NULL, ++number) && fine;
        fine = one_wins(of, round) && fine;
    }
    (void)snprintf(total, sizeof total, "%" PRId64, number);
    fine = read_all(of, "updates", key, total, &told) == 0 && fine;
    fine = done(of, "updates", of->count - 1, delete, NULL, 1) && fine;
    if (fine)
        sanity_tell(of, "updates", SANITY_OK,
                    "%s increments at %zu nodes add up, %d locks had one owner", total, of->count,
                    ROUNDS);
}

void sanity_check_expiry(sanity *of)
{
    char key[SANITY_KEY_CHARS];
    size_t wrong = 0;
    long most = strtol(SANITY_TTL_MS, NULL, 10);
    key_make(of, key, "expiry", 0);
    const char *const set[] = {"SET", key, "soon gone", "PX", SANITY_TTL_MS, NULL};
    if (!done(of, "expiry", 0, set, "OK", 0)) return;
    for (size_t i = 0; i < of->count; i++) {
        heard got = sanity_ask(of, i, SANITY_WORDS("PTTL", key));
        if (got.kind != HEARD_NUMBER || got.number <= 0 || got.number > most) {
            wrong++;
            sanity_tell(of, "expiry", SANITY_FAIL, "%s: PTTL %s is %" PRId64, of->nodes[i].where,
                        key, got.kind == HEARD_NUMBER ? got.number : -3);
        }
        heard_fini(&got);
    }
    const char *const delete[] = {"DEL", key, NULL};
    if (done(of, "expiry", 0, delete, NULL, 1) && wrong == 0)
        sanity_tell(of, "expiry", SANITY_OK, "all nodes know when a key ends");
}

/* ---- marks that a restart must not lose ---- */

static void mark_name(char key[SANITY_KEY_CHARS], unsigned number)
{
    (void)snprintf(key, SANITY_KEY_CHARS, SANITY_PREFIX "mark:%u", number);
}

void sanity_mark(sanity *of)
{
    char key[SANITY_KEY_CHARS], stamp[32], day[16];
    bool fine = true;
    (void)snprintf(stamp, sizeof stamp, "%lld", (long long)time(NULL));
    (void)snprintf(day, sizeof day, "%d", DAY_S);
    for (unsigned i = 0; i < MARKS && fine; i++) {
        mark_name(key, i);
        const char *const set[] = {"SET", key, stamp, "EX", day, NULL};
        fine = done(of, "marks", i % of->count, set, "OK", 0);
    }
    if (fine)
        sanity_tell(of, "marks", SANITY_OK,
                    "%d keys are left; restart nodes, then use --after-restart", MARKS);
}

/* Nodes that started after the marks were made. */
static size_t restarted_since(sanity *of, long long stamp)
{
    size_t count = 0;
    for (size_t i = 0; i < of->count; i++) {
        heard info = sanity_ask(of, i, SANITY_WORDS("INFO", "server"));
        count += heard_number(&info, "uptime_in_seconds") < (int64_t)(time(NULL) - stamp);
        heard_fini(&info);
    }
    return count;
}

void sanity_check_marks(sanity *of)
{
    char key[SANITY_KEY_CHARS];
    size_t wrong = 0, told = 0;
    mark_name(key, 0);
    heard first = sanity_ask(of, 0, SANITY_WORDS("GET", key));
    if (first.kind != HEARD_TEXT) {
        sanity_tell(of, "marks", SANITY_FAIL, "%s is %s; was --before-restart used?", key,
                    shown(&first));
        heard_fini(&first);
        return;
    }
    for (unsigned i = 0; i < MARKS; i++) {
        mark_name(key, i);
        wrong += read_all(of, "marks", key, first.text, &told);
    }
    size_t restarted = restarted_since(of, strtoll(first.text, NULL, 10));
    for (unsigned i = 0; i < MARKS && wrong == 0; i++) {
        mark_name(key, i);
        heard gone = sanity_ask(of, 0, SANITY_WORDS("DEL", key));
        heard_fini(&gone);
    }
    heard_fini(&first);
    if (wrong == 0)
        sanity_tell(of, "marks", restarted > 0 ? SANITY_OK : SANITY_SKIP,
                    "%d keys are still there at all nodes; %zu of %zu nodes were started since",
                    MARKS, restarted, of->count);
}
