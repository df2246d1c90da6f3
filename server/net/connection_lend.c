/*
 * connection_lend.c - a large value is sent from where it lies in the store.
 *
 *     out   [ replies before, "$536870912" CRLF ][ CRLF, replies behind ]
 *                                                ^ the value goes here, a slice a turn
 *
 * It is neither copied nor read before its bytes leave, so a turn costs the same for any size.  One
 * at a time a connection: while it is sent nothing is read or run for the client, so the session
 * keeps the store it selected, and the store outlives the view.  A deleted or overwritten value
 * stays in memory, and in the store's memory_bytes, until it is sent or the client is gone.
 */
#include <stdlib.h>

#include "net/net_private.h"

#define LENT_SEND_MAX (128u << 10)

bool connection_lend(connection *c)
{
    resp_encoder *e = &c->worker->encoder;
    lent *l = c->lent == NULL ? malloc(sizeof *l) : NULL;
    size_t before = byte_queue_size(&c->out) + e->lent_at;
    if (l == NULL || !byte_queue_append(&c->out, e->data, e->size)) {
        free(l);
        return false; /* the encoder releases the view */
    }
    *l = (lent){.view = e->lent, .before = before};
    e->lent.held = NULL;
    c->lent = l;
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
    hc_span value = l->view.value;
    size_t left = value.size - l->sent, slice = connection_slice(c, LENT_SEND_MAX);
    size_t sent = connection_send(c, value.data + l->sent, left < slice ? left : slice);
    l->sent += sent;
    (void)hc_store_bury(c->session.store, sent);
    if (l->sent < value.size) return false;
    connection_unlend(c);
    return true;
}

void connection_unlend(connection *c)
{
    if (c->lent == NULL) return;
    hc_view_release(&c->lent->view);
    free(c->lent);
    c->lent = NULL;
}

size_t connection_unsent(const connection *c)
{
    size_t value = c->lent != NULL ? c->lent->view.value.size - c->lent->sent : 0;
    return byte_queue_size(&c->out) + value;
}
