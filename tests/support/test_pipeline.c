/* test_pipeline.c - words are cut where they stand: no quotes, no escapes. */
#include "support/test_pipeline.h"

#include <string.h>

static size_t cut(const char *line, hc_span *words)
{
    size_t count = 0;
    for (line += strspn(line, " "); *line != '\0'; line += strspn(line, " ")) {
        size_t size = strcspn(line, " ");
        assert_true(count < TEST_PIPELINE_WORDS_MAX);
        words[count++] = hc_span_make(line, size);
        line += size;
    }
    return count;
}

const char *test_pipeline_run(test_client *of, const char *const *lines, size_t count)
{
    static hc_span words[REQUEST_BATCH_MAX][TEST_PIPELINE_WORDS_MAX];
    request batch[REQUEST_BATCH_MAX];
    assert_in_range(count, 1, REQUEST_BATCH_MAX);
    for (size_t i = 0; i < count; i++) {
        batch[i] = (request){.node = of->node,
                             .session = &of->client,
                             .args = words[i],
                             .argc = cut(lines[i], words[i]),
                             .reply = &of->reply.base};
    }
    test_reply_clear(&of->reply);
    of->reply.wanted = count;
    assert_int_equal(request_run_batch(batch, count, SIZE_MAX), count);
    return test_reply_text(&of->reply);
}
