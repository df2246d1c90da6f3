/* info_sections.h - the longer sections of INFO, each printed by a file of its own. */
#ifndef HYPERCACHE_SERVER_COMMAND_INFO_SECTIONS_H
#define HYPERCACHE_SERVER_COMMAND_INFO_SECTIONS_H

#include "command/command_text.h"
#include "command/node.h"

/* info_memory.c */
void info_memory(text *to, node *of);
/* info_statistics.c */
void info_commandstats(text *to, node *of);
void info_errorstats(text *to, node *of);
void info_latencystats(text *to, node *of);
/* info_cluster.c */
/* What is said of replication beyond what Redis says: nothing without a cluster. */
void info_copies(text *to, node *of);
void info_cluster(text *to, node *of);
/* info_keyspace.c */
void info_keyspace(text *to, node *of);

#endif
