/* inspect.h - what OBJECT and DEBUG both say of a value. */
#ifndef HYPERCACHE_SERVER_COMMAND_INSPECT_H
#define HYPERCACHE_SERVER_COMMAND_INSPECT_H

#include "command/request.h"

/* Redis's name for the form it would give the value of `key`, which hc_store_stat told `item` of.
 */
hc_span inspect_encoding(const request *of, hc_span key, const hc_item *item);

#endif
