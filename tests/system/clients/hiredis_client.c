/*
 * hiredis_client.c - the C client library: `hiredis_client PORT`.  README.md says what each
 * scenario promises.
 *
 * Every scenario runs in a child process, which ends at the first promise that is not kept.
 */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PIPELINE 5000
#define LARGE_BYTES (3u << 20)

static int port;
static const char *scenario_name;

static void fail(const char *what, const char *detail)
{
    printf("fail %s: %s: %s\n", scenario_name, what, detail);
    fflush(stdout);
    _exit(1);
}

static void check(int good, const char *what)
{
    if (!good) fail(what, "not so");
}

static redisContext *connect_to(int database)
{
    redisContext *context = redisConnectWithTimeout("127.0.0.1", port, (struct timeval){30, 0});
    check(context != NULL && context->err == 0, "connect");
    check(redisSetTimeout(context, (struct timeval){30, 0}) == REDIS_OK, "timeout");
    freeReplyObject(redisCommand(context, "SELECT %d", database));
    return context;
}

static redisContext *fresh(void)
{
    redisContext *context = connect_to(1);
    freeReplyObject(redisCommand(context, "FLUSHALL"));
    return context;
}

static void want_type(redisContext *context, const redisReply *reply, int type, const char *what)
{
    if (reply == NULL) fail(what, context->errstr);
    if (reply->type != type) fail(what, reply->str != NULL ? reply->str : "another type");
}

/* Checks and frees a reply of text: a status, a string or an error. */
static void want_text(redisContext *context, redisReply *reply, int type, const char *text)
{
    want_type(context, reply, type, text);
    if (reply->len != strlen(text) || memcmp(reply->str, text, reply->len) != 0)
        fail(text, reply->str);
    freeReplyObject(reply);
}

static void want_bytes(redisContext *context, redisReply *reply, const char *bytes, size_t size)
{
    want_type(context, reply, REDIS_REPLY_STRING, "bytes");
    check(reply->len == size && memcmp(reply->str, bytes, size) == 0, "bytes");
    freeReplyObject(reply);
}

static void want_number(redisContext *context, redisReply *reply, long long number,
                        const char *what)
{
    want_type(context, reply, REDIS_REPLY_INTEGER, what);
    check(reply->integer == number, what);
    freeReplyObject(reply);
}

static void want_nil(redisContext *context, redisReply *reply, const char *what)
{
    want_type(context, reply, REDIS_REPLY_NIL, what);
    freeReplyObject(reply);
}

static redisReply *want_array(redisContext *context, redisReply *reply, size_t count,
                              const char *what)
{
    want_type(context, reply, REDIS_REPLY_ARRAY, what);
    check(reply->elements == count, what);
    return reply;
}

static void scenario_connect(void)
{
    redisContext *context = fresh();
    want_text(context, redisCommand(context, "PING"), REDIS_REPLY_STATUS, "PONG");
    want_text(context, redisCommand(context, "SET %s %s", "k", "v"), REDIS_REPLY_STATUS, "OK");
    want_text(context, redisCommand(context, "GET k"), REDIS_REPLY_STRING, "v");
    want_nil(context, redisCommand(context, "GET none"), "GET of none");
    want_number(context, redisCommand(context, "INCRBY n 42"), 42, "INCRBY");
    want_text(context, redisCommand(context, "INCR k"), REDIS_REPLY_ERROR,
              "ERR value is not an integer or out of range");
    want_text(context, redisCommand(context, "NOSUCH a"), REDIS_REPLY_ERROR,
              "ERR unknown command 'NOSUCH', with args beginning with: 'a' ");
    redisReply *reply = want_array(context, redisCommand(context, "MGET k none n"), 3, "MGET");
    check(reply->element[0]->len == 1 && reply->element[1]->type == REDIS_REPLY_NIL &&
              strcmp(reply->element[2]->str, "42") == 0,
          "MGET");
    freeReplyObject(reply);
    redisFree(context);
}

static void scenario_auth(void)
{
    redisContext *context = connect_to(1);
    want_text(context, redisCommand(context, "AUTH nobody wrong"), REDIS_REPLY_ERROR,
              "WRONGPASS invalid username-password pair or user is disabled.");
    redisFree(context);
}

static void scenario_select(void)
{
    redisContext *context = fresh(), *elsewhere = connect_to(2);
    freeReplyObject(redisCommand(context, "SET k one"));
    want_nil(elsewhere, redisCommand(elsewhere, "GET k"), "in database 2");
    want_text(context, redisCommand(context, "SELECT 2"), REDIS_REPLY_STATUS, "OK");
    freeReplyObject(redisCommand(context, "SET k two"));
    want_text(elsewhere, redisCommand(elsewhere, "GET k"), REDIS_REPLY_STRING, "two");
    want_text(context, redisCommand(context, "SELECT 16"), REDIS_REPLY_ERROR,
              "ERR DB index is out of range");
    redisFree(context);
    redisFree(elsewhere);
}

