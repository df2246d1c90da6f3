/*
 * fuzz_config.c - any bytes as a configuration file: a complaint, or values that print and read
 * back as themselves.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

static void require(bool holds)
{
    if (!holds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static config first, second;
    config_problems problems = {0};
    config_defaults(&first);
    config_read_yaml(&first, "fuzz", (const char *)data, size, &problems);
    require((problems.count == 0) == (problems.text[0] == '\0'));
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
