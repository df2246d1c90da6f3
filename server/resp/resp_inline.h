/*
 * resp_inline.h - one typed line into arguments, with the quotes and escapes of redis-cli.
 *
 *     set key "a \"b\"\x00\n" 'it''s'   double quotes: \n \r \t \b \a \xHH \<any>; single: \'
 *
 * The text shrinks in place.  Shared by resp_parser.c only.
 */
#ifndef HYPERCACHE_SERVER_RESP_RESP_INLINE_H
#define HYPERCACHE_SERVER_RESP_RESP_INLINE_H

#include "resp/resp_parser.h"

/* Appends the arguments of the line to the scratch, none for a blank one.
 *   RESP_REQUEST, RESP_ERROR (unbalanced quotes), RESP_NO_MEMORY */
resp_outcome resp_inline_split(uint8_t *line, size_t size, resp_scratch *scratch);

/* Makes room for one more argument.  False: no memory. */
bool resp_scratch_grow(resp_scratch *scratch);

#endif
