/*
 * store_version.c - a value's version is a hash of what it is.
 *
 * Compare-and-set needs to know "still what I read".  A counter in each item would cost 8 bytes of
 * every item for the few that are ever compared; a hash costs nothing until someone asks, and then
 * one pass over the value.  It tells contents apart, not histories: a value that was changed and
 * changed back compares equal (ABA), and replacing it then does what the caller meant.
 *
 * XXH3 with a seed of its own for each type, the same in every process: clients may compute it, and
 * a value of one type never passes for another's.
 */
#include "store/store_compress.h"
#include "store/store_private.h"

#define VERSION_SEED UINT64_C(0x68632D76657273) /* any constant: it is part of the API now */

uint64_t hc_value_version(hc_type type, hc_span value)
{
    uint64_t version = hci_hash(value, VERSION_SEED + (uint64_t)type);
    return version != 0 ? version : 1;
}

hc_status hci_item_version(hc_store *store, const item_ref *item, uint64_t *version_out)
{
    hc_span value = item->value;
    hci_codec *codec = NULL;
    hc_status status = HC_OK;
    if (item->header.flags & ITEM_COMPRESSED) {
        codec = hci_codec_take(store);
        status =
            codec == NULL ? HC_ERR_NO_MEMORY : hci_unpack_view(store, codec, item->value, &value);
    }
    if (status == HC_OK) *version_out = hc_value_version(item_type(&item->header), value);
    hci_codec_put(store, codec);
    return status;
}
