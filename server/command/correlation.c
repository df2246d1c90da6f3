/* correlation.c - run, session, batch and place in it as one number. */
#include "command/correlation.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "command/session.h"

void request_correlation(const request *of, char id[CORRELATION_CHARS])
{
    const session *who = of->session;
    if (who->correlation.size > 0) { /* what it brought along */
        size_t size = who->correlation.size;
        if (size > CORRELATION_CHARS - 1) size = CORRELATION_CHARS - 1;
        memcpy(id, who->correlation.data, size);
        id[size] = '\0';
        return;
    }
    uint64_t place = REQUEST_BATCH_MAX - 1; /* one that a transaction had queued */
    if (who->batch != NULL && of >= who->batch && of < who->batch + REQUEST_BATCH_MAX)
        place = (uint64_t)(of - who->batch);
    uint64_t number = (who->batches * REQUEST_BATCH_MAX + place) & UINT64_C(0xffffffffffff);
    (void)snprintf(id, CORRELATION_CHARS, "%.12s%08" PRIx32 "%012" PRIx64, who->node->run_id,
                   (uint32_t)who->id, number);
}
