/*
 * options.c - see options.h for the idea.
 */
#include "base/options.h"

#include <assert.h>
#include <string.h>

static bool is_zero(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] != 0) return false;
    }
    return true;
}

hc_status hci_options_copy(void *to, size_t to_size, const void *from, size_t from_size)
{
    assert(to != NULL && to_size >= sizeof(size_t));
    memset(to, 0, to_size);
    memcpy(to, &to_size, sizeof to_size);
    if (from == NULL) return HC_OK;
    if (from_size < sizeof(size_t)) return HC_ERR_INVALID;
    const uint8_t *bytes = from;
    if (from_size > to_size && !is_zero(bytes + to_size, from_size - to_size)) {
        return HC_ERR_UNSUPPORTED;
    }
    size_t known_size = from_size < to_size ? from_size : to_size;
    memcpy(to, from, known_size);
    memcpy(to, &to_size, sizeof to_size);
    return HC_OK;
}
