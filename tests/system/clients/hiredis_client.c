/*
 * hiredis_client.c - the C client library against a running server: `hiredis_client PORT`.
 *
 * Prints one line "ok <what>" for each promise kept; exits 1 at the first that is not.
 */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIPELINE 10000
#define LARGE_BYTES (4u << 20)

static redisContext *connection;

static void check(int good, const char *what)
{
    if (!good) {
        printf("FAILED %s: %s\n", what, connection != NULL ? connection->errstr : "");
        exit(1);
    }
    printf("ok %s\n", what);
}

static redisReply *expect_type(redisReply *reply, int type, const char *what)
{
    if (reply == NULL || reply->type != type) {
        printf("FAILED %s: type %d %s\n", what, reply != NULL ? reply->type : -1,
               reply != NULL && reply->str != NULL ? reply->str : connection->errstr);
        exit(1);
    }
    return reply;
}

static int is(redisReply *reply, const char *bytes, size_t size)
{
    return reply->type == REDIS_REPLY_STRING && reply->len == size &&
           memcmp(reply->str, bytes, size) == 0;
}

static void test_commands(void)
{
    redisReply *reply =
        expect_type(redisCommand(connection, "SET %s %s", "k", "v"), REDIS_REPLY_STATUS, "SET");
    check(strcmp(reply->str, "OK") == 0, "SET");
    freeReplyObject(reply);
    reply = redisCommand(connection, "GET k");
    check(reply != NULL && is(reply, "v", 1), "GET");
    freeReplyObject(reply);
    freeReplyObject(
        expect_type(redisCommand(connection, "GET none"), REDIS_REPLY_NIL, "GET of none"));
    reply = expect_type(redisCommand(connection, "INCRBY n 42"), REDIS_REPLY_INTEGER, "INCRBY");
    check(reply->integer == 42, "INCRBY");
    freeReplyObject(reply);
    reply = expect_type(redisCommand(connection, "NOSUCH a"), REDIS_REPLY_ERROR, "an error");
    check(strncmp(reply->str, "ERR unknown command", 19) == 0, "an error");
    freeReplyObject(reply);
    reply = expect_type(redisCommand(connection, "MGET k none n"), REDIS_REPLY_ARRAY, "MGET");
    check(reply->elements == 3 && is(reply->element[0], "v", 1) &&
              reply->element[1]->type == REDIS_REPLY_NIL && is(reply->element[2], "42", 2),
          "MGET");
    freeReplyObject(reply);
}

static void test_binary(void)
{
    char every_byte[256];
    for (int i = 0; i < 256; i++)
        every_byte[i] = (char)i;
    freeReplyObject(redisCommand(connection, "SET %b %b", every_byte, sizeof every_byte, every_byte,
                                 sizeof every_byte));
    redisReply *reply = redisCommand(connection, "GET %b", every_byte, sizeof every_byte);
    check(reply != NULL && is(reply, every_byte, sizeof every_byte), "every byte in key and value");
    freeReplyObject(reply);

    char *large = malloc(LARGE_BYTES);
    check(large != NULL, "memory");
    for (size_t i = 0; i < LARGE_BYTES; i++)
        large[i] = (char)(i * 31 >> 3);
    freeReplyObject(redisCommand(connection, "SET large %b", large, (size_t)LARGE_BYTES));
    reply = redisCommand(connection, "GET large");
    check(reply != NULL && is(reply, large, LARGE_BYTES), "4 MiB");
    freeReplyObject(reply);
    free(large);
}

static void test_pipeline(void)
{
    for (int i = 0; i < PIPELINE; i++) {
        redisAppendCommand(connection, "SET key:%d %d", i, i);
        redisAppendCommand(connection, "GET key:%d", i);
    }
    for (int i = 0; i < PIPELINE; i++) {
        redisReply *reply = NULL;
        char number[16];
        int digits = snprintf(number, sizeof number, "%d", i);
        if (redisGetReply(connection, (void **)&reply) != REDIS_OK ||
            reply->type != REDIS_REPLY_STATUS)
            check(0, "SET in a pipeline");
        freeReplyObject(reply);
        if (redisGetReply(connection, (void **)&reply) != REDIS_OK ||
            !is(reply, number, (size_t)digits))
            check(0, "GET in a pipeline");
        freeReplyObject(reply);
    }
    check(1, "a pipeline");
}

#ifdef REDIS_REPLY_MAP
static void test_resp3(void)
{
    redisReply *reply =
        expect_type(redisCommand(connection, "HELLO 3"), REDIS_REPLY_MAP, "HELLO 3");
    check(reply->elements == 14, "HELLO 3");
    freeReplyObject(reply);
    reply = expect_type(redisCommand(connection, "CONFIG GET maxmemory"), REDIS_REPLY_MAP, "a map");
    freeReplyObject(reply);
    freeReplyObject(
        expect_type(redisCommand(connection, "GET none"), REDIS_REPLY_NIL, "RESP3's null"));
    check(1, "RESP3");
}
#else
static void test_resp3(void)
{
    puts("this hiredis is older than RESP3");
}
#endif

static void test_reconnect(void)
{
    check(redisReconnect(connection) == REDIS_OK, "reconnect");
    redisReply *reply = redisCommand(connection, "GET k");
    check(reply != NULL && is(reply, "v", 1), "GET after reconnect");
    freeReplyObject(reply);
}

int main(int argc, char **argv)
{
    if (argc != 2) return 2;
    connection = redisConnectWithTimeout("127.0.0.1", atoi(argv[1]), (struct timeval){30, 0});
    check(connection != NULL && connection->err == 0, "connect");
    check(redisSetTimeout(connection, (struct timeval){30, 0}) == REDIS_OK, "timeout");
    test_commands();
    test_binary();
    test_pipeline();
    test_resp3();
    test_reconnect();
    redisFree(connection);
    return 0;
}
