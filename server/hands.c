/* hands.c - see hands.h. */
#include "hands.h"

#include <time.h>
#include <unistd.h>

#define LOOK_NS 20000000u      /* between two looks at how busy the clients keep us */
#define IDLE_CORES_MIN_X10 15u /* 1.5: the first thread's core, and half of another */

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void pause_ns(uint64_t ns)
{
    struct timespec wait = {.tv_sec = (time_t)(ns / 1000000000u),
                            .tv_nsec = (long)(ns % 1000000000u)};
    (void)nanosleep(&wait, NULL);
}

uint32_t hands_count(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (cores < 1) return 1;
    return cores > (long)HANDS_MAX ? HANDS_MAX : (uint32_t)cores;
}

/* ---- tasks ---- */

typedef struct task_hand {
    void (*task)(void *task_ctx, uint32_t index);
    void *task_ctx;
    uint32_t index;
    bool runs;
    pthread_t thread;
} task_hand;

static void *hand_run(void *of)
{
    const task_hand *h = of;
    h->task(h->task_ctx, h->index);
    return NULL;
}

/* Threads are made anew each time: a few dozen microseconds, for tasks of milliseconds. */
void hands_run(void *ctx, uint32_t count, void (*task)(void *task_ctx, uint32_t index),
               void *task_ctx)
{
    task_hand hands[HC_PERSISTENCE_THREADS_MAX];
    (void)ctx;
    for (uint32_t i = 1; i < count; i++) {
        task_hand *h = &hands[i];
        *h = (task_hand){.task = task, .task_ctx = task_ctx, .index = i};
        h->runs = pthread_create(&h->thread, NULL, hand_run, h) == 0;
    }
    task(task_ctx, 0);
    for (uint32_t i = 1; i < count; i++) {
        if (hands[i].runs) {
            (void)pthread_join(hands[i].thread, NULL);
        } else {
            task(task_ctx, i);
        }
    }
}

/* ---- a snapshot's second thread ---- */

/* What the process did beside the snapshot since the last look. */
typedef struct busy_look {
    uint64_t wall_ns, other_ns;
} busy_look;

static busy_look look_now(const snapshot_hand *hand)
{
    uint64_t own_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) +
                      atomic_load_explicit(&hand->first_cpu_ns, memory_order_relaxed);
    return (busy_look){clock_ns(CLOCK_MONOTONIC), clock_ns(CLOCK_PROCESS_CPUTIME_ID) - own_ns};
}

static bool is_idle(const busy_look *before, const busy_look *now)
{
    uint64_t wall_ns = now->wall_ns - before->wall_ns;
    uint64_t cores_x10 = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN) * 10;
    int64_t other_ns = (int64_t)(now->other_ns - before->other_ns);
    if (other_ns < 0) other_ns = 0; /* the first thread noted its share late */
    return cores_x10 >= IDLE_CORES_MIN_X10 &&
           (uint64_t)other_ns * 10 <= wall_ns * (cores_x10 - IDLE_CORES_MIN_X10);
}

static bool is_active(hc_persistence *data)
{
    hc_persistence_stats stats = {.size = sizeof stats};
    hc_persistence_stats_get(data, &stats);
    return stats.snapshot_active != 0;
}

static void *snapshot_help(void *of)
{
    const snapshot_hand *hand = of;
    busy_look before = look_now(hand);
    bool helps = false;
    while (!atomic_load(hand->stopping)) {
        uint64_t wait_ns = LOOK_NS;
        if (helps) wait_ns = hc_persistence_snapshot_step(hand->data);
        if (!helps && !is_active(hand->data)) break;
        if (wait_ns == HC_PERSISTENCE_NEVER) break;
        if (wait_ns > 0) pause_ns(wait_ns < LOOK_NS ? wait_ns : LOOK_NS);
        busy_look now = look_now(hand);
        if (now.wall_ns - before.wall_ns < LOOK_NS) continue;
        helps = is_idle(&before, &now);
        before = now;
    }
    return NULL;
}

void snapshot_hand_start(snapshot_hand *hand, hc_persistence *data, const atomic_bool *stopping)
{
    hand->data = data;
    hand->stopping = stopping;
    hand->runs = false;
    snapshot_hand_note(hand);
    if (hands_count() < 2) return;
    hand->runs = pthread_create(&hand->thread, NULL, snapshot_help, hand) == 0;
}

void snapshot_hand_note(snapshot_hand *hand)
{
    atomic_store_explicit(&hand->first_cpu_ns, clock_ns(CLOCK_THREAD_CPUTIME_ID),
                          memory_order_relaxed);
}

void snapshot_hand_join(snapshot_hand *hand)
{
    if (hand->runs) (void)pthread_join(hand->thread, NULL);
    hand->runs = false;
}
