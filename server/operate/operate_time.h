/* operate_time.h - what waits between two looks at a node that works. */
#ifndef HYPERCACHE_SERVER_OPERATE_OPERATE_TIME_H
#define HYPERCACHE_SERVER_OPERATE_OPERATE_TIME_H

#include <stdint.h>

void operate_pause_ms(unsigned ms);
uint64_t operate_now_ms(void); /* monotonic */

#endif
