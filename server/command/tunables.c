/* tunables.c - the table of settings that modules of server/command act on. */
#include "command/tunable.h"

#include <assert.h>
#include <string.h>

static void apply_max_memory(node *of, const setting *to)
{
    hc_status status = node_set_max_memory(of, (uint64_t)to->number);
    assert(status == HC_OK); /* its range was checked */
    (void)status;
}

static const tunable tunables[] = {
    {"cache.max_memory", NULL, apply_max_memory},
};

static const tunable *tunable_find(const char *name)
{
    for (size_t i = 0; i < sizeof tunables / sizeof tunables[0]; i++)
        if (strcmp(tunables[i].setting, name) == 0) return &tunables[i];
    return NULL;
}

bool node_setting_check(const setting *to, char error[SETTINGS_ERROR_BYTES])
{
    const tunable *row = tunable_find(to->name);
    return row == NULL || row->check == NULL || row->check(to, error);
}

void node_setting_apply(node *of, const setting *to)
{
    const tunable *row = tunable_find(to->name);
    if (row != NULL) row->apply(of, to);
}
