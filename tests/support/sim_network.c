/* sim_network.c - a heap of events by time; equal times keep the order in which they were made. */
#include "support/sim_network.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

typedef struct event {
    uint64_t at_ns, order;
    uint32_t to, from;
    uint32_t life; /* of the receiver, when it was sent; see sim_drop */
    bool is_wake, reliable;
    size_t bytes;
    uint8_t *data;
} event;

struct sim_network {
    sim_options options;
    sim_weather weather;
    sim_counters counters;
    test_random random;
    uint64_t now_ns, order;
    event *heap;
    size_t count, capacity;
    uint64_t *wake_order;   /* of each node's valid wake-up */
    uint32_t *lives;        /* of each node */
    bool *cut;              /* [from * nodes + to] */
    uint64_t *last_arrival; /* of reliable messages, likewise */
    bool *held;             /* of each node */
    event *backlog;         /* for held nodes, in order of arrival */
    size_t backlog_count, backlog_capacity;
    uint32_t *backlog_of; /* messages in it, of each node */
};

static void *array(size_t count, size_t size)
{
    void *made = calloc(count, size);
    assert(made != NULL);
    return made;
}

sim_network *sim_create(const sim_options *options)
{
    sim_network *made = array(1, sizeof *made);
    size_t links = (size_t)options->nodes * options->nodes;
    made->options = *options;
    made->weather = (sim_weather){.delay_min_ns = SIM_MS / 10, .delay_max_ns = SIM_MS};
    test_random_init_quiet(&made->random, options->seed);
    made->now_ns = SIM_SECOND;
    made->wake_order = array(options->nodes, sizeof *made->wake_order);
    made->lives = array(options->nodes, sizeof *made->lives);
    made->held = array(options->nodes, sizeof *made->held);
    made->backlog_of = array(options->nodes, sizeof *made->backlog_of);
    made->cut = array(links, sizeof *made->cut);
    made->last_arrival = array(links, sizeof *made->last_arrival);
    return made;
}

void sim_destroy(sim_network *of)
{
    for (size_t i = 0; i < of->count; i++)
        free(of->heap[i].data);
    for (size_t i = 0; i < of->backlog_count; i++)
        free(of->backlog[i].data);
    free(of->backlog);
    free(of->backlog_of);
    free(of->held);
    free(of->heap);
    free(of->wake_order);
    free(of->lives);
    free(of->cut);
    free(of->last_arrival);
    free(of);
}

sim_weather *sim_weather_of(sim_network *of)
{
    return &of->weather;
}

const sim_counters *sim_counters_of(const sim_network *of)
{
    return &of->counters;
}

uint64_t sim_now(const sim_network *of)
{
    return of->now_ns;
}

test_random *sim_random(sim_network *of)
{
    return &of->random;
}

/* ---- the heap ---- */

static bool before(const event *a, const event *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void event_push(sim_network *of, const event *one)
{
    if (of->count == of->capacity) {
        of->capacity = of->capacity == 0 ? 256 : of->capacity * 2;
        of->heap = realloc(of->heap, of->capacity * sizeof *of->heap);
        assert(of->heap != NULL);
    }
    size_t at = of->count++;
    for (; at > 0 && before(one, &of->heap[(at - 1) / 2]); at = (at - 1) / 2)
        of->heap[at] = of->heap[(at - 1) / 2];
    of->heap[at] = *one;
}

static event event_pop(sim_network *of)
{
    event first = of->heap[0], last = of->heap[--of->count];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < of->count; at = child) {
        if (child + 1 < of->count && before(&of->heap[child + 1], &of->heap[child])) child++;
        if (!before(&of->heap[child], &last)) break;
        of->heap[at] = of->heap[child];
    }
    if (of->count > 0) of->heap[at] = last;
    return first;
}

/* ---- sending ---- */

static bool happens(sim_network *of, unsigned permille)
{
    return permille > 0 && test_random_below(&of->random, 1000) < permille;
}

static uint64_t delay(sim_network *of)
{
    const sim_weather *w = &of->weather;
    if (happens(of, w->slow_permille)) return w->delay_max_ns * 10;
    uint64_t width = w->delay_max_ns - w->delay_min_ns + 1;
    return w->delay_min_ns + test_random_below(&of->random, width);
}

