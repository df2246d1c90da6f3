/*
 * test_ring.c - every ring of random nodes keeps its promises, and equal nodes make equal rings.
 */
#include "support/test.h"
#include "support/test_host.h"

#include <hypercache/hypercache.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODES_MAX 64u
#define ROUNDS 60u

typedef struct members {
    char names[NODES_MAX][24];
    hc_ring_node nodes[NODES_MAX];
    size_t count;
} members;

static test_random random_source;

static hc_ring_options options_of(hc_ring_kind kind, uint32_t replicas)
{
    return (hc_ring_options){.size = sizeof(hc_ring_options), .kind = kind, .replicas = replicas};
}

static void member_add(members *of, unsigned number)
{
    size_t at = of->count++;
    int chars = snprintf(of->names[at], sizeof of->names[at], "node-%u", number * 7919);
    of->nodes[at] =
        (hc_ring_node){.name = hc_span_make(of->names[at], (size_t)chars), .user = number};
}

static members members_make(unsigned count)
{
    members made = {.count = 0};
    for (unsigned i = 0; i < count; i++)
        member_add(&made, i);
    return made; /* names point nowhere until members_settle */
}

/* Points the names at where they are now. */
static void members_settle(members *of)
{
    for (size_t i = 0; i < of->count; i++)
        of->nodes[i].name.data = (const uint8_t *)of->names[i];
}

static hc_ring *ring_make(const hc_ring_options *options, members *of)
{
    hc_ring *ring;
    members_settle(of);
    assert_int_equal(hc_ring_create(NULL, options, of->nodes, of->count, &ring), HC_OK);
    return ring;
}

static hc_span zone_named(unsigned number)
{
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    return span(names[number % 5]);
}

static uint64_t place_random(const hc_ring_options *o)
{
    uint64_t r = test_random_next(&random_source);
    return o->kind == HC_RING_KIND_SLOTS ? r % HC_RING_SLOTS : r;
}

/* ---- each ring by itself ---- */

static unsigned zones_count(const hc_ring *ring)
{
    unsigned zones = 0;
    for (uint32_t i = 0; i < hc_ring_node_count(ring); i++) {
        hc_span zone = hc_ring_node_at(ring, i).zone;
        bool is_new = true;
        for (uint32_t k = 0; k < i && zone.size > 0; k++) {
            hc_span other = hc_ring_node_at(ring, k).zone;
            if (other.size == zone.size && memcmp(other.data, zone.data, zone.size) == 0) {
                is_new = false;
            }
        }
        zones += is_new;
    }
    return zones;
}

static void assert_holders_apart(const hc_ring *ring, const uint32_t *holders, size_t count)
{
    unsigned zones = zones_count(ring);
    for (size_t i = 0; i < count; i++) {
        assert_true(holders[i] < hc_ring_node_count(ring));
        for (size_t k = 0; k < i; k++) {
            assert_int_not_equal(holders[i], holders[k]);
            hc_span a = hc_ring_node_at(ring, holders[i]).zone;
            hc_span b = hc_ring_node_at(ring, holders[k]).zone;
            if (i < zones && a.size > 0) {
                assert_true(a.size != b.size || memcmp(a.data, b.data, a.size) != 0);
            }
        }
    }
}

static void members_random(members *of, hc_ring_options *o)
{
    *of = members_make(1 + (unsigned)test_random_below(&random_source, NODES_MAX));
    bool zoned = test_random_below(&random_source, 2) == 0;
    bool weighted = test_random_below(&random_source, 2) == 0;
    unsigned zones = 1 + (unsigned)test_random_below(&random_source, 5);
    for (size_t i = 0; i < of->count; i++) {
        unsigned zone = (unsigned)test_random_below(&random_source, zones);
        if (zoned) of->nodes[i].zone = zone_named(zone);
        if (weighted) of->nodes[i].weight = 1 + (uint32_t)test_random_below(&random_source, 400);
    }
    *o = options_of((hc_ring_kind)test_random_below(&random_source, 2),
                    1 + (uint32_t)test_random_below(&random_source, HC_RING_REPLICAS_MAX));
}

