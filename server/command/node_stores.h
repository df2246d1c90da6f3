/* node_stores.h - the stores of a node, for node.c alone; the rest of them is in node.h. */
#ifndef HYPERCACHE_SERVER_COMMAND_NODE_STORES_H
#define HYPERCACHE_SERVER_COMMAND_NODE_STORES_H

#include "command/node.h"

/* Makes the registry and database 0; options and locks are there.
 *   HC_ERR_INVALID, HC_ERR_NO_MEMORY  and then node_stores_fini is still to be called */
hc_status node_stores_init(node *of);
/* Accepts a node whose node_stores_init failed or never ran. */
void node_stores_fini(node *of);
/* Their part of node_maintain. */
bool node_stores_maintain(node *of);

#endif
