/* redaction.h - which arguments of a request are nobody's business: passwords. */
#ifndef HYPERCACHE_SERVER_COMMAND_REDACTION_H
#define HYPERCACHE_SERVER_COMMAND_REDACTION_H

#include "command/request.h"

/* Arguments [*from_out, *to_out) must not be shown in a log; an empty range when all may.  More
 * than the secret itself may be in it. */
void request_secrets(const request *of, size_t *from_out, size_t *to_out);

#endif