static void test_holders_are_apart(void **state)
{
    (void)state;
    members of;
    hc_ring_options o;
    for (unsigned round = 0; round < ROUNDS; round++) {
        members_random(&of, &o);
        hc_ring *ring = ring_make(&o, &of);
        size_t want = o.replicas < of.count ? o.replicas : of.count;
        for (unsigned i = 0; i < 200; i++) {
            uint32_t holders[HC_RING_REPLICAS_MAX];
            size_t count = hc_ring_holders(ring, place_random(&o), holders);
            assert_int_equal(count, want);
            assert_holders_apart(ring, holders, count);
        }
        hc_ring_destroy(ring);
    }
}

static void test_shares_add_up(void **state)
{
    (void)state;
    members of;
    hc_ring_options o;
    for (unsigned round = 0; round < ROUNDS / 4; round++) {
        members_random(&of, &o);
        hc_ring *ring = ring_make(&o, &of);
        double primaries = 0, all = 0;
        for (uint32_t i = 0; i < of.count; i++) {
            double primary, any;
            hc_ring_share(ring, i, &primary, &any);
            assert_true(any >= primary && any < 1.000001);
            primaries += primary;
            all += any;
        }
        double want = o.replicas < of.count ? o.replicas : (double)of.count;
        assert_true(primaries > 0.999999 && primaries < 1.000001);
        assert_true(all > want - 0.00001 && all < want + 0.00001);
        hc_ring_destroy(ring);
    }
}

/* A node's limit is its share and slack, rounded up to a whole block. */
static void test_no_node_is_above_its_limit(void **state)
{
    (void)state;
    for (unsigned count = 2; count <= 48; count += 1 + count / 4) {
        members of = members_make(count);
        hc_ring_options o = options_of(HC_RING_KIND_SLOTS, 3);
        hc_ring *ring = ring_make(&o, &of);
        for (uint32_t i = 0; i < count; i++) {
            double primary, any, share = 1.0 / count;
            hc_ring_share(ring, i, &primary, &any);
            assert_true(primary <= share * 1.05 + 1.0 / 512);
        }
        hc_ring_destroy(ring);
    }
}

static void test_weight_is_the_share(void **state)
{
    (void)state;
    for (int kind = HC_RING_KIND_SLOTS; kind <= HC_RING_KIND_CIRCLE; kind++) {
        members of = members_make(4);
        of.nodes[0].weight = 300;
        hc_ring_options o = options_of((hc_ring_kind)kind, 1);
        o.points = 1000;
        hc_ring *ring = ring_make(&o, &of);
        for (uint32_t i = 0; i < 4; i++) {
            double primary, any, want = hc_ring_node_at(ring, i).user == 0 ? 0.5 : 1.0 / 6;
            hc_ring_share(ring, i, &primary, &any);
            assert_true(primary > want * 0.85 && primary < want * 1.15);
        }
        hc_ring_destroy(ring);
    }
}

/* Two small zones and one large: each has one copy of everything. */
static void test_every_zone_has_a_copy(void **state)
{
    (void)state;
    members of = members_make(6);
    for (unsigned i = 0; i < 6; i++)
        of.nodes[i].zone = zone_named(i < 2 ? i : 2);
    hc_ring_options o = options_of(HC_RING_KIND_SLOTS, 3);
    hc_ring *ring = ring_make(&o, &of);
    for (uint32_t i = 0; i < 6; i++) {
        double primary, any;
        hc_ring_share(ring, i, &primary, &any);
        if (hc_ring_node_at(ring, i).user < 2) {
            assert_true(any > 0.999999);
        } else {
            assert_true(any > 0.2 && any < 0.28);
        }
    }
    hc_ring_destroy(ring);
}

/* ---- rings beside each other ---- */

static void test_order_of_nodes_does_not_matter(void **state)
{
    (void)state;
    members of;
    hc_ring_options o;
    for (unsigned round = 0; round < ROUNDS / 4; round++) {
        members_random(&of, &o);
        members_settle(&of);
        hc_ring *one = ring_make(&o, &of), *other;
        for (size_t i = of.count; i > 1; i--) {
            size_t k = test_random_below(&random_source, i);
            hc_ring_node kept = of.nodes[i - 1];
            of.nodes[i - 1] = of.nodes[k];
            of.nodes[k] = kept;
        }
        assert_int_equal(hc_ring_create(NULL, &o, of.nodes, of.count, &other), HC_OK);
        assert_int_equal(hc_ring_id(one), hc_ring_id(other));
        for (unsigned i = 0; i < 300; i++) {
            uint32_t a[HC_RING_REPLICAS_MAX], b[HC_RING_REPLICAS_MAX];
            uint64_t place = place_random(&o);
            size_t count = hc_ring_holders(one, place, a);
            assert_int_equal(hc_ring_holders(other, place, b), count);
            assert_memory_equal(a, b, count * sizeof *a);
        }
        hc_ring_destroy(one);
        hc_ring_destroy(other);
    }
}

