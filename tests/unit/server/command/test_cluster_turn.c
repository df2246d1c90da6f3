/* test_cluster_turn.c - commands of a cluster: what is asked, and replies in order whenever the
 * answers come. */
#include "command/cluster/cluster_private.h"
#include "command/cluster/cluster_turn.h"

#include "support/test_client.h"
#include "support/test_random.h"

#include <stdio.h>
#include <stdlib.h>

enum { ASKED_MAX = 64 };

/* Stands in for server/peer: notes what is asked, and answers when told. */
typedef struct other_side {
    test_client on;
    hc_request asked[ASKED_MAX];
    char keys[ASKED_MAX][32], values[ASKED_MAX][64];
    size_t count;
    bool at_once; /* GET is answered while it is asked */
    bool refuse;
    uint64_t version; /* of answers */
    hc_status refused;
    unsigned inside, answered;
} other_side;

static other_side *here; /* `answered` of a session has no context of its own */

static void side_enter(void *ctx)
{
    ((other_side *)ctx)->inside++;
}

static void side_exit(void *ctx)
{
    ((other_side *)ctx)->inside--;
}

static void answer(other_side *side, size_t at, hc_outcome outcome, const char *value)
{
    hc_reply said = {.size = sizeof said,
                     .id = side->asked[at].id,
                     .outcome = outcome,
                     .status = side->refused,
                     .value = hc_span_make(value, strlen(value)),
                     .version = side->version,
                     .have = 1,
                     .need = 2};
    cluster_part_answer(said.id, &said);
}

/* "key=version ... exec SET a 1;GET a;" */
static void script_print(const hc_request *q, char *to, size_t chars)
{
    cluster_script script;
    hc_span *args = NULL;
    size_t room = 0, argc, used = 0;
    assert_true(cluster_script_open(q->value, &script));
    for (uint32_t i = 0; i < script.watched; i++)
        used += (size_t)snprintf(to + used, chars - used, "%.*s=%d ", (int)q->keys[i].size,
                                 (const char *)q->keys[i].data,
                                 (int)cluster_script_version(&script, i));
    if (script.exec) used += (size_t)snprintf(to + used, chars - used, "exec ");
    while (cluster_script_next(&script, &args, &room, &argc) == HC_OK) {
        for (size_t i = 0; i < argc; i++)
            used += (size_t)snprintf(to + used, chars - used, "%.*s%c", (int)args[i].size,
                                     (const char *)args[i].data, i + 1 < argc ? ' ' : ';');
    }
    free(args);
}

static hc_status side_ask(void *ctx, const hc_request *q)
{
    other_side *side = ctx;
    assert_int_equal(side->inside, 1);
    if (side->refuse) return HC_ERR_LIMIT;
    assert_in_range(side->count, 0, ASKED_MAX - 1);
    size_t at = side->count++;
    side->asked[at] = *q;
    (void)snprintf(side->keys[at], sizeof side->keys[at], "%.*s", (int)q->key.size,
                   (const char *)q->key.data);
    (void)snprintf(side->values[at], sizeof side->values[at], "%.*s", (int)q->value.size,
                   (const char *)q->value.data);
    if (q->kind == HC_REQUEST_UPDATE || q->kind == HC_REQUEST_GROUP)
        script_print(q, side->values[at], sizeof side->values[at]);
    if (side->at_once && q->kind == HC_REQUEST_GET) answer(side, at, HC_OUTCOME_DONE, "now");
    return HC_OK;
}

static void on_answered(session *who)
{
    here->answered++;
    cluster_turn_render(who, &here->on.reply.base);
}

static void side_init(other_side *side)
{
    memset(side, 0, sizeof *side);
    test_client_init(&side->on, NULL);
    here = side;
    side->on.client.answered = on_answered;
    cluster_attach(side->on.node, &(cluster_calls){.ctx = side,
                                                   .enter = side_enter,
                                                   .exit = side_exit,
                                                   .ask = side_ask,
                                                   .reads = HC_LEVEL_ONE,
                                                   .writes = HC_LEVEL_QUORUM});
}

static void side_fini(other_side *side)
{
    cluster_detach(side->on.node);
    test_client_fini(&side->on);
}

