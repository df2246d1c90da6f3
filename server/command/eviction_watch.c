/* eviction_watch.c - a rate compared with how much there is. */
#include "command/eviction_watch.h"

static void tell(hc_events *events, bool storm, uint64_t keys, uint64_t per_second)
{
    hc_log_field fields[] = {
        {.name = "evictedPerSecond", .kind = HC_FIELD_UINT, .value.u = per_second},
        {.name = "keys", .kind = HC_FIELD_UINT, .value.u = keys}};
    hc_event event = {.message = storm ? "much of the cache is being evicted"
                                       : "eviction is at its usual pace again",
                      .fields = fields,
                      .field_count = 2,
                      .has_level = !storm,
                      .level = HC_LOG_INFO};
    hc_events_emit(events, HC_EVENT_EVICTION_STORM, &event);
}

void eviction_watch_look(eviction_watch *of, hc_events *events, uint64_t now_ns, uint64_t keys,
                         uint64_t evicted)
{
    uint64_t past_ns = now_ns - of->looked_ns;
    bool first = of->looked_ns == 0 || evicted < of->evicted; /* the counters were reset */
    uint64_t count = first ? 0 : evicted - of->evicted;
    of->looked_ns = now_ns;
    of->evicted = evicted;
    uint64_t per_second = (uint64_t)((double)count * 1e9 / (double)(past_ns > 0 ? past_ns : 1));
    bool stormy = per_second >= EVICTION_STORM_KEYS &&
                  per_second * 100 > (keys + count) * EVICTION_STORM_PERCENT;
    if (stormy) {
        of->calm_seconds = 0;
        if (!of->storm) tell(events, true, keys, per_second);
        of->storm = true;
    } else if (of->storm && ++of->calm_seconds >= EVICTION_CALM_SECONDS) {
        of->storm = false;
        tell(events, false, keys, per_second);
    }
}
