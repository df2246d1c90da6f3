/*
 * peer.c - the cluster's thread: membership and replica, each a machine without I/O, are given the
 * time and what arrives, and tell each other what they find out.
 *
 *     datagrams, frames --> membership --members--> replica --ready, may flip--> membership
 *                               |                      |
 *                               v                      v
 *                       datagrams, links             links           (handed to sockets at the end)
 *
 * The ring: a node that is new to a cluster is JOINING until it has its data; where nobody holds
 * data yet, the new ones form the ring together.  So that a node does not form one alone while its
 * seeds are still to be heard, it waits PEER_FORM_MS for them, or for expect_nodes.
 */
#include "peer/peer_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define ROUNDS_MAX 8u
#define STOP_STEP_MS 5u
#define STORE_ID 1u /* of database 0 */

/* ---- small things ---- */

uint64_t peer_now_ns(const peer *of)
{
    return node_now_ns(of->options.node);
}

hc_moment peer_now(const peer *of)
{
    return (hc_moment){.now_ns = peer_now_ns(of), .wall_ms = node_now_ms(of->options.node)};
}

void peer_wake(peer *of)
{
    if (!atomic_exchange(&of->wake_sent, true)) (void)eventfd_write(of->wake_fd, 1);
}

uint16_t peer_port(const peer *of)
{
    return of->port;
}

void peer_greeting_own(const peer *of, peer_greeting *out)
{
    *out = (peer_greeting){.version_min = PEER_VERSION_MIN,
                           .version_max = PEER_VERSION_MAX,
                           .cluster_id = of->cluster_id,
                           .node = of->identity.node,
                           .boot_id = of->identity.boot_id,
                           .address = of->address};
}

/* ---- what membership says ---- */

static void members_send(void *ctx, const hc_address *to, bool reliable, hc_span message)
{
    peer *of = ctx;
    if (!reliable) {
        peer_gossip_send(of, to, message);
        return;
    }
    (void)pthread_mutex_lock(&of->lock);
    peer_link_send(of, to, PEER_FRAME_MEMBERS, message);
    (void)pthread_mutex_unlock(&of->lock);
}

static void members_changed(void *ctx, const hc_member *before, const hc_member *after)
{
    peer *of = ctx;
    const hc_member *m = after != NULL ? after : before;
    of->members_changed = true;
    bool is_self = memcmp(&m->id, &of->identity.node, sizeof m->id) == 0;
    if (!is_self) peer_tell_member(of, before, after);
}

static void members_superseded(void *ctx, const hc_member *by)
{
    peer *of = ctx;
    char address[PEER_ADDRESS_CHARS];
    if (of->superseded_told) return;
    of->superseded_told = true;
    peer_address_text(&by->address, address);
    peer_log(of, HC_LOG_ERROR, HC_TOPIC_GOSSIP, "member",
             "another process runs under this node's id and was started later: this one ends",
             (peer_fact){.name = "other", .text = address}, PEER_NO_FACT);
    if (of->options.superseded != NULL) of->options.superseded(of->options.superseded_ctx);
}

/* ---- what the replica says; under the lock ---- */

static void replica_send(void *ctx, const hc_node_id *to, hc_span message)
{
    peer *of = ctx;
    for (size_t i = 0; i < of->route_count; i++) {
        if (memcmp(&of->routes[i].node, to, sizeof *to) != 0) continue;
        peer_link_queue(of->routes[i].link, PEER_FRAME_REPLICA, message);
        return;
    }
}

static void replica_reply(void *ctx, const hc_reply *said)
{
    peer *of = ctx;
    of->answered++;
    of->timeouts += said->outcome == HC_OUTCOME_UNCERTAIN;
    cluster_part_answer(said->id, said);
}

static void replica_changed(void *ctx, bool ready, bool may_flip)
{
    peer *of = ctx;
    of->ready_wanted = ready;
    of->flip_wanted = may_flip;
}

static void replica_flushed(void *ctx, uint64_t version)
{
    peer *of = ctx;
    of->flush = version; /* the cluster's thread keeps it: see flush_keep */
    peer_wake(of);
}

/* ---- turning the wheels ---- */

static hc_member_ring ring_of_self(const peer *of)
{
    return hc_membership_at(of->members, 0)->ring;
}

