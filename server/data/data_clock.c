/* data_clock.c - see data_clock.h. */
#include "data/data_clock.h"

#include "data/data_output.h"

static int64_t wall_ms(void *ctx)
{
    const data_clock *of = ctx;
    return of->stands ? 0 : data_now_ms();
}

static uint64_t monotonic_ns(void *ctx)
{
    (void)ctx;
    return data_now_ns();
}

void data_clock_init(data_clock *of)
{
    *of = (data_clock){
        .table = {
            .size = sizeof(hc_clock), .ctx = of, .wall_ms = wall_ms, .monotonic_ns = monotonic_ns}};
}
