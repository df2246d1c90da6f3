/*
 * store_list.h - the stores that the file lists, made when the node starts.
 *
 * Threads: main's, before the first client.
 */
#ifndef HYPERCACHE_SERVER_STORE_LIST_H
#define HYPERCACHE_SERVER_STORE_LIST_H

#include "command/node.h"
#include "config/config.h"

/* What database 0 is made with: the entry `default`, completed with what is under `cache`.  False:
 * there is no such entry. */
bool store_list_first(const config *cfg, node_store_settings *first_out);
/* Makes all others.  False: `why` (`why_bytes`) says which one could not be made. */
bool store_list_create(const config *cfg, node *in, char *why, size_t why_bytes);

#endif
