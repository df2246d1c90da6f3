/*
 * test_connection.c - what CLIENT LIST tells of a connection's buffers is what it has.
 */
#include "unit/server/net/node_fixture.h"

#define LISTING_BYTES 4096u
#define VALUE_BYTES ((size_t)16 << 20) /* more than the sockets of one connection hold */

typedef struct watch_for {
    int admin;
    unsigned long id; /* of the client that is looked at */
    const char *field;
    size_t least, most;
} watch_for;

/* One field of the client's line. */
static size_t field_of(int admin, unsigned long id, const char *field)
{
    char line[64], listing[LISTING_BYTES] = "", name[32];
    (void)snprintf(line, sizeof line, "CLIENT LIST ID %lu\r\n", id);
    say(admin, line);
    size_t bytes = 0;
    char mark;
    client_read(admin, &mark, 1);
    assert_int_equal(mark, '$');
    for (client_read(admin, &mark, 1); mark != '\r'; client_read(admin, &mark, 1))
        bytes = bytes * 10 + (size_t)(mark - '0');
    assert_true(bytes + 3 < sizeof listing);
    client_read(admin, listing, bytes + 3); /* the line end before it, and that behind it */
    (void)snprintf(name, sizeof name, " %s=", field);
    const char *at = strstr(listing, name);
    assert_non_null(at);
    return strtoul(at + strlen(name), NULL, 10);
}

static bool field_is_within(void *ctx)
{
    const watch_for *w = ctx;
    size_t value = field_of(w->admin, w->id, w->field);
    return value >= w->least && value <= w->most;
}

static void expect_field(int admin, unsigned long id, const char *field, size_t least, size_t most)
{
    watch_for w = {admin, id, field, least, most};
    assert_true(test_wait_until(field_is_within, &w));
}

static void test_an_unfinished_request_is_told(void **state)
{
    (void)state;
    static const char head[] = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3000\r\n";
    char value[3000];
    served s;
    served_start(&s, false);
    int fd = client_open(), admin = client_open();
    memset(value, 'v', sizeof value);
    size_t sent = sizeof head - 1 + 1000;
    client_send(fd, head, sizeof head - 1);
    client_send(fd, value, 1000);
    expect_field(admin, 1, "qbuf", sent, sent);
    assert_in_range(field_of(admin, 1, "argv-mem"), 2 * 8, 256); /* SET and k */
    assert_true(field_of(admin, 1, "tot-mem") >= sent + field_of(admin, 1, "qbuf-free"));
    client_send(fd, value, 2000);
    say(fd, "\r\n");
    expect(fd, "+OK\r\n");
    expect_field(admin, 1, "qbuf", 0, 0);
    assert_int_equal(field_of(admin, 1, "argv-mem"), 0);
    (void)close(fd);
    (void)close(admin);
    served_stop(&s);
}

static void test_replies_that_are_not_taken_are_told(void **state)
{
    (void)state;
    char head[64], *value = malloc(VALUE_BYTES);
    served s;
    served_start(&s, false);
    int fd = client_open(), admin = client_open();
    assert_non_null(value);
    memset(value, 'v', VALUE_BYTES);
    int size = snprintf(head, sizeof head, "SETRANGE k %zu x\r\n", VALUE_BYTES - 1);
    client_send(admin, head, (size_t)size);
    (void)snprintf(head, sizeof head, ":%zu\r\n", VALUE_BYTES);
    expect(admin, head);
    say(fd, "GET k\r\n");
    expect_field(admin, 1, "oll", 1, 1);
    assert_in_range(field_of(admin, 1, "obl"), 1, 64); /* the line end, perhaps what is before */
    assert_true(field_of(admin, 1, "rbs") >= field_of(admin, 1, "obl"));
    assert_in_range(field_of(admin, 1, "omem"), 1, VALUE_BYTES + 64);
    assert_true(field_of(admin, 1, "tot-mem") < VALUE_BYTES / 2); /* the value is the store's */
    (void)snprintf(head, sizeof head, "$%zu\r\n", VALUE_BYTES);
    expect(fd, head);
    client_read(fd, value, VALUE_BYTES);
    expect(fd, "\r\n");
    expect_field(admin, 1, "omem", 0, 0);
    assert_int_equal(field_of(admin, 1, "rbs"), 0);
    assert_true(field_of(admin, 1, "rbp") > 0);
    free(value);
    (void)close(fd);
    (void)close(admin);
    served_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_unfinished_request_is_told),
        cmocka_unit_test(test_replies_that_are_not_taken_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
