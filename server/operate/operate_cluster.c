/*
 * operate_cluster.c - `hypercached cluster status|ring|leave`: one node is asked what it knows.
 *
 * Nodes may differ for a moment while members come and go; `agrees` says which ones know the ring
 * that the asked one knows.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "operate/operate_options.h"
#include "operate/operate_time.h"
#include "operate/survey.h"

enum { SLOTS = 16384, LEAVE_LOOK_MS = 200, ID_CHARS_SHOWN = 8 };

typedef struct cluster_verb {
    const char *name, *whole; /* "status", "cluster status" */
    unsigned flags, needed;
    operate_result (*run)(const operate_options *options, asker *node);
    const char *usage, *help;
} cluster_verb;

static operate_result failed(const operate_options *of, const char *why)
{
    (void)fprintf(of->err, "hypercached %s: %s\n", of->verb, why);
    return OPERATE_FAILED;
}

static bool survey_or_tell(const operate_options *of, asker *node, survey *to)
{
    char why[ASKER_WHY_CHARS];
    if (!survey_take(to, node, why)) return failed(of, why) == OPERATE_GOOD;
    if (to->enabled && to->member_count > 0) return true;
    (void)snprintf(why, sizeof why, "%s: %s", node->where,
                   to->enabled ? "its cluster is not formed yet" : "this node is in no cluster");
    return failed(of, why) == OPERATE_GOOD;
}

static void print_json(const operate_options *of, json_t *value)
{
    if (value != NULL) (void)json_dumpf(value, of->out, JSON_INDENT(2));
    (void)fputc('\n', of->out);
    json_decref(value);
}

/* ---- status ---- */

static size_t count_well(const survey *of, size_t *wanted_out)
{
    size_t well = 0;
    *wanted_out = 0;
    for (size_t i = 0; i < of->member_count; i++) {
        *wanted_out += !survey_is_gone(&of->members[i]);
        well += survey_is_well(&of->members[i]);
    }
    return well;
}

static json_t *member_json(const survey_member *m)
{
    return json_pack("{sssssssssbsbsbsIsIsIsIsIsI}", "id", m->id, "address", m->address, "state",
                     m->state, "ring", m->ring, "ready", (int)m->ready, "agrees", (int)m->agrees,
                     "linked", (int)m->linked, "slots", (json_int_t)m->slots, "held",
                     (json_int_t)m->held, "lag_ms", (json_int_t)m->lag_ms, "queue_bytes",
                     (json_int_t)m->queue_bytes, "hinted_slots", (json_int_t)m->hinted_slots,
                     "clock_offset_ms", (json_int_t)m->clock_offset_ms);
}

static void status_json(const operate_options *of, const survey *s, const char *asked, bool healthy)
{
    json_t *members = json_array();
    for (size_t i = 0; i < s->member_count; i++)
        (void)json_array_append_new(members, member_json(&s->members[i]));
    print_json(of,
               json_pack("{sssbsssbsIsssIsIso}", "asked", asked, "healthy", (int)healthy, "state",
                         s->state, "moving", (int)s->moving, "epoch", (json_int_t)s->epoch,
                         "topology", s->topology, "slots_served", (json_int_t)s->slots_served,
                         "replicas", (json_int_t)s->replicas, "members", members));
}

static void status_table(const operate_options *of, const survey *s, const char *asked)
{
    size_t wanted, well = count_well(s, &wanted);
    (void)fprintf(of->out,
                  "as %s sees it: %s%s, %zu of %zu members well, %" PRIu64 " of %d slots served, "
                  "%" PRIu64 " copies of a key, epoch %" PRIu64 "\n\n",
                  asked, s->state, s->moving ? ", the ring is changing" : "", well, wanted,
                  s->slots_served, SLOTS, s->replicas, s->epoch);
    (void)fprintf(of->out, "%-22s %-8s %-8s %-8s %-5s %-6s %6s %6s %7s %10s %6s %9s\n", "MEMBER",
                  "ID", "STATE", "RING", "DATA", "AGREES", "SLOTS", "HELD", "LAG ms", "QUEUE B",
                  "OWED", "CLOCK ms");
    for (size_t i = 0; i < s->member_count; i++) {
        const survey_member *m = &s->members[i];
        (void)fprintf(of->out,
                      "%-22s %-8.*s %-8s %-8s %-5s %-6s %6" PRIu64 " %6" PRIu64 " %7" PRIu64
                      " %10" PRIu64 " %6" PRIu64 " %+9" PRId64 "\n",
                      m->address, ID_CHARS_SHOWN, m->id, m->state, m->ring,
                      m->ready ? "whole" : "part", m->agrees ? "yes" : "no", m->slots, m->held,
                      m->lag_ms, m->queue_bytes, m->hinted_slots, m->clock_offset_ms);
    }
}

