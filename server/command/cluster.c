/*
 * cluster.c - see cluster.h: views are counted references, swapped under a lock held for a few
 * instructions; calls to server/peer are made under a read lock, so that detach can wait for them.
 */
#include "command/cluster.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/cluster/cluster_private.h"

hc_status cluster_init(node *of)
{
    cluster *made = calloc(1, sizeof *made);
    if (made == NULL) return HC_ERR_NO_MEMORY;
    made->workers = calloc(of->options.workers, sizeof *made->workers);
    if (made->workers == NULL) {
        free(made);
        return HC_ERR_NO_MEMORY;
    }
    (void)pthread_mutex_init(&made->view_lock, NULL);
    (void)pthread_rwlock_init(&made->calls_lock, NULL);
    for (unsigned i = 0; i < of->options.workers; i++)
        (void)pthread_mutex_init(&made->workers[i].lock, NULL);
    of->cluster = made;
    return HC_OK;
}

void cluster_fini(node *of)
{
    cluster *c = of->cluster;
    if (c == NULL) return;
    cluster_view_release(c->view);
    cluster_workers_fini(c, of->options.workers);
    (void)pthread_mutex_destroy(&c->view_lock);
    (void)pthread_rwlock_destroy(&c->calls_lock);
    free(c);
    of->cluster = NULL;
}

/* ---- views ---- */

cluster_view *cluster_view_create(size_t member_count, size_t range_count)
{
    cluster_view *view = calloc(1, sizeof *view);
    if (view == NULL) return NULL;
    cluster_member *members = calloc(member_count + 1, sizeof *members);
    cluster_range *ranges = calloc(range_count + 1, sizeof *ranges);
    view->members = members;
    view->ranges = ranges;
    view->member_count = member_count;
    view->range_count = range_count;
    atomic_init(&view->users, 1);
    if (members != NULL && ranges != NULL) return view;
    cluster_view_release(view);
    return NULL;
}

void cluster_view_publish(node *of, cluster_view *view)
{
    cluster *c = of->cluster;
    (void)pthread_mutex_lock(&c->view_lock);
    const cluster_view *before = c->view;
    view->number = ++c->view_number;
    c->view = view;
    (void)pthread_mutex_unlock(&c->view_lock);
    cluster_view_release(before);
}

const cluster_view *cluster_view_acquire(node *of)
{
    cluster *c = of->cluster;
    if (!cluster_enabled(of)) return NULL;
    (void)pthread_mutex_lock(&c->view_lock);
    const cluster_view *view = c->view;
    if (view != NULL) atomic_fetch_add(&((cluster_view *)(uintptr_t)view)->users, 1);
    (void)pthread_mutex_unlock(&c->view_lock);
    return view;
}

void cluster_view_release(const cluster_view *view)
{
    if (view == NULL) return;
    cluster_view *own = (cluster_view *)(uintptr_t)view;
    if (atomic_fetch_sub(&own->users, 1) != 1) return;
    free((void *)(uintptr_t)view->members);
    free((void *)(uintptr_t)view->ranges);
    free(own);
}

/* ---- calls ---- */

bool cluster_enabled(const node *of)
{
    return atomic_load_explicit(&of->cluster->state, memory_order_acquire) != CLUSTER_ALONE;
}

void cluster_expect(node *of)
{
    atomic_store(&of->cluster->state, CLUSTER_EXPECTED);
    node_care_set(of, NODE_CLUSTERED, true);
}

void cluster_attach(node *of, const cluster_calls *calls)
{
    cluster *c = of->cluster;
    (void)pthread_rwlock_wrlock(&c->calls_lock);
    c->calls = *calls;
    atomic_store(&c->state, CLUSTER_ATTACHED);
    (void)pthread_rwlock_unlock(&c->calls_lock);
    node_care_set(of, NODE_CLUSTERED, true);
}

void cluster_detach(node *of)
{
    cluster *c = of->cluster;
    (void)pthread_rwlock_wrlock(&c->calls_lock);
    if (atomic_load(&c->state) == CLUSTER_ATTACHED) atomic_store(&c->state, CLUSTER_EXPECTED);
    memset(&c->calls, 0, sizeof c->calls);
    (void)pthread_rwlock_unlock(&c->calls_lock);
}

const cluster_calls *cluster_calls_hold(node *of)
{
    cluster *c = of->cluster;
    if (atomic_load_explicit(&c->state, memory_order_acquire) != CLUSTER_ATTACHED) return NULL;
    (void)pthread_rwlock_rdlock(&c->calls_lock);
    if (atomic_load(&c->state) == CLUSTER_ATTACHED) return &c->calls;
    (void)pthread_rwlock_unlock(&c->calls_lock);
    return NULL;
}

void cluster_calls_let(node *of)
{
    (void)pthread_rwlock_unlock(&of->cluster->calls_lock);
}

bool cluster_has(node *of, hc_span key)
{
    const cluster_calls *calls = cluster_calls_hold(of);
    if (calls == NULL) return false;
    bool has = calls->has(calls->ctx, key);
    cluster_calls_let(of);
    return has;
}

