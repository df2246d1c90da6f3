/*
 * connection_lend.c - large values are sent from where they lie in the store.
 *
 *     out   [ replies before, "$536870912" CRLF ][ CRLF, replies behind, "$.." CRLF ][ CRLF .. ]
 *                                                ^ the first goes here, a slice a turn  ^ the next
 *
 * They are neither copied nor read before their bytes leave, so a turn costs the same for any size.
 * Those of one command at a time: while they are sent nothing is read or run for the client, so the
 * session keeps the store it selected, and the store outlives the views.  A deleted or overwritten
 * value stays in memory, and in the store's memory_bytes, until it is sent or the client is gone.
 */
#include <stdlib.h>

#include "net/net_private.h"

#define LENT_SEND_MAX (128u << 10)

bool connection_lend(connection *c)
{
    resp_encoder *e = &c->worker->encoder;
    lent *l = c->lent == NULL ? malloc(sizeof *l) : NULL;
    size_t before = byte_queue_size(&c->out) + e->lents[0].at;
    if (l == NULL || !byte_queue_append(&c->out, e->data, e->size)) {
        free(l);
        return false; /* the encoder releases the views */
    }
    *l = (lent){.parts = e->lents, .count = e->lent_count, .before = before};
    e->lents = NULL;
    e->lent_count = e->lent_capacity = 0;
    c->lent = l;
    return true;
}

/* True: there is another part. */
static bool part_end(connection *c)
{
    lent *l = c->lent;
    hc_view_release(&l->parts[l->next++].view);
    if (l->next == l->count) {
        connection_unlend(c);
        return false;
    }
    l->before = l->parts[l->next].at - l->parts[l->next - 1].at;
    l->sent = 0;
    return true;
}

bool connection_lent_send(connection *c)
{
    lent *l = c->lent;
    if (l->before > 0) {
        size_t sent = connection_send(c, c->out.data + c->out.head, l->before);
        byte_queue_take(&c->out, sent);
        l->before -= sent;
        if (l->before > 0) return false;
    }
    hc_span value = l->parts[l->next].view.value;
    size_t left = value.size - l->sent, slice = connection_slice(c, LENT_SEND_MAX);
    size_t sent = connection_send(c, value.data + l->sent, left < slice ? left : slice);
    l->sent += sent;
    (void)hc_store_bury(c->session.store, sent);
    return l->sent == value.size && !part_end(c);
}

void connection_unlend(connection *c)
{
    if (c->lent == NULL) return;
    resp_lents_release(c->lent->parts, c->lent->next, c->lent->count);
    free(c->lent);
    c->lent = NULL;
}

size_t connection_unsent(const connection *c)
{
    const lent *l = c->lent;
    size_t bytes = byte_queue_size(&c->out);
    for (size_t i = l != NULL ? l->next : 0; l != NULL && i < l->count; i++)
        bytes += l->parts[i].view.value.size;
    return l != NULL ? bytes - l->sent : bytes;
}
