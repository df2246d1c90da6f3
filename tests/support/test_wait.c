/*
 * test_wait.c - poll(2) with no descriptors is a pause of one millisecond.
 */
#include "support/test_wait.h"

#include <poll.h>
#include <stddef.h>

bool test_wait_until(bool (*holds)(void *ctx), void *ctx)
{
    for (int looks = 0; looks < TEST_WAIT_MS_MAX; looks++) {
        if (holds(ctx)) return true;
        (void)poll(NULL, 0, 1);
    }
    return holds(ctx);
}
