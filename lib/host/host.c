/*
 * host.c - from what the embedding program gave to a host that is complete.
 *
 * Each table goes the same way: absent, take the default; present, copy as much of it as both sides
 * know, then insist on every entry.  A half-filled table is refused rather than mixed with the
 * defaults: memory allocated by one side and released by the other would be worse than an error.
 */
#include "host/host_internal.h"

#include "base/options.h"
#include "host/posix/defaults.h"

static bool silent_wants(void *ctx, hc_log_level level, hc_topic topic)
{
    (void)ctx;
    (void)level;
    (void)topic;
    return false;
}

static void silent_write(void *ctx, const hc_log_record *record)
{
    (void)ctx;
    (void)record;
}

static const hc_log silent_log = {
    .size = sizeof(hc_log),
    .wants = silent_wants,
    .write = silent_write,
};

static hc_status log_resolve(const hc_log *log, hc_log *out)
{
    if (log == NULL) return HC_OK;
    hc_status status = hci_options_copy(out, sizeof *out, log, log->size);
    if (status != HC_OK) return status;
    return out->wants != NULL && out->write != NULL ? HC_OK : HC_ERR_INVALID;
}

static hc_status clock_resolve(const hc_clock *clock, hc_clock *out)
{
    if (clock == NULL) return HC_OK;
    hc_status status = hci_options_copy(out, sizeof *out, clock, clock->size);
    if (status != HC_OK) return status;
    return out->wall_ms != NULL && out->monotonic_ns != NULL ? HC_OK : HC_ERR_INVALID;
}

static hc_status random_resolve(const hc_random *random, hc_random *out)
{
    if (random == NULL) return HC_OK;
    hc_status status = hci_options_copy(out, sizeof *out, random, random->size);
    if (status != HC_OK) return status;
    return out->fill != NULL ? HC_OK : HC_ERR_INVALID;
}

static hc_status memory_resolve(const hc_memory *memory, hc_memory *out)
{
    if (memory == NULL) return HC_OK;
    hc_status status = hci_options_copy(out, sizeof *out, memory, memory->size);
    if (status != HC_OK) return status;
    bool complete = out->allocate != NULL && out->resize != NULL && out->release != NULL &&
                    out->reserve != NULL && out->unreserve != NULL && out->discard != NULL;
    return complete ? HC_OK : HC_ERR_INVALID;
}

static hc_status io_resolve(const hc_io *io, hc_io *out)
{
    if (io == NULL) return HC_OK;
    hc_status status = hci_options_copy(out, sizeof *out, io, io->size);
    if (status != HC_OK) return status;
    bool complete = out->open != NULL && out->close != NULL && out->length != NULL &&
                    out->read != NULL && out->write != NULL && out->sync != NULL &&
                    out->allocate != NULL && out->truncate != NULL && out->rename != NULL &&
                    out->unlink != NULL && out->make_dir != NULL && out->sync_dir != NULL &&
                    out->list != NULL && out->lock != NULL && out->free_space != NULL;
    return complete ? HC_OK : HC_ERR_INVALID;
}

static void defaults_fill(hci_host *out)
{
    *out = (hci_host){
        .log = silent_log,
        .clock = hci_posix_clock,
        .random = hci_posix_random,
        .memory = hci_posix_memory,
        .io = hci_posix_io,
    };
}

hc_status hci_host_resolve(const hc_host *host, hci_host *out)
{
    defaults_fill(out);
    if (host == NULL) return HC_OK;
    hc_host known;
    hc_status status = hci_options_copy(&known, sizeof known, host, host->size);
    if (status == HC_OK) status = log_resolve(known.log, &out->log);
    if (status == HC_OK) status = clock_resolve(known.clock, &out->clock);
    if (status == HC_OK) status = random_resolve(known.random, &out->random);
    if (status == HC_OK) status = memory_resolve(known.memory, &out->memory);
    if (status == HC_OK) status = io_resolve(known.io, &out->io);
    if (status != HC_OK) defaults_fill(out);
    return status;
}

const hc_memory *hc_memory_default(void)
{
    return &hci_posix_memory;
}
