/*
 * catalogue_hold.c - messages for stores that are not known yet: kept in the order of their arrival
 * within hold_bytes_max and hold_ms, then delivered, or dropped.
 *
 * Dropping one is what a bad link does: streams send again, requests end by their deadlines.
 */
#include "replication/catalogue_private.h"

#include <string.h>

static void unlink_free(hc_catalogue *c, waiting **link)
{
    waiting *gone = *link;
    *link = gone->next;
    c->stats.held--;
    c->stats.held_bytes -= gone->bytes;
    hci_release(&c->host, gone, sizeof *gone + gone->bytes);
}

static void last_find(hc_catalogue *c)
{
    c->last = c->first;
    while (c->last != NULL && c->last->next != NULL)
        c->last = c->last->next;
}

void hci_hold_deliver(hc_catalogue *c, uint64_t store_id, bool drop)
{
    for (waiting **link = &c->first; *link != NULL;) {
        waiting *one = *link;
        if (one->store_id != store_id) {
            link = &one->next;
            continue;
        }
        if (!drop) {
            c->stats.delivered++;
            c->calls.deliver(c->calls.ctx, store_id, hc_span_make(one + 1, one->bytes));
        }
        unlink_free(c, link);
    }
    last_find(c);
}

uint64_t hci_hold_tick(hc_catalogue *c, uint64_t now_ns)
{
    while (c->first != NULL && c->first->until_ns <= now_ns) {
        unlink_free(c, &c->first);
        c->stats.held_late++;
    }
    if (c->first == NULL) c->last = NULL;
    return c->first != NULL ? c->first->until_ns : UINT64_MAX;
}

void hci_hold_fini(hc_catalogue *c)
{
    while (c->first != NULL)
        unlink_free(c, &c->first);
    c->last = NULL;
}

static bool is_known(const hc_catalogue *c, const hc_node_id *node)
{
    for (uint32_t i = 0; i < c->node_count; i++) {
        if (memcmp(c->nodes[i].bytes, node->bytes, sizeof node->bytes) == 0) return true;
    }
    return false;
}

hc_status hc_catalogue_hold(hc_catalogue *c, hc_moment now, uint64_t store_id,
                            const hc_node_id *from, hc_span message)
{
    uint32_t known = hci_catalogue_by_id(c, store_id);
    if (known != NOWHERE && c->definitions[known].dropped) return HC_ERR_NOT_FOUND;
    if (!is_known(c, from)) return HC_ERR_NOT_FOUND;
    (void)hci_hold_tick(c, now.now_ns);
    if (c->stats.held_bytes + message.size > c->options.hold_bytes_max) {
        c->stats.held_full++;
        return HC_ERR_LIMIT;
    }
    waiting *one = hci_allocate(&c->host, sizeof *one + message.size);
    if (one == NULL) return HC_ERR_NO_MEMORY;
    *one = (waiting){.store_id = store_id,
                     .until_ns = now.now_ns + c->options.hold_ms * MS,
                     .bytes = message.size};
    if (message.size > 0) memcpy(one + 1, message.data, message.size);
    *(c->last != NULL ? &c->last->next : &c->first) = one;
    c->last = one;
    c->stats.held++;
    c->stats.held_bytes += message.size;
    if (known != NOWHERE) return HC_OK; /* the program is about to make it */
    hc_span ask = hci_catalogue_make(c, CATALOGUE_ASK, store_id, NOWHERE);
    if (ask.size == 0) return HC_OK; /* the next comparison brings it */
    c->stats.sent++;
    c->calls.send(c->calls.ctx, from, ask);
    return HC_OK;
}