static void test_id_tells_rings_apart(void **state)
{
    (void)state;
    uint64_t ids[6];
    for (unsigned i = 0; i < 6; i++) {
        members of = members_make(5);
        hc_ring_options o = options_of(i == 1 ? HC_RING_KIND_CIRCLE : HC_RING_KIND_SLOTS, 2);
        if (i == 2) o.replicas = 3;
        if (i == 3) of.nodes[4].weight = 101;
        if (i == 4) of.nodes[4].zone = zone_named(0);
        if (i == 5) of.count = 4;
        hc_ring *ring = ring_make(&o, &of);
        ids[i] = hc_ring_id(ring);
        assert_int_not_equal(ids[i], 0);
        for (unsigned k = 0; k < i; k++)
            assert_int_not_equal(ids[i], ids[k]);
        hc_ring_destroy(ring);
    }
}

/* Nodes of different versions must agree: places are a part of the protocol.  If this fails, the
 * way places are chosen has changed: raise ID_VERSION in ring.c. */
static void test_places_are_those_of_version_1(void **state)
{
    (void)state;
    members of = members_make(7);
    of.nodes[3].weight = 250;
    for (unsigned i = 0; i < 7; i++)
        of.nodes[i].zone = zone_named(i % 3);
    for (int kind = HC_RING_KIND_SLOTS; kind <= HC_RING_KIND_CIRCLE; kind++) {
        hc_ring_options o = options_of((hc_ring_kind)kind, 3);
        hc_ring *ring = ring_make(&o, &of);
        uint64_t sum = 0;
        for (uint64_t i = 0; i < HC_RING_SLOTS; i++) {
            uint32_t h[HC_RING_REPLICAS_MAX];
            uint64_t place = kind == HC_RING_KIND_SLOTS ? i : i * UINT64_C(0x4000000000000);
            hc_ring_holders(ring, place, h);
            sum = sum * 31 + h[0] * 64 + h[1] * 8 + h[2];
        }
        assert_int_equal(sum, kind == HC_RING_KIND_SLOTS ? UINT64_C(0x67ae179d91ae4c00)
                                                         : UINT64_C(0x4f419bf549020ae4));
        hc_ring_destroy(ring);
    }
}

typedef struct walk {
    const hc_ring *from, *to;
    uint64_t next; /* no change was reported below */
    double gained;
} walk;

static bool same_holders(const walk *w, uint64_t place)
{
    uint32_t a[HC_RING_REPLICAS_MAX], b[HC_RING_REPLICAS_MAX];
    size_t count = hc_ring_holders(w->from, place, a);
    if (hc_ring_holders(w->to, place, b) != count) return false;
    for (size_t i = 0; i < count; i++) {
        if (hc_ring_node_at(w->from, a[i]).user != hc_ring_node_at(w->to, b[i]).user) return false;
    }
    return true;
}

static void check_change(void *ctx, const hc_ring_change *change)
{
    walk *w = ctx;
    assert_true(change->first >= w->next && change->last >= change->first);
    if (change->first > w->next) {
        assert_true(same_holders(w, w->next));
        assert_true(same_holders(w, change->first - 1));
    }
    assert_false(same_holders(w, change->first));
    assert_false(same_holders(w, change->last));
    w->next = change->last + 1;
    for (size_t i = 0; i < change->to_count; i++) {
        uint64_t who = hc_ring_node_at(w->to, change->to[i]).user;
        bool is_new = true;
        for (size_t k = 0; k < change->from_count; k++)
            is_new = is_new && hc_ring_node_at(w->from, change->from[k]).user != who;
        if (is_new) w->gained += (double)(change->last - change->first + 1) / HC_RING_SLOTS;
    }
}

