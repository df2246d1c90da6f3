/*
 * fuzz_config.c - any bytes as a configuration file: a complaint, or values that print and read
 * back as themselves.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_rewrite.h"

static void require(bool holds)
{
    if (!holds) abort();
}

/* A file that can be used is either edited so that it says what it should and is otherwise the same
 * configuration, or left alone. */
static void rewrite(const config *of, const char *text, size_t size)
{
    static config wanted, got;
    bool chosen[CONFIG_KEY_COUNT] = {false};
    static const config_id ids[] = {CONFIG_NODE_ID, CONFIG_CACHE_MAX_MEMORY,
                                    CONFIG_NETWORK_IDLE_TIMEOUT, CONFIG_LOGGING_COMPONENTS};
    static const char *const values[] = {"a: b", "77MB", "77s", "GOSSIP=warn FILTER=info"};
    char why[512], *out;
    size_t out_bytes;
    wanted = *of;
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        chosen[ids[i]] = true;
        require(config_set(&wanted, &config_keys[ids[i]], CONFIG_UNITS_ASKED, values[i],
                           (config_origin){CONFIG_FROM_COMMAND, 0}, why, sizeof why));
    }
    if (!config_rewrite_text(&wanted, chosen, text, size, &out, &out_bytes, why, sizeof why))
        return;
    config_problems problems = {0};
    config_defaults(&got);
    config_read_yaml(&got, "rewritten", out, out_bytes, &problems);
    free(out);
    require(problems.count == 0);
    require(!config_stores_differ(&wanted, &got));
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        char want[CONFIG_VALUE_BYTES], is[CONFIG_VALUE_BYTES];
        config_get(&wanted, &config_keys[i], want);
        config_get(&got, &config_keys[i], is);
        require(strcmp(want, is) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static config first, second;
    config_problems problems = {0};
    config_defaults(&first);
    config_read_yaml(&first, "fuzz", (const char *)data, size, &problems);
    require((problems.count == 0) == (problems.text[0] == '\0'));
    if (problems.count == 0) rewrite(&first, (const char *)data, size);
    config_check(&first, &problems);

    char *text = NULL;
    size_t bytes = 0;
    FILE *to = open_memstream(&text, &bytes);
    if (to == NULL) return 0;
    config_print(&first, to);
    require(fclose(to) == 0);
    problems = (config_problems){0};
    config_defaults(&second);
    config_read_yaml(&second, "printed", text, bytes, &problems);
    free(text);
    for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
        char want[CONFIG_VALUE_BYTES], got[CONFIG_VALUE_BYTES];
        config_get(&first, &config_keys[i], want);
        config_get(&second, &config_keys[i], got);
        require(strcmp(want, got) == 0);
    }
    require(!config_stores_differ(&first, &second));
    require(problems.count == 0);
    return 0;
}