/* Nobody holds data: may this node be one of the first who do? */
static bool may_form(const peer *of)
{
    size_t count = hc_membership_count(of->members), alive = 0;
    for (size_t i = 0; i < count; i++) {
        const hc_member *m = hc_membership_at(of->members, i);
        if (i > 0 && m->ring == HC_RING_ACTIVE) return true; /* not the first */
        alive += m->state == HC_MEMBER_ALIVE;
    }
    uint32_t expected = of->options.expect_nodes > 0 ? of->options.expect_nodes : 1;
    uint64_t since_ms = (peer_now_ns(of) - of->started_ns) / PEER_NS_PER_MS;
    if (since_ms >= PEER_FORM_MS * 3) return true;
    if (alive < expected) return false;
    return alive > 1 || (of->seed_count == 0 && of->met_count == 0) || since_ms >= PEER_FORM_MS;
}

static void ring_set(peer *of, hc_member_ring ring)
{
    static const char *const words[] = {"joining", "active", "leaving", "out"};
    hc_membership_set_ring(of->members, peer_now_ns(of), ring);
    of->members_changed = true;
    peer_log(of, HC_LOG_INFO, HC_TOPIC_HASH_RING, "ring",
             "this node's place in the ring is another",
             (peer_fact){.name = "ring", .text = words[ring]}, PEER_NO_FACT);
}

/* What the replica found out goes to membership. */
static void replica_heed(peer *of)
{
    hc_member_ring ring = ring_of_self(of);
    (void)pthread_mutex_lock(&of->lock);
    bool ready = of->ready_wanted, flip = of->flip_wanted;
    (void)pthread_mutex_unlock(&of->lock);
    of->ready = ready;
    if (hc_membership_at(of->members, 0)->ready != ready) {
        hc_membership_set_ready(of->members, peer_now_ns(of), ready);
        of->members_changed = true;
        peer_tell(of, ready ? HC_EVENT_SYNC_ENDED : HC_EVENT_SYNC_STARTED,
                  ready ? "this node has its data" : "this node gets its data", PEER_NO_FACT,
                  PEER_NO_FACT);
    }
    if (ring == HC_RING_OUT && !of->leaving) {
        ring_set(of, HC_RING_JOINING); /* it was away for too long */
    } else if (flip && ring == HC_RING_JOINING && !of->leaving && may_form(of)) {
        ring_set(of, HC_RING_ACTIVE);
        peer_company_formed(of);
        peer_image_store(of, true); /* before the identity, which is believed with it only */
    } else if (flip && ring == HC_RING_LEAVING) {
        ring_set(of, HC_RING_OUT);
    }
    ring = ring_of_self(of);
    bool kept = ring == HC_RING_ACTIVE ? of->identity.ring == HC_RING_ACTIVE
                                       : of->identity.ring != HC_RING_ACTIVE;
    if (!kept && !peer_identity_store(of, ring))
        peer_log(of, HC_LOG_ERROR, HC_TOPIC_GOSSIP, "identity", "cannot write this node's identity",
                 (peer_fact){.name = "error", .text = strerror(errno)}, PEER_NO_FACT);
}

/* What membership found out goes to the replica. */
static void members_tell(peer *of)
{
    size_t count = hc_membership_count(of->members);
    hc_member *list = calloc(count, sizeof *list);
    if (list == NULL) {
        of->members_changed = true; /* again, soon */
        return;
    }
    for (size_t i = 0; i < count; i++)
        list[i] = *hc_membership_at(of->members, i);
    peer_company_tell(of, list, count);
    (void)pthread_mutex_lock(&of->lock);
    peer_routes_renew(of);
    of->view_stale = true;
    if (hc_replica_members(of->replica, peer_now(of), list, count) != HC_OK)
        of->members_changed = true;
    (void)pthread_mutex_unlock(&of->lock);
    free(list);
}

static void flush_keep(peer *of)
{
    (void)pthread_mutex_lock(&of->lock);
    uint64_t version = of->flush;
    (void)pthread_mutex_unlock(&of->lock);
    if (version == of->flush_kept) return;
    of->flush_kept = version;
    if (!peer_flush_store(of, STORE_ID, version))
        peer_log(of, HC_LOG_ERROR, HC_TOPIC_GOSSIP, "flush",
                 "cannot write the version of the last flush; what was flushed may come back when "
                 "all nodes start again",
                 (peer_fact){.name = "error", .text = strerror(errno)}, PEER_NO_FACT);
}

static void timer_set(peer *of, uint64_t ms)
{
    struct timeval in = {.tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000) * 1000};
    (void)evtimer_add(of->timer, &in);
}

static void stop_step(peer *of);

