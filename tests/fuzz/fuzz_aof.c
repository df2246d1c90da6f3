/*
 * fuzz_aof.c - any bytes as an append-only file or as the manifest of one: refused, or read within
 * their bounds.
 *
 * The first byte says which.  What is read as commands is the same when it is read again up to
 * where it was good; what may run, runs.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/aof_manifest.h"
#include "data/data_commands.h"
#include "data/data_kept.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) abort();
}

static bool bytes_read(void *ctx, uint64_t offset, void *to, size_t bytes)
{
    memcpy(to, (const uint8_t *)ctx + offset, bytes);
    return true;
}

/* Long options of a few commands would take room for what is merely a number. */
static bool is_small(const aof_command *what)
{
    static const char *const large[] = {"setrange", "setbit", "bitfield", "cf.reserve"};
    for (size_t i = 0; i < sizeof large / sizeof large[0]; i++) {
        hc_span name = what->args[0];
        if (name.size == strlen(large[i]) &&
            strncasecmp((const char *)name.data, large[i], name.size) == 0)
            return false;
    }
    return true;
}

typedef struct walk {
    commands_runner *runner; /* NULL: only count */
    uint64_t count, offset, end;
} walk;

static hc_status visit(void *ctx, const aof_command *commands, size_t count)
{
    walk *w = ctx;
    require(count >= 1 && count <= AOF_BATCH_MAX);
    for (size_t i = 0; i < count; i++) {
        require(commands[i].argc >= 1 && commands[i].offset < w->end);
        require(w->count == 0 || commands[i].offset > w->offset);
        w->offset = commands[i].offset;
        w->count++;
        if (w->runner != NULL && is_small(&commands[i]))
            require(commands_visit_run(w->runner, &commands[i], 1) == HC_OK);
    }
    return HC_OK;
}

static void aof_try(uint8_t *bytes, size_t size)
{
    hc_rdb_source source = {.size = sizeof source, .ctx = bytes, .bytes = size, .read = bytes_read};
    aof_report first, second;
    data_kept of;
    commands_runner runner;
    walk all = {.end = size}, good = {.end = size, .runner = &runner};
    hc_status status = aof_read(&source, 0, UINT64_MAX, visit, &all, &first);
    require(first.whole_bytes <= size && first.commands == all.count);
    require((status == HC_OK) == (first.fault[0] == '\0'));
    require(status != HC_OK || first.whole_bytes == size);
    require(data_kept_init(&of, stderr) == HC_OK);
    of.clock.stands = true;
    require(commands_runner_init(&runner, of.node, &of.clock, true) == HC_OK);
    require(aof_read(&source, 0, first.whole_bytes, visit, &good, &second) == HC_OK);
    require(good.count <= all.count && second.whole_bytes == first.whole_bytes);
    commands_runner_fini(&runner);
    data_kept_fini(&of);
}

static void manifest_try(uint8_t *bytes, size_t size)
{
    aof_manifest manifest;
    char why[128] = "";
    hc_status status = aof_manifest_read(&manifest, bytes, size, why, sizeof why);
    require((status == HC_OK) == (why[0] == '\0'));
    for (size_t i = 0; i < manifest.count; i++) {
        require(manifest.parts[i].name[0] != '\0');
        require(strchr(manifest.parts[i].name, '/') == NULL);
    }
    aof_manifest_fini(&manifest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) return 0;
    uint8_t *bytes = malloc(size); /* exactly as large: ASan sees past it */
    require(bytes != NULL);
    memcpy(bytes, data + 1, size - 1);
    if (data[0] & 1)
        manifest_try(bytes, size - 1);
    else
        aof_try(bytes, size - 1);
    free(bytes);
    return 0;
}