bool cluster_scan(node *of, uint64_t *cursor, size_t count, hc_visit visit, void *ctx)
{
    if (!cluster_enabled(of)) return false;
    const cluster_calls *calls = cluster_calls_hold(of);
    if (calls == NULL) {
        *cursor = 0;
        return true;
    }
    calls->scan(calls->ctx, cursor, count, visit, ctx);
    cluster_calls_let(of);
    return true;
}

size_t cluster_figures_get(node *of, cluster_figures *figures_out, cluster_peer_figures *peers,
                           size_t peers_max)
{
    memset(figures_out, 0, sizeof *figures_out);
    const cluster_calls *calls = cluster_calls_hold(of);
    if (calls == NULL) return 0;
    size_t count = calls->figures(calls->ctx, figures_out, peers, peers_max);
    cluster_calls_let(of);
    return count;
}

hc_status cluster_meet(node *of, hc_span address)
{
    hc_address parsed;
    if (!cluster_address_parse(address, &parsed)) return HC_ERR_INVALID;
    const cluster_calls *calls = cluster_calls_hold(of);
    if (calls == NULL) return HC_ERR_UNSUPPORTED;
    hc_status status = calls->meet(calls->ctx, &parsed);
    cluster_calls_let(of);
    return status;
}

hc_status cluster_forget(node *of, hc_span id)
{
    hc_node_id parsed;
    if (!cluster_id_parse(id, &parsed)) return HC_ERR_INVALID;
    const cluster_calls *calls = cluster_calls_hold(of);
    if (calls == NULL) return HC_ERR_UNSUPPORTED;
    hc_status status = calls->forget(calls->ctx, &parsed);
    cluster_calls_let(of);
    return status;
}

hc_status cluster_leave(node *of)
{
    const cluster_calls *calls = cluster_calls_hold(of);
    if (calls == NULL) return HC_ERR_UNSUPPORTED;
    hc_status status = calls->leave(calls->ctx);
    cluster_calls_let(of);
    return status;
}

/* ---- texts ---- */

void cluster_id_text(const hc_node_id *id, char text[CLUSTER_ID_CHARS + 1])
{
    for (size_t i = 0; i < sizeof id->bytes; i++) {
        text[2 * i] = "0123456789abcdef"[id->bytes[i] >> 4];
        text[2 * i + 1] = "0123456789abcdef"[id->bytes[i] & 15];
    }
    text[CLUSTER_ID_CHARS] = '\0';
}

static int digit_of(uint8_t c)
{
    if (c >= '0' && c <= '9') return c - '0';
    int lower = tolower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool cluster_id_parse(hc_span text, hc_node_id *id_out)
{
    if (text.size != CLUSTER_ID_CHARS) return false;
    for (size_t i = 0; i < sizeof id_out->bytes; i++) {
        int high = digit_of(text.data[2 * i]), low = digit_of(text.data[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        id_out->bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool is_v4(const hc_address *address)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    return memcmp(address->ip, mapped, sizeof mapped) == 0;
}

const char *cluster_state_word(unsigned member_state)
{
    static const char *const words[] = {"alive", "suspect", "dead", "left"};
    return member_state < sizeof words / sizeof words[0] ? words[member_state] : "unknown";
}

const char *cluster_ring_word(unsigned ring_state)
{
    static const char *const words[] = {"joining", "active", "leaving", "out"};
    return ring_state < sizeof words / sizeof words[0] ? words[ring_state] : "unknown";
}

void cluster_host_text(const hc_address *address, char text[CLUSTER_HOST_CHARS])
{
    bool v4 = is_v4(address);
    const void *bytes = v4 ? address->ip + 12 : address->ip;
    if (inet_ntop(v4 ? AF_INET : AF_INET6, bytes, text, CLUSTER_HOST_CHARS) == NULL) text[0] = '\0';
}

bool cluster_host_parse(const char *host, hc_address *out)
{
    *out = (hc_address){.port = 0};
    if (inet_pton(AF_INET, host, out->ip + 12) == 1) {
        out->ip[10] = out->ip[11] = 0xFF;
        return true;
    }
    return inet_pton(AF_INET6, host, out->ip) == 1;
}

bool cluster_address_parse(hc_span text, hc_address *out)
{
    char host[CLUSTER_HOST_CHARS + 2];
    size_t colon = text.size;
    uint32_t port = 0;
    while (colon > 0 && text.data[colon - 1] != ':')
        colon--;
    size_t digits = text.size - colon;
    if (colon < 2 || colon > sizeof host || digits == 0 || digits > 5) return false;
    for (size_t i = colon; i < text.size; i++) {
        if (!isdigit(text.data[i])) return false;
        port = port * 10 + (uint32_t)(text.data[i] - '0');
    }
    size_t size = colon - 1;
    bool bracketed = size >= 2 && text.data[0] == '[' && text.data[size - 1] == ']';
    memcpy(host, text.data + bracketed, size - 2 * (size_t)bracketed);
    host[size - 2 * (size_t)bracketed] = '\0';
    if (port == 0 || port > UINT16_MAX || !cluster_host_parse(host, out)) return false;
    if (bracketed == is_v4(out)) return false;
    out->port = (uint16_t)port;
    return true;
}
