/*
 * store_pressure.c - telling the host when memory becomes short, and when it is no longer.
 *
 *     used    0 %        83    85     88    90     93    95       100 %
 *     none    ------------------|
 *     warning             |------------------|
 *     critical                          |-----------------|
 *     panic                                         |--------------
 *
 * A level begins at its percentage of the limit and ends HC_PRESSURE_HYSTERESIS_PERCENT below it,
 * so memory that wavers around a threshold is one event and not thousands.
 *
 * Noticing is cheap: whatever takes or gives memory compares once with the two bounds of the
 * present level (pressure_state) and at most sets a flag.  Telling is done by whoever finds the
 * flag after giving up its locks.  `lock` makes it one at a time, so the host sees changes in the
 * order in which they happened; nobody waits for it.  A change that slips between a compare and new
 * bounds is found by the next hc_store_maintain, which always looks.
 */
#include "base/options.h"
#include "store/store_private.h"

#define TELL_TURNS_MAX 4u /* of one caller; what changes faster is told by the next */

static const uint32_t PERCENT_DEFAULT[HC_PRESSURE_LEVELS] = {0, 85, 90, 95};

hc_status hci_pressure_init(pressure_state *pressure, const hc_pressure *options)
{
    hc_pressure *table = &pressure->table;
    hci_lock_init(&pressure->lock);
    atomic_init(&pressure->above_bytes, UINT64_MAX);
    hc_status status =
        hci_options_copy(table, sizeof *table, options, options != NULL ? options->size : 0);
    if (status != HC_OK) return status;
    uint32_t asked[HC_PRESSURE_LEVELS] = {0, table->warning_percent, table->critical_percent,
                                          table->panic_percent};
    for (unsigned level = 1; level < HC_PRESSURE_LEVELS; level++) {
        uint32_t percent = asked[level] != 0 ? asked[level] : PERCENT_DEFAULT[level];
        uint32_t least = level == 1 ? HC_PRESSURE_HYSTERESIS_PERCENT : pressure->percent[level - 1];
        if (percent <= least || percent > 100) return HC_ERR_INVALID;
        pressure->percent[level] = percent;
    }
    if (table->reserved != 0) return HC_ERR_INVALID;
    return HC_OK;
}

void hci_pressure_fini(pressure_state *pressure)
{
    hci_lock_fini(&pressure->lock);
}

static uint64_t percent_of(uint64_t limit, uint32_t percent)
{
    return limit / 100 * percent;
}

/* The level at `used` bytes, coming from `level`. */
static uint32_t level_at(const pressure_state *pressure, uint32_t level, uint64_t used,
                         uint64_t limit)
{
    if (limit == UINT64_MAX) return HC_PRESSURE_NONE;
    while (level + 1 < HC_PRESSURE_LEVELS &&
           used >= percent_of(limit, pressure->percent[level + 1])) {
        level++;
    }
    while (level > HC_PRESSURE_NONE &&
           used < percent_of(limit, pressure->percent[level] - HC_PRESSURE_HYSTERESIS_PERCENT)) {
        level--;
    }
    return level;
}

static void bounds_set(pressure_state *pressure, uint32_t level, uint64_t limit)
{
    uint64_t above = UINT64_MAX, below = 0;
    if (limit != UINT64_MAX && level + 1 < HC_PRESSURE_LEVELS) {
        above = percent_of(limit, pressure->percent[level + 1]);
    }
    if (limit != UINT64_MAX && level > HC_PRESSURE_NONE) {
        below = percent_of(limit, pressure->percent[level] - HC_PRESSURE_HYSTERESIS_PERCENT);
    }
    atomic_store(&pressure->above_bytes, above);
    atomic_store(&pressure->below_bytes, below);
}

void hci_pressure_tell(hc_store *store)
{
    pressure_state *pressure = &store->pressure;
    for (unsigned turn = 0; turn < TELL_TURNS_MAX && atomic_load(&pressure->due); turn++) {
        if (!hci_lock_try_acquire(&pressure->lock)) return; /* its holder looks at `due` again */
        atomic_store(&pressure->due, false);
        uint64_t limit = atomic_load(&store->memory_limit);
        uint64_t used = atomic_load(&store->memory_bytes);
        uint32_t old = atomic_load(&pressure->level);
        uint32_t level = level_at(pressure, old, used, limit);
        bounds_set(pressure, level, limit);
        atomic_store(&pressure->level, level);
        if (level != old && pressure->table.changed != NULL) {
            pressure->table.changed(pressure->table.ctx, (hc_pressure_level)level, used,
                                    limit != UINT64_MAX ? limit : 0);
        }
        hci_lock_release(&pressure->lock);
    }
}

void hci_pressure_look(hc_store *store)
{
    atomic_store(&store->pressure.due, true);
    hci_pressure_tell(store);
}

hc_pressure_level hc_store_pressure(const hc_store *store)
{
    return (hc_pressure_level)atomic_load(&((hc_store *)(uintptr_t)store)->pressure.level);
}