static void turn(peer *of)
{
    uint64_t next = hc_membership_tick(of->members, peer_now_ns(of)), other = next;
    for (unsigned i = 0; i < ROUNDS_MAX; i++) {
        if (of->members_changed) {
            of->members_changed = false;
            members_tell(of);
        }
        (void)pthread_mutex_lock(&of->lock);
        other = hc_replica_tick(of->replica, peer_now(of));
        hc_membership_stats_get(of->members, &of->membership_stats);
        (void)pthread_mutex_unlock(&of->lock);
        replica_heed(of);
        if (!of->members_changed) break;
    }
    peer_accepted_look(of);
    peer_view_renew(of, false);
    peer_links_flush(of);
    if (atomic_load(&of->stop)) stop_step(of);
    uint64_t now_ns = peer_now_ns(of);
    of->pumped_ns = now_ns;
    if (other < next) next = other;
    (void)pthread_mutex_lock(&of->lock);
    uint64_t most = of->asked != of->answered ? PEER_TICK_MS_BUSY : PEER_TICK_MS_MAX;
    (void)pthread_mutex_unlock(&of->lock);
    uint64_t ms = next > now_ns ? (next - now_ns) / PEER_NS_PER_MS + 1 : PEER_TICK_MS_MIN;
    timer_set(of, ms > most || of->members_changed ? most : ms);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd, (void)what;
    turn(ctx);
}

void peer_turn_soon(peer *of)
{
    uint64_t past_ns = peer_now_ns(of) - of->pumped_ns;
    timer_set(of, past_ns >= PEER_TICK_MS_MIN * PEER_NS_PER_MS ? 0 : PEER_TICK_MS_MIN);
}

static void on_woken(evutil_socket_t fd, short what, void *ctx)
{
    peer *of = ctx;
    eventfd_t wakes;
    (void)what;
    (void)eventfd_read(fd, &wakes);
    atomic_store(&of->wake_sent, false); /* before the look: what comes later wakes again */
    peer_links_flush(of);
    flush_keep(of);
    peer_orders_take(of);
    if (atomic_load(&of->stop)) peer_turn_soon(of);
}

static void on_image(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd, (void)what;
    peer_image_store(ctx, false);
    peer_tell_stats(ctx);
    peer_trace_watch(ctx);
}

static void on_resolve(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd, (void)what;
    peer_seeds_resolve(ctx);
}

/* ---- the end ---- */

static bool all_is_sent(peer *of)
{
    hc_replica_stats stats = {.size = sizeof stats};
    (void)pthread_mutex_lock(&of->lock);
    hc_replica_stats_get(of->replica, &stats);
    bool sent = stats.queue_bytes == 0 && peer_links_empty(of);
    (void)pthread_mutex_unlock(&of->lock);
    return sent;
}

/* Others take what was written here; with leave_on_stop its slots go to them first. */
static void stop_step(peer *of)
{
    uint64_t now_ns = peer_now_ns(of);
    if (of->stopping_ns == 0) {
        of->stopping_ns = now_ns;
        if (of->options.leave_on_stop && !of->leaving && ring_of_self(of) == HC_RING_ACTIVE) {
            of->leaving = true;
            ring_set(of, HC_RING_LEAVING);
        }
    }
    uint64_t past_ms = (now_ns - of->stopping_ns) / PEER_NS_PER_MS;
    bool leaves = of->leaving && ring_of_self(of) == HC_RING_LEAVING;
    if (leaves && past_ms < PEER_LEAVE_MS_MAX) return;
    if (!all_is_sent(of) && past_ms < PEER_FLUSH_MS_MAX) return;
    if (of->leaving && of->left_ns == 0) {
        of->left_ns = now_ns;
        hc_membership_leave(of->members, now_ns);
    }
    if (of->leaving && now_ns - of->left_ns < PEER_GOODBYE_MS * PEER_NS_PER_MS) return;
    peer_links_flush(of);
    (void)event_base_loopexit(of->base, &(struct timeval){.tv_usec = STOP_STEP_MS * 1000});
}

/* ---- making ---- */

/* The cluster's id and key follow from its name and its secret. */
static void cluster_key_make(peer *of)
{
    const peer_options *o = &of->options;
    XXH128_hash_t key = XXH3_128bits_withSeed(o->secret, strlen(o->secret), 1);
    memcpy(of->secret, &key, sizeof of->secret);
    uint64_t named = XXH3_64bits_withSeed(o->cluster_name, strlen(o->cluster_name), 2);
    of->cluster_id = XXH3_64bits_withSeed(of->secret, sizeof of->secret, named);
}

