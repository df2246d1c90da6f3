/* sanity_health.c - what nodes say of themselves: members, agreement, clocks, lag, disks. */
#include <inttypes.h>
#include <string.h>

#include "operate/operate_time.h"
#include "operate/sanity.h"

enum { LOOK_MS = 100, CLOCK_MS_MAX = 250, SLOTS = 16384 };

/* The view of one node into of->survey; false: told. */
static bool look(sanity *of, const char *check, size_t node)
{
    char why[ASKER_WHY_CHARS];
    if (survey_take(of->survey, &of->nodes[node], why)) return true;
    sanity_tell(of, check, SANITY_FAIL, "%s: %s", of->nodes[node].where, why);
    return false;
}

static bool alone(sanity *of, const char *check)
{
    if (!of->clustered) sanity_tell(of, check, SANITY_SKIP, "not a cluster");
    return !of->clustered;
}

/* One node's view: members that should be there and are not well. */
static size_t members_judge(sanity *of, size_t node)
{
    const survey *s = of->survey;
    size_t bad = 0;
    for (size_t i = 0; i < s->member_count; i++) {
        const survey_member *m = &s->members[i];
        if (survey_is_gone(m) || survey_is_well(m)) continue;
        bad++;
        sanity_tell(of, "members", SANITY_FAIL, "%s holds %s for %s, %s%s%s", of->nodes[node].where,
                    m->address, m->state, m->ring, m->ready ? "" : ", without all its data",
                    m->agrees ? "" : ", of another ring");
    }
    if (strcmp(s->state, "ok") != 0 || s->slots_served != SLOTS) {
        bad++;
        sanity_tell(of, "members", SANITY_FAIL, "%s: state %s, %" PRIu64 " of %d slots served",
                    of->nodes[node].where, s->state, s->slots_served, SLOTS);
    }
    return bad;
}

void sanity_check_members(sanity *of)
{
    size_t bad = 0, enabled = 0;
    for (size_t i = 0; i < of->count; i++) {
        if (!look(of, "members", i)) return;
        enabled += of->survey->enabled;
    }
    of->clustered = enabled > 0;
    if (enabled == 0 && of->options->node_count == 1) {
        sanity_tell(of, "members", SANITY_SKIP, "this node is in no cluster");
        return;
    }
    if (enabled < of->count) {
        sanity_tell(of, "members", SANITY_FAIL, "%zu of %zu nodes are in a cluster", enabled,
                    of->count);
        return;
    }
    for (size_t i = 0; i < of->count; i++)
        if (look(of, "members", i)) bad += members_judge(of, i);
    if (bad == 0)
        sanity_tell(of, "members", SANITY_OK, "%zu members, all alive and with their data",
                    of->survey->member_count);
}

void sanity_check_agreement(sanity *of)
{
    char topology[SURVEY_TEXT_CHARS] = "";
    uint64_t until_ms = operate_now_ms() + of->options->timeout_ms;
    if (alone(of, "agreement")) return;
    for (;;) {
        size_t same = 0;
        bool moving = false;
        for (size_t i = 0; i < of->count; i++) {
            if (!look(of, "agreement", i)) return;
            if (i == 0) memcpy(topology, of->survey->topology, sizeof topology);
            same += strcmp(topology, of->survey->topology) == 0;
            moving = moving || of->survey->moving;
        }
        if (same == of->count && !moving) {
            sanity_tell(of, "agreement", SANITY_OK, "all know the ring %s", topology);
            return;
        }
        if (operate_now_ms() > until_ms) {
            sanity_tell(of, "agreement", SANITY_FAIL, "%zu of %zu nodes know the ring %s%s", same,
                        of->count, topology, moving ? ", which is changing" : "");
            return;
        }
        operate_pause_ms(LOOK_MS);
    }
}