/* One line of words a request; returns how many ran. */
static size_t run(other_side *side, const char *const *lines, size_t count)
{
    static char text[16][128];
    static hc_span args[16][8];
    request requests[16];
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(text[i], sizeof text[i], "%s", lines[i]);
        requests[i] = (request){.node = side->on.node,
                                .session = &side->on.client,
                                .args = args[i],
                                .reply = &side->on.reply.base};
        for (char *word = strtok(text[i], " "); word != NULL; word = strtok(NULL, " "))
            args[i][requests[i].argc++] = hc_span_make(word, strlen(word));
    }
    test_reply_clear(&side->on.reply);
    side->on.reply.wanted = count;
    size_t ran = request_run_batch(requests, count, SIZE_MAX);
    assert_int_equal(side->inside, 0);
    return ran;
}

static void expect(other_side *side, const char *want)
{
    assert_string_equal(test_reply_text(&side->on.reply), want);
}

static void test_what_is_answered_at_once_waits_for_nobody(void **state)
{
    (void)state;
    other_side side;
    side_init(&side);
    side.at_once = true;
    assert_int_equal(run(&side, (const char *[]){"GET a", "PING", "GET b"}, 3), 3);
    assert_false(cluster_awaits(&side.on.client));
    expect(&side, "\"now\" +PONG \"now\"");
    side_fini(&side);
}

static void test_replies_leave_in_order_though_answers_come_in_another(void **state)
{
    (void)state;
    other_side side;
    side_init(&side);
    assert_int_equal(run(&side, (const char *[]){"GET a", "SET b 1", "DEL c d"}, 3), 3);
    assert_true(cluster_awaits(&side.on.client));
    assert_int_equal(side.count, 4);
    assert_int_equal(side.asked[0].level, HC_LEVEL_ONE);
    assert_int_equal(side.asked[1].level, HC_LEVEL_QUORUM);
    assert_string_equal(side.keys[3], "d");
    answer(&side, 3, HC_OUTCOME_ABSENT, "");
    answer(&side, 2, HC_OUTCOME_DONE, "");
    answer(&side, 0, HC_OUTCOME_DONE, "late");
    cluster_turns_answered(side.on.node, 0);
    assert_int_equal(side.answered, 0);
    answer(&side, 1, HC_OUTCOME_DONE, "");
    cluster_turns_answered(side.on.node, 0);
    assert_int_equal(side.answered, 1);
    assert_false(cluster_awaits(&side.on.client));
    expect(&side, "\"late\" +OK :1");
    side_fini(&side);
}

static void test_what_is_not_the_clusters_waits_behind_what_is(void **state)
{
    (void)state;
    other_side side;
    side_init(&side);
    assert_int_equal(run(&side, (const char *[]){"PING", "GET a", "PING", "GET b"}, 4), 2);
    answer(&side, 0, HC_OUTCOME_ABSENT, "");
    cluster_turns_answered(side.on.node, 0);
    assert_int_equal(side.answered, 1);
    side_fini(&side);
}

static void test_each_outcome_has_its_words(void **state)
{
    (void)state;
    static const struct {
        hc_outcome outcome;
        const char *said;
    } rows[] = {
        {HC_OUTCOME_DONE, "\"v\""},
        {HC_OUTCOME_ABSENT, "nil"},
        {HC_OUTCOME_NO_REPLICAS, "-NOREPLICAS need 2 have 1"},
        {HC_OUTCOME_UNCERTAIN, "-UNCERTAIN 1/2 acks"},
        {HC_OUTCOME_TRY_AGAIN, "-TRYAGAIN topology settling"},
        {HC_OUTCOME_DOWN, "-CLUSTERDOWN Hash slot not served"},
        {HC_OUTCOME_CLOCK, "-CLOCKSKEW this node's clock is wrong"},
    };
    other_side side;
    side_init(&side);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        side.count = 0;
        assert_int_equal(run(&side, (const char *[]){"GET a"}, 1), 1);
        answer(&side, 0, rows[i].outcome, "v");
        cluster_turns_answered(side.on.node, 0);
        expect(&side, rows[i].said);
    }
    side_fini(&side);
}

