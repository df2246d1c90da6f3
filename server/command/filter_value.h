/*
 * filter_value.h - a cuckoo filter as the value of a key: taken out, changed, put back.
 *
 * The value is what hc_filter_serialize writes, so a filter expires, is renamed, copied, evicted
 * and deleted like any value.  The price: a command that changes it writes all of it again, which
 * takes time for its bytes (docs/compatibility.md has figures) while the key's shard is locked.
 * FILTER_BYTES_MAX bounds that.
 *
 * Taking out is cheap for the filter that a worker had last: it keeps that one, and the value ends
 * in a checksum of 64 bits by which it is known again, wherever it may have been copied to.
 *
 * Threads: a filter handed out is the worker's own.
 */
#ifndef HYPERCACHE_SERVER_COMMAND_FILTER_VALUE_H
#define HYPERCACHE_SERVER_COMMAND_FILTER_VALUE_H

#include "command/node.h"
#include "command/request.h"

#define FILTER_CAPACITY_MAX 1000000u /* of CF.RESERVE and of CAPACITY */
#define FILTER_BYTES_MAX (4u << 20)  /* beyond, a filter does not grow */
#define FILTER_CAPACITY_DEFAULT 1024u
#define FILTER_KICKS_DEFAULT 20u

typedef struct filter_settings {
    uint64_t capacity;  /* 1..FILTER_CAPACITY_MAX */
    uint32_t kicks_max; /* 1..HC_FILTER_KICKS_MAX */
    uint32_t expansion; /* 0: does not grow; else a power of two up to 16 */
} filter_settings;

/* The filter at `key`, to be looked at until the worker's next command.
 *   HC_ERR_NOT_FOUND, HC_ERR_TYPE, HC_ERR_NO_MEMORY, HC_ERR_CORRUPT */
hc_status filter_read(const request *of, hc_span key, hc_filter **filter_out);

/* Between begin and end nobody else writes to the key. */
typedef struct filter_edit {
    hc_txn txn;
    hc_span key;
    hc_filter *filter; /* NULL: there is none */
    node_filter *kept; /* the worker's place for it */
    uint64_t checksum; /* of its value; 0 and 0: it has none that fits it */
    size_t value_bytes;
} filter_edit;

/* Always to be followed by filter_edit_end.
 *   HC_ERR_NOT_FOUND (then filter_edit_create may follow), HC_ERR_TYPE, HC_ERR_NO_MEMORY,
 *   HC_ERR_CORRUPT */
hc_status filter_edit_begin(const request *of, hc_span key, filter_edit *edit);
/*   HC_ERR_NO_MEMORY, HC_ERR_INVALID */
hc_status filter_edit_create(const request *of, const filter_settings *wish, filter_edit *edit);
/* To be called when the filter has been changed: it is not kept unless it is saved then. */
void filter_edit_touch(filter_edit *edit);
/* Writes the filter back; an existing key keeps its expiry.
 *   HC_ERR_LIMIT  it has grown beyond FILTER_BYTES_MAX
 *   HC_ERR_NO_MEMORY, HC_ERR_FULL */
hc_status filter_edit_save(filter_edit *edit);
void filter_edit_end(filter_edit *edit);

#endif