static void scenario_binary(void)
{
    redisContext *context = fresh();
    char every_byte[256];
    for (int i = 0; i < 256; i++)
        every_byte[i] = (char)i;
    freeReplyObject(redisCommand(context, "SET %b %b", every_byte, sizeof every_byte, every_byte,
                                 sizeof every_byte));
    want_bytes(context, redisCommand(context, "GET %b", every_byte, sizeof every_byte), every_byte,
               sizeof every_byte);
    char *large = malloc(LARGE_BYTES);
    check(large != NULL, "memory");
    for (size_t i = 0; i < LARGE_BYTES; i++)
        large[i] = (char)(i * 31 >> 3);
    freeReplyObject(redisCommand(context, "SET large %b", large, (size_t)LARGE_BYTES));
    want_bytes(context, redisCommand(context, "GET large"), large, LARGE_BYTES);
    freeReplyObject(redisCommand(context, "SET %b %b", "", (size_t)0, "", (size_t)0));
    want_text(context, redisCommand(context, "GET %b", "", (size_t)0), REDIS_REPLY_STRING, "");
    free(large);
    redisFree(context);
}

static redisReply *next_reply(redisContext *context)
{
    redisReply *reply = NULL;
    if (redisGetReply(context, (void **)&reply) != REDIS_OK) fail("a reply", context->errstr);
    return reply;
}

static void scenario_pipeline(void)
{
    redisContext *context = fresh();
    for (int i = 0; i < PIPELINE; i++) {
        redisAppendCommand(context, "SET key:%d %d", i, i);
        redisAppendCommand(context, "GET key:%d", i);
    }
    redisAppendCommand(context, "NOSUCH");
    redisAppendCommand(context, "PING");
    for (int i = 0; i < PIPELINE; i++) {
        char number[16];
        snprintf(number, sizeof number, "%d", i);
        want_text(context, next_reply(context), REDIS_REPLY_STATUS, "OK");
        want_text(context, next_reply(context), REDIS_REPLY_STRING, number);
    }
    redisReply *reply = next_reply(context);
    want_type(context, reply, REDIS_REPLY_ERROR, "an error within");
    freeReplyObject(reply);
    want_text(context, next_reply(context), REDIS_REPLY_STATUS, "PONG");
    redisFree(context);
}

static void scenario_transaction(void)
{
    redisContext *context = fresh(), *other = connect_to(1);
    want_text(context, redisCommand(context, "MULTI"), REDIS_REPLY_STATUS, "OK");
    want_text(context, redisCommand(context, "SET a 1"), REDIS_REPLY_STATUS, "QUEUED");
    want_text(context, redisCommand(context, "INCR a"), REDIS_REPLY_STATUS, "QUEUED");
    redisReply *reply = want_array(context, redisCommand(context, "EXEC"), 2, "EXEC");
    check(reply->element[0]->type == REDIS_REPLY_STATUS && reply->element[1]->integer == 2, "EXEC");
    freeReplyObject(reply);
    freeReplyObject(redisCommand(context, "WATCH a"));
    freeReplyObject(redisCommand(other, "SET a 10"));
    freeReplyObject(redisCommand(context, "MULTI"));
    freeReplyObject(redisCommand(context, "SET a lost"));
    want_nil(context, redisCommand(context, "EXEC"), "EXEC after a change");
    freeReplyObject(redisCommand(context, "MULTI"));
    freeReplyObject(redisCommand(context, "SET a lost"));
    want_text(context, redisCommand(context, "DISCARD"), REDIS_REPLY_STATUS, "OK");
    freeReplyObject(redisCommand(context, "MULTI"));
    freeReplyObject(redisCommand(context, "NOSUCH"));
    want_text(context, redisCommand(context, "EXEC"), REDIS_REPLY_ERROR,
              "EXECABORT Transaction discarded because of previous errors.");
    want_text(context, redisCommand(context, "GET a"), REDIS_REPLY_STRING, "10");
    redisFree(context);
    redisFree(other);
}

static void want_message(redisContext *context, redisReply *reply, const char *kind,
                         const char *text)
{
    want_type(context, reply, REDIS_REPLY_ARRAY, kind);
    check(strcmp(reply->element[0]->str, kind) == 0, kind);
    const redisReply *last = reply->element[reply->elements - 1];
    check(text == NULL || strcmp(last->str, text) == 0, text != NULL ? text : kind);
    freeReplyObject(reply);
}

