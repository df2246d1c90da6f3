/* filter_value.c - see filter_value.h. */
#include "command/filter_value.h"

#include <stdlib.h>
#include <string.h>

#include "command/command_args.h"

/* 12 bits without a target rate: one filter is wrong in 0.2 % of cases when full, and each further
 * one of a chain adds as much, as RedisBloom's do. */
#define FINGERPRINT_BITS 12u

#define CHECKSUM_BYTES 8u /* at the end of a value */

static uint64_t checksum_of(hc_span value)
{
    uint64_t checksum = 0;
    if (value.size >= CHECKSUM_BYTES)
        memcpy(&checksum, value.data + value.size - CHECKSUM_BYTES, CHECKSUM_BYTES);
    return checksum;
}

static node_filter *kept_by(const request *of)
{
    return &of->node->filters[of->session->worker];
}

/* Makes `kept` the filter of that value; without one on error. */
static hc_status keep(const request *of, node_filter *kept, hc_span value)
{
    uint64_t checksum = checksum_of(value);
    if (kept->filter != NULL && kept->checksum == checksum && kept->value_bytes == value.size)
        return HC_OK;
    hc_filter_destroy(kept->filter);
    kept->checksum = checksum;
    kept->value_bytes = value.size;
    return hc_filter_load(of->node->options.host, value, &kept->filter);
}

hc_status filter_read(const request *of, hc_span key, hc_filter **filter_out)
{
    uint8_t scratch[HC_STORE_PACKED_BYTES_MAX];
    hc_view view;
    *filter_out = NULL;
    hc_status status = request_view(of, key, scratch, sizeof scratch, &view);
    if (status == HC_ERR_BUFFER) return HC_ERR_CORRUPT; /* cannot be: see hc_store_view */
    if (status != HC_OK) return status;
    node_filter *kept = kept_by(of);
    status = view.type == HC_TYPE_FILTER ? keep(of, kept, view.value) : HC_ERR_TYPE;
    hc_view_release(&view);
    if (status == HC_OK) *filter_out = kept->filter;
    return status;
}

/* The filter leaves the worker's place until filter_edit_end. */
hc_status filter_edit_begin(const request *of, hc_span key, filter_edit *edit)
{
    hc_item item;
    *edit = (filter_edit){.key = key, .kept = kept_by(of)};
    request_begin(of, &key, 1, &edit->txn);
    hc_status status = hc_txn_get(&edit->txn, key, &item);
    if (status == HC_OK && item.type != HC_TYPE_FILTER) status = HC_ERR_TYPE;
    if (status == HC_OK) status = keep(of, edit->kept, item.value);
    if (status != HC_OK) return status;
    edit->filter = edit->kept->filter;
    edit->checksum = edit->kept->checksum;
    edit->value_bytes = edit->kept->value_bytes;
    edit->kept->filter = NULL;
    return HC_OK;
}

hc_status filter_edit_create(const request *of, const filter_settings *wish, filter_edit *edit)
{
    const hc_filter_options options = {
        .size = sizeof options,
        .capacity = wish->capacity,
        .fingerprint_bits = FINGERPRINT_BITS,
        .growth = wish->expansion > 0 ? HC_FILTER_GROWTH_CHAIN : HC_FILTER_GROWTH_FIXED,
        .expansion = wish->expansion,
        .kicks_max = wish->kicks_max,
    };
    return hc_filter_create(of->node->options.host, &options, &edit->filter);
}

void filter_edit_touch(filter_edit *edit)
{
    edit->checksum = 0;
    edit->value_bytes = 0;
}

/* The worker's place for `size` bytes, kept from one command to the next: the system takes longer
 * to hand out memory for a large value than it takes to fill it. */
static uint8_t *place_for(node_filter *kept, size_t size)
{
    if (kept->written_bytes_max >= size) return kept->written;
    free(kept->written);
    kept->written = malloc(size);
    kept->written_bytes_max = kept->written != NULL ? size : 0;
    return kept->written;
}

hc_status filter_edit_save(filter_edit *edit)
{
    size_t size = hc_filter_serialized_size(edit->filter);
    if (size > FILTER_BYTES_MAX) return HC_ERR_LIMIT;
    uint8_t *bytes = place_for(edit->kept, size);
    if (bytes == NULL) return HC_ERR_NO_MEMORY;
    const hc_set_options options = {
        .size = sizeof options, .type = HC_TYPE_FILTER, .keep_expiry = true};
    hc_span value = hc_span_make(bytes, size);
    hc_status status = hc_filter_serialize(edit->filter, bytes, size, NULL);
    if (status == HC_OK) status = hc_txn_set(&edit->txn, edit->key, value, &options);
    if (status != HC_OK) return status;
    edit->checksum = checksum_of(value);
    edit->value_bytes = size;
    return HC_OK;
}

void filter_edit_end(filter_edit *edit)
{
    hc_store_end(&edit->txn);
    if (edit->filter == NULL) return;
    if (edit->value_bytes > 0) {
        hc_filter_destroy(edit->kept->filter);
        edit->kept->filter = edit->filter;
        edit->kept->checksum = edit->checksum;
        edit->kept->value_bytes = edit->value_bytes;
    } else {
        hc_filter_destroy(edit->filter);
    }
    edit->filter = NULL;
}
