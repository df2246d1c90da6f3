/* persistence_names.h - Redis's appendonly and save, as config_name wants them. */
#ifndef HYPERCACHE_SERVER_COMMAND_PERSISTENCE_NAMES_H
#define HYPERCACHE_SERVER_COMMAND_PERSISTENCE_NAMES_H

#include "command/config_values.h"

void appendonly_tell(const setting *now, char text[CONFIG_TEXT_CHARS]);
bool appendonly_read(const setting *now, hc_span value, char text[CONFIG_TEXT_CHARS],
                     char error[SETTINGS_ERROR_BYTES]);
void save_tell(const setting *now, char text[CONFIG_TEXT_CHARS]);
bool save_read(const setting *now, hc_span value, char text[CONFIG_TEXT_CHARS],
               char error[SETTINGS_ERROR_BYTES]);

#endif