/* One leaves, one comes. */
static void test_diff_tells_exactly_what_moves(void **state)
{
    (void)state;
    members of;
    hc_ring_options o;
    for (unsigned round = 0; round < ROUNDS / 2; round++) {
        members_random(&of, &o);
        walk w = {.from = ring_make(&o, &of), .to = NULL};
        w.to = w.from;
        assert_int_equal(hc_ring_diff(w.from, w.to, check_change, &w), HC_OK);
        assert_int_equal(w.next, 0);
        of.count--;
        member_add(&of, 1000 + round);
        w.to = ring_make(&o, &of);
        assert_int_equal(hc_ring_diff(w.from, w.to, check_change, &w), HC_OK);
        assert_true(w.next > 0 || o.kind == HC_RING_KIND_CIRCLE);
        hc_ring_destroy((hc_ring *)(uintptr_t)w.from);
        hc_ring_destroy((hc_ring *)(uintptr_t)w.to);
    }
}

/* The ideal: the new node takes its part of the copies, and nothing else moves. */
static void test_a_join_moves_little(void **state)
{
    (void)state;
    for (unsigned count = 3; count <= 10; count++) {
        members before = members_make(count), after = members_make(count + 1);
        hc_ring_options o = options_of(HC_RING_KIND_SLOTS, 3);
        walk w = {.from = ring_make(&o, &before), .to = ring_make(&o, &after)};
        assert_int_equal(hc_ring_diff(w.from, w.to, check_change, &w), HC_OK);
        assert_true(w.gained <= 1.15 * 3 / (count + 1));
        hc_ring_destroy((hc_ring *)(uintptr_t)w.from);
        hc_ring_destroy((hc_ring *)(uintptr_t)w.to);
    }
}

static void test_circle_diff_is_exact(void **state)
{
    (void)state;
    members before = members_make(6), after = members_make(7);
    hc_ring_options o = options_of(HC_RING_KIND_CIRCLE, 2);
    walk w = {.from = ring_make(&o, &before), .to = ring_make(&o, &after)};
    assert_int_equal(hc_ring_diff(w.from, w.to, check_change, &w), HC_OK);
    assert_true(w.next > 0);
    hc_ring_options other = options_of(HC_RING_KIND_SLOTS, 2);
    hc_ring *slots = ring_make(&other, &before);
    assert_int_equal(hc_ring_diff(w.from, slots, check_change, &w), HC_ERR_INVALID);
    hc_ring_destroy(slots);
    hc_ring_destroy((hc_ring *)(uintptr_t)w.from);
    hc_ring_destroy((hc_ring *)(uintptr_t)w.to);
}

/* ---- edges ---- */

static void test_keys_find_their_slot(void **state)
{
    (void)state;
    members of = members_make(3);
    hc_ring_options o = options_of(HC_RING_KIND_SLOTS, 2);
    hc_ring *ring = ring_make(&o, &of);
    uint32_t a[HC_RING_REPLICAS_MAX], b[HC_RING_REPLICAS_MAX];
    assert_int_equal(hc_ring_slot(span("123456789")), 12739);
    assert_int_equal(hc_ring_place(ring, span("{user1}:a")), hc_ring_slot(span("user1")));
    assert_int_equal(hc_ring_find(ring, span("{user1}:a"), a), 2);
    assert_int_equal(hc_ring_find(ring, span("{user1}:b"), b), 2);
    assert_memory_equal(a, b, 2 * sizeof *a);
    hc_ring_destroy(ring);
}

static void test_a_ring_of_nobody_finds_nobody(void **state)
{
    (void)state;
    uint32_t holders[HC_RING_REPLICAS_MAX];
    for (int kind = HC_RING_KIND_SLOTS; kind <= HC_RING_KIND_CIRCLE; kind++) {
        members nobody = {.count = 0}, one = members_make(1);
        hc_ring_options o = options_of((hc_ring_kind)kind, 3);
        walk w = {.from = ring_make(&o, &nobody), .to = ring_make(&o, &one)};
        assert_int_equal(hc_ring_find(w.from, span("a"), holders), 0);
        assert_int_equal(hc_ring_find(w.to, span("a"), holders), 1);
        assert_int_equal(hc_ring_diff(w.from, w.to, check_change, &w), HC_OK);
        hc_ring_destroy((hc_ring *)(uintptr_t)w.from);
        hc_ring_destroy((hc_ring *)(uintptr_t)w.to);
    }
    hc_ring_destroy(NULL);
}

