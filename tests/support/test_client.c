/* test_client.c - splits a line into arguments, runs it as a batch of one, compares the reply. */
#include "support/test_client.h"

#include <stdlib.h>

#include "command/command.h"

enum { LINE_BYTES_MAX = 1 << 16 };

void test_client_init(test_client *of, const node_options *options)
{
    node_options taken = options != NULL ? *options : (node_options){.resp_port = 6379};
    test_clock_init(&of->clock);
    of->host = test_host_of(NULL, &of->clock, NULL, NULL);
    taken.host = &of->host;
    assert_int_equal(node_create(&taken, &of->node), HC_OK);
    const session_options client = {
        .address = "127.0.0.1:50000", .local_address = "127.0.0.1:6379", .descriptor = 8};
    session_init(&of->client, of->node, &client);
    test_reply_init(&of->reply);
}

void test_client_fini(test_client *of)
{
    session_fini(&of->client);
    node_destroy(of->node);
    test_reply_fini(&of->reply);
}

/* ---- a line as arguments ---- */

static unsigned hex_digit(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c | 0x20) - 'a' + 10;
}

/* The byte at *at, which moves on; an escape is one byte. */
static uint8_t take_byte(const char **at)
{
    const char *c = *at;
    if (c[0] != '\\') {
        *at += 1;
        return (uint8_t)c[0];
    }
    *at += c[1] == 'x' ? 4 : 2;
    switch (c[1]) {
    case 'r':
        return '\r';
    case 'n':
        return '\n';
    case '0':
        return 0;
    case 'x':
        return (uint8_t)(hex_digit(c[2]) << 4 | hex_digit(c[3]));
    default:
        return (uint8_t)c[1];
    }
}

/* Spans point into `bytes`; returns how many. */
static size_t split(const char *line, uint8_t *bytes, hc_span *args)
{
    size_t argc = 0, used = 0;
    while (*line == ' ')
        line++;
    while (*line != '\0') {
        size_t begin = used;
        bool quoted = false;
        while (*line != '\0' && (quoted || *line != ' ')) {
            if (*line == '\'') {
                quoted = !quoted;
                line++;
                continue;
            }
            assert_true(used < LINE_BYTES_MAX);
            bytes[used++] = take_byte(&line);
        }
        assert_true(argc < TEST_CLIENT_WORDS_MAX);
        args[argc++] = hc_span_make(bytes + begin, used - begin);
        while (*line == ' ')
            line++;
    }
    return argc;
}

/* ---- running ---- */

const char *test_client_run_args(test_client *of, const hc_span *args, size_t argc)
{
    request one = {.node = of->node,
                   .session = &of->client,
                   .args = args,
                   .argc = argc,
                   .reply = &of->reply.base};
    test_reply_clear(&of->reply);
    assert_int_equal(request_run_batch(&one, 1, SIZE_MAX), 1);
    if (of->reply.wanted == 1 && of->reply.size == 0 && of->reply.bulk == NULL) return "";
    return test_reply_text(&of->reply);
}

const char *test_client_run(test_client *of, const char *line)
{
    uint8_t *bytes = malloc(LINE_BYTES_MAX);
    hc_span args[TEST_CLIENT_WORDS_MAX];
    assert_non_null(bytes);
    const char *got = test_client_run_args(of, args, split(line, bytes, args));
    free(bytes);
    return got;
}

void test_client_expect(test_client *of, const char *line, const char *want)
{
    const char *got = test_client_run(of, line);
    size_t size = strlen(want);
    bool open = size >= 3 && strcmp(want + size - 3, "...") == 0;
    bool same = open ? strncmp(got, want, size - 3) == 0 : strcmp(got, want) == 0;
    if (!same) print_error("%s\n  wanted %s\n  got    %s\n", line, want, got);
    assert_true(same);
}

void test_client_steps(test_client *of, const test_step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (steps[i].line[0] == '@')
            test_clock_advance_ms(&of->clock, strtoll(steps[i].line + 1, NULL, 10));
        else
            test_client_expect(of, steps[i].line, steps[i].want);
    }
}