static void message_post(sim_network *of, uint32_t from, uint32_t to, bool reliable, hc_span bytes)
{
    event one = {.at_ns = of->now_ns + delay(of),
                 .order = ++of->order,
                 .to = to,
                 .from = from,
                 .life = of->lives[to],
                 .reliable = reliable,
                 .bytes = bytes.size,
                 .data = malloc(bytes.size > 0 ? bytes.size : 1)};
    assert(one.data != NULL);
    if (bytes.size > 0) memcpy(one.data, bytes.data, bytes.size);
    if (bytes.size > 0 && happens(of, of->weather.corrupt_permille)) {
        uint64_t bit = test_random_below(&of->random, bytes.size * 8);
        one.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        of->counters.corrupted++;
    }
    if (reliable) { /* one behind the other; what was lost on the wire was sent again */
        uint64_t *last = &of->last_arrival[(size_t)from * of->options.nodes + to];
        while (happens(of, of->weather.loss_permille))
            one.at_ns += 200 * SIM_MS;
        if (one.at_ns <= *last) one.at_ns = *last + 1;
        *last = one.at_ns;
    }
    event_push(of, &one);
}

void sim_send(sim_network *of, uint32_t from, uint32_t to, bool reliable, hc_span bytes)
{
    of->counters.datagrams += !reliable;
    of->counters.reliables += reliable;
    of->counters.bytes += bytes.size;
    if (!reliable && happens(of, of->weather.loss_permille)) {
        of->counters.lost++;
        return;
    }
    message_post(of, from, to, reliable, bytes);
    if (!reliable && happens(of, of->weather.double_permille)) {
        of->counters.doubled++;
        message_post(of, from, to, false, bytes);
    }
}

void sim_wake(sim_network *of, uint32_t node, uint64_t at_ns)
{
    of->wake_order[node] = ++of->order;
    if (at_ns == UINT64_MAX) return;
    if (at_ns <= of->now_ns) at_ns = of->now_ns + 1; /* time moves */
    event_push(of, &(event){.at_ns = at_ns, .order = of->order, .to = node, .is_wake = true});
}

/* ---- the wires ---- */

void sim_cut(sim_network *of, uint32_t from, uint32_t to, bool is_cut)
{
    of->cut[(size_t)from * of->options.nodes + to] = is_cut;
}

bool sim_is_cut(const sim_network *of, uint32_t from, uint32_t to)
{
    return of->cut[(size_t)from * of->options.nodes + to];
}

void sim_split(sim_network *of, const bool *group)
{
    for (uint32_t a = 0; a < of->options.nodes; a++) {
        for (uint32_t b = 0; b < of->options.nodes; b++)
            sim_cut(of, a, b, group != NULL && group[a] != group[b]);
    }
}

void sim_drop(sim_network *of, uint32_t node)
{
    of->lives[node]++;
    sim_wake(of, node, UINT64_MAX);
}

/* ---- time ---- */

/* False: its sockets are full. */
static bool backlog_push(sim_network *of, const event *one)
{
    if (of->backlog_of[one->to] >= SIM_HELD_MAX) return false;
    if (of->backlog_count == of->backlog_capacity) {
        of->backlog_capacity = of->backlog_capacity == 0 ? 64 : of->backlog_capacity * 2;
        of->backlog = realloc(of->backlog, of->backlog_capacity * sizeof *of->backlog);
        assert(of->backlog != NULL);
    }
    of->backlog[of->backlog_count++] = *one;
    of->backlog_of[one->to]++;
    return true;
}

void sim_hold(sim_network *of, uint32_t node)
{
    of->held[node] = true;
}

void sim_release(sim_network *of, uint32_t node)
{
    size_t kept = 0;
    of->held[node] = false;
    of->backlog_of[node] = 0;
    for (size_t i = 0; i < of->backlog_count; i++) {
        event *one = &of->backlog[i];
        if (one->to != node) {
            of->backlog[kept++] = *one;
            continue;
        }
        one->at_ns = of->now_ns;
        one->order = ++of->order;
        event_push(of, one);
    }
    of->backlog_count = kept;
}

static void event_run(sim_network *of, event *one)
{
    of->counters.events++;
    if (one->is_wake) {
        if (of->wake_order[one->to] == one->order) of->options.wake(of->options.ctx, one->to);
        return;
    }
    if (of->held[one->to] && one->life == of->lives[one->to] && backlog_push(of, one)) return;
    if (one->life == of->lives[one->to] && !sim_is_cut(of, one->from, one->to)) {
        if (of->held[one->to]) {
            of->counters.lost++;
            free(one->data);
            return;
        }
        of->options.deliver(of->options.ctx, one->to, one->from, one->reliable,
                            hc_span_make(one->data, one->bytes));
    } else {
        of->counters.cut++;
    }
    free(one->data);
}

bool sim_exhausted(const sim_network *of)
{
    uint64_t most = of->options.events_max;
    return most != 0 && of->counters.events >= most;
}

void sim_run(sim_network *of, uint64_t until_ns)
{
    while (of->count > 0 && of->heap[0].at_ns <= until_ns && !sim_exhausted(of)) {
        event one = event_pop(of);
        of->now_ns = one.at_ns;
        event_run(of, &one);
    }
    of->now_ns = until_ns;
}
