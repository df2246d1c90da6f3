/* test_clients.c - a second client borrows the first one's node. */
#include "support/test_clients.h"

#include <stdlib.h>

void test_clients_init(test_clients *of, unsigned count, const node_options *options)
{
    assert_in_range(count, 1, TEST_CLIENTS_MAX);
    of->count = count;
    test_client_init(&of->all[0], options);
    for (unsigned i = 1; i < count; i++) {
        const session_options client = {.address = "127.0.0.1:50001", .descriptor = 8 + (int)i};
        of->all[i].node = of->all[0].node;
        session_init(&of->all[i].client, of->all[0].node, &client);
        test_reply_init(&of->all[i].reply);
    }
}

void test_clients_fini(test_clients *of)
{
    for (unsigned i = of->count - 1; i > 0; i--) {
        session_fini(&of->all[i].client);
        test_reply_fini(&of->all[i].reply);
    }
    test_client_fini(&of->all[0]);
}

void test_clients_talk(test_clients *of, const test_saying *talk, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (talk[i].line[0] == '@')
            test_clock_advance_ms(&of->all[0].clock, strtoll(talk[i].line + 1, NULL, 10));
        else
            test_client_expect(&of->all[talk[i].who - 1], talk[i].line, talk[i].want);
    }
}