static operate_result run_status(const operate_options *of, asker *node)
{
    survey *s = calloc(1, sizeof *s);
    if (s == NULL) return failed(of, "no memory");
    operate_result result = OPERATE_FAILED;
    if (survey_or_tell(of, node, s)) {
        size_t wanted;
        bool healthy =
            count_well(s, &wanted) == wanted && strcmp(s->state, "ok") == 0 && !s->moving;
        if (operate_has(of, OPERATE_FLAG_JSON))
            status_json(of, s, node->where, healthy);
        else
            status_table(of, s, node->where);
        result = healthy ? OPERATE_GOOD : OPERATE_BAD;
    }
    free(s);
    return result;
}

/* ---- ring ---- */

static const char *text_at(const heard *list, size_t index)
{
    bool there =
        list->kind == HEARD_LIST && index < list->size && list->items[index].kind == HEARD_TEXT;
    return there ? list->items[index].text : "";
}

static int64_t number_at(const heard *list, size_t index)
{
    bool there =
        list->kind == HEARD_LIST && index < list->size && list->items[index].kind == HEARD_NUMBER;
    return there ? list->items[index].number : -1;
}

static const heard *list_at(const heard *list, size_t index)
{
    static const heard none = {.kind = HEARD_NOTHING};
    return list->kind == HEARD_LIST && index < list->size ? &list->items[index] : &none;
}

/* The member that CLUSTER SLOTS names in a range; NULL: nobody known. */
static const survey_member *server_of(const survey *s, const heard *range)
{
    const char *id = text_at(list_at(range, 2), 2);
    for (size_t i = 0; i < s->member_count; i++)
        if (strcmp(s->members[i].id, id) == 0) return &s->members[i];
    return NULL;
}

static json_t *range_json(const survey *s, const heard *range)
{
    const survey_member *m = server_of(s, range);
    return json_pack("{sIsIss}", "first", (json_int_t)number_at(range, 0), "last",
                     (json_int_t)number_at(range, 1), "id", m != NULL ? m->id : "");
}

static void ring_json(const operate_options *of, const survey *s, const heard *ranges)
{
    json_t *members = json_array(), *list = json_array();
    for (size_t i = 0; i < s->member_count; i++)
        (void)json_array_append_new(members, member_json(&s->members[i]));
    for (size_t i = 0; i < ranges->size; i++)
        (void)json_array_append_new(list, range_json(s, &ranges->items[i]));
    print_json(of, json_pack("{sssIsoso}", "topology", s->topology, "epoch", (json_int_t)s->epoch,
                             "members", members, "ranges", list));
}

static void ring_table(const operate_options *of, const survey *s, const heard *ranges)
{
    (void)fprintf(of->out, "%-22s %-8s %6s %8s %6s %6s\n", "MEMBER", "ID", "SLOTS", "SHARE %",
                  "RANGES", "HELD");
    for (size_t i = 0; i < s->member_count; i++) {
        const survey_member *m = &s->members[i];
        size_t count = 0;
        for (size_t r = 0; r < ranges->size; r++)
            count += server_of(s, &ranges->items[r]) == m;
        (void)fprintf(of->out, "%-22s %-8.*s %6" PRIu64 " %8.2f %6zu %6" PRIu64 "\n", m->address,
                      ID_CHARS_SHOWN, m->id, m->slots, 100.0 * (double)m->slots / SLOTS, count,
                      m->held);
    }
    for (size_t r = 0; operate_has(of, OPERATE_FLAG_SLOTS) && r < ranges->size; r++) {
        const survey_member *m = server_of(s, &ranges->items[r]);
        (void)fprintf(of->out, "%5" PRId64 " %5" PRId64 "  %s\n", number_at(&ranges->items[r], 0),
                      number_at(&ranges->items[r], 1), m != NULL ? m->address : "?");
    }
}

/* Who serves one key. */
static operate_result ring_key(const operate_options *of, asker *node, const survey *s,
                               const heard *ranges)
{
    heard slot = asker_ask(node, "CLUSTER", "KEYSLOT", of->key, NULL);
    const survey_member *m = NULL;
    int64_t number = slot.kind == HEARD_NUMBER ? slot.number : -1;
    for (size_t r = 0; number >= 0 && r < ranges->size; r++) {
        const heard *range = &ranges->items[r];
        if (number_at(range, 0) <= number && number <= number_at(range, 1)) m = server_of(s, range);
    }
    heard_fini(&slot);
    if (operate_has(of, OPERATE_FLAG_JSON))
        print_json(of, json_pack("{sssIssss}", "key", of->key, "slot", (json_int_t)number, "id",
                                 m != NULL ? m->id : "", "address", m != NULL ? m->address : ""));
    else
        (void)fprintf(of->out, "slot %" PRId64 ", served by %s\n", number,
                      m != NULL ? m->address : "nobody");
    return m != NULL ? OPERATE_GOOD : OPERATE_BAD;
}