void sanity_check_clocks(sanity *of)
{
    int64_t worst = 0;
    if (alone(of, "clocks")) return;
    for (size_t i = 0; i < of->count; i++) {
        if (!look(of, "clocks", i)) return;
        for (size_t m = 0; m < of->survey->member_count; m++) {
            int64_t off = of->survey->members[m].clock_offset_ms;
            bool there = !survey_is_gone(&of->survey->members[m]);
            if (there && (off < 0 ? -off : off) > worst) worst = off < 0 ? -off : off;
        }
    }
    sanity_tell(of, "clocks", worst <= CLOCK_MS_MAX ? SANITY_OK : SANITY_FAIL,
                "at most %" PRId64 " ms apart (%d are fine)", worst, CLOCK_MS_MAX);
}

/* What the furthest behind of all is behind, of all nodes asked. */
static bool worst_lag(sanity *of, uint64_t *lag_ms_out, uint64_t *owed_out)
{
    *lag_ms_out = *owed_out = 0;
    for (size_t i = 0; i < of->count; i++) {
        if (!look(of, "lag", i)) return false;
        for (size_t m = 0; m < of->survey->member_count; m++) {
            const survey_member *one = &of->survey->members[m];
            if (survey_is_gone(one)) continue;
            if (one->lag_ms > *lag_ms_out) *lag_ms_out = one->lag_ms;
            *owed_out += one->hinted_slots;
        }
    }
    return true;
}

void sanity_check_lag(sanity *of)
{
    uint64_t lag_ms, owed, until_ms = operate_now_ms() + of->options->timeout_ms;
    if (alone(of, "lag")) return;
    for (;;) {
        if (!worst_lag(of, &lag_ms, &owed)) return;
        bool fine = lag_ms <= of->options->lag_ms && owed == 0;
        if (fine || operate_now_ms() > until_ms) {
            sanity_tell(of, "lag", fine ? SANITY_OK : SANITY_FAIL,
                        "at most %" PRIu64 " ms behind (%u are fine), %" PRIu64
                        " slots owed to nodes that were away",
                        lag_ms, of->options->lag_ms, owed);
            return;
        }
        operate_pause_ms(LOOK_MS);
    }
}

/* True: told that something is wrong. */
static bool persistence_judge(sanity *of, size_t node, const heard *info, size_t *kept)
{
    static const char *const fields[] = {"aof_last_write_status", "rdb_last_bgsave_status",
                                         "hypercache_disk_status"};
    char value[64];
    *kept += heard_number(info, "aof_enabled") != 0 || heard_number(info, "hypercache_lsn") != 0;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (!heard_field(info, fields[i], value, sizeof value) || strcmp(value, "ok") == 0)
            continue;
        sanity_tell(of, "persistence", SANITY_FAIL, "%s: %s is %s", of->nodes[node].where,
                    fields[i], value);
        return true;
    }
    if (heard_number(info, "loading") == 0 && heard_number(info, "hypercache_low_disk") == 0)
        return false;
    sanity_tell(of, "persistence", SANITY_FAIL, "%s: it is loading, or its disk is nearly full",
                of->nodes[node].where);
    return true;
}

void sanity_check_persistence(sanity *of)
{
    size_t kept = 0, bad = 0;
    for (size_t i = 0; i < of->count; i++) {
        heard info = sanity_ask(of, i, SANITY_WORDS("INFO", "persistence"));
        if (info.kind == HEARD_TEXT) {
            bad += persistence_judge(of, i, &info, &kept);
        } else {
            bad++;
            sanity_tell(of, "persistence", SANITY_FAIL, "%s", info.text ? info.text : "no answer");
        }
        heard_fini(&info);
    }
    if (bad == 0 && kept == 0)
        sanity_tell(of, "persistence", SANITY_SKIP, "no node keeps its data on a disk");
    else if (bad == 0)
        sanity_tell(of, "persistence", SANITY_OK,
                    "%zu of %zu nodes keep their data, without errors", kept, of->count);
}