static void test_bad_arguments_are_refused(void **state)
{
    (void)state;
    static const hc_ring_options bad[] = {
        {.size = sizeof bad[0], .kind = (hc_ring_kind)2},
        {.size = sizeof bad[0], .replicas = HC_RING_REPLICAS_MAX + 1},
        {.size = sizeof bad[0], .blocks = 8},
        {.size = sizeof bad[0], .blocks = 500},
        {.size = sizeof bad[0], .blocks = HC_RING_BLOCKS_MAX * 2},
        {.size = sizeof bad[0], .slack_percent = 101},
        {.size = sizeof bad[0], .points = HC_RING_POINTS_MAX + 1},
        {.size = 1},
    };
    hc_ring *ring;
    members of = members_make(2);
    members_settle(&of);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(hc_ring_create(NULL, &bad[i], of.nodes, 2, &ring), HC_ERR_INVALID);
        assert_null(ring);
    }
    static const char long_name[HC_RING_NAME_BYTES_MAX + 1];
    hc_ring_node nodes[3] = {of.nodes[0], of.nodes[0], of.nodes[1]};
    assert_int_equal(hc_ring_create(NULL, NULL, nodes, 3, &ring), HC_ERR_EXISTS);
    nodes[0].weight = HC_RING_WEIGHT_MAX + 1;
    assert_int_equal(hc_ring_create(NULL, NULL, nodes, 1, &ring), HC_ERR_INVALID);
    nodes[0] = (hc_ring_node){.name = hc_span_make(long_name, 0)};
    assert_int_equal(hc_ring_create(NULL, NULL, nodes, 1, &ring), HC_ERR_INVALID);
    nodes[0] = (hc_ring_node){.name = hc_span_make(long_name, sizeof long_name)};
    assert_int_equal(hc_ring_create(NULL, NULL, nodes, 1, &ring), HC_ERR_INVALID);
    nodes[0] = (hc_ring_node){.name = span("a"), .zone = hc_span_make(long_name, sizeof long_name)};
    assert_int_equal(hc_ring_create(NULL, NULL, nodes, 1, &ring), HC_ERR_INVALID);
    assert_int_equal(hc_ring_create(NULL, NULL, nodes, HC_RING_NODES_MAX + 1, &ring),
                     HC_ERR_INVALID);
}

static void test_short_memory_leaves_nothing_behind(void **state)
{
    (void)state;
    for (int kind = HC_RING_KIND_SLOTS; kind <= HC_RING_KIND_CIRCLE; kind++) {
        members of = members_make(5);
        members_settle(&of);
        hc_status status = HC_ERR_NO_MEMORY;
        size_t grants = 0;
        for (; status == HC_ERR_NO_MEMORY; grants++) {
            test_memory memory = {.grants = grants};
            hc_host host = test_host(&memory);
            hc_ring_options o = options_of((hc_ring_kind)kind, 2);
            hc_ring *ring;
            status = hc_ring_create(&host, &o, of.nodes, 5, &ring);
            hc_ring_destroy(ring);
            assert_int_equal(memory.live_bytes, 0);
        }
        assert_int_equal(status, HC_OK);
        assert_true(grants > 4);
    }
}

int main(void)
{
    test_random_init(&random_source, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_holders_are_apart),
        cmocka_unit_test(test_shares_add_up),
        cmocka_unit_test(test_no_node_is_above_its_limit),
        cmocka_unit_test(test_weight_is_the_share),
        cmocka_unit_test(test_every_zone_has_a_copy),
        cmocka_unit_test(test_order_of_nodes_does_not_matter),
        cmocka_unit_test(test_id_tells_rings_apart),
        cmocka_unit_test(test_places_are_those_of_version_1),
        cmocka_unit_test(test_diff_tells_exactly_what_moves),
        cmocka_unit_test(test_a_join_moves_little),
        cmocka_unit_test(test_circle_diff_is_exact),
        cmocka_unit_test(test_keys_find_their_slot),
        cmocka_unit_test(test_a_ring_of_nobody_finds_nobody),
        cmocka_unit_test(test_bad_arguments_are_refused),
        cmocka_unit_test(test_short_memory_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