static operate_result run_ring(const operate_options *of, asker *node)
{
    survey *s = calloc(1, sizeof *s);
    if (s == NULL) return failed(of, "no memory");
    operate_result result = OPERATE_FAILED;
    heard ranges = {0};
    if (!survey_or_tell(of, node, s)) goto out;
    ranges = asker_ask(node, "CLUSTER", "SLOTS", NULL);
    if (ranges.kind != HEARD_LIST) {
        (void)failed(of, ranges.text != NULL ? ranges.text : "no answer to CLUSTER SLOTS");
    } else if (of->key != NULL) {
        result = ring_key(of, node, s, &ranges);
    } else {
        if (operate_has(of, OPERATE_FLAG_JSON))
            ring_json(of, s, &ranges);
        else
            ring_table(of, s, &ranges);
        result = s->slots_served == SLOTS ? OPERATE_GOOD : OPERATE_BAD;
    }
out:
    heard_fini(&ranges);
    free(s);
    return result;
}

/* ---- leave ---- */

static operate_result leave_tell(const operate_options *of, const asker *node, bool left)
{
    if (operate_has(of, OPERATE_FLAG_JSON))
        print_json(of, json_pack("{sssb}", "node", node->where, "left", (int)left));
    else if (left)
        (void)fprintf(of->out, "%s has given its slots away and can be stopped\n", node->where);
    else
        (void)fprintf(of->out, "%s has not given everything away after %u s; it goes on\n",
                      node->where, of->wait_s);
    return left ? OPERATE_GOOD : OPERATE_BAD;
}

static operate_result run_leave(const operate_options *of, asker *node)
{
    survey *s = calloc(1, sizeof *s);
    if (s == NULL) return failed(of, "no memory");
    operate_result result = OPERATE_FAILED;
    if (!survey_or_tell(of, node, s)) goto out;
    heard begun = asker_ask(node, "CLUSTER", "LEAVE", NULL);
    bool fine = heard_is(&begun, "OK");
    if (!fine) (void)failed(of, begun.text != NULL ? begun.text : "no answer");
    heard_fini(&begun);
    if (!fine) goto out;
    for (unsigned waited_ms = 0;; waited_ms += LEAVE_LOOK_MS) {
        bool left = strcmp(s->members[0].ring, "out") == 0;
        if (left || waited_ms / 1000 >= of->wait_s) {
            result = leave_tell(of, node, left);
            break;
        }
        operate_pause_ms(LEAVE_LOOK_MS);
        if (!survey_or_tell(of, node, s)) break;
    }
out:
    free(s);
    return result;
}

/* ---- verbs ---- */

static const unsigned common = OPERATE_FLAG_JSON | OPERATE_FLAG_NODE | OPERATE_FLAG_TIMEOUT;

static const cluster_verb verbs[] = {
    {"status", "cluster status", 0, 0, run_status, "[--node ADDRESS] [--timeout-ms N] [--json]",
     "who is in the cluster, and how it is"},
    {"ring", "cluster ring", OPERATE_FLAG_SLOTS | OPERATE_FLAG_KEY, 0, run_ring,
     "[--node ADDRESS] [--slots] [--key KEY] [--timeout-ms N] [--json]",
     "who serves how many slots; each range; or who serves a key"},
    {"leave", "cluster leave", OPERATE_FLAG_WAIT, OPERATE_FLAG_NODE, run_leave,
     "--node ADDRESS [--wait-s N] [--timeout-ms N] [--json]",
     "the node gives its slots to the others; waits until it can be stopped"},
};

static void print_usage(FILE *to)
{
    (void)fputs("usage:\n", to);
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        (void)fprintf(to, "  hypercached %s %s\n      %s\n", verbs[i].whole, verbs[i].usage,
                      verbs[i].help);
    (void)fputs("\nADDRESS is host:port of a node's Redis port, by default 127.0.0.1:6379.  Exit "
                "status: 0 good,\n1 something is not as it should be, 2 no answer or a wrong "
                "argument.\n",
                to);
}

static operate_result run(const cluster_verb *verb, int argc, char *const *argv, FILE *out,
                          FILE *err)
{
    operate_options options = {.verb = verb->whole, .out = out, .err = err};
    char why[ASKER_WHY_CHARS];
    operate_result result = OPERATE_FAILED;
    asker node = {.fd = -1};
    if (!operate_options_read(&options, common | verb->flags, argc, argv)) goto out;
    if ((options.given & verb->needed) != verb->needed || options.node_count != 1) {
        (void)fprintf(err, "usage: hypercached %s %s\n", verb->whole, verb->usage);
    } else if (!asker_open(&node, options.nodes[0], options.timeout_ms, why)) {
        (void)failed(&options, why);
    } else {
        result = verb->run(&options, &node);
    }
out:
    asker_close(&node);
    operate_options_fini(&options);
    return result;
}

operate_result operate_cluster(int argc, char *const *argv, FILE *out, FILE *err)
{
    const char *name = argc > 0 ? argv[0] : "";
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(verbs[i].name, name) == 0) return run(&verbs[i], argc - 1, argv + 1, out, err);
    bool help = strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0;
    print_usage(help ? out : err);
    return help ? OPERATE_GOOD : OPERATE_FAILED;
}