static void test_what_cannot_be_asked_is_refused_with_known_words(void **state)
{
    (void)state;
    static const struct {
        const char *line, *said;
    } rows[] = {
        {"RENAME a b", "-CROSSSLOT Keys in request don't hash to the same slot"},
        {"MSETNX a 1 b 2", "-CROSSSLOT Keys in request don't hash to the same slot"},
        {"MSETEX x a 1 EX 5", "-ERR invalid numkeys value"},
        {"WATCH a b", "-CROSSSLOT Keys in request don't hash to the same slot"},
        {"EXEC", "-ERR EXEC without MULTI"},
        {"HC.DELMATCH *", "-ERR this command is not allowed in a cluster"},
        {"FLUSHALL soon", "-ERR syntax error"},
        {"WAIT x 0", "-ERR value is not an integer or out of range"},
        {"MOVE a 1", "-ERR MOVE is not allowed in cluster mode"},
        {"SWAPDB 0 1", "-ERR SWAPDB is not allowed in cluster mode"},
        {"MSET a 1 b", "-ERR wrong number of arguments for 'mset' command"},
    };
    other_side side;
    side_init(&side);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(run(&side, (const char *[]){rows[i].line}, 1), 1);
        expect(&side, rows[i].said);
    }
    assert_int_equal(side.count, 0);
    side.refuse = true;
    assert_int_equal(run(&side, (const char *[]){"GET a"}, 1), 1);
    expect(&side, "-ERR key or value is too long for a cluster, or too many requests wait");
    cluster_detach(side.on.node);
    assert_int_equal(run(&side, (const char *[]){"GET a"}, 1), 1);
    expect(&side, "-LOADING this node is not in its cluster yet");
    side.on.client.answered = NULL;
    assert_int_equal(run(&side, (const char *[]){"GET a"}, 1), 1);
    expect(&side, "-ERR keys of a cluster cannot be reached over this connection");
    side_fini(&side);
}

static void test_a_client_may_go_before_its_answers_come(void **state)
{
    (void)state;
    other_side side;
    side_init(&side);
    assert_int_equal(run(&side, (const char *[]){"GET a", "MGET b c"}, 2), 2);
    cluster_turn_abandon(&side.on.client);
    for (size_t i = 0; i < 3; i++)
        answer(&side, i, HC_OUTCOME_DONE, "nobody reads this");
    cluster_turns_answered(side.on.node, 0);
    assert_int_equal(side.answered, 0);
    assert_int_equal(run(&side, (const char *[]){"GET a"}, 1), 1); /* never answered: not leaked */
    cluster_turn_abandon(&side.on.client);
    side_fini(&side);
}

static void test_a_handlers_answer_is_replayed(void **state)
{
    (void)state;
    static const struct {
        const char *text, *said;
    } rows[] = {
        {"+OK\r\n", "+OK"},
        {":12\r\n", ":12"},
        {"-ERR no\r\n", "-ERR no"},
        {"_\r\n", "nil"},
        {"$3\r\na\r\n\r\n", "\"a\\r\\n\""},
        {"#t\r\n", "#t"},
        {",1.5\r\n", ",1.5"},
        {"*2\r\n:1\r\n*1\r\n$0\r\n\r\n", "*2 :1 *1 \"\""},
        {"%1\r\n+a\r\n~1\r\n:2\r\n", "%1 +a ~1 :2"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        test_reply to;
        test_reply_init(&to);
        hc_span text = hc_span_make(rows[i].text, strlen(rows[i].text));
        assert_true(cluster_reply_replay(text, &to.base));
        assert_string_equal(test_reply_text(&to), rows[i].said);
        for (size_t cut = 0; cut < text.size; cut++) /* nothing is said of half a reply */
            assert_false(cluster_reply_replay(hc_span_make(text.data, cut), &to.base));
        test_reply_fini(&to);
    }
}

/* Reads whatever it is. */
static void script_read_all(hc_span text)
{
    cluster_script script;
    hc_span *args = NULL;
    size_t room = 0, argc, lines = 0;
    if (!cluster_script_open(text, &script)) return;
    for (uint32_t i = 0; i < script.watched; i++)
        (void)cluster_script_version(&script, i);
    while (cluster_script_next(&script, &args, &room, &argc) == HC_OK)
        lines++;
    assert_in_range(lines, 0, text.size);
    free(args);
}

static void test_any_bytes_as_an_answer_are_safe(void **state)
{
    (void)state;
    static const char letters[] = "+-:$*%~,#_=\r\n0123456789a";
    test_random random;
    test_random_init(&random, 20261123);
    reply mute = {.ops = &reply_mute_ops, .protocol = 3};
    for (unsigned round = 0; round < 50000; round++) {
        uint8_t bytes[40];
        size_t size = test_random_below(&random, sizeof bytes);
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)letters[test_random_below(&random, sizeof letters - 1)];
        (void)cluster_reply_replay(hc_span_make(bytes, size), &mute);
        script_read_all(hc_span_make(bytes, size));
    }
}

