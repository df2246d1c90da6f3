/*
 * byte_queue.c - one block; what is taken from its front is reclaimed when room is needed.
 *
 * Bytes are moved only to make room, and then the room gained or added is at least as large as
 * what moves: each byte is copied O(1) times over its life.
 */
#include "net/byte_queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 512u /* bytes */

static void data_free(byte_queue *queue)
{
    if (queue->block != NULL)
        hc_block_release(queue->block);
    else
        free(queue->data);
}

void byte_queue_fini(byte_queue *queue)
{
    data_free(queue);
    *queue = (byte_queue){0};
}

/* Moves what waits to a block of its own of `capacity` bytes. */
static bool rebuild(byte_queue *queue, size_t capacity)
{
    size_t size = byte_queue_size(queue);
    assert(capacity >= size);
    uint8_t *data = malloc(capacity);
    if (data == NULL) return false;
    if (size > 0) memcpy(data, queue->data + queue->head, size);
    data_free(queue);
    *queue = (byte_queue){.data = data, .tail = size, .capacity = capacity};
    return true;
}

bool byte_queue_reserve(byte_queue *queue, size_t bytes)
{
    if (queue->capacity - queue->tail >= bytes) return true;
    size_t size = byte_queue_size(queue);
    if (queue->head >= size && queue->capacity - size >= bytes) {
        memmove(queue->data, queue->data + queue->head, size);
        queue->head = 0;
        queue->tail = size;
        return true;
    }
    size_t capacity = queue->capacity == 0 ? CAPACITY_MIN : queue->capacity;
    if (size + bytes > SIZE_MAX / 2) return false;
    while (capacity < size + bytes)
        capacity *= 2;
    if (queue->head > 0 || queue->block != NULL) return rebuild(queue, capacity);
    uint8_t *data = realloc(queue->data, capacity); /* large blocks move by remapping */
    if (data == NULL) return false;
    queue->data = data;
    queue->capacity = capacity;
    return true;
}

bool byte_queue_to_block(byte_queue *queue, const hc_host *host, size_t bytes)
{
    size_t size = byte_queue_size(queue);
    hc_block *block;
    if (hc_block_create(host, size + bytes, &block) != HC_OK) return false;
    uint8_t *data = hc_block_data(block);
    if (size > 0) memcpy(data, queue->data + queue->head, size);
    data_free(queue);
    *queue = (byte_queue){.data = data, .tail = size, .capacity = size + bytes, .block = block};
    return true;
}

bool byte_queue_append(byte_queue *queue, const uint8_t *bytes, size_t size)
{
    if (size == 0) return true;
    if (!byte_queue_reserve(queue, size)) return false;
    memcpy(queue->data + queue->tail, bytes, size);
    queue->tail += size;
    return true;
}

void byte_queue_take(byte_queue *queue, size_t size)
{
    assert(size <= byte_queue_size(queue));
    queue->head += size;
    if (queue->head == queue->tail) byte_queue_fini(queue);
}

void byte_queue_exchange(byte_queue *queue, byte_queue *spare)
{
    byte_queue old = *queue;
    size_t size = byte_queue_size(&old);
    assert(spare->tail == 0 && spare->capacity >= size);
    *queue = *spare;
    if (size > 0) memcpy(queue->data, old.data + old.head, size);
    queue->tail = size;
    *spare = (byte_queue){.data = old.data, .capacity = old.capacity};
}
