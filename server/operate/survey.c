/* survey.c - see survey.h: lines of name=value pairs. */
#include "operate/survey.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_CHARS = 512 };

/* The value of "name=" among pairs that commas divide; empty: it is not there. */
static void pair(const char *line, const char *name, char *to, size_t to_bytes)
{
    size_t size = strlen(name);
    to[0] = '\0';
    for (const char *at = line; at != NULL; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, name, size) != 0 || at[size] != '=') continue;
        size_t value = strcspn(at + size + 1, ",");
        (void)snprintf(to, to_bytes, "%.*s", (int)value, at + size + 1);
        return;
    }
}

static int64_t pair_number(const char *line, const char *name)
{
    char text[32];
    pair(line, name, text, sizeof text);
    return strtoll(text, NULL, 10);
}

static void member_read(survey_member *to, const char *line)
{
    char host[48], port[16];
    pair(line, "id", to->id, sizeof to->id);
    pair(line, "host", host, sizeof host);
    pair(line, "port", port, sizeof port);
    bool v6 = strchr(host, ':') != NULL;
    (void)snprintf(to->address, sizeof to->address, v6 ? "[%s]:%s" : "%s:%s", host, port);
    pair(line, "state", to->state, sizeof to->state);
    pair(line, "ring", to->ring, sizeof to->ring);
    to->ready = pair_number(line, "ready") != 0;
    to->linked = pair_number(line, "linked") != 0;
    to->agrees = pair_number(line, "agrees") != 0;
    to->slots = (uint64_t)pair_number(line, "slots");
    to->held = (uint64_t)pair_number(line, "held");
}

static void peer_read(survey *to, const char *line)
{
    char id[SURVEY_TEXT_CHARS];
    pair(line, "id", id, sizeof id);
    for (size_t i = 0; i < to->member_count; i++) {
        survey_member *m = &to->members[i];
        if (strcmp(m->id, id) != 0) continue;
        m->lag_ms = (uint64_t)pair_number(line, "lag_ms");
        m->queue_bytes = (uint64_t)pair_number(line, "queue_bytes");
        m->hinted_slots = (uint64_t)pair_number(line, "hinted_slots");
        m->clock_offset_ms = pair_number(line, "clock_offset_ms");
    }
}

bool survey_take(survey *to, asker *node, char why[ASKER_WHY_CHARS])
{
    char name[32], line[LINE_CHARS];
    *to = (survey){.member_count = 0};
    heard info = asker_ask(node, "INFO", "cluster", NULL);
    bool taken = info.kind == HEARD_TEXT;
    if (!taken)
        (void)snprintf(why, ASKER_WHY_CHARS, "%s",
                       info.text != NULL ? info.text : "no answer to INFO");
    to->enabled = heard_number(&info, "cluster_enabled") != 0;
    to->ready = heard_number(&info, "cluster_ready") != 0;
    to->moving = heard_number(&info, "cluster_moving") != 0;
    to->epoch = (uint64_t)heard_number(&info, "cluster_epoch");
    to->slots_served = (uint64_t)heard_number(&info, "cluster_slots_served");
    to->replicas = (uint64_t)heard_number(&info, "cluster_replicas");
    if (!heard_field(&info, "cluster_state", to->state, sizeof to->state))
        (void)snprintf(to->state, sizeof to->state, "forming");
    (void)heard_field(&info, "cluster_topology", to->topology, sizeof to->topology);
    while (to->member_count < SURVEY_MEMBERS_MAX) {
        (void)snprintf(name, sizeof name, "member%zu", to->member_count);
        if (!heard_field(&info, name, line, sizeof line)) break;
        to->members[to->member_count].is_self = to->member_count == 0;
        member_read(&to->members[to->member_count++], line);
    }
    for (size_t i = 1; i < SURVEY_MEMBERS_MAX; i++) {
        (void)snprintf(name, sizeof name, "peer%zu", i);
        if (!heard_field(&info, name, line, sizeof line)) break;
        peer_read(to, line);
    }
    heard_fini(&info);
    return taken;
}

bool survey_is_gone(const survey_member *of)
{
    return strcmp(of->state, "left") == 0 || strcmp(of->ring, "out") == 0;
}

bool survey_is_well(const survey_member *of)
{
    return strcmp(of->state, "alive") == 0 && strcmp(of->ring, "active") == 0 && of->ready &&
           of->agrees;
}