/* ---- several keys of one slot ---- */

static void test_several_keys_of_one_slot_are_one_question(void **state)
{
    (void)state;
    other_side side;
    side_init(&side);
    assert_int_equal(run(&side, (const char *[]){"RENAME {a}1 {a}2", "LCS {a}1 {a}2"}, 2), 2);
    assert_int_equal(side.count, 2);
    assert_int_equal(side.asked[0].kind, HC_REQUEST_GROUP);
    assert_int_equal(side.asked[0].level, HC_LEVEL_QUORUM);
    assert_int_equal(side.asked[0].key_count, 2);
    assert_string_equal(side.values[0], "RENAME {a}1 {a}2;");
    assert_int_equal(side.asked[1].level, HC_LEVEL_ONE);
    answer(&side, 0, HC_OUTCOME_DONE, "+OK\r\n");
    answer(&side, 1, HC_OUTCOME_DONE, "$1\r\nx\r\n");
    cluster_turns_answered(side.on.node, 0);
    expect(&side, "+OK \"x\"");
    side.count = 0;
    assert_int_equal(run(&side, (const char *[]){"MSETNX {a}1 x {a}1 y"}, 1), 1);
    assert_int_equal(side.asked[0].key_count, 1);
    cluster_turn_abandon(&side.on.client);
    side_fini(&side);
}

static void test_a_transaction_is_one_question_with_all_commands(void **state)
{
    (void)state;
    other_side side;
    side_init(&side);
    assert_int_equal(
        run(&side, (const char *[]){"MULTI", "SET {a}1 x", "PING", "GET {a}2", "EXEC"}, 5), 5);
    assert_int_equal(side.count, 1);
    assert_int_equal(side.asked[0].kind, HC_REQUEST_GROUP);
    assert_int_equal(side.asked[0].level, HC_LEVEL_QUORUM);
    assert_int_equal(side.asked[0].key_count, 2);
    assert_string_equal(side.values[0], "exec SET {a}1 x;PING;GET {a}2;");
    answer(&side, 0, HC_OUTCOME_DONE, "*3\r\n+OK\r\n+PONG\r\n_\r\n");
    cluster_turns_answered(side.on.node, 0);
    expect(&side, "+OK +QUEUED +QUEUED +QUEUED *3 +OK +PONG nil");
    assert_int_equal(run(&side, (const char *[]){"MULTI", "PING", "EXEC"}, 3), 3);
    expect(&side, "+OK +QUEUED *1 +PONG");
    assert_int_equal(run(&side, (const char *[]){"MULTI", "GET {a}1", "DISCARD"}, 3), 3);
    expect(&side, "+OK +QUEUED +OK");
    assert_int_equal(side.count, 1);
    side_fini(&side);
}

static void test_what_cannot_be_in_a_transaction_spoils_it(void **state)
{
    (void)state;
    static const struct {
        const char *first, *second, *said;
    } rows[] = {
        {"SET a 1", "SET b 2", "-CROSSSLOT Keys in request don't hash to the same slot"},
        {"SET a 1", "MGET a b", "-CROSSSLOT Keys in request don't hash to the same slot"},
        {"SET a 1", "PUBLISH c m",
         "-ERR this command is not allowed in a transaction of a cluster"},
        {"SET a 1", "FLUSHALL", "-ERR this command is not allowed in a transaction of a cluster"},
        {"SET a 1", "MOVE a 1", "-ERR this command is not allowed in a transaction of a cluster"},
    };
    other_side side;
    side_init(&side);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char want[256];
        (void)snprintf(want, sizeof want, "+OK +QUEUED %s -EXECABORT Transaction discarded %s",
                       rows[i].said, "because of previous errors.");
        const char *lines[] = {"MULTI", rows[i].first, rows[i].second, "EXEC"};
        assert_int_equal(run(&side, lines, 4), 4);
        expect(&side, want);
    }
    assert_int_equal(side.count, 0);
    side_fini(&side);
}

