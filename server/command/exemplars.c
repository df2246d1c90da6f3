/* exemplars.c - a table with one place for each hash of command and bucket. */
#include "command/exemplars.h"

#include <stdio.h>
#include <string.h>

#include "command/histogram.h"

void exemplars_init(exemplars *of)
{
    memset(of, 0, sizeof *of);
    pthread_mutex_init(&of->lock, NULL);
}

void exemplars_fini(exemplars *of)
{
    pthread_mutex_destroy(&of->lock);
}

uint32_t exemplars_bucket(uint64_t ns)
{
    unsigned fine = histogram_bucket(ns);
    return hc_metric_bucket(fine == HISTOGRAM_BUCKETS - 1 ? UINT64_MAX : histogram_bucket_ns(fine));
}

static exemplar *place(exemplars *of, size_t row, uint32_t bucket)
{
    return &of->table[(row * (HC_METRIC_BOUNDS + 1) + bucket) % EXEMPLARS_MAX];
}

void exemplars_note(exemplars *to, size_t row, uint64_t ns, int64_t time_ms, const char *id)
{
    uint32_t bucket = exemplars_bucket(ns);
    exemplar made = {.command = row, .bucket = bucket, .ns = ns > 0 ? ns : 1, .time_ms = time_ms};
    (void)snprintf(made.id, sizeof made.id, "%s", id);
    pthread_mutex_lock(&to->lock);
    *place(to, row, bucket) = made;
    pthread_mutex_unlock(&to->lock);
}

bool exemplars_find(exemplars *of, size_t row, uint32_t bucket, exemplar *out)
{
    pthread_mutex_lock(&of->lock);
    *out = *place(of, row, bucket);
    pthread_mutex_unlock(&of->lock);
    return out->ns != 0 && out->command == row && out->bucket == bucket;
}
