/* test_gate.c - batches of several workers, and steps that have the node to themselves. */
#include "command/gate.h"

#include "support/test.h"
#include "support/test_wait.h"

enum { WORKERS = 3, ALONE = 2, ROUNDS = 3000, EVENTS_MAX = 8 };

/* What a thread of a test does, and what it wrote down. */
typedef struct yard {
    gate gate;
    unsigned long left, right; /* plain: changed in exclusive steps, read in batches */
    atomic_uint torn;
    atomic_uint events; /* of `log` */
    char log[EVENTS_MAX];
    gate_turn **last; /* of those that wait, when last looked at */
} yard;

typedef struct player {
    yard *on;
    unsigned number;
    char name;
} player;

static void yard_init(yard *on)
{
    memset(on, 0, sizeof *on);
    assert_int_equal(gate_init(&on->gate, WORKERS), HC_OK);
}

static void note(yard *on, char name)
{
    on->log[atomic_fetch_add(&on->events, 1)] = name;
}

static void *run_batches(void *ctx)
{
    player *as = ctx;
    for (unsigned i = 0; i < ROUNDS; i++) {
        gate_enter(&as->on->gate, as->number);
        if (as->on->left != as->on->right) atomic_fetch_add(&as->on->torn, 1);
        gate_leave(&as->on->gate, as->number);
    }
    return NULL;
}

static void *run_alone(void *ctx)
{
    player *as = ctx;
    for (unsigned i = 0; i < ROUNDS; i++) {
        gate_exclusive_begin(&as->on->gate);
        as->on->left++;
        as->on->right++;
        gate_exclusive_end(&as->on->gate);
    }
    return NULL;
}

/* Both kinds of threads come to their end: neither starves the other.  ThreadSanitizer looks for
 * batches that the exclusive steps do not exclude. */
static void test_no_batch_sees_half_an_exclusive_step(void **state)
{
    (void)state;
    yard on;
    player players[WORKERS + ALONE];
    pthread_t threads[WORKERS + ALONE];
    yard_init(&on);
    for (unsigned i = 0; i < WORKERS + ALONE; i++) {
        players[i] = (player){.on = &on, .number = i};
        void *(*run)(void *) = i < WORKERS ? run_batches : run_alone;
        assert_int_equal(pthread_create(&threads[i], NULL, run, &players[i]), 0);
    }
    for (unsigned i = 0; i < WORKERS + ALONE; i++)
        (void)pthread_join(threads[i], NULL);
    assert_int_equal(on.torn, 0);
    assert_int_equal(on.left, ALONE * ROUNDS);
    assert_int_equal(on.right, ALONE * ROUNDS);
    gate_fini(&on.gate);
}

/* ---- the order of those who wait ---- */

static void *enter_once(void *ctx)
{
    player *as = ctx;
    gate_enter(&as->on->gate, as->number);
    note(as->on, as->name);
    gate_leave(&as->on->gate, as->number);
    return NULL;
}

static void *alone_once(void *ctx)
{
    player *as = ctx;
    gate_exclusive_begin(&as->on->gate);
    note(as->on, as->name);
    gate_exclusive_end(&as->on->gate);
    return NULL;
}

static bool locked(gate *of, bool (*holds)(const gate *of))
{
    (void)pthread_mutex_lock(&of->lock);
    bool answer = holds(of);
    (void)pthread_mutex_unlock(&of->lock);
    return answer;
}

static bool has_waiting_door(const gate *of)
{
    return of->doors[1].waits;
}

static bool has_one_turn(const gate *of)
{
    return of->turns != NULL;
}

static bool door_waits(void *ctx)
{
    return locked(ctx, has_waiting_door);
}

static bool turn_waits(void *ctx)
{
    return locked(ctx, has_one_turn);
}

static void test_who_waits_at_a_door_goes_before_the_next_exclusive_step(void **state)
{
    (void)state;
    yard on;
    pthread_t batch, alone;
    yard_init(&on);
    player first = {.on = &on, .number = 1, .name = 'b'}, second = {.on = &on, .name = 'x'};
    gate_exclusive_begin(&on.gate);
    assert_int_equal(pthread_create(&alone, NULL, alone_once, &second), 0);
    assert_true(test_wait_until(turn_waits, &on.gate));
    assert_int_equal(pthread_create(&batch, NULL, enter_once, &first), 0);
    assert_true(test_wait_until(door_waits, &on.gate));
    note(&on, '.');
    gate_exclusive_end(&on.gate);
    (void)pthread_join(batch, NULL);
    (void)pthread_join(alone, NULL);
    assert_string_equal(on.log, ".bx");
    gate_fini(&on.gate);
}

static bool last_turn_moved(void *ctx)
{
    yard *on = ctx;
    (void)pthread_mutex_lock(&on->gate.lock);
    bool moved = on->gate.turns_last != on->last;
    on->last = moved ? on->gate.turns_last : on->last;
    (void)pthread_mutex_unlock(&on->gate.lock);
    return moved;
}

static void test_exclusive_steps_run_in_the_order_of_their_coming(void **state)
{
    (void)state;
    yard on;
    pthread_t threads[3];
    player players[3];
    yard_init(&on);
    gate_exclusive_begin(&on.gate);
    on.last = on.gate.turns_last;
    for (unsigned i = 0; i < 3; i++) {
        players[i] = (player){.on = &on, .name = (char)('a' + i)};
        assert_int_equal(pthread_create(&threads[i], NULL, alone_once, &players[i]), 0);
        assert_true(test_wait_until(last_turn_moved, &on));
    }
    gate_exclusive_end(&on.gate);
    for (unsigned i = 0; i < 3; i++)
        (void)pthread_join(threads[i], NULL);
    assert_string_equal(on.log, "abc");
    gate_fini(&on.gate);
}

static bool is_closed(void *ctx)
{
    gate *of = ctx;
    return atomic_load(&of->closed);
}

static void test_an_exclusive_step_waits_for_the_batch_that_runs(void **state)
{
    (void)state;
    yard on;
    pthread_t alone;
    yard_init(&on);
    player as = {.on = &on, .name = 'x'};
    gate_enter(&on.gate, 2);
    assert_int_equal(pthread_create(&alone, NULL, alone_once, &as), 0);
    assert_true(test_wait_until(is_closed, &on.gate));
    note(&on, 'b');
    gate_leave(&on.gate, 2);
    (void)pthread_join(alone, NULL);
    assert_string_equal(on.log, "bx");
    gate_fini(&on.gate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_batch_sees_half_an_exclusive_step),
        cmocka_unit_test(test_an_exclusive_step_waits_for_the_batch_that_runs),
        cmocka_unit_test(test_exclusive_steps_run_in_the_order_of_their_coming),
        cmocka_unit_test(test_who_waits_at_a_door_goes_before_the_next_exclusive_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
