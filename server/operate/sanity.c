/*
 * sanity.c - `hypercached sanity`: asks every named node, then makes one check after the other.
 *
 * A node that cannot be reached fails the run and is left out of the rest, so that one line tells
 * of it and not ten.
 */
#include "operate/sanity.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "operate/operate_time.h"

enum { DETAIL_CHARS = 512, AGAIN_MS = 50 };

static const char *const verdicts[] = {"ok", "FAIL", "skip"};

void sanity_tell(sanity *of, const char *check, sanity_verdict verdict, const char *format, ...)
{
    char detail[DETAIL_CHARS];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    of->failed += verdict == SANITY_FAIL;
    if (!operate_has(of->options, OPERATE_FLAG_JSON))
        (void)fprintf(of->options->out, "%-5s %-12s %s\n", verdicts[verdict], check, detail);
    (void)json_array_append_new(of->checks, json_pack("{ssssss}", "check", check, "verdict",
                                                      verdicts[verdict], "detail", detail));
}

static bool not_yet(const heard *got)
{
    static const char *const words[] = {"TRYAGAIN", "CLUSTERDOWN", "LOADING"};
    for (size_t i = 0; got->kind == HEARD_ERROR && i < sizeof words / sizeof words[0]; i++)
        if (strncmp(got->text, words[i], strlen(words[i])) == 0) return true;
    return false;
}

heard sanity_ask(sanity *of, size_t node, const char *const *words)
{
    uint64_t until_ms = operate_now_ms() + of->options->timeout_ms;
    for (;;) {
        heard got = asker_ask_words(&of->nodes[node], words);
        if (!not_yet(&got) || operate_now_ms() >= until_ms) return got;
        heard_fini(&got);
        operate_pause_ms(AGAIN_MS);
    }
}

/* Connects to all nodes; those that answer come first. */
static void reach(sanity *of)
{
    char why[ASKER_WHY_CHARS];
    size_t missing = 0;
    for (size_t i = 0; i < of->options->node_count; i++) {
        asker *node = &of->nodes[of->count];
        bool open = asker_open(node, of->options->nodes[i], of->options->timeout_ms, why);
        if (open) {
            heard pong = asker_ask(node, "PING", NULL);
            open = heard_is(&pong, "PONG");
            if (!open) (void)snprintf(why, sizeof why, "%s", pong.text ? pong.text : "no PONG");
            heard_fini(&pong);
        }
        if (open) {
            of->count++;
        } else {
            asker_close(node);
            sanity_tell(of, "reach", SANITY_FAIL, "%s", why);
            missing++;
        }
    }
    if (missing == 0)
        sanity_tell(of, "reach", SANITY_OK, "%zu node%s answer", of->count,
                    of->count == 1 ? "" : "s");
}

static void check_all(sanity *of)
{
    if (operate_has(of->options, OPERATE_FLAG_AFTER)) {
        sanity_check_marks(of);
        return;
    }
    sanity_check_members(of);
    sanity_check_agreement(of);
    sanity_check_clocks(of);
    sanity_check_values(of);
    sanity_check_updates(of);
    sanity_check_expiry(of);
    sanity_check_lag(of);
    sanity_check_persistence(of);
    if (operate_has(of->options, OPERATE_FLAG_BEFORE)) sanity_mark(of);
}

static operate_result run(sanity *of)
{
    const operate_options *o = of->options;
    of->survey = calloc(1, sizeof *of->survey);
    of->checks = json_array();
    if (of->survey == NULL || of->checks == NULL) {
        (void)fprintf(o->err, "hypercached sanity: no memory\n");
        return OPERATE_FAILED;
    }
    (void)snprintf(of->run, sizeof of->run, "%lx-%x", (unsigned long)operate_now_ms(),
                   (unsigned)getpid());
    reach(of);
    if (of->count > 0) check_all(of);
    if (!operate_has(o, OPERATE_FLAG_JSON)) {
        (void)fprintf(o->out, "%s\n",
                      of->failed == 0
                          ? "all is well"
                          : "something is wrong; docs/runbooks/sanity.md says what to do");
        return of->failed == 0 ? OPERATE_GOOD : OPERATE_BAD;
    }
    json_t *whole = json_pack("{sbsO}", "ok", (int)(of->failed == 0), "checks", of->checks);
    if (whole != NULL) (void)json_dumpf(whole, o->out, JSON_INDENT(2));
    (void)fputc('\n', o->out);
    json_decref(whole);
    return of->failed == 0 ? OPERATE_GOOD : OPERATE_BAD;
}

static const char usage[] =
    "usage: hypercached sanity --nodes HOST:PORT,... [--keys N] [--lag-ms N] [--timeout-ms N]\n"
    "                          [--before-restart | --after-restart] [--json]\n"
    "Asks nodes that run whether they do what they promise.  Writes N=64 small keys "
    "named\n" SANITY_PREFIX
    "..., which end by themselves.  --before-restart leaves some for a day, --after-restart\n"
    "checks and deletes them.  Exit status: 0 all is well, 1 something is wrong, 2 wrong "
    "argument.\n";

operate_result operate_sanity(int argc, char *const *argv, FILE *out, FILE *err)
{
    operate_options options = {.verb = "sanity", .out = out, .err = err};
    operate_result result = OPERATE_FAILED;
    if (argc > 0 && (strcmp(argv[0], "help") == 0 || strcmp(argv[0], "--help") == 0)) {
        (void)fputs(usage, out);
        return OPERATE_GOOD;
    }
    sanity *made = calloc(1, sizeof *made);
    unsigned flags = OPERATE_FLAG_JSON | OPERATE_FLAG_NODES | OPERATE_FLAG_TIMEOUT |
                     OPERATE_FLAG_KEYS | OPERATE_FLAG_LAG | OPERATE_FLAG_BEFORE |
                     OPERATE_FLAG_AFTER;
    bool read = operate_options_read(&options, flags, argc, argv);
    if (read && !operate_has(&options, OPERATE_FLAG_NODES)) {
        (void)fputs(usage, err);
    } else if (read && made != NULL) {
        made->options = &options;
        result = run(made);
    }
    for (size_t i = 0; made != NULL && i < made->count; i++)
        asker_close(&made->nodes[i]);
    if (made != NULL) {
        json_decref(made->checks);
        free(made->survey);
    }
    free(made);
    operate_options_fini(&options);
    return result;
}
