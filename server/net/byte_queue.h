/*
 * byte_queue.h - bytes that wait: received ones for the rest of their request, replies for the
 * socket.
 *
 *     data  [ taken | waiting       | free     ]
 *           0       head            tail       capacity
 *
 * All-zero is an empty queue, which owns nothing.  Grows with what is put in; at least doubles, so
 * filling it is linear.
 */
#ifndef HYPERCACHE_SERVER_NET_BYTE_QUEUE_H
#define HYPERCACHE_SERVER_NET_BYTE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hypercache/store.h>

typedef struct byte_queue {
    uint8_t *data;
    size_t head, tail, capacity;
    hc_block *block; /* that `data` is in, of fixed size; NULL: it was allocated */
} byte_queue;

static inline size_t byte_queue_size(const byte_queue *queue)
{
    return queue->tail - queue->head;
}

/* Releases everything; the queue is empty and usable. */
void byte_queue_fini(byte_queue *queue);
/* Makes `bytes` of free room at data + tail; may move what waits.  False: no memory, unchanged. */
bool byte_queue_reserve(byte_queue *queue, size_t bytes);
/* Moves what waits into a block with room for `bytes` more, which a store can take over.  False: no
 * memory, unchanged. */
bool byte_queue_to_block(byte_queue *queue, const hc_host *host, size_t bytes);
/* Adds a copy.  False: no memory, unchanged. */
bool byte_queue_append(byte_queue *queue, const uint8_t *bytes, size_t size);
/* Drops the first `size` bytes; a queue that is empty then gives its memory back. */
void byte_queue_take(byte_queue *queue, size_t size);
/* Neither has a hc_block.  Moves what waits into the block of `spare`, which is empty and large
 * enough; the old block is `spare`'s afterwards, empty. */
void byte_queue_exchange(byte_queue *queue, byte_queue *spare);

#endif
