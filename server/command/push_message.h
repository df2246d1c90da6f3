/* push_message.h - a message as push.c makes it and push_inbox.c counts it. */
#ifndef HYPERCACHE_SERVER_COMMAND_PUSH_MESSAGE_H
#define HYPERCACHE_SERVER_COMMAND_PUSH_MESSAGE_H

#include "command/push.h"

struct push {
    _Atomic size_t references;
    node *node;
    size_t bytes; /* of this block */
    size_t count;
    push_audience audience;
    push_item items[]; /* the texts point behind the last */
};

#endif
