/* cluster_answers.h - what the handlers of CLUSTER share. */
#ifndef HYPERCACHE_SERVER_COMMAND_CLUSTER_ANSWERS_H
#define HYPERCACHE_SERVER_COMMAND_CLUSTER_ANSWERS_H

#include "command/cluster.h"
#include "command/command_args.h"

/* The view, to be released; NULL: there is none, and that was answered. */
const cluster_view *cluster_view_for(request *of);
/* "ERR Unknown node x" */
void cluster_unknown_node(request *of, hc_span id);

#endif