static void scenario_pubsub(void)
{
    redisContext *context = fresh(), *listener = connect_to(1);
    want_message(listener, redisCommand(listener, "SUBSCRIBE news"), "subscribe", NULL);
    want_message(listener, redisCommand(listener, "PSUBSCRIBE n?ws"), "psubscribe", NULL);
    want_number(context, redisCommand(context, "PUBLISH news one"), 2, "PUBLISH");
    want_number(context, redisCommand(context, "PUBLISH nows two"), 1, "PUBLISH");
    want_message(listener, next_reply(listener), "message", "one");
    want_message(listener, next_reply(listener), "pmessage", "one");
    want_message(listener, next_reply(listener), "pmessage", "two");
    want_message(listener, redisCommand(listener, "UNSUBSCRIBE"), "unsubscribe", NULL);
    want_message(listener, redisCommand(listener, "PUNSUBSCRIBE"), "punsubscribe", NULL);
    want_number(context, redisCommand(context, "PUBLISH news x"), 0, "PUBLISH to nobody");
    want_text(listener, redisCommand(listener, "PING"), REDIS_REPLY_STATUS, "PONG");
    redisFree(context);
    redisFree(listener);
}

static void scenario_scan(void)
{
    redisContext *context = fresh();
    static char seen[3000];
    for (int i = 0; i < 3000; i++)
        redisAppendCommand(context, "SET key:%d v", i);
    for (int i = 0; i < 3000; i++)
        freeReplyObject(next_reply(context));
    unsigned long long cursor = 0;
    int found = 0;
    do {
        redisReply *reply = want_array(
            context, redisCommand(context, "SCAN %llu MATCH key:* COUNT 500", cursor), 2, "SCAN");
        cursor = strtoull(reply->element[0]->str, NULL, 10);
        for (size_t i = 0; i < reply->element[1]->elements; i++) {
            int number = atoi(reply->element[1]->element[i]->str + 4);
            check(number >= 0 && number < 3000, "a key that was set");
            found += !seen[number];
            seen[number] = 1;
        }
        freeReplyObject(reply);
    } while (cursor != 0);
    check(found == 3000, "every key");
    redisFree(context);
}

static void scenario_killed(void)
{
    redisContext *context = fresh(), *other = connect_to(1);
    redisReply *reply = redisCommand(context, "CLIENT ID");
    want_type(context, reply, REDIS_REPLY_INTEGER, "CLIENT ID");
    want_number(other, redisCommand(other, "CLIENT KILL ID %lld", reply->integer), 1,
                "CLIENT KILL");
    freeReplyObject(reply);
    check(redisCommand(context, "PING") == NULL && context->err != 0, "the end");
    check(redisReconnect(context) == REDIS_OK, "reconnect");
    want_text(context, redisCommand(context, "PING"), REDIS_REPLY_STATUS, "PONG");
    redisFree(context);
    redisFree(other);
}

static void scenario_restart(void)
{
    redisContext *context = fresh();
    char line[16];
    puts("restart");
    fflush(stdout);
    check(fgets(line, sizeof line, stdin) != NULL, "a restart");
    check(redisReconnect(context) == REDIS_OK, "reconnect");
    want_text(context, redisCommand(context, "SET k v"), REDIS_REPLY_STATUS, "OK");
    redisFree(context);
}

/* hiredis 0.14 knows no RESP3, so the keys come to a second connection, as a message. */
static void scenario_invalidate(void)
{
    redisContext *context = fresh(), *listener = connect_to(1), *reader = connect_to(1);
    freeReplyObject(redisCommand(context, "SET k v"));
    redisReply *id = redisCommand(listener, "CLIENT ID");
    want_message(listener, redisCommand(listener, "SUBSCRIBE __redis__:invalidate"), "subscribe",
                 NULL);
    want_text(reader, redisCommand(reader, "CLIENT TRACKING ON REDIRECT %lld", id->integer),
              REDIS_REPLY_STATUS, "OK");
    freeReplyObject(id);
    want_text(reader, redisCommand(reader, "GET k"), REDIS_REPLY_STRING, "v");
    freeReplyObject(redisCommand(context, "SET k w"));
    redisReply *reply = want_array(listener, next_reply(listener), 3, "the message");
    check(reply->element[2]->elements == 1 && strcmp(reply->element[2]->element[0]->str, "k") == 0,
          "the keys");
    freeReplyObject(reply);
    redisFree(context);
    redisFree(listener);
    redisFree(reader);
}

static const struct scenario {
    const char *name;
    void (*run)(void);
} scenarios[] = {
    {"connect", scenario_connect},       {"auth", scenario_auth},
    {"select", scenario_select},         {"binary", scenario_binary},
    {"pipeline", scenario_pipeline},     {"transaction", scenario_transaction},
    {"pubsub", scenario_pubsub},         {"scan", scenario_scan},
    {"killed", scenario_killed},         {"restart", scenario_restart},
    {"invalidate", scenario_invalidate},
};

int main(int argc, char **argv)
{
    if (argc != 2) return 2;
    port = atoi(argv[1]);
    printf("version %d.%d.%d\n", HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH);
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
        scenario_name = scenarios[i].name;
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            scenarios[i].run();
            printf("pass %s\n", scenario_name);
            fflush(stdout);
            _exit(0);
        }
        int status;
        if (child < 0 || waitpid(child, &status, 0) != child) return 1;
        if (WIFSIGNALED(status)) printf("fail %s: signal %d\n", scenario_name, WTERMSIG(status));
    }
    return 0;
}