static void test_wait_asks_about_the_last_write_of_each_slot(void **state)
{
    (void)state;
    other_side side;
    side_init(&side);
    side.version = 5;
    assert_int_equal(run(&side, (const char *[]){"SET a 1", "SET b 1", "WAIT 1 9"}, 3), 2);
    answer(&side, 0, HC_OUTCOME_DONE, "");
    answer(&side, 1, HC_OUTCOME_DONE, "");
    cluster_turns_answered(side.on.node, 0);
    side.version = 6;
    side.count = 0;
    assert_int_equal(run(&side, (const char *[]){"APPEND a 2"}, 1), 1);
    answer(&side, 0, HC_OUTCOME_DONE, ":2\r\n");
    cluster_turns_answered(side.on.node, 0);
    side.count = 0;
    assert_int_equal(run(&side, (const char *[]){"WAIT 2 9"}, 1), 1);
    assert_int_equal(side.count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(side.asked[i].kind, HC_REQUEST_WAIT);
        assert_int_equal(side.asked[i].version, side.keys[i][0] == 'a' ? 6 : 5);
        assert_int_equal(side.asked[i].holders, 2);
        assert_int_equal(side.asked[i].timeout_ms, 9);
        answer(&side, i, HC_OUTCOME_DONE, "");
    }
    cluster_turns_answered(side.on.node, 0);
    expect(&side, ":1"); /* as answer() says */
    side_fini(&side);
}

static void test_exec_says_which_versions_were_watched(void **state)
{
    (void)state;
    other_side side;
    side_init(&side);
    assert_int_equal(run(&side, (const char *[]){"WATCH {a}1 {a}2"}, 1), 1);
    assert_int_equal(side.count, 2);
    assert_int_equal(side.asked[0].flags, HC_REQUEST_READS);
    side.version = 77;
    answer(&side, 0, HC_OUTCOME_DONE, "+string\r\n");
    side.version = 0;
    answer(&side, 1, HC_OUTCOME_DONE, "+none\r\n");
    cluster_turns_answered(side.on.node, 0);
    expect(&side, "+OK");
    side.count = 0;
    assert_int_equal(run(&side, (const char *[]){"MULTI", "SET {a}3 x", "EXEC"}, 3), 3);
    assert_int_equal(side.asked[0].key_count, 3);
    assert_string_equal(side.values[0], "{a}2=0 {a}1=77 exec SET {a}3 x;");
    side.refused = HC_ERR_CONFLICT;
    answer(&side, 0, HC_OUTCOME_REFUSED, "");
    side.refused = HC_OK;
    cluster_turns_answered(side.on.node, 0);
    expect(&side, "+OK +QUEUED nil*");
    side.count = 0; /* nothing is watched any more */
    assert_int_equal(run(&side, (const char *[]){"MULTI", "SET {a}3 x", "EXEC"}, 3), 3);
    assert_int_equal(side.asked[0].key_count, 1);
    cluster_turn_abandon(&side.on.client);
    side_fini(&side);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_answered_at_once_waits_for_nobody),
        cmocka_unit_test(test_replies_leave_in_order_though_answers_come_in_another),
        cmocka_unit_test(test_what_is_not_the_clusters_waits_behind_what_is),
        cmocka_unit_test(test_each_outcome_has_its_words),
        cmocka_unit_test(test_what_cannot_be_asked_is_refused_with_known_words),
        cmocka_unit_test(test_a_client_may_go_before_its_answers_come),
        cmocka_unit_test(test_a_handlers_answer_is_replayed),
        cmocka_unit_test(test_any_bytes_as_an_answer_are_safe),
        cmocka_unit_test(test_several_keys_of_one_slot_are_one_question),
        cmocka_unit_test(test_a_transaction_is_one_question_with_all_commands),
        cmocka_unit_test(test_what_cannot_be_in_a_transaction_spoils_it),
        cmocka_unit_test(test_exec_says_which_versions_were_watched),
        cmocka_unit_test(test_wait_asks_about_the_last_write_of_each_slot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