static struct event_base *base_create(void)
{
    struct event_config *config = event_config_new();
    if (config == NULL) return NULL;
    (void)event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

static hc_status members_create(peer *of)
{
    const peer_options *o = &of->options;
    hc_membership_options m = {.size = sizeof m,
                               .cluster_id = of->cluster_id,
                               .gossip_interval_ms = PEER_GOSSIP_MS,
                               .retry_interval_ms = PEER_RETRY_MS};
    memcpy(m.secret, of->secret, sizeof m.secret);
    m.self = (hc_member){.id = of->identity.node,
                         .boot_id = of->identity.boot_id,
                         .ring = of->identity.ring,
                         .address = of->address,
                         .resp_port = o->resp_port,
                         .http_port = o->http_port};
    (void)snprintf(m.self.zone, sizeof m.self.zone, "%s", o->zone);
    hc_membership_calls calls = {.size = sizeof calls,
                                 .ctx = of,
                                 .send = members_send,
                                 .changed = members_changed,
                                 .superseded = members_superseded};
    m.image = hc_span_make(of->image, of->image_bytes);
    bool has_list = of->image_bytes > 0;
    hc_status status = hc_membership_create(o->host, &m, &calls, peer_now_ns(of), &of->members);
    if (status == HC_ERR_CORRUPT) { /* of another secret, or torn: as if there were none */
        peer_log(of, HC_LOG_WARN, HC_TOPIC_GOSSIP, "members",
                 "the list of members cannot be used; seeds are needed", PEER_NO_FACT,
                 PEER_NO_FACT);
        m.image = hc_span_make(NULL, 0);
        has_list = false;
        status = hc_membership_create(o->host, &m, &calls, peer_now_ns(of), &of->members);
    }
    if (status != HC_OK) return status;
    of->identity.boot_id = hc_membership_at(of->members, 0)->boot_id;
    peer_company_begin(of, has_list);
    return HC_OK;
}

static hc_status replica_create(peer *of)
{
    const peer_options *o = &of->options;
    of->flush = of->flush_kept = peer_flush_load(of, STORE_ID);
    hc_replica_options r = {.size = sizeof r,
                            .cluster_id = of->cluster_id,
                            .store_id = STORE_ID,
                            .flush_version = of->flush,
                            .self = of->identity.node,
                            .boot_id = of->identity.boot_id,
                            .store = node_store(o->node, 0),
                            .replicas = o->replicas,
                            .blocks = o->blocks,
                            .expect_nodes = o->expect_nodes};
    memcpy(r.secret, of->secret, sizeof r.secret);
    hc_replica_calls calls = {.size = sizeof calls,
                              .ctx = of,
                              .send = replica_send,
                              .reply = replica_reply,
                              .update = peer_update,
                              .changed = replica_changed,
                              .update_group = peer_update_group,
                              .flushed = replica_flushed,
                              .traced = peer_traced};
    return hc_replica_create(o->host, &r, &calls, peer_now(of), &of->replica);
}

static hc_status events_create(peer *of)
{
    struct timeval image = {.tv_sec = PEER_IMAGE_MS / 1000};
    struct timeval resolve = {.tv_sec = PEER_RESOLVE_MS / 1000};
    of->woken = event_new(of->base, of->wake_fd, EV_READ | EV_PERSIST, on_woken, of);
    of->timer = evtimer_new(of->base, on_timer, of);
    of->image_timer = event_new(of->base, -1, EV_PERSIST, on_image, of);
    of->resolve_timer = event_new(of->base, -1, EV_PERSIST, on_resolve, of);
    if (of->woken == NULL || of->timer == NULL || of->image_timer == NULL ||
        of->resolve_timer == NULL)
        return HC_ERR_NO_MEMORY;
    bool ok = event_add(of->woken, NULL) == 0 && event_add(of->image_timer, &image) == 0 &&
              event_add(of->resolve_timer, &resolve) == 0;
    return ok ? HC_OK : HC_ERR_IO;
}

static hc_status options_take(peer *of, const peer_options *options, char *why, size_t why_bytes)
{
    of->options = *options;
    hc_store *store = node_store(options->node, 0);
    if (of->options.blocks == 0) of->options.blocks = 512;
    if (of->options.replicas == 0) of->options.replicas = 3;
    if (store == NULL) return HC_ERR_NO_MEMORY;
    if (peer_was_here(options->data_dir) || hc_store_count(store) == 0) return HC_OK;
    (void)snprintf(why, why_bytes,
                   "%s holds the data of a node that was alone; export it, start the cluster with "
                   "an empty directory and import it",
                   options->data_dir);
    return HC_ERR_CONFLICT;
}

static void *peer_main(void *ctx)
{
    peer *of = ctx;
    peer_seeds_resolve(of);
    turn(of);
    (void)event_base_dispatch(of->base);
    return NULL;
}

static void event_end(struct event **event)
{
    if (*event != NULL) event_free(*event);
    *event = NULL;
}

static void peer_free(peer *of)
{
    if (of == NULL) return;
    if (of->dns != NULL) peer_seeds_stop(of);
    peer_accept_stop(of);
    peer_gossip_stop(of);
    peer_links_destroy(of);
    event_end(&of->woken);
    event_end(&of->timer);
    event_end(&of->image_timer);
    event_end(&of->resolve_timer);
    hc_replica_destroy(of->replica);
    hc_membership_destroy(of->members);
    if (of->base != NULL) event_base_free(of->base);
    peer_update_fini(of);
    if (of->udp >= 0) (void)close(of->udp);
    if (of->tcp >= 0) (void)close(of->tcp);
    if (of->wake_fd >= 0) (void)close(of->wake_fd);
    (void)pthread_mutex_destroy(&of->lock);
    (void)pthread_mutex_destroy(&of->orders_lock);
    free(of->image);
    free(of->since);
    free(of);
}

static hc_status peer_make(peer *of, const peer_options *options, char *why, size_t why_bytes)
{
    hc_status status = options_take(of, options, why, why_bytes);
    if (status != HC_OK) return status;
    cluster_key_make(of);
    of->started_ns = peer_now_ns(of);
    of->base = base_create();
    of->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (of->base == NULL || of->wake_fd < 0) return HC_ERR_NO_MEMORY;
    status = peer_sockets_open(of, why, why_bytes);
    if (status == HC_OK) status = peer_identity_load(of, why, why_bytes);
    if (status == HC_OK) status = peer_seeds_init(of, why, why_bytes);
    if (status != HC_OK) return status;
    peer_image_load(of);
    status = peer_update_init(of);
    if (status == HC_OK) status = events_create(of);
    if (status == HC_OK) status = members_create(of);
    if (status == HC_OK) status = replica_create(of);
    if (status == HC_OK) status = peer_gossip_start(of);
    if (status == HC_OK) status = peer_accept_start(of);
    of->members_changed = true;
    return status;
}

hc_status peer_start(const peer_options *options, peer **peer_out, char *why, size_t why_bytes)
{
    *peer_out = NULL;
    why[0] = '\0';
    peer *of = calloc(1, sizeof *of);
    if (of == NULL) return HC_ERR_NO_MEMORY;
    of->udp = of->tcp = of->wake_fd = -1;
    (void)pthread_mutex_init(&of->lock, NULL);
    (void)pthread_mutex_init(&of->orders_lock, NULL);
    hc_status status = peer_make(of, options, why, why_bytes);
    if (status == HC_OK) {
        members_tell(of); /* a request may come at once, and asks who holds its key */
        peer_view_renew(of, true);
        peer_calls_attach(of);
        of->thread_started = pthread_create(&of->thread, NULL, peer_main, of) == 0;
        status = of->thread_started ? HC_OK : HC_ERR_NO_MEMORY;
    }
    if (status != HC_OK) {
        if (why[0] == '\0') (void)snprintf(why, why_bytes, "%s", hc_status_text(status));
        cluster_detach(options->node);
        peer_free(of);
        return status;
    }
    char address[PEER_ADDRESS_CHARS], id[CLUSTER_ID_CHARS + 1];
    peer_address_text(&of->address, address);
    cluster_id_text(&of->identity.node, id);
    peer_log(of, HC_LOG_INFO, HC_TOPIC_GOSSIP, "start", "this node is one of a cluster",
             (peer_fact){.name = "address", .text = address},
             (peer_fact){.name = "member", .text = id});
    *peer_out = of;
    return HC_OK;
}

void peer_stop(peer *of)
{
    if (of == NULL) return;
    atomic_store(&of->stop, true);
    peer_wake(of);
    (void)pthread_join(of->thread, NULL);
    cluster_detach(of->options.node);
    peer_image_store(of, false);
    peer_free(of);
}
