/*
 * sanity.h - the checks of `hypercached sanity`, in the order they are made.
 *
 * Every key that a check writes begins with SANITY_PREFIX and a word of this run, and ends by
 * itself after SANITY_TTL_MS if the run cannot delete it; nothing else is written.
 *
 * Threads: one.
 */
#ifndef HYPERCACHE_SERVER_OPERATE_SANITY_H
#define HYPERCACHE_SERVER_OPERATE_SANITY_H

#include <jansson.h>

#include "operate/operate_options.h"
#include "operate/survey.h"

#define SANITY_PREFIX "hypercache-sanity:"
#define SANITY_TTL_MS "60000"
#define SANITY_KEY_CHARS 128u

typedef enum sanity_verdict { SANITY_OK = 0, SANITY_FAIL = 1, SANITY_SKIP = 2 } sanity_verdict;

typedef struct sanity {
    const operate_options *options;
    asker nodes[OPERATE_NODES_MAX];
    size_t count;
    char run[32];   /* what makes the keys of this run its own */
    survey *survey; /* of the node asked last */
    json_t *checks;
    size_t failed;
    bool clustered;
} sanity;

/* One check's line. */
__attribute__((format(printf, 4, 5))) void
sanity_tell(sanity *of, const char *check, sanity_verdict verdict, const char *format, ...);
/* Asks again while a node says that it cannot heard yet, for as long as the time-out. */
heard sanity_ask(sanity *of, size_t node, const char *const *words);
#define SANITY_WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* ---- sanity_health.c: what nodes say of themselves ---- */
void sanity_check_members(sanity *of);
void sanity_check_agreement(sanity *of);
void sanity_check_clocks(sanity *of);
void sanity_check_lag(sanity *of);
void sanity_check_persistence(sanity *of);

/* ---- sanity_keys.c: what they do ---- */
void sanity_check_values(sanity *of);
void sanity_check_updates(sanity *of);
void sanity_check_expiry(sanity *of);
void sanity_mark(sanity *of);        /* --before-restart */
void sanity_check_marks(sanity *of); /* --after-restart */

#endif
