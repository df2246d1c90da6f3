/* persistence_info.h - the section of INFO that tells of log and snapshots. */
#ifndef HYPERCACHE_SERVER_COMMAND_PERSISTENCE_INFO_H
#define HYPERCACHE_SERVER_COMMAND_PERSISTENCE_INFO_H

#include "command/command_text.h"
#include "command/node.h"

void persistence_info(text *to, node *of);

#endif
