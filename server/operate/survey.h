/*
 * survey.h - the cluster as one of its nodes tells it: INFO cluster, read back.
 *
 * Threads: as asker.h.
 */
#ifndef HYPERCACHE_SERVER_OPERATE_SURVEY_H
#define HYPERCACHE_SERVER_OPERATE_SURVEY_H

#include "operate/asker.h"

#define SURVEY_MEMBERS_MAX 128u /* as many as INFO shows */
#define SURVEY_TEXT_CHARS 64u

typedef struct survey_member {
    char id[SURVEY_TEXT_CHARS], address[SURVEY_TEXT_CHARS]; /* "10.0.0.1:6379" */
    char state[16], ring[16];
    bool is_self, ready, linked, agrees;
    uint64_t slots, held; /* served; of which it has a copy */
    /* of the node asked to this one; 0 of itself */
    uint64_t lag_ms, queue_bytes, hinted_slots;
    int64_t clock_offset_ms;
} survey_member;

typedef struct survey {
    bool enabled, ready, moving;
    char state[16], topology[SURVEY_TEXT_CHARS];
    uint64_t epoch, slots_served, replicas;
    size_t member_count;
    survey_member members[SURVEY_MEMBERS_MAX]; /* the node asked first */
} survey;

/* False: the node did not answer INFO; why is in node->why, or in what it refused with. */
bool survey_take(survey *to, asker *node, char why[ASKER_WHY_CHARS]);
bool survey_is_gone(const survey_member *of); /* left, or out of the ring */
/* In the ring, alive, has its data, and knows the same ring. */
bool survey_is_well(const survey_member *of);

#endif
