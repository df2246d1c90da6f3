/*
 * push.c - a message is one block: items, then the bytes of their texts.
 *
 *     push | item 0 | item 1 | ... | text of 0 | text of 1 ...
 */
#include "command/push.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "command/push_message.h"

static size_t text_bytes(const push_item *items, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += items[i].text.size;
    return bytes;
}

push *push_create(node *of, const push_item *items, size_t count)
{
    return push_create_for(of, PUSH_FOR_ALL, items, count);
}

push *push_create_for(node *of, push_audience audience, const push_item *items, size_t count)
{
    assert(count >= 1);
    size_t bytes = sizeof(push) + count * sizeof *items + text_bytes(items, count);
    push *made = malloc(bytes);
    if (made == NULL) return NULL;
    atomic_init(&made->references, 1);
    made->node = of;
    made->bytes = bytes;
    made->count = count;
    made->audience = audience;
    uint8_t *text = (uint8_t *)(made->items + count);
    for (size_t i = 0; i < count; i++) {
        made->items[i] = items[i];
        made->items[i].text.data = text;
        if (items[i].text.size > 0) memcpy(text, items[i].text.data, items[i].text.size);
        text += items[i].text.size;
    }
    atomic_fetch_add_explicit(&of->push_bytes, bytes, memory_order_relaxed);
    return made;
}

void push_retain(push *of)
{
    atomic_fetch_add_explicit(&of->references, 1, memory_order_relaxed);
}

void push_release(push *of)
{
    if (of == NULL) return;
    if (atomic_fetch_sub_explicit(&of->references, 1, memory_order_acq_rel) > 1) return;
    atomic_fetch_sub_explicit(&of->node->push_bytes, of->bytes, memory_order_relaxed);
    free(of);
}

void push_encode(const push *of, reply *to)
{
    for (size_t i = 0; i < of->count; i++) {
        const push_item *item = &of->items[i];
        switch (item->kind) {
        case PUSH_HEAD:
            to->ops->push(to, (size_t)item->number);
            break;
        case PUSH_ARRAY:
            to->ops->array(to, (size_t)item->number);
            break;
        case PUSH_BULK:
            reply_text(to, item->text);
            break;
        case PUSH_STATUS:
            to->ops->status(to, item->text);
            break;
        case PUSH_INTEGER:
            to->ops->integer(to, item->number);
            break;
        case PUSH_NULL:
            to->ops->null(to);
            break;
        }
    }
}
