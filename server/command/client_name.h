/* client_name.h - the name of a connection, which HELLO and CLIENT SETNAME give. */
#ifndef HYPERCACHE_SERVER_COMMAND_CLIENT_NAME_H
#define HYPERCACHE_SERVER_COMMAND_CLIENT_NAME_H

#include "command/session.h"

/* False, and answered with the error, when `name` has blanks, control characters or bytes beyond
 * ASCII, or more than SESSION_NAME_BYTES_MAX bytes. */
bool client_name_fits(request *of, hc_span name);
/* `name` fits; an empty one takes it away. */
void client_name_set(session *of, hc_span name);

#endif
